import OAuth
import RefreshCore

/// The words of `type`.
enum SinkType: String, CaseIterable {
    case setKeys = "set-keys"
    case file
    case command
}

extension SinkConfiguration {
    /// Reads `[sinks.NAME]`; nil, with a report, if no sink can be made of it.
    ///
    /// - Parameters:
    ///   - name: The sink's.
    ///   - table: Its keys.
    ///   - clients: Those that could be read.
    ///   - clientNames: Of all that are configured, so that a broken one is not called missing too.
    init?(name: String, _ table: TableReader, clients: [ClientConfiguration], clientNames: [String]) {
        table.checkType()
        let delivery = table.word("delivery", as: DeliveryWay.self) ?? .direct
        let insecureLoopback = table.boolean("insecure_loopback") ?? false
        if insecureLoopback {
            table.warn("insecure_loopback", "tokens may travel over plain http on this machine")
        }
        let url = table.sinkURL(insecureLoopback: insecureLoopback)
        let publicKey = table.segment("public_key")
        if publicKey == nil, !table.has("public_key") {
            table.report("public_key", "is missing", "write the public key of the project that tokens go to")
        }
        let caFile = table.certificateFile()
        let served = table.servedClients(from: clients, names: clientNames)
        let storageKeys = table.storageKeys(for: served)
        let sendsRefreshToken = table.refreshTokenConsent(for: served)
        let missingPermissions = table.word("missing_permissions", as: MissingPermissions.self) ?? .refuse
        table.finish()

        guard let id = table.clientID(named: name), let url, let publicKey else { return nil }
        self.init(
            name: id.name,
            url: url,
            publicKey: publicKey,
            storageKeys: storageKeys,
            delivery: delivery,
            sendsRefreshToken: sendsRefreshToken,
            missingPermissions: missingPermissions,
            caFile: caFile,
            insecureLoopback: insecureLoopback
        )
    }
}

extension TableReader {
    fileprivate func checkType() {
        // File and command sinks are not read here.
        guard self.word("type", as: SinkType.self) == nil, !self.has("type") else { return }
        self.report("type", "is missing", "write type = \"set-keys\", \"file\" or \"command\"")
    }

    fileprivate func sinkURL(insecureLoopback: Bool) -> EndpointURL? {
        guard let url = self.endpoint("url", insecureLoopback: insecureLoopback) else {
            if !self.has("url") { self.report("url", "is missing", "write the address of the third party") }
            return nil
        }
        guard url.query == nil else {
            self.report("url", "the address of a sink must not have a query", "remove it from the question mark on")
            return nil
        }
        return url
    }

    /// The clients of this sink, of those that could be read.
    func servedClients(from clients: [ClientConfiguration], names: [String]) -> [ClientConfiguration] {
        guard let items = self.texts("clients"), !items.isEmpty else {
            if self.list("clients")?.isEmpty ?? !self.has("clients") {
                self.report("clients", "names no client", "write the clients whose accounts are delivered")
            }
            return []
        }
        var seen: Set<String> = []
        return items.compactMap { name, place in
            guard names.contains(name) else {
                self.findings.report(place, "there is no client of this name", Vocabulary(names).remedy(for: name))
                return nil
            }
            guard seen.insert(name).inserted else {
                self.findings.report(place, "is named twice", "remove one of the two")
                return nil
            }
            return clients.first { $0.client.id.name == name }
        }
    }

    /// The storage key for each client: the sink's, or else that of the client's profile.
    fileprivate func storageKeys(for clients: [ClientConfiguration]) -> [ClientID: String] {
        let own = self.segment("storage_key")
        var keys: [ClientID: String] = [:]
        for client in clients.map(\.client) {
            guard let key = own ?? client.profile.storageKey else {
                if !self.has("storage_key") {
                    self.report(
                        "storage_key",
                        "is missing, for the profile of client \(client.id) has none",
                        "write the key under which the third party knows the provider"
                    )
                }
                continue
            }
            keys[client.id] = key
        }
        return keys
    }

    /// Whether refresh tokens go along; those that can be used only once need to be asked for twice (facts T13, G08).
    fileprivate func refreshTokenConsent(for clients: [ClientConfiguration]) -> Bool {
        let sends = self.boolean("send_refresh_token") ?? false
        let sendsSingleUse = self.boolean("send_single_use_refresh_token") ?? false
        if sendsSingleUse, !sends {
            self.report(
                "send_single_use_refresh_token",
                "has no effect without send_refresh_token = true",
                "remove it, or set both"
            )
        }
        guard sends, !sendsSingleUse else { return sends }
        for client in clients.map(\.client) where client.profile.habit.rotation.spends {
            self.report(
                "send_refresh_token",
                "a refresh token of client \(client.id) can be used only once, and whoever uses it ends the other's grant",
                "remove it, or set send_single_use_refresh_token = true too"
            )
        }
        return sends
    }
}
