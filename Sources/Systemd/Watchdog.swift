import CSystemd
package import Logging
import ServiceLifecycle

/// Pings the service manager for as long as the daemon proves that it works (sd_watchdog_enabled(3)).
///
/// A ping from a timer of its own would prove only that the timer lives. So before each ping a probe is asked,
/// and without its yes there is no ping: the manager then kills the process and starts it anew.
///
/// ```
/// ping      probe: yes, ping    probe: no          limit: SIGABRT, restart
///   |------------|------------------|------------------|
///    interval / 2    interval / 2       interval / 2
/// ```
///
/// Outside of a manager, or without `WatchdogSec=`, the service waits for the shutdown and does nothing.
package struct Watchdog: Service {
    /// Whether the daemon's heart has beaten lately.
    ///
    /// The contract: true if the scheduler has taken a turn since the last call, or takes one now, within the call.
    /// An idle scheduler is healthy, so a probe must make it turn (ask it something and wait) or have it turn by
    /// itself more often than half the interval. A probe that never returns counts as a no. It must not wait
    /// for a network, a disk or a provider: a slow provider is no reason to be killed.
    package typealias Probe = @Sendable () async -> Bool

    private let interval: Duration?
    private let notifier: Notifier
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void
    private let probe: Probe

    /// The longest silence the manager allows this process, or nil if it asks for no pings.
    ///
    /// Reads `WATCHDOG_USEC` and `WATCHDOG_PID`; another process's variables, inherited by accident, count as none.
    package static var intervalOfManager: Duration? {
        var microseconds: UInt64 = 0
        guard unsafe sd_watchdog_enabled(0, &microseconds) > 0, microseconds > 0 else { return nil }
        return .microseconds(Int64(clamping: microseconds))
    }

    /// Creates the service; nothing is sent before it runs.
    ///
    /// - Parameters:
    ///   - interval: `Watchdog.intervalOfManager`; nil or zero switches the service off.
    ///   - notifier: Where pings go.
    ///   - logger: Is told once when the probe begins to say no, and once when it recovers.
    ///   - sleep: Waits for a duration; throws when the task is cancelled.
    ///   - probe: Asked once each half interval.
    package init(
        interval: Duration?,
        notifier: Notifier,
        logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void,
        probe: @escaping Probe
    ) {
        self.interval = interval.flatMap { $0 > .zero ? $0 : nil }
        self.notifier = notifier
        self.logger = logger
        self.sleep = sleep
        self.probe = probe
    }

    /// Pings until graceful shutdown or cancellation.
    package func run() async throws {
        guard let interval = self.interval else {
            try? await gracefulShutdown()
            return
        }
        await cancelWhenGracefulShutdown {
            await self.ping(every: interval / 2)
        }
    }

    private func ping(every pause: Duration) async {
        var wasAlive = true
        while !Task.isCancelled {
            let isAlive = await self.probe()
            // The probe may have been let go by the shutdown itself; its answer means nothing then.
            guard !Task.isCancelled else { return }
            if isAlive {
                self.notifier.watchdogPing()
            }
            if wasAlive, !isAlive {
                self.logger.error("scheduler stands still, watchdog ping withheld")
            } else if !wasAlive, isAlive {
                self.logger.notice("scheduler turns again")
            }
            wasAlive = isAlive
            do {
                try await self.sleep(pause)
            } catch {
                return
            }
        }
    }
}
