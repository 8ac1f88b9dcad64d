import OAuth
import RefreshCore
import Testing

@testable import refreshd

@Suite struct ExampleFileTests {
    /// A machine on which all that the example names exists.
    private static func host(_ text: String) -> FakeHost {
        var host = FakeHost(text)
        for name in ["box-secret", "facebook-secret", "onedrive-secret", "onedrive-new-secret", "example-secret"] {
            host.secrets[.credential(name)] = FakeHost.secret("canary-secret")
        }
        host.secrets[.credential("old-store-key")] = FakeHost.secret("fedcba9876543210fedcba9876543210")
        host.secrets[.file("/etc/refreshd/smartfile-secret")] = FakeHost.secret("canary-secret")
        for name in ["example-ca.pem", "sink-ca.pem"] {
            host.files["/etc/refreshd/\(name)"] = FakeHost.File(text: "-----BEGIN CERTIFICATE-----\n")
        }
        return host
    }

    @Test func `a fresh installation starts with no accounts and no warnings`() throws {
        let configuration = try Self.host(try ExampleFiles.installed()).load()

        #expect(configuration.clients.isEmpty && configuration.sinks.isEmpty && configuration.accessRules.isEmpty)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func `the example is good with every line switched on`() throws {
        let configuration = try Self.host(try ExampleFiles.main()).load()

        #expect(configuration.clients.map(\.client.id.name) == ["box", "example", "facebook", "onedrive", "smartfile"])
        #expect(configuration.sinks.map(\.name) == ["uploadcare"])
        #expect(configuration.localSinks.map(\.name) == ["files", "hook"])
        #expect(configuration.accessRules.count == 1)
        #expect(configuration.warnings.isEmpty)
    }

    @Test func `the defaults that the example shows are the defaults`() throws {
        let shown = try Self.host(try ExampleFiles.main()).load()
        let real = try Self.host("").load()

        #expect(shown.storePath == real.storePath)
        #expect(shown.journalPath == real.journalPath)
        #expect(shown.socketPath == real.socketPath)
        #expect(shown.maximumConnections == real.maximumConnections)
        #expect(shown.maximumConnectionsPerUser == real.maximumConnectionsPerUser)
        #expect(shown.logLevel == real.logLevel)
        let client = try #require(shown.clients.first { $0.client.id.name == "box" })
        #expect(client.window == Configuration.Defaults.window)
        #expect(client.mode == Configuration.Defaults.mode)
    }

    @Test func `the example names each built-in profile`() throws {
        let text = try ExampleFiles.installed()
        let list = try #require(text.split(separator: "Built in: ").last?.split(separator: ".").first)
        let names = list.split { $0 == "," || $0 == "\n" || $0 == "#" || $0 == " " }.map(String.init)

        #expect(names == BuiltInProfiles.all.map(\.id).sorted())
    }

    @Test func `the example has every key that the reader knows, and the reader knows every key of it`() throws {
        let text = try ExampleFiles.main()
        let findings = ConfigurationFindings(environment: Self.host(text).environment)
        _ = Configuration.read(path: FakeHost.main, findings: findings)

        #expect(findings.errors == [])
        let keys = try Self.keys(of: text)
        #expect(findings.knownKeys.filter { !Self.isInsideSecret($0) }.sorted() == keys.sorted())
    }

    @Test func `the example of a profile has every key that the reader knows, and the reader knows every key of it`()
        throws
    {
        let text = try ExampleFiles.profile()
        let findings = ConfigurationFindings(environment: FakeHost().environment)
        let node = try ConfigurationNode(parsing: Array(text.utf8), file: "acme.toml")
        let profile = try #require(ProviderProfile(id: "acme", node: node, findings: findings))

        #expect(findings.errors == [])
        let keys = try Self.keys(of: text)
        #expect(findings.knownKeys.sorted() == keys.sorted())
        #expect(profile.name == "Acme Files")
        #expect(profile.filled(with: [:]).tokenEndpoint == "https://files.acme.example/oauth2/token")
        #expect(
            profile.habit
                == RotationHabit(rotation: .grace, blast: .family, grace: .seconds(60), killsAccessToken: false)
        )
        #expect(profile.grantLifetime == .seconds(60 * 86_400))
        #expect(profile.grantRenewal == .newToken && profile.refreshAhead == .seconds(10 * 86_400))
        #expect(profile.minimumAge == .seconds(86_400) && profile.refreshMethod == .post)
        #expect(profile.refreshEndpoint == "https://{domain}/oauth2/refresh")
        #expect(profile.accessTokenMember == "oauth_token" && profile.expiryMember == "edam_expires")
        #expect(profile.extraParameters == ["audience": "https://api.acme.example"])
        #expect(profile.bindings == ["redirect_uri"])
        #expect(profile.echoes == ["audience"])
        #expect(profile.identityMember == "user_id")
        #expect(profile.authorizationParameters == ["access_type": "offline"])
        #expect(profile.storageKey == "acme")
        #expect(profile.requiredScopes == ["files.read"])
        #expect(profile.retryAfterMember == "retry_after")
        #expect(
            profile.errorRules
                == [
                    ErrorRule(code: "session_expired", descriptionContains: "refresh", meaning: .deadGrant),
                    ErrorRule(code: nil, numbers: 200...299, subnumber: 459, meaning: .clientRejected),
                ]
        )
    }

    /// The keys of a text as readers name them: `*` for names that are the operator's, and no places in lists.
    private static func keys(of text: String) throws -> Set<String> {
        let root = try ConfigurationNode(parsing: Array(text.utf8), file: "")
        return Self.keys(of: root, path: [])
    }

    private static func keys(of node: ConfigurationNode, path: [String]) -> Set<String> {
        switch node.content {
        case .table(let entries):
            let takesNames = ["clients", "sinks", "parameters", "placeholder_defaults", "authorization_parameters"]
            let isSecret = entries.keys.allSatisfy { $0 == "credential" || $0 == "file" }
            guard !isSecret else { return [path.joined(separator: ".")] }
            return entries.reduce(into: []) { keys, entry in
                let name = takesNames.contains(path.last ?? "") ? "*" : entry.key
                keys.formUnion(Self.keys(of: entry.value, path: path + [name]))
            }
        case .list(let items):
            guard case .table? = items.first?.content else { return [path.joined(separator: ".")] }
            return items.reduce(into: []) { $0.formUnion(Self.keys(of: $1, path: path)) }
        case .string, .integer, .number, .boolean, .moment: return [path.joined(separator: ".")]
        }
    }

    private static func isInsideSecret(_ key: String) -> Bool { key.hasSuffix(".credential") || key.hasSuffix(".file") }
}
