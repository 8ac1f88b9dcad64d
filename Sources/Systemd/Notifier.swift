import CSystemd

/// Tells the service manager how the daemon is: ready, reloading, stopping, alive (sd_notify(3)).
///
/// Without a manager, that is without `NOTIFY_SOCKET`, every call does nothing: the daemon runs in the
/// foreground just the same. All calls are safe from any thread and return at once; the message is one
/// datagram in the manager's queue.
///
/// libsystemd reads the environment, so nobody may call `setenv` once the daemon has threads.
package struct Notifier: Sendable {
    /// What became of one message.
    package enum Outcome: Hashable, Sendable {
        /// Nobody listens: not started by a service manager.
        case noManager
        /// The kernel took the datagram. Whether the manager honours it is not told (`NotifyAccess=`).
        case queued
        /// The socket is named but did not take the datagram.
        case failed(errno: Int32)
    }

    /// Sends one message of `NAME=value` lines; returns what sd_notify returns: above 0 sent, 0 no manager, below 0 -errno.
    package typealias Transport = @Sendable (_ message: String) -> Int32

    private let transport: Transport
    private let monotonicMicroseconds: @Sendable () -> UInt64

    /// A notifier that speaks to the manager that started this process, if one did.
    package static let system = Notifier(
        transport: { message in unsafe sd_notify(0, message) },
        monotonicMicroseconds: { SystemClock.monotonicMicroseconds }
    )

    /// A notifier over another transport and clock, for tests.
    ///
    /// - Parameters:
    ///   - transport: Receives each message whole.
    ///   - monotonicMicroseconds: CLOCK_MONOTONIC in microseconds; the manager compares it with the
    ///     moment of its own reload signal, so another clock makes every reload time out.
    package init(
        transport: @escaping Transport,
        monotonicMicroseconds: @escaping @Sendable () -> UInt64 = { SystemClock.monotonicMicroseconds }
    ) {
        self.transport = transport
        self.monotonicMicroseconds = monotonicMicroseconds
    }

    /// Start-up is done: units ordered after this one may start.
    ///
    /// The handler for the reload signal must be in place before: SIGHUP kills by default.
    @discardableResult
    package func ready(status: String? = nil) -> Outcome {
        self.send(["READY=1"], status: status)
    }

    /// Sets the status line that `systemctl status` shows.
    ///
    /// Line breaks and other control characters become blanks; what is past 900 scalars is cut.
    @discardableResult
    package func status(_ text: String) -> Outcome {
        self.send([], status: text)
    }

    /// A reload has begun.
    ///
    /// `reloaded` or `reloadRefused` must follow, or `systemctl reload` hangs to its limit.
    @discardableResult
    package func reloading(status: String? = nil) -> Outcome {
        // Type=notify-reload does not believe a message from before its signal, so the time is taken here.
        self.send(["RELOADING=1", "MONOTONIC_USEC=\(self.monotonicMicroseconds())"], status: status)
    }

    /// The new configuration is in force.
    ///
    /// Takes back the error number of an earlier `reloadRefused`.
    @discardableResult
    package func reloaded(status: String? = nil) -> Outcome {
        self.send(["READY=1", "ERRNO=0"], status: status)
    }

    /// The new configuration was rejected and the old one stays in force.
    ///
    /// The protocol has no word for this: `systemctl reload` reports success whenever READY=1 comes. So the
    /// reason has to stand in the status line and in the journal.
    @discardableResult
    package func reloadRefused(status: String, errno: Int32) -> Outcome {
        self.send(["READY=1", "ERRNO=\(errno)"], status: status)
    }

    /// Shutdown has begun; there is no way back.
    @discardableResult
    package func stopping(status: String? = nil) -> Outcome {
        self.send(["STOPPING=1"], status: status)
    }

    /// The daemon will end because of `errno`; shown by `systemctl show -P StatusErrno`.
    @discardableResult
    package func failing(status: String, errno: Int32) -> Outcome {
        self.send(["ERRNO=\(errno)"], status: status)
    }

    /// The current phase (start, reload or stop) may last `duration` from now on, whatever the unit's limit says.
    ///
    /// Counts only past the configured limit, and must be repeated before `duration` is over.
    /// Less than a microsecond asks for one microsecond: zero would mean something else to the manager.
    @discardableResult
    package func extendTimeout(by duration: Duration) -> Outcome {
        self.send(["EXTEND_TIMEOUT_USEC=\(max(1, duration.wholeMicroseconds))"], status: nil)
    }

    /// The daemon is alive.
    ///
    /// `Watchdog` decides when this may be said.
    @discardableResult
    package func watchdogPing() -> Outcome {
        self.send(["WATCHDOG=1"], status: nil)
    }

    private func send(_ lines: [String], status: String?) -> Outcome {
        var lines = lines
        if let status {
            lines.append("STATUS=\(Self.oneLine(status))")
        }
        let result = self.transport(lines.joined(separator: "\n"))
        return result > 0 ? .queued : result == 0 ? .noManager : .failed(errno: -result)
    }

    /// The longest status, in Unicode scalars: the manager drops messages of 4096 bytes and more, and a scalar has up to 4.
    private static let longestStatus = 900

    /// A line break in a status would start a new assignment: text from a provider could say `STOPPING=1`.
    static func oneLine(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(Self.longestStatus) {
            line.append(PlainText.isUnsafe(scalar) ? " " : scalar)
        }
        return String(line)
    }
}

extension Duration {
    /// Whole microseconds, rounded down; `UInt64.max` past its range and 0 for negative durations.
    var wholeMicroseconds: UInt64 {
        guard self > .zero else { return 0 }
        let (seconds, attoseconds) = self.components
        let (scaled, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000)
        let (sum, carry) = scaled.addingReportingOverflow(UInt64(attoseconds / 1_000_000_000_000))
        return overflow || carry ? .max : sum
    }
}
