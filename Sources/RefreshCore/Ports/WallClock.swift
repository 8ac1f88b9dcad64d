/// The daemon's clock: moments on one time line that never jumps.
///
/// The line is UTC as this host believed when the process started, carried on by the boot clock, which no one sets and
/// which runs on in suspend. `utcShift` is how far the host's idea of UTC has moved away from it since: it is added
/// to what is shown or stored, and taken from what is read back. So setting the wall clock moves no deadline.
package protocol WallClock: Clock, Sendable where Instant == Timestamp, Duration == Swift.Duration {
    var now: Timestamp { get }

    /// UTC minus this clock, at this moment.
    var utcShift: Duration { get }
}

extension WallClock {
    package var minimumResolution: Duration { .milliseconds(1) }
}
