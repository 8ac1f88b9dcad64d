import OAuth
import RefreshCore

/// What `refreshd check` has to say: everything that is wrong, or what the daemon would do.
struct ConfigurationCheck: Hashable, Sendable {
    /// Fit to be printed, without secrets.
    let lines: [String]
    let isGood: Bool

    /// 0, or 78 as for every error of configuration (`EX_CONFIG`).
    var exitCode: Int32 { self.isGood ? 0 : 78 }

    /// Reads the configuration as the daemon would, but lets credentials be absent if this process was given none.
    init(path: String, environment: ConfigurationEnvironment) {
        var environment = environment
        environment.credentialsAreOptional = true
        do throws(ConfigurationErrors) {
            self.init(try Configuration.load(path: path, environment: environment))
        } catch {
            self.init(lines: error.errors.map(\.description) + [Self.count(error.errors.count, "error")], isGood: false)
        }
    }

    private init(lines: [String], isGood: Bool) {
        self.lines = lines
        self.isGood = isGood
    }

    /// The effective endpoints are shown because they are where tokens go (facts T9).
    private init(_ configuration: Configuration) {
        let clients = configuration.clients.flatMap(Self.lines)
        let sinks = configuration.sinks.map { sink in
            let keys = sink.storageKeys.sorted { $0.key < $1.key }.map { "\($0.key) as \($0.value)" }
            return "sink \(sink.name): \(sink.url), \(keys.joined(separator: ", "))"
                + (sink.sendsRefreshToken ? ", with refresh tokens" : "")
        }
        let localSinks = configuration.localSinks.map(\.summary)
        let counts = [
            Self.count(configuration.files.count, "file"), Self.count(configuration.clients.count, "client"),
            Self.count(sinks.count + localSinks.count, "sink"),
            Self.count(configuration.accessRules.count, "access rule"),
        ]
        let warnings = configuration.warnings.map { "warning: \($0)" }
        self.init(
            lines: warnings + clients + sinks + localSinks + ["good: \(counts.joined(separator: ", "))"],
            isGood: true
        )
    }

    private static func lines(for configured: ClientConfiguration) -> [String] {
        let client = configured.client
        let profile = client.profile
        let endpoints = [
            ("token endpoint", client.tokenEndpoint), ("authorization endpoint", profile.authorizationEndpoint),
            ("revocation endpoint", profile.revocationEndpoint),
            ("device authorization endpoint", profile.deviceAuthorizationEndpoint), ("issuer", profile.issuer),
        ]
        let head =
            "client \(client.id): profile \(profile.id), rotation \(profile.habit.rotation.rawValue), "
            + (configured.secretReference.map { "secret from \($0)" } ?? "no secret")
        return [head]
            + endpoints.compactMap { name, text in
                // Without its query, which is a place for secrets.
                text.flatMap { try? EndpointURL($0, insecureLoopback: true) }.map { "  \(name): \($0)" }
            }
    }

    private static func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
