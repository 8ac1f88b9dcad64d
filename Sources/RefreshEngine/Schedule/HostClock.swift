import CLinux
package import RefreshCore
import Synchronization

/// The daemon's clock on this host: the boot clock, which nobody sets, laid on UTC once at the start.
///
/// BOOTTIME, not MONOTONIC: the latter stands still while the host is suspended, so the pause of a virtual machine
/// would be added to every deadline.
package final class HostClock: WallClock {
    /// UTC minus the boot clock, in nanoseconds, as it was at the start.
    private let anchor: Int64
    /// How far UTC has moved away from the anchor since, in nanoseconds.
    private let shift = Atomic<Int64>(0)

    package init() { self.anchor = Self.utcMinusBoot() }

    package var now: Timestamp { Timestamp(milliseconds: (self.anchor + clinux_boottime_ns()) / 1_000_000) }

    package var utcShift: Duration { .nanoseconds(self.shift.load(ordering: .relaxed)) }

    /// Looks at the wall clock anew, after it was set.
    ///
    /// - Returns: How far it was moved; forward is positive.
    package func rereadWallClock() -> Duration {
        let shift = Self.utcMinusBoot() - self.anchor
        return .nanoseconds(shift - self.shift.exchange(shift, ordering: .relaxed))
    }

    package func sleep(until deadline: Timestamp, tolerance: Duration?) async throws {
        // Swift's continuous clock is the boot clock on Linux.
        try await Task.sleep(
            for: Swift.max(deadline - self.now, Duration.zero),
            tolerance: tolerance,
            clock: .continuous
        )
    }

    private static func utcMinusBoot() -> Int64 { clinux_realtime_ns() - clinux_boottime_ns() }
}
