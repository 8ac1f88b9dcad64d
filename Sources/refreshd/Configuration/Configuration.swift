import OAuth
import RefreshCore

/// What the daemon was told to do: read, merged, checked, and ready to be assembled.
///
/// A value of this type is whole: every secret that it names has been read, every name resolved, every client's profile
/// carries its overrides. If anything is wrong there is no value, but a list of all that is (`ConfigurationErrors`).
struct Configuration: Sendable {
    /// Absolute.
    var storePath: String
    var keySource: KeySource
    /// Keys that only open, in the order as written.
    var oldKeys: [OldKey]
    /// Absolute: the attempt journal's file.
    var journalPath: String
    /// The folder for another one, should the first fail; absolute, nil for none.
    var journalFallback: String?
    /// Absolute, short enough for a socket.
    var socketPath: String
    /// At once, over the control socket; 1 or more.
    var maximumConnections: Int
    /// The same for one user; at most `maximumConnections`.
    var maximumConnectionsPerUser: Int
    /// Where browsers are handed tokens, through the site's own proxy; nil for nowhere.
    var handoff: HandoffConfiguration?
    /// In the order of their names.
    var clients: [ClientConfiguration]
    /// In the order of their names.
    var sinks: [SinkConfiguration]
    /// Those that write files or run commands, in the order of their names.
    var localSinks: [LocalSinkConfiguration] = []
    /// In the order of the files, and in each as written.
    var accessRules: [AccessRule]
    var logLevel: LogLevel
    /// What works but should be known at each start, one sentence each; no secrets, no values.
    var warnings: [String]
    /// The files that it was read from, in the order of reading.
    var files: [String]

    /// Reads the main file, its drop-ins and the operator's provider profiles.
    ///
    /// - Parameters:
    ///   - path: Of the main file; `conf.d` and `providers.d` are looked for beside it.
    ///   - environment: What files, names and secrets are read through; `.host` outside tests.
    /// - Returns: A whole configuration.
    /// - Throws: `ConfigurationErrors` with everything that is wrong, at least one thing.
    static func load(
        path: String,
        environment: ConfigurationEnvironment
    ) throws(ConfigurationErrors) -> Configuration {
        let findings = ConfigurationFindings(environment: environment)
        let configuration = Self.read(path: path, findings: findings)
        guard let configuration, findings.errors.isEmpty else { throw ConfigurationErrors(findings.errors) }
        return configuration
    }
}

/// One OAuth client registration.
struct ClientConfiguration: Sendable {
    /// With its effective profile and its secret.
    var client: OAuthClient
    /// Where the secret came from; nil for a public client.
    var secretReference: SecretReference?
    var window: RefreshWindow
    var mode: RefreshMode
    var limits: LaneLimits
    /// PEM file of roots that are trusted beside the system's, absolute; nil for none.
    var caFile: String?
    /// Whether plain http to 127.0.0.1 and ::1 is accepted.
    var insecureLoopback: Bool
}

/// One third party that is given tokens by a set-keys call.
struct SinkConfiguration: Hashable, Sendable {
    /// The name in the configuration, of the form of a client's name.
    var name: String
    /// Without a query.
    var url: EndpointURL
    /// `[A-Za-z0-9_-]{1,64}`.
    var publicKey: String
    /// For each client whose accounts are delivered; `[A-Za-z0-9_-]{1,64}`.
    var storageKeys: [ClientID: String]
    var delivery: DeliveryWay
    var sendsRefreshToken: Bool
    var missingPermissions: MissingPermissions
    var caFile: String?
    var insecureLoopback: Bool

    /// Who makes the call: this daemon, or the account's own browser.
    enum DeliveryWay: String, Hashable, Sendable, CaseIterable {
        case direct
        case handoff
    }

    /// What to do with a token whose scopes are too few for the storage key.
    enum MissingPermissions: String, Hashable, Sendable, CaseIterable {
        case refuse
        case deliver
    }
}

/// The socket on which browsers' requests come in.
struct HandoffConfiguration: Hashable, Sendable {
    /// Absolute, short enough for a socket.
    var socketPath: String
    /// Whose members may connect beside the service's own user; nil leaves the group of the process.
    var group: UInt32?
    var mode: Mode

    /// Who may connect, as `chmod` writes it.
    enum Mode: String, Hashable, Sendable, CaseIterable {
        case ownerAndGroup = "0660"
        /// For a proxy whose users and groups are not this machine's, as in a container.
        case everybody = "0666"
    }
}

/// Where the key of the store is.
enum KeySource: Hashable, Sendable {
    /// Named in the configuration, and read.
    ///
    /// The bytes are as they stand in the file: a key may end in what looks like a newline.
    case given(SecretReference, key: Secret)
    /// Not named: in this file, which is made at the first start if it does not exist.
    case besideStore(path: String)
}

/// A key under which something in the store may still be sealed.
///
/// The bytes are as they stand in the file, as those of `KeySource.given`.
struct OldKey: Hashable, Sendable {
    var reference: SecretReference
    var key: Secret
}

/// A secret by the place it is kept in: the only form in which the configuration may speak of one.
enum SecretReference: Hashable, Sendable, CustomStringConvertible {
    /// Of the service manager, by name.
    case credential(String)
    /// By absolute path.
    case file(String)

    var description: String {
        switch self {
        case .credential(let name): "credential \(name)"
        case .file(let path): "file \(path)"
        }
    }
}

/// How much is logged, by the words of swift-log.
enum LogLevel: String, Hashable, Sendable, CaseIterable {
    case trace
    case debug
    case info
    case notice
    case warning
    case error
    case critical
}
