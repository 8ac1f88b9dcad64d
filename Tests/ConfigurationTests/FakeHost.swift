import RefreshCore

@testable import refreshd

/// A machine of which only what the configuration asks for exists.
struct FakeHost: Sendable {
    static let main = "/etc/refreshd/refreshd.toml"
    /// The user of the service.
    static let service: UInt32 = 990

    struct File: Sendable {
        var text: String
        var facts = FileFacts(owner: 0, permissions: 0o644)
    }

    var files: [String: File] = [:]
    var secrets: [SecretReference: File] = [:]
    /// Whether the service manager gave this process any credentials.
    var hasCredentials = true
    var users: [String: UInt32] = ["app": 1_000, "www-data": 33, "nobody": 65_534]
    var groups: [String: UInt32] = ["www-data": 33]

    init(_ main: String? = nil) {
        self.files[Self.main] = main.map { File(text: $0) }
        self.files["/etc/refreshd/ca.pem"] = File(text: "-----BEGIN CERTIFICATE-----\n")
        self.secrets[.credential("box-secret")] = Self.secret("canary-client-secret\n")
        self.secrets[.credential("store-key")] = Self.secret("0123456789abcdef0123456789abcdef")
    }

    /// A file that only its owner, the service, can read.
    static func secret(_ text: String) -> File {
        File(text: text, facts: FileFacts(owner: Self.service, permissions: 0o400))
    }

    var environment: ConfigurationEnvironment {
        ConfigurationEnvironment(
            trustedOwners: [0, Self.service],
            readFile: { path throws(FileFault) in
                guard let file = self.files[path] else { throw .absent }
                return (file.facts, Array(file.text.utf8))
            },
            listFolder: { path throws(FileFault) in
                let names = self.files.keys.filter { $0.hasPrefix("\(path)/") }.map {
                    String($0.dropFirst(path.count + 1))
                }
                guard !names.isEmpty else { throw .absent }
                // Backwards, as a file system may.
                return names.sorted(by: >)
            },
            readSecret: { reference throws(FileFault) in
                if case .credential = reference, !self.hasCredentials { throw .noCredentials }
                guard let file = self.secrets[reference] else { throw .absent }
                return (file.facts, Secret(file.text))
            },
            userNumber: { self.users[$0] },
            groupNumber: { self.groups[$0] }
        )
    }

    func load() throws(ConfigurationErrors) -> Configuration {
        try Configuration.load(path: Self.main, environment: self.environment)
    }

    /// What is wrong, one line each; empty if nothing is.
    func complaints() -> [String] {
        do throws(ConfigurationErrors) {
            _ = try self.load()
            return []
        } catch {
            return error.errors.map(\.description)
        }
    }
}
