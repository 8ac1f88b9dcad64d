package import Dispatch
package import RefreshCore
import Synchronization

/// "Wake me at": the one thing the schedule needs from the outside.
package protocol WakeSource: Sendable {
    /// Replaces what was asked for before: `wake` is called once the moment has come, nil for never.
    func arm(_ moment: Timestamp?)

    /// Called by whom it woke: what was asked for is over, and the same moment may be asked for again.
    func fired()
}

/// One Dispatch timer for the whole daemon.
///
/// Armed at a wall deadline computed from the boot clock, since Dispatch's other deadlines stand still in suspend. When
/// the wall clock is set, `ClockSteps` has it armed anew, so a step moves no deadline.
package final class DispatchWakeSource: WakeSource {
    private struct Armed {
        var timer: any DispatchSourceTimer
        var moment: Timestamp?
    }

    private let clock: any WallClock
    private let armed: Mutex<Armed>

    /// Makes a timer that is not armed yet.
    ///
    /// - Parameters:
    ///   - clock: Turns a moment into a wall deadline.
    ///   - queue: Serial; the handler runs on it.
    ///   - wake: Called at the armed moment, or shortly after it.
    package init(clock: any WallClock, queue: DispatchQueue, wake: @escaping @Sendable () -> Void) {
        self.clock = clock
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler(handler: wake)
        timer.schedule(wallDeadline: .distantFuture)
        timer.activate()
        self.armed = Mutex(Armed(timer: timer))
    }

    deinit { self.armed.withLock { $0.timer.cancel() } }

    package func arm(_ moment: Timestamp?) {
        self.armed.withLock { armed in
            guard armed.moment != moment else { return }
            armed.moment = moment
            self.schedule(&armed)
        }
    }

    /// Computes the wall deadline anew from the same moment, after the wall clock was set.
    package func rearm() { self.armed.withLock { self.schedule(&$0) } }

    package func fired() { self.armed.withLock { $0.moment = nil } }

    private func schedule(_ armed: inout Armed) {
        guard let moment = armed.moment else {
            armed.timer.schedule(wallDeadline: .distantFuture)
            return
        }
        let wait = Swift.min(Swift.max(moment - self.clock.now, .zero), RefreshWindow.longestSleep)
        armed.timer.schedule(wallDeadline: .now() + .milliseconds(Int(wait.milliseconds)), leeway: .milliseconds(1))
    }
}
