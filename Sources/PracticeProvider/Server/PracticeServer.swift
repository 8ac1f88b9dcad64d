import Hummingbird
import HummingbirdTLS
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// An OAuth provider and a sink on loopback that keep their word exactly and note who else does.
///
/// Judge of every loss test, and a partner for those who try refreshd for the first time. It shares no code with what
/// it judges.
///
/// ```swift
/// try await PracticeServer.withServer { server in
///     server.addClient(PracticeClient(id: "demo", secret: "s3"))
///     let grant = try server.addGrant("demo/alice", GrantTerms(rotation: .s))
///     try server.script(.dropAfterCommit)
///     …
///     #expect(try server.record(of: "demo/alice").doubleRedeems == 0)
/// }
/// ```
package final class PracticeServer: Service {
    package struct Options: Sendable {
        /// 0 takes a free one.
        package var port: Int
        /// Without TLS.
        ///
        /// The address is loopback in any case.
        package var plainHTTP: Bool
        /// The beginning of every token.
        ///
        /// Visible ASCII without quote and backslash.
        package var canary: String
        /// Whether `set_keys` takes access tokens that nobody issued.
        package var acceptsUnknownAccessTokens: Bool
        package var clock: PracticeClock
        /// Who signs the server's certificate; nil makes one for this server.
        package var authority: PracticeAuthority?
        package var logger: Logger

        package init(
            port: Int = 0,
            plainHTTP: Bool = false,
            canary: String = "canary-",
            acceptsUnknownAccessTokens: Bool = false,
            clock: PracticeClock = PracticeClock(),
            authority: PracticeAuthority? = nil,
            logger: Logger = Options.quiet
        ) {
            self.port = port
            self.plainHTTP = plainHTTP
            self.canary = canary
            self.acceptsUnknownAccessTokens = acceptsUnknownAccessTokens
            self.clock = clock
            self.authority = authority
            self.logger = logger
        }

        /// To stderr, and next to nothing: cut connections are this server's trade.
        package static var quiet: Logger {
            var logger = Logger(label: "practice") { StreamLogHandler.standardError(label: $0) }
            logger.logLevel = .critical
            return logger
        }
    }

    package let port: Int
    /// `https://127.0.0.1:PORT`, without a slash at the end.
    package let url: String
    /// What a client must trust; empty without TLS.
    package let caCertificatePEM: String

    let judge: Judge
    private let running: Task<Void, any Error>

    package var tokenURL: String { self.url + "/oauth2/token" }
    package var clock: PracticeClock { self.judge.state.clock }

    private init(
        port: Int,
        scheme: String,
        caCertificatePEM: String,
        judge: Judge,
        running: Task<Void, any Error>
    ) {
        self.port = port
        self.url = "\(scheme)://127.0.0.1:\(port)"
        self.caCertificatePEM = caCertificatePEM
        self.judge = judge
        self.running = running
    }

    /// Starts a server and returns when it answers.
    ///
    /// It runs until `stop()`.
    ///
    /// - Throws: `PracticeError.notStarted` when the port cannot be had, `.badOrder` for an impossible option.
    package static func start(_ options: Options = Options()) async throws -> PracticeServer {
        guard options.canary.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }) else {
            throw PracticeError.badOrder("the canary must be visible ASCII without quote and backslash")
        }
        let authority = options.plainHTTP ? nil : try options.authority ?? PracticeAuthority()
        // The process's own loops: a group that is shut down while a connection still says good-bye is an error in NIO.
        let group = MultiThreadedEventLoopGroup.singleton
        let state = PracticeState(
            canary: options.canary,
            clock: options.clock,
            acceptsUnknownAccessTokens: options.acceptsUnknownAccessTokens,
            group: group
        )
        let judge = Judge(state: state)
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let application = try Self.application(judge, authority, options, group) { channel in
            if let port = channel.localAddress?.port { bound.yield(port) }
            bound.finish()
        }
        // Without a parent, for it outlives this call: `stop()` ends it.
        let running = Task {
            defer { bound.finish() }
            try await application.run()
        }
        guard let port = await ports.first(where: { _ in true }) else {
            running.cancel()
            let result = await running.result
            switch result {
            case .success: throw PracticeError.notStarted("it ended at once")
            case .failure(let error): throw PracticeError.notStarted("\(error)")
            }
        }
        state.ledger { ledger, _ in ledger.issuer = "\(options.plainHTTP ? "http" : "https")://127.0.0.1:\(port)" }
        return PracticeServer(
            port: port,
            scheme: options.plainHTTP ? "http" : "https",
            caCertificatePEM: authority?.certificatePEM ?? "",
            judge: judge,
            running: running
        )
    }

    private static func application(
        _ judge: Judge,
        _ authority: PracticeAuthority?,
        _ options: Options,
        _ group: MultiThreadedEventLoopGroup,
        onServerRunning: @escaping @Sendable (any Channel) async -> Void
    ) throws -> Application<PracticeResponder> {
        let responder = PracticeResponder(state: judge.state, control: ControlEndpoint(judge: judge))
        let connections = judge.state.connections
        let configuration = ApplicationConfiguration(
            address: .hostname("127.0.0.1", port: options.port),
            // The default of 256 overflows when a thousand refreshes fall due in one second.
            backlog: 4_096
        )
        guard let authority else {
            return Application(
                responder: responder,
                server: .http1(
                    configuration: .init(additionalChannelHandlers: [ConnectionWatch(connections: connections)])
                ),
                configuration: configuration,
                onServerRunning: onServerRunning,
                eventLoopGroupProvider: .shared(group),
                logger: options.logger
            )
        }
        return Application(
            responder: responder,
            server: try .tls(
                .http1(configuration: .init(additionalChannelHandlers: [ConnectionWatch(connections: connections)])),
                tlsConfiguration: try authority.serverConfiguration()
            ),
            configuration: configuration,
            onServerRunning: onServerRunning,
            eventLoopGroupProvider: .shared(group),
            logger: options.logger
        )
    }

    /// Runs a server for as long as `body` does.
    package static func withServer<R>(
        _ options: Options = Options(),
        _ body: (PracticeServer) async throws -> R
    ) async throws -> R {
        let server = try await self.start(options)
        do {
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

    /// Cuts every connection and returns when the server has ended.
    ///
    /// Twice is fine.
    package func stop() async {
        self.running.cancel()
        self.judge.state.turnstile.release()
        self.judge.state.connections.cutAll()
        _ = await self.running.result
    }

    /// Waits for graceful shutdown or cancellation, then stops.
    package func run() async throws {
        try? await gracefulShutdown()
        await self.stop()
    }
}
