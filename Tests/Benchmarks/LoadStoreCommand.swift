import ArgumentParser
import Logging
import OAuth
import RefreshCore
import RefreshEngine
import SQLiteStore
import Sealing

/// Loads a store as the daemon does at its start, and prints what it took.
struct LoadStoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "load-store", shouldDisplay: false)

    @Argument var folder: String
    @Argument var accounts: Int

    func run() async throws {
        let made = try MadeUpStore(folder: self.folder)
        let clock = HostClock()
        let residentAtFirst = Usage.residentBytes
        let processor = Usage.processSeconds
        let start = Usage.now
        let store = try made.open()
        let engine = Engine(
            settings: EngineSettings(clients: [try ClientID("bench"): try Self.client()], sinks: [:]),
            store: store,
            storeID: store.identity.store,
            journal: try made.journal(of: store, clock: clock),
            sealer: made.sealer,
            clock: clock,
            logger: .silent
        )
        let scheduler = Scheduler(engine: engine, clock: clock, history: .continuous, recovered: {}, loaded: {})
        try await withThrowingTaskGroup(of: Void.self) { services in
            services.addTask { try await scheduler.run() }
            while engine.isLoading { try await Task.sleep(for: .milliseconds(1)) }
            let loaded = Usage.now - start
            let used = Usage.processSeconds - processor
            let resident = Usage.residentBytes
            let peak = Usage.peakBytes
            guard engine.status.accounts == self.accounts else { throw LoadFailure("accounts are missing") }
            services.cancelAll()

            // The same pages once more, with nothing made of them, and then with their tokens opened.
            let pages = try await Self.seconds { try await Self.read(store) { _ in } }
            let opened = try await Self.seconds {
                try await Self.read(store) { row in
                    let place = SealingPlace(
                        store: store.identity.store,
                        account: row.account,
                        column: .accessToken,
                        generation: row.generation
                    )
                    _ = try made.sealer.open(row.sealedToken, at: place)
                }
            }
            print(loaded, used, resident - residentAtFirst, peak, pages, opened)
        }
        await store.close()
    }

    private static func read(_ store: SQLiteStore, _ each: (StoredAccount) throws -> Void) async throws {
        var last: AccountID?
        repeat {
            let page = try await store.accounts(after: last, limit: 4_000)
            for row in page { try each(row) }
            last = page.last?.account
        } while last != nil
    }

    private static func seconds(_ work: () async throws -> Void) async throws -> Double {
        let start = Usage.now
        try await work()
        return Usage.now - start
    }

    private static func client() throws -> ClientSettings {
        ClientSettings(
            client: OAuthClient(
                id: try ClientID("bench"),
                profile: ProviderProfile(id: "practice", name: "Practice"),
                clientID: "bench",
                clientSecret: nil,
                tokenEndpoint: "https://127.0.0.1:1/token"
            ),
            endpoint: NoEndpoint(),
            window: RefreshWindow(),
            mode: .eager,
            limits: LaneLimits()
        )
    }
}

/// Nothing is due, so nothing is sent.
private struct NoEndpoint: TokenEndpoint {
    func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        throw .notSent(.held)
    }
}
