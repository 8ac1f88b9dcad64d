import CLinux
import ControlServer
import Glibc
import Logging
import NIOCore
import NIOPosix
import OAuthHTTP
import RefreshCore
import RefreshEngine
import SQLiteStore
import Sealing
import ServiceLifecycle
import Sinks
import Systemd
import UnixSignals

/// Puts the daemon together.
enum Assembly {
    /// sysexits.h: something is wrong with the configuration, and only a person can mend it.
    static let configurationExit: Int32 = 78

    /// Runs the daemon to its end.
    ///
    /// - Returns: The exit status: 0 after a clean stop, 1 after a failure, 78 for a configuration that cannot be used.
    static func run(configurationPath: String, acceptsJournalLoss: Bool = false) async -> Int32 {
        // Before any secret is read: no core file, and no look into this process by others of the same user.
        _ = clinux_forbid_dumps()
        // A full quota is an error of one write, not the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        signal(SIGPIPE, SIG_IGN)
        let configuration: Configuration
        do throws(ConfigurationErrors) {
            configuration = try Configuration.load(path: configurationPath, environment: .host)
        } catch {
            let logger = self.bootstrapLogging(.notice)
            for fault in error.errors { logger.error("\(fault)") }
            Notifier.system.failing(status: "the configuration cannot be used", errno: EINVAL)
            return self.configurationExit
        }
        let logger = self.bootstrapLogging(configuration.logLevel.level)
        for warning in configuration.warnings { logger.warning("\(warning)") }
        do {
            try await self.serve(configuration, configurationPath, acceptsJournalLoss: acceptsJournalLoss, logger)
            return 0
        } catch {
            logger.critical("\(error)")
            Notifier.system.failing(status: "\(error)", errno: EIO)
            return 1
        }
    }

    private static func serve(
        _ configuration: Configuration,
        _ path: String,
        acceptsJournalLoss: Bool,
        _ logger: Logger
    ) async throws {
        let clock = HostClock()
        let notifier = Notifier.system
        let inherited = try SocketActivation.inherited().listeningUnixSocket(named: "control")

        let keys = try Keys.ring(
            configuration.keySource,
            oldKeys: configuration.oldKeys,
            storePath: configuration.storePath,
            isThere: { unsafe access($0, F_OK) == 0 },
            logger: logger
        )
        let sealer = AEADSealer(keys: keys)
        let store = try Keys.openStore(configuration.storePath, sealer: sealer, logger: logger)
        let records = try await AttemptRecords(
            store: store,
            path: configuration.journalPath,
            fallback: configuration.journalFallback,
            acceptsLoss: acceptsJournalLoss,
            sealer: sealer,
            clock: clock,
            logger: logger
        )

        // Requests and the socket have a group each: a handshake never stands in front of an answer.
        let outward = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let inward = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let factory = ClientFactory(group: outward, clock: clock)
        let sessions = SetKeysSessions(
            store: store,
            storeID: store.identity.store,
            sealer: sealer,
            clock: clock,
            logger: logger
        )
        let catalogue = SinkCatalogue(group: outward, clock: clock, sessions: sessions)

        let engine = Engine(
            settings: try configuration.engineSettings(factory, catalogue),
            store: store,
            storeID: store.identity.store,
            journal: records.journal,
            sealer: sealer,
            clock: clock,
            logger: logger,
            lanes: store
        )
        let rekeyer = Rekeyer(
            store: store,
            storeID: store.identity.store,
            sealer: sealer,
            writingKey: sealer.writingKey,
            logger: logger
        )
        let enrolment = Enrolment(engine: engine, secrets: SystemSecrets(), logger: logger)
        let readiness = Readiness(engine: engine, notifier: notifier, logger: logger)
        let scheduler = Scheduler(
            engine: engine,
            clock: clock,
            history: records.history,
            recovered: { try await records.bind() },
            loaded: { readiness.loaded() }
        )
        let refresher = Refresher(engine: engine) {
            guard engine.attemptsInFlight > 0 else { return }
            notifier.extendTimeout(by: .seconds(30))
        }
        let reloader = Reloader(
            path: path,
            running: configuration,
            engine: engine,
            readiness: readiness,
            notifier: notifier,
            logger: logger
        ) { try $0.engineSettings(factory, catalogue) }
        let handoff = HandoffWiring(configuration.handoff, engine: engine, group: inward)
        var limits = ControlLimits()
        limits.connections = configuration.maximumConnections
        limits.connectionsPerUser = configuration.maximumConnectionsPerUser
        let server = try ControlServer(
            engine: engine,
            endpoint: inherited.map { .inherited(descriptor: $0) }
                ?? .path(configuration.socketPath, group: ClientGroup.number),
            rule: configuration.readRule,
            limits: limits,
            facts: DaemonFacts(
                version: Refreshd.Version.text,
                pid: getpid(),
                startedAt: clock.now + clock.utcShift,
                state: { readiness.phase }
            ),
            reload: { try await reloader.reload() },
            upkeep: Upkeep(
                backup: { try await store.backup(to: $0) },
                rekey: { try await rekeyer.run($0) }
            ),
            handoff: handoff?.issue,
            enrolment: enrolment,
            listening: { readiness.listening() },
            group: inward,
            logger: logger
        )
        reloader.connect { server.use($0) }

        // Each finds its consumers running; they are stopped in reverse, so that producers end first and what is under
        // way drains towards the store. The order says nothing about readiness: all start at once.
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: Closing { await records.close() }),
                    .init(
                        service: Closing {
                            await factory.shutdown()
                            await catalogue.shutdown()
                        }
                    ),
                    .init(service: Cancelling { await sessions.run() }),
                    .init(service: engine.deliverer),
                    .init(service: refresher),
                    .init(service: scheduler),
                    .init(service: server),
                    .init(service: Perhaps(handoff?.server)),
                    // Stopped before the server: whoever waits for a person is told so, and the server can end.
                    .init(service: enrolment),
                    .init(service: reloader),
                    .init(
                        service: Watchdog(
                            interval: Watchdog.intervalOfManager,
                            notifier: notifier,
                            logger: logger,
                            sleep: { try await clock.sleep(until: clock.now + $0, tolerance: nil) },
                            probe: { await scheduler.isTurning() }
                        )
                    ),
                    .init(
                        service: StatusTeller(readiness: readiness, notifier: notifier, clock: clock, logger: logger)
                    ),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
            )
        )
        do {
            try await group.run()
        } catch {
            await store.close()
            throw error
        }
        try await inward.shutdownGracefully()
        try await outward.shutdownGracefully()
    }

    private static func bootstrapLogging(_ level: Logger.Level) -> Logger {
        let fields = JournalLogHandler.Fields(
            prefix: "REFRESHD_",
            // Not prefixed: the journal's own name for the kind of an event.
            names: [LogKeys.messageID: "MESSAGE_ID"]
        )
        LoggingSystem.bootstrap { _ in
            var handler: any LogHandler =
                JournalStream.isStandardError
                ? JournalLogHandler(identifier: "refreshd", fields: fields) : TextLogHandler(form: .terminal)
            handler.logLevel = level
            return handler
        }
        return Logger(label: "refreshd")
    }
}

/// Something that is closed once nothing can use it any more.
private struct Closing: Service {
    let close: @Sendable () async -> Void

    init(_ close: @escaping @Sendable () async -> Void) { self.close = close }

    func run() async throws {
        try? await gracefulShutdown()
        await self.close()
    }
}

/// A service, or a place in the order where there might be one.
private struct Perhaps<Present: Service>: Service {
    let service: Present?

    init(_ service: Present?) { self.service = service }

    func run() async throws {
        guard let service else { return try await gracefulShutdown() }
        try await service.run()
    }
}

/// Something that may be broken off at any moment, and is at the end of service.
private struct Cancelling: Service {
    let body: @Sendable () async -> Void

    init(_ body: @escaping @Sendable () async -> Void) { self.body = body }

    func run() async throws { await cancelWhenGracefulShutdown { await self.body() } }
}

extension Configuration {
    /// Who may do what over the socket; root and the service's own user may do all.
    var readRule: ReadRule { ReadRule(rules: self.accessRules, masters: [0, geteuid()]) }
}

extension LogLevel {
    var level: Logger.Level { Logger.Level(rawValue: self.rawValue) ?? .info }
}

/// The group whose members may open the socket.
enum ClientGroup {
    static let name = "refreshd-clients"

    /// Nil where there is no such group, and where it is not this process's to give (chown(2)).
    ///
    /// The socket is then for the daemon's own user and group.
    static var number: UInt32? {
        guard let entry = unsafe getgrnam(self.name) else { return nil }
        let number = unsafe entry.pointee.gr_gid
        return geteuid() == 0 || getegid() == number || Self.supplementary.contains(number) ? number : nil
    }

    private static var supplementary: [gid_t] {
        let count = getgroups(0, nil)
        guard count > 0 else { return [] }
        return unsafe Array(unsafeUninitializedCapacity: Int(count)) { groups, filled in
            filled = unsafe max(0, Int(getgroups(count, groups.baseAddress)))
        }
    }
}
