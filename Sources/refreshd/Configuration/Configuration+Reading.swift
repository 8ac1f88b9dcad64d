import OAuth
import RefreshCore

extension Configuration {
    /// Reads everything; nil, with at least one report, if it cannot be made.
    static func read(path: String, findings: ConfigurationFindings) -> Configuration? {
        let sources = Sources(path: path, findings: findings)
        let profiles = sources.profiles.compactMap { id, node in
            ProviderProfile(id: id, node: node, findings: findings)
        }
        guard let main = sources.root, case .table(let entries) = main.content else { return nil }
        let root = TableReader(entries, place: main.place, pattern: "", findings: findings)
        let configuration = Configuration(root, catalogue: ProfileCatalogue(own: profiles), files: sources.files)
        root.finish()
        return findings.errors.isEmpty ? configuration : nil
    }

    private init?(_ root: TableReader, catalogue: ProfileCatalogue, files: [String]) {
        let findings = root.findings

        let store = root.table("store")
        let storePath = store.path("path") ?? Defaults.storePath
        let keySource = Self.keySource(store, storePath: storePath)
        let oldKeys = store.secretReferences("old_keys").compactMap { reference, place in
            Self.oldKey(reference, at: place, store.findings)
        }
        store.finish()

        let journal = root.table("journal")
        let journalPath = journal.path("path") ?? Self.folder(of: storePath) + Defaults.journalName
        let journalFallback = journal.path("fallback")
        journal.finish()

        let control = root.table("control")
        let socketPath = control.path("socket", atMost: Limits.socketPathLength) ?? Defaults.socketPath
        let connections = control.integer("max_connections", in: Limits.connections) ?? Defaults.maximumConnections
        let connectionsPerUser =
            control.integer("max_connections_per_user", in: Limits.connections)
            ?? min(Defaults.maximumConnectionsPerUser, connections)
        if connectionsPerUser > connections {
            control.report(
                "max_connections_per_user",
                "is more than max_connections",
                "use at most \(connections)"
            )
        }
        control.finish()

        let handoff = HandoffConfiguration(root.table("handoff"))

        let policyTable = root.table("policy")
        let policy = RefreshPolicy(
            policyTable,
            default: RefreshPolicy(window: Defaults.window, mode: Defaults.mode)
        )
        policyTable.finish()

        let clientTables = root.namedTables("clients")
        let clients = clientTables.compactMap { name, table in
            ClientConfiguration(name: name, table, catalogue: catalogue, policy: policy)
        }
        let sinkTables = root.namedTables("sinks")
        let localSinks = sinkTables.compactMap { name, table in
            LocalSinkConfiguration(name: name, table, clients: clients, clientNames: clientTables.map(\.name))
        }
        let sinks = sinkTables.filter { !LocalSinkConfiguration.isMeant(by: $0.table) }.compactMap { name, table in
            let sink = SinkConfiguration(name: name, table, clients: clients, clientNames: clientTables.map(\.name))
            if sink?.delivery == .handoff, handoff == nil {
                table.report("delivery", "needs a socket for the site's proxy", "write socket = \"/…\" under [handoff]")
            }
            return sink
        }
        let clientNames = Set(clientTables.map(\.name))
        let accessRules = root.tables("access").compactMap { AccessRule($0, clientNames: clientNames) }

        let log = root.table("log")
        let level = log.word("level", as: LogLevel.self) ?? Defaults.logLevel
        log.finish()

        guard let keySource else { return nil }
        self.init(
            storePath: storePath,
            keySource: keySource,
            oldKeys: oldKeys,
            journalPath: journalPath,
            journalFallback: journalFallback,
            socketPath: socketPath,
            maximumConnections: connections,
            maximumConnectionsPerUser: connectionsPerUser,
            handoff: handoff,
            clients: clients,
            sinks: sinks,
            localSinks: localSinks,
            accessRules: accessRules,
            logLevel: level,
            warnings: findings.warnings,
            files: files
        )
    }

    /// With the slash at its end.
    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    private static func keySource(_ store: TableReader, storePath: String) -> KeySource? {
        let folder = Self.folder(of: storePath)
        let beside = KeySource.besideStore(path: folder + Defaults.keyName)
        guard let reference = store.secretReference("key") else { return beside }
        // A credential that is not passed is a key that was not made yet, or one that stayed behind when the store was
        // used without the service manager. A store that has another key is not opened with it either way.
        if store.findings.isAbsent(reference) { return beside }
        guard let key = store.findings.secret(reference, at: store.place(of: "key")) else {
            // `check` goes on without it: what is reported decides, not this value.
            return .given(reference, key: Secret(""))
        }
        guard Self.isKey(key, at: store.place(of: "key"), store.findings) else { return nil }
        return .given(reference, key: key)
    }

    /// Unlike the key in use, an old one has no other place to be in: one that is named and not there is an error.
    private static func oldKey(
        _ reference: SecretReference,
        at place: ConfigurationPlace,
        _ findings: ConfigurationFindings
    ) -> OldKey? {
        guard let key = findings.secret(reference, at: place), Self.isKey(key, at: place, findings) else { return nil }
        return OldKey(reference: reference, key: key)
    }

    /// Looks at the length alone, and reports one that no key has.
    private static func isKey(
        _ key: Secret,
        at place: ConfigurationPlace,
        _ findings: ConfigurationFindings
    ) -> Bool {
        // Raw, hexadecimal or base64, each also with a newline; 33 bytes are 32 and a newline.
        let isKey = [32, 33, 44, 45, 64, 65].contains(key.count)
        if !isKey {
            findings.report(
                place,
                "names something that is not a key",
                "a key is 32 bytes, or 64 hexadecimal digits, or 44 characters of base64"
            )
        }
        return isKey
    }
}

/// When and how eagerly tokens are refreshed, from `[policy]` or a client's own keys.
struct RefreshPolicy: Hashable, Sendable {
    var window: RefreshWindow
    var mode: RefreshMode

    init(window: RefreshWindow, mode: RefreshMode) {
        self.window = window
        self.mode = mode
    }

    init(_ table: TableReader, default policy: RefreshPolicy) {
        self.window = RefreshWindow(
            margin: table.duration("margin", in: Configuration.Limits.margin) ?? policy.window.margin,
            spread: table.number("spread", in: Configuration.Limits.spread) ?? policy.window.spread
        )
        self.mode = table.word("mode", as: RefreshMode.self) ?? policy.mode
    }
}
