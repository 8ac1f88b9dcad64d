import ControlAPI
import Logging
import RefreshCore
import RefreshEngine
import ServiceLifecycle
import Synchronization
import Systemd

/// What the daemon is doing as a whole, and telling it to the service manager.
///
/// Ready is two facts: the accounts are loaded, and the socket answers. Whoever makes one of them true says so here;
/// nobody infers it from the order in which services were started.
final class Readiness: Sendable {
    private struct State {
        var isLoaded = false
        var isListening = false
        var phase = Wire.DaemonState.loading
    }

    private let engine: Engine
    private let notifier: Notifier
    private let logger: Logger
    private let state = Mutex(State())

    init(engine: Engine, notifier: Notifier, logger: Logger) {
        self.engine = engine
        self.notifier = notifier
        self.logger = logger
    }

    var phase: Wire.DaemonState { self.state.withLock { $0.phase } }

    func loaded() { self.note { $0.isLoaded = true } }

    func listening() { self.note { $0.isListening = true } }

    private func note(_ change: (inout State) -> Void) {
        let isReadyNow = self.state.withLock { state in
            change(&state)
            guard state.phase == .loading, state.isLoaded, state.isListening else { return false }
            state.phase = .ready
            return true
        }
        guard isReadyNow else { return }
        self.notifier.ready(status: self.statusLine)
        self.logger.event(.started, .notice, "ready", ["accounts": "\(self.engine.status.accounts)"])
    }

    /// Puts the phase aside while a new configuration is read.
    func reloading() { self.enter(.reloading, unless: .stopping) }

    func reloaded() { self.enter(.ready, unless: .stopping) }

    func stopping() { self.enter(.stopping, unless: .stopping) }

    private func enter(_ phase: Wire.DaemonState, unless final: Wire.DaemonState) {
        self.state.withLock { state in
            guard state.phase != final else { return }
            state.phase = phase
        }
    }

    /// One line for `systemctl status`: counts, no names.
    var statusLine: String {
        let status = self.engine.status
        var parts = ["\(status.accounts) accounts"]
        for state in AccountState.allCases {
            guard let count = status.byState[state], count > 0 else { continue }
            parts.append("\(count) \(state.rawValue)")
        }
        if status.dueNextMinute > 0 { parts.append("\(status.dueNextMinute) due within a minute") }
        if status.deliveriesPending > 0 { parts.append("\(status.deliveriesPending) deliveries pending") }
        return parts.joined(separator: ", ")
    }
}

/// Tells the service manager how things stand: at the start, every now and then, and at the end.
struct StatusTeller: Service {
    let readiness: Readiness
    let notifier: Notifier
    let clock: any WallClock
    let logger: Logger

    /// Runs until graceful shutdown; being listed last it is the first to hear of it, and says `STOPPING=1`.
    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await self.clock.sleep(until: self.clock.now + .seconds(30), tolerance: .seconds(5))
                guard self.readiness.phase == .ready, !Task.isCancelled else { continue }
                self.notifier.status(self.readiness.statusLine)
            }
        }
        self.readiness.stopping()
        self.notifier.stopping(status: "waiting for requests in flight")
        self.logger.event(.stopping, .notice, "stopping")
    }
}
