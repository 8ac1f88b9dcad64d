import Glibc

/// The two clocks that the manager's protocol and the log's lines are in.
enum SystemClock {
    /// CLOCK_MONOTONIC in microseconds: stands still while the host is suspended, and is not stepped.
    static var monotonicMicroseconds: UInt64 {
        let time = Self.read(CLOCK_MONOTONIC)
        return UInt64(time.tv_sec) * 1_000_000 + UInt64(time.tv_nsec) / 1_000
    }

    /// CLOCK_REALTIME in nanoseconds since 1970.
    static var nanosecondsSince1970: Int64 {
        let time = Self.read(CLOCK_REALTIME)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Cannot fail: both clocks exist on every Linux.
    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return time
    }
}
