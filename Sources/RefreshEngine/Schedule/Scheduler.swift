import Dispatch
import RefreshCore
import ServiceLifecycle
import Synchronization

/// Turns the wheel when the timer says so: one Dispatch timer, one serial queue, nothing periodic.
package final class Scheduler: Service, Sendable {
    private let engine: Engine
    private let queue = DispatchQueue(label: "refreshd.schedule", qos: .userInitiated)
    private let clock: HostClock
    private let history: StoreHistory
    private let recovered: @Sendable () async throws -> Void
    private let loaded: @Sendable () -> Void

    /// Starts nothing yet.
    ///
    /// - Parameters:
    ///   - engine: What it turns.
    ///   - clock: The host's, for there is one timer on it.
    ///   - history: Whether the store is the one that the last process left.
    ///   - recovered: Called once, when what was in doubt is settled, before anything is spent.
    ///   - loaded: Called once, when every account is read in.
    package init(
        engine: Engine,
        clock: HostClock,
        history: StoreHistory,
        recovered: @escaping @Sendable () async throws -> Void,
        loaded: @escaping @Sendable () -> Void
    ) {
        self.engine = engine
        self.history = history
        self.recovered = recovered
        self.clock = clock
        self.loaded = loaded
    }

    /// Loads the accounts, then keeps the wheel turning until graceful shutdown.
    package func run() async throws {
        let engine = self.engine
        let timer = DispatchWakeSource(clock: self.clock, queue: self.queue) { engine.wake() }
        engine.connect(timer)
        let (told, teller) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let steps = ClockSteps(queue: self.queue) { [clock] in
            let step = clock.rereadWallClock()
            timer.rearm()
            // Slewing and the rounding of two readings move it by microseconds.
            if step.milliseconds.magnitude >= 100 { engine.clockStepped(by: step) }
            teller.yield()
        }
        // What is in doubt first, before anything is loaded.
        let loader = Loader(engine: engine)
        try await engine.recallLanes()
        let urgent = try await InDoubt(engine: engine, history: self.history).run()
        try await self.recovered()
        loader.begin(with: urgent)
        try await loader.run()
        self.loaded()
        await cancelWhenGracefulShutdown {
            for await _ in told { await engine.recallLives() }
        }
        timer.arm(nil)
        withExtendedLifetime((timer, steps)) {}
    }

    /// Whether the queue that turns the wheel still does its work: the watchdog's question.
    ///
    /// Goes through the queue, so it is answered only after everything before it was.
    package func isTurning() async -> Bool {
        await withCheckedContinuation { continuation in
            self.queue.async { continuation.resume(returning: true) }
        }
    }
}

extension Engine {
    /// The timer fired.
    func wake() {
        self.counters.wakeUps.count()
        self.wakeSourceFired()
        self.turn()
    }
}
