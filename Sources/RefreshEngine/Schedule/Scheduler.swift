import Dispatch
import RefreshCore
import ServiceLifecycle
import Synchronization

/// Turns the wheel when the timer says so: one Dispatch timer, one serial queue, nothing periodic.
package final class Scheduler: Service, Sendable {
    private let engine: Engine
    private let queue = DispatchQueue(label: "refreshd.schedule", qos: .userInitiated)
    private let clock: HostClock
    private let loaded: @Sendable () -> Void

    /// Starts nothing yet; `loaded` is called once, when every account is read in.
    package init(engine: Engine, clock: HostClock, loaded: @escaping @Sendable () -> Void) {
        self.engine = engine
        self.clock = clock
        self.loaded = loaded
    }

    /// Loads the accounts, then keeps the wheel turning until graceful shutdown.
    package func run() async throws {
        let engine = self.engine
        let timer = DispatchWakeSource(clock: self.clock, queue: self.queue) { engine.wake() }
        engine.connect(timer)
        let steps = ClockSteps(queue: self.queue) { [clock] in
            let step = clock.rereadWallClock()
            timer.rearm()
            // Slewing and the rounding of two readings move it by microseconds.
            if step.milliseconds.magnitude >= 100 { engine.clockStepped(by: step) }
        }
        try await Loader(engine: engine).run()
        self.loaded()
        try? await gracefulShutdown()
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
