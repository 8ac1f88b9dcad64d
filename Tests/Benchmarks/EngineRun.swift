import Logging
import NIOCore
import NIOPosix
import OAuth
import OAuthHTTP
import RefreshCore
import RefreshEngine
import SQLiteStore
import ServiceLifecycle

/// What was done in some time, and what this process spent on it.
struct WorkDone {
    var count: Int
    var seconds: Double
    var processorSeconds: Double
    /// Transactions of the store; 0 where there is none.
    var commits = 0

    var perSecond: Double { self.seconds > 0 ? Double(self.count) / self.seconds : 0 }
    var processorMicroseconds: Double { self.count > 0 ? self.processorSeconds / Double(self.count) * 1e6 : 0 }
}

/// One life of the daemon's engine over a store, with everything but the socket: load, refresh, drain.
///
/// More accounts are due than can be refreshed in the time, so that the lane is full from the first moment to the last.
struct EngineRun {
    var store: MadeUpStore
    /// The provider, what its refresh tokens do, and how the client shows who it is.
    var client: OAuthClient
    var caFile: String?
    /// Requests in flight.
    var concurrency: Int

    /// Refreshes for some time.
    ///
    /// - Parameters:
    ///   - warmUp: Seconds that are not counted: connections are made, code is paged in.
    ///   - seconds: How long to count; it ends earlier when nothing is left to do.
    /// - Returns: The refreshes that were on the disk and published within the time.
    /// - Throws: `RefreshFailure` when any of them failed, and what opening the store throws.
    func measure(warmUp: Double, seconds: Double) async throws -> WorkDone {
        let clock = HostClock()
        // As the daemon has them.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let factory = ClientFactory(group: group, clock: clock)
        let endpoint = try factory.endpoint(for: ClientOptions(caFile: self.caFile, insecureLoopback: true))
        let settings = ClientSettings(
            client: self.client,
            endpoint: endpoint,
            // No margin: a token of one second is due after one second.
            window: RefreshWindow(margin: .zero, spread: 0),
            mode: .eager,
            limits: LaneLimits(rate: nil, concurrency: self.concurrency)
        )
        let store = try self.store.open()
        let engine = Engine(
            settings: EngineSettings(clients: [self.client.id: settings], sinks: [:]),
            store: store,
            storeID: store.identity.store,
            journal: try self.store.journal(of: store, clock: clock),
            sealer: self.store.sealer,
            clock: clock,
            logger: .silent
        )
        let scheduler = Scheduler(engine: engine, clock: clock, history: .continuous, recovered: {}, loaded: {})
        let done = try await withThrowingTaskGroup(of: Void.self) { services in
            services.addTask { try await scheduler.run() }
            async let refreshing: Void = Refresher(engine: engine).run()
            let done = try await Self.watch(engine, warmUp: warmUp, seconds: seconds)
            engine.drain()
            // Its end means that every answer is in the store: the refresh tokens are good for another run.
            try await refreshing
            services.cancelAll()
            return done
        }
        await factory.shutdown()
        await store.close()
        try await group.shutdownGracefully()
        if !engine.counters.failuresByCause.isEmpty {
            throw RefreshFailure(causes: engine.counters.failuresByCause)
        }
        return done
    }

    private static func watch(_ engine: Engine, warmUp: Double, seconds: Double) async throws -> WorkDone {
        while engine.isLoading { try await Task.sleep(for: .milliseconds(2)) }
        try await Task.sleep(for: .seconds(warmUp))
        let renewals = engine.counters.renewals.value
        let commits = engine.counters.commits.value
        let processor = Usage.processSeconds
        let start = Usage.now
        while Usage.now - start < seconds, engine.attemptsInFlight > 0 {
            try await Task.sleep(for: .milliseconds(10))
        }
        return WorkDone(
            count: engine.counters.renewals.value - renewals,
            seconds: Usage.now - start,
            processorSeconds: Usage.processSeconds - processor,
            commits: engine.counters.commits.value - commits
        )
    }
}

/// A run in which refreshes failed has measured something else.
struct RefreshFailure: Error, CustomStringConvertible {
    var causes: [Cause: Int]

    var description: String {
        let list = self.causes.map { "\($0.key.rawValue) × \($0.value)" }.sorted().joined(separator: ", ")
        return "refreshes failed: \(list)"
    }
}
