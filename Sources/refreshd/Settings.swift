import OAuth
import OAuthHTTP
import RefreshCore
import RefreshEngine
import Sinks

extension Configuration {
    /// What the engine is told to do: clients with their endpoints, sinks with their accounts.
    ///
    /// - Throws: `ClientFactoryError` or `SinkSettingsError` when a root certificate cannot be read.
    func engineSettings(_ factory: ClientFactory, _ catalogue: SinkCatalogue) throws -> EngineSettings {
        var clients: [ClientID: ClientSettings] = [:]
        for client in self.clients {
            let endpoint = try factory.endpoint(
                for: ClientOptions(caFile: client.caFile, insecureLoopback: client.insecureLoopback)
            )
            clients[client.client.id] = ClientSettings(
                client: client.client,
                endpoint: endpoint,
                metadata: endpoint,
                window: client.window,
                mode: client.mode,
                limits: client.limits
            )
        }
        var sinks: [SinkID: SinkBinding] = [:]
        for sink in self.sinks {
            let id = try SinkID(sink.name)
            let settings = try SetKeysSettings(
                url: sink.url,
                publicKey: sink.publicKey,
                storageKeys: sink.storageKeys.mapValues { try StorageKey($0) },
                sendsRefreshToken: sink.sendsRefreshToken,
                caFile: sink.caFile
            )
            var required: [ClientID: [String]] = [:]
            for client in sink.storageKeys.keys {
                // What a storage key needs is known of the profile's own and of Uploadcare's; a custom app has its own rules.
                if let profile = clients[client]?.client.profile, let key = sink.storageKeys[client] {
                    required[client] = RequiredPermissions.scopes(of: key, profile: profile)
                }
            }
            let handoff = sink.delivery == .handoff ? SetKeysHandoff(settings: settings) : nil
            sinks[id] = SinkBinding(
                sink: try handoff ?? catalogue.sink(for: .setKeys(settings)),
                clients: Set(sink.storageKeys.keys),
                storageKeys: sink.storageKeys,
                requiredScopes: required,
                refusesMissingScopes: sink.missingPermissions == .refuse,
                sendsRefreshToken: sink.sendsRefreshToken,
                handoff: handoff
            )
        }
        for sink in self.localSinks {
            sinks[try SinkID(sink.name)] = SinkBinding(
                sink: try catalogue.sink(for: sink.settings),
                clients: sink.clients,
                storageKeys: [:],
                requiredScopes: [:],
                refusesMissingScopes: false,
                sendsRefreshToken: false
            )
        }
        return EngineSettings(clients: clients, sinks: sinks)
    }
}
