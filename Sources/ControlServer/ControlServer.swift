import ControlAPI
package import Logging
package import NIOCore
import NIOPosix
package import RefreshCore
package import RefreshEngine
import ServiceLifecycle
import Synchronization
import Varlink

/// Answers varlink calls on a Unix socket.
///
/// Connections live on event loops, as plain channel handlers: no actor and no task hop stands between a `GetToken` and
/// its answer. What has to wait (a refresh, a commit) runs in child tasks of `run()`, so its end is their end.
package final class ControlServer: Service {
    private let endpoint: ControlEndpoint
    private let limits: ControlLimits
    private let router: CallRouter
    private let access: Access
    private let admission: Admission
    private let listening: @Sendable () -> Void
    private let group: any EventLoopGroup
    private let logger: Logger
    private let jobs: AsyncStream<ControlConnection.Job>
    private let jobSource: AsyncStream<ControlConnection.Job>.Continuation
    /// When a refused connection was last written down.
    private let lastRefusal = Mutex<Timestamp?>(nil)

    /// - Parameters:
    ///   - engine: Answers and does what is asked for; whoever owns it runs its services.
    ///   - endpoint: The socket, bound when `run()` begins.
    ///   - rule: Who may do what; whom it allows nothing is closed before a byte is read.
    ///   - limits: What a caller may take.
    ///   - facts: For `Status`.
    ///   - reload: Reads the configuration again. The first line of its error's description goes to the caller.
    ///   - upkeep: Backups and rekeying; nil where there is nothing to keep up.
    ///   - handoff: Issues tickets for browsers; nil where no socket answers them.
    ///   - enrolment: New authorizations; nil where there are none.
    ///   - listening: Called once, when the socket answers.
    ///   - group: The event loops, which outlive the server.
    ///   - logger: Refused and dropped connections are written here.
    /// - Throws: `DescriptionError` if the interface that is compiled in cannot be read.
    package init(
        engine: Engine,
        endpoint: ControlEndpoint,
        rule: ReadRule,
        limits: ControlLimits = ControlLimits(),
        facts: DaemonFacts,
        reload: @escaping @Sendable () async throws -> Void,
        upkeep: Upkeep? = nil,
        handoff: HandoffIssue.Issue? = nil,
        enrolment: Enrolment? = nil,
        listening: @escaping @Sendable () -> Void = {},
        group: any EventLoopGroup,
        logger: Logger
    ) throws {
        self.endpoint = endpoint
        self.limits = limits
        self.access = Access(rule)
        self.admission = Admission(limits: limits)
        self.listening = listening
        self.group = group
        self.logger = logger
        (self.jobs, self.jobSource) = AsyncStream.makeStream()
        self.router = CallRouter(
            engine: engine,
            interface: ServiceInterface(
                vendor: "refreshd",
                product: "refreshd",
                version: facts.version,
                url: "",
                interfaces: [try InterfaceDescription(parsing: ControlInterface.text)]
            ),
            facts: facts,
            reload: reload,
            upkeep: upkeep,
            handoff: handoff,
            enrolment: enrolment,
            floor: RefreshFloor(limits.refreshFloor),
            refusals: RefusalWatch(threshold: limits.refusalsToTell),
            logger: logger
        )
    }

    /// Puts other rules in force: for the next call of every connection, and for the next connection.
    package func use(_ rule: ReadRule) { self.access.use(rule) }

    /// Accepts connections until graceful shutdown, then lets each finish the call it is answering.
    ///
    /// - Throws: `ListenError` when the socket cannot be had.
    package func run() async throws {
        let socket = try ListeningSocket(self.endpoint)
        let listener = try await self.accept(on: socket)
        socket.widenQueue()
        self.listening()
        // Discarding: an ordinary group keeps the result of every finished child until the group ends, which for a
        // daemon is never.
        await withDiscardingTaskGroup { group in
            group.addTask {
                await self.drain(listener, socket)
                self.jobSource.finish()
            }
            for await job in self.jobs { group.addTask(operation: job) }
            // Every connection is closed: what still waits, waits for nobody.
            group.cancelAll()
        }
    }

    // MARK: In

    private func accept(on socket: ListeningSocket) async throws -> any Channel {
        let highWater = self.limits.answerBytes
        return try await ServerBootstrap(group: self.group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelOption(.autoRead, value: false)
            // One read, one look at what may be taken: the next is asked for when there is room for it.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(
                .writeBufferWaterMark,
                value: ChannelOptions.Types.WriteBufferWaterMark(low: highWater / 4, high: highWater)
            )
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try self.admit(channel) }
            }
            .withBoundSocket(socket.descriptor)
            .get()
    }

    /// On the event loop, before the first read.
    ///
    /// - Throws: To have the channel closed, with not a byte read or written (facts T1).
    private func admit(_ channel: any Channel) throws {
        guard let peer = Peer.identity(of: channel) else { throw Refused() }
        let caller = Caller(peer, access: self.access)
        guard caller.mayConnect else {
            self.noteRefusal("a connection was refused: no rule allows this user anything", peer)
            throw Refused()
        }
        guard self.admission.admit(channel, of: peer, isMaster: self.access.isMaster(peer)) else {
            self.noteRefusal("a connection was refused: too many are open", peer)
            throw Refused()
        }
        let connection = ControlConnection(
            router: self.router,
            limits: self.limits,
            caller: caller,
            budget: self.access.isMaster(peer) ? nil : self.admission.budget(of: peer),
            run: { [jobSource] in jobSource.yield($0) },
            leave: { [admission] in admission.leave($0, of: peer) }
        )
        try channel.pipeline.syncOperations.addHandler(connection)
    }

    private struct Refused: Error {}

    /// At most once a second: a refused peer must not be able to fill the journal.
    private func noteRefusal(_ message: Logger.Message, _ peer: PeerIdentity) {
        let now = self.router.engine.clock.now
        let isNew = self.lastRefusal.withLock { last in
            if let last, now - last < .seconds(1) { return false }
            last = now
            return true
        }
        if isNew { self.logger.notice(message, metadata: ["uid": "\(peer.uid)"]) }
    }

    // MARK: Out

    /// Waits for the end of service and brings it about.
    private func drain(_ listener: any Channel, _ socket: ListeningSocket) async {
        let isGraceful = (try? await gracefulShutdown()) != nil
        socket.unlinkOwn()
        // A connection goes from the listener's loop to its own, back, and to its own again before it is let in, and
        // closing the listener would drop it on that way: who has been accepted is not turned away.
        try? await listener.setOption(.autoRead, value: false).get()
        for _ in 1...2 {
            for loop in self.group.makeIterator() { try? await loop.submit {}.get() }
            try? await listener.eventLoop.submit {}.get()
        }
        try? await listener.close()
        for loop in self.group.makeIterator() { try? await loop.submit {}.get() }
        let connections = self.admission.close()
        for connection in connections {
            if isGraceful {
                connection.pipeline.fireUserInboundEventTriggered(ControlConnection.Drain())
            } else {
                connection.close(promise: nil)
            }
        }
        await withDiscardingTaskGroup { group in
            group.addTask {
                // Whoever does not come to an end by then is cut off.
                let clock = self.router.engine.clock
                guard (try? await clock.sleep(until: clock.now + self.limits.drainTime, tolerance: nil)) != nil else {
                    return
                }
                for connection in connections { connection.close(promise: nil) }
            }
            for connection in connections { try? await connection.closeFuture.get() }
            group.cancelAll()
        }
    }
}
