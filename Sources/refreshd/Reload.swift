import Glibc
import KillPoints
import Logging
import RefreshCore
import RefreshEngine
import ServiceLifecycle
import Synchronization
import Systemd
import UnixSignals

/// Takes a new configuration while the daemon runs: at SIGHUP, and when somebody asks over the socket.
///
/// A configuration with a mistake changes nothing: the running one stays, and the mistake is told in the status, in the
/// journal, and to whoever asked.
final class Reloader: Service, Sendable {
    private struct Connections {
        var configuration: Configuration
        var replaceRules: @Sendable (ReadRule) -> Void = { _ in }
    }

    private let path: String
    private let engine: Engine
    private let readiness: Readiness
    private let notifier: Notifier
    private let logger: Logger
    private let settings: @Sendable (Configuration) throws -> EngineSettings
    private let connections: Mutex<Connections>

    init(
        path: String,
        running: Configuration,
        engine: Engine,
        readiness: Readiness,
        notifier: Notifier,
        logger: Logger,
        settings: @escaping @Sendable (Configuration) throws -> EngineSettings
    ) {
        self.path = path
        self.engine = engine
        self.readiness = readiness
        self.notifier = notifier
        self.logger = logger
        self.settings = settings
        self.connections = Mutex(Connections(configuration: running))
    }

    /// Names who is told of new access rules, once, before it runs.
    func connect(_ replaceRules: @escaping @Sendable (ReadRule) -> Void) {
        self.connections.withLock { $0.replaceRules = replaceRules }
    }

    /// Reloads at each SIGHUP until graceful shutdown.
    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: .sighup)
        for await _ in signals.cancelOnGracefulShutdown() {
            // What is wrong has been told by then.
            try? await self.reload()
        }
    }

    /// Reads the configuration and takes it, all or nothing.
    ///
    /// - Throws: `ReloadError`, after telling it in the journal and in the status.
    func reload() async throws {
        self.readiness.reloading()
        self.notifier.reloading()
        defer { self.readiness.reloaded() }
        do {
            let configuration = try Configuration.load(path: self.path, environment: .host)
            let settings = try self.settings(configuration)
            KillPoint.inReload.pass()
            await self.engine.apply(settings)
            let (old, replaceRules) = self.connections.withLock { connections in
                defer { connections.configuration = configuration }
                return (connections.configuration, connections.replaceRules)
            }
            replaceRules(configuration.readRule)
            for warning in configuration.warnings { self.logger.warning("\(warning)") }
            if old.storePath != configuration.storePath || old.socketPath != configuration.socketPath
                || old.handoff != configuration.handoff
            {
                self.logger.warning("a new store path or socket path is taken at the next start, not at a reload")
            }
            self.logger.event(.reloaded, .notice, "configuration reloaded")
            self.notifier.reloaded(status: self.readiness.statusLine)
        } catch {
            let faults = (error as? ConfigurationErrors)?.errors.map { "\($0)" } ?? ["\(error)"]
            let first = faults.first ?? "\(error)"
            for fault in faults {
                self.logger.event(.reloadFailed, .error, "\(fault); the running configuration stays in place")
            }
            self.notifier.reloadRefused(
                status: "reload refused, the running configuration stays: \(first)",
                errno: EINVAL
            )
            throw ReloadError(message: first)
        }
    }
}

/// Why a reload changed nothing: one line, fit for the caller.
struct ReloadError: Error, CustomStringConvertible {
    var message: String
    var description: String { self.message }
}
