import Logging
import RefreshCore
@testable import RefreshEngine
import ServiceLifecycle
import Synchronization
import TestSupport

/// One process of the daemon, from its start to its end; what is durable came before it and outlives it.
final class Life: Sendable {
    private struct State {
        var tasks: [Task<Void, Never>] = []
        var running = 0
        var hasFailed = false
        var waiting: Set<AccountID> = []
    }

    let world: World
    let clock: SimulatedClock
    let engine: Engine
    let log = RecordingLog()
    private let executor: PumpedExecutor
    private let services: ServiceGroup
    private let state = Mutex(State())

    /// Makes the process; `start` lets it begin.
    init(
        world: World,
        executor: PumpedExecutor,
        disk: any TokenStore,
        journal: InMemoryJournal,
        sealer: ClearSealer,
        now: Timestamp,
        utcShift: Duration
    ) throws {
        let clock = SimulatedClock(now: now, utcShift: utcShift)
        self.world = world
        self.clock = clock
        self.executor = executor
        self.engine = Engine(
            settings: try Self.settings(world, clock),
            store: SimulatedStore(world: world, clock: clock, disk: disk, sealer: sealer),
            storeID: Rig.storeID,
            journal: SimulatedJournal(world: world, clock: clock, file: journal),
            sealer: sealer,
            clock: clock,
            logger: self.log.logger
        )
        self.services = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: [
                    .init(service: self.engine.deliverer), .init(service: Refresher(engine: self.engine)),
                ],
                logger: Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        self.engine.connect(clock)
    }

    /// Each is given the tokens of every account.
    static let sinks = ["app", "web"]

    /// The configuration as it is now.
    static func settings(_ world: World, _ clock: SimulatedClock) throws -> EngineSettings {
        let limits = world.state.withLock { $0.lanes.map(\.limits) }
        var clients: [ClientID: ClientSettings] = [:]
        for (lane, climate) in world.climate.lanes.enumerated() {
            var habit = climate.terms.habit
            if world.flaw == .profileIsWrong { habit.rotation = .parallel }
            let isLimited = world.flaw != .rateIsIgnored
            clients[try ClientID("p\(lane)")] = try .client(
                "p\(lane)",
                SimulatedEndpoint(world: world, clock: clock, lane: lane),
                habit: habit,
                limits: isLimited ? limits[lane] : LaneLimits()
            )
        }
        var sinks: [SinkID: SinkBinding] = [:]
        for name in Self.sinks {
            let sink = SimulatedSink(world: world, clock: clock, name: name)
            sinks[try SinkID(name)] = SinkBinding(
                sink: sink,
                clients: Set(clients.keys),
                storageKeys: [:],
                requiredScopes: [:],
                refusesMissingScopes: false,
                sendsRefreshToken: false
            )
        }
        return EngineSettings(clients: clients, sinks: sinks)
    }

    /// Whether it could not start: a store that cannot be read ends it.
    var hasFailed: Bool { self.state.withLock { $0.hasFailed } }

    /// Whether anything of it still runs.
    var isRunning: Bool { self.state.withLock { $0.running > 0 } }

    func start() {
        if self.world.flaw == .logHoldsToken { self.log.logger.info("canary-at-1") }
        self.run { try? await self.services.run() }
        self.run {
            let world = self.world
            let events = self.engine.watchers.events(Watchers.Filter(client: nil, account: nil) { _ in true })
            for await event in events { world.checkEvent(event) }
        }
        self.run {
            do {
                let loader = Loader(engine: self.engine)
                loader.begin(with: try await InDoubt(engine: self.engine, history: .continuous).run())
                try await loader.run()
            } catch {
                self.state.withLock { $0.hasFailed = true }
            }
        }
    }

    /// Runs something beside the services until the end of this life.
    func run(_ body: @escaping @Sendable () async -> Void) {
        // Of no parent, for its executor is another one; `kill` waits for its end.
        let task = Task(executorPreference: self.executor) {
            await body()
            self.state.withLock { $0.running -= 1 }
        }
        self.state.withLock { state in
            state.running += 1
            state.tasks.append(task)
        }
    }

    /// Has a person do something with an account, unless one is still at it.
    func visit(_ account: AccountID, _ body: @escaping @Sendable () async -> Void) {
        guard self.state.withLock({ $0.waiting.insert(account).inserted }) else { return }
        self.run {
            await body()
            self.state.withLock { _ = $0.waiting.remove(account) }
        }
    }

    /// Asks it to end, as SIGTERM does.
    func stop() {
        self.run { await self.services.triggerGracefulShutdown() }
        self.engine.watchers.finish()
    }

    /// Ends it at this very moment: nothing it still does reaches anything outside.
    ///
    /// The caller pumps until `isRunning` is false.
    func kill() {
        self.clock.end()
        self.engine.drain()
        self.engine.watchers.finish()
        for task in self.state.withLock({ $0.tasks }) { task.cancel() }
    }
}
