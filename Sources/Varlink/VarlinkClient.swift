package import NIOCore
import NIOPosix

/// One connection to a varlink service.
///
/// Calls may be made from many tasks at once: they are sent in the order in which they come and do not wait for each
/// other, and answers are matched by their order. So many small calls in flight cost little more than one.
package struct VarlinkClient: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<ReplyHandler>

    /// Connects, runs `body`, and closes.
    ///
    /// - Parameters:
    ///   - path: The service's Unix socket.
    ///   - maximumReply: The longest answer that is read, in bytes. Longer: `VarlinkClientError.malformed`.
    ///   - connectTimeout: How long to wait for the connection, which a full backlog can hold up.
    ///   - body: Uses the connection; calls made with it after `body` has returned fail with `closed`.
    /// - Returns: What `body` returns.
    /// - Throws: `VarlinkClientError.unreachable`, or what `body` throws.
    package static func withConnection<Result: Sendable>(
        to path: String,
        maximumReply: Int = 16 * 1_024 * 1_024,
        connectTimeout: Duration = .seconds(5),
        _ body: (VarlinkClient) async throws -> Result
    ) async throws -> Result {
        try await Self.withConnections(1, to: path, maximumReply: maximumReply, connectTimeout: connectTimeout) {
            try await body($0[0])
        }
    }

    /// Connects several times, for a service that handles the calls of one connection one after the other.
    ///
    /// - Parameters:
    ///   - count: How many connections to make, at least one.
    ///   - path: The service's Unix socket.
    ///   - maximumReply: As for one connection.
    ///   - connectTimeout: As for one connection.
    ///   - body: Is given `count` clients.
    /// - Returns: What `body` returns.
    /// - Throws: `VarlinkClientError.unreachable`, or what `body` throws.
    package static func withConnections<Result: Sendable>(
        _ count: Int,
        to path: String,
        maximumReply: Int = 16 * 1_024 * 1_024,
        connectTimeout: Duration = .seconds(5),
        _ body: ([VarlinkClient]) async throws -> Result
    ) async throws -> Result {
        precondition(count > 0, "at least one connection")
        // One thread of its own: a short-lived program should not start one for each core.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let result: Swift.Result<Result, any Error>
        do {
            var clients: [VarlinkClient] = []
            while clients.count < count {
                clients.append(try await Self.connect(to: path, on: group, maximumReply, connectTimeout))
            }
            result = .success(try await body(clients))
        } catch {
            result = .failure(error)
        }
        // Closes the connections as well.
        try? await group.shutdownGracefully()
        return try result.get()
    }

    private static func connect(
        to path: String,
        on group: MultiThreadedEventLoopGroup,
        _ maximumReply: Int,
        _ timeout: Duration
    ) async throws -> VarlinkClient {
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(timeout))
                .connect(unixDomainSocketPath: path) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        let handler = ReplyHandler(eventLoop: channel.eventLoop)
                        let pipeline = channel.pipeline.syncOperations
                        try pipeline.addHandler(ByteToMessageHandler(FrameDecoder(maximumLength: maximumReply)))
                        try pipeline.addHandler(MessageToByteHandler(FrameEncoder()))
                        try pipeline.addHandler(handler)
                        return VarlinkClient(
                            channel: channel,
                            handler: NIOLoopBound(handler, eventLoop: channel.eventLoop)
                        )
                    }
                }
        } catch {
            throw VarlinkClientError.unreachable(VarlinkClientError.Obstacle(error))
        }
    }

    /// Makes a call that has one answer.
    ///
    /// - Parameters:
    ///   - call: Neither `oneway` nor `more`.
    ///   - timeout: How long to wait for the answer; `nil` for as long as it takes.
    /// - Returns: The answer's parameters: one JSON object.
    /// - Throws: `VarlinkClientError`; `CancellationError` if the task is cancelled, which closes the connection.
    package func call(_ call: VarlinkCall, timeout: Duration? = nil) async throws -> ByteBuffer {
        try await self.start(call, timeout: timeout).value()
    }

    /// Sends a call and returns without waiting; calls started one after the other are sent in that order.
    ///
    /// - Parameters:
    ///   - call: Neither `oneway` nor `more`.
    ///   - timeout: How long to wait for the answer, counted from now.
    /// - Returns: The way to the answer.
    package func start(_ call: VarlinkCall, timeout: Duration? = nil) -> PendingReply {
        precondition(!call.oneway && !call.more, "a call with exactly one answer")
        let promise = self.channel.eventLoop.makePromise(of: [ByteBuffer].self)
        self.channel.eventLoop.execute {
            let exchange = Exchange(isStream: false, first: promise)
            self.handler.value.send(call, for: exchange, timeout: timeout)
        }
        return PendingReply(channel: self.channel, replies: promise.futureResult)
    }

    /// Makes a call with `more` and returns its answers' parameters as they come.
    ///
    /// The call is sent when the sequence is iterated, once for each iterator. A consumer that falls behind stops the
    /// reading of the connection, so memory stays bounded; and with it the answers to every other call.
    ///
    /// `timeout` limits the wait for the first answer; there is no limit between answers.
    package func replies(to call: VarlinkCall, timeout: Duration? = nil) -> VarlinkReplies {
        var call = call
        call.more = true
        return VarlinkReplies(client: self, call: call, timeout: timeout)
    }

    fileprivate func begin(_ call: VarlinkCall, timeout: Duration?) async throws -> ([ByteBuffer], StreamHandle) {
        let handle = StreamHandle(loop: self.channel.eventLoop)
        let promise = self.channel.eventLoop.makePromise(of: [ByteBuffer].self)
        self.channel.eventLoop.execute {
            let exchange = Exchange(isStream: true, first: promise)
            handle.exchange.value = exchange
            self.handler.value.send(call, for: exchange, timeout: timeout)
        }
        let first = try await PendingReply(channel: self.channel, replies: promise.futureResult).all()
        return (first, handle)
    }

    fileprivate func next(_ handle: StreamHandle) async throws -> [ByteBuffer] {
        let promise = self.channel.eventLoop.makePromise(of: [ByteBuffer].self)
        self.channel.eventLoop.execute {
            guard let exchange = handle.exchange.value else { return promise.succeed([]) }
            self.handler.value.take(from: exchange, promise)
        }
        return try await PendingReply(channel: self.channel, replies: promise.futureResult).all()
    }
}

/// A call that has been sent and may be answered by now.
///
/// Nobody has to ask for the answer.
package struct PendingReply: Sendable {
    fileprivate let channel: any Channel
    fileprivate let replies: EventLoopFuture<[ByteBuffer]>

    /// Waits for the answer and returns its parameters.
    ///
    /// - Throws: `VarlinkClientError`; `CancellationError` if the task is cancelled, which closes the connection.
    package func value() async throws -> ByteBuffer {
        guard let reply = try await self.all().first else { throw VarlinkClientError.closed }
        return reply
    }

    fileprivate func all() async throws -> [ByteBuffer] {
        try await withTaskCancellationHandler {
            do {
                return try await self.replies.get()
            } catch {
                try Task.checkCancellation()
                throw error
            }
        } onCancel: {
            // The protocol has no word for "never mind". Closing fails everything that is outstanding.
            self.channel.close(promise: nil)
        }
    }
}

/// The answers to one call with `more`, each as one JSON object.
///
/// Ends after the answer that does not say `continues`.
package struct VarlinkReplies: AsyncSequence, Sendable {
    fileprivate let client: VarlinkClient
    fileprivate let call: VarlinkCall
    fileprivate let timeout: Duration?

    package func makeAsyncIterator() -> Iterator {
        Iterator(replies: self)
    }

    package struct Iterator: AsyncIteratorProtocol {
        private let replies: VarlinkReplies
        private var handle: StreamHandle?
        // A whole batch at a time: a million answers one by one would be a million hops between threads.
        private var batch: ArraySlice<ByteBuffer> = []
        private var isFinished = false

        fileprivate init(replies: VarlinkReplies) {
            self.replies = replies
        }

        /// - Throws: `VarlinkClientError`; `CancellationError` if the task is cancelled, which closes the connection.
        package mutating func next() async throws -> ByteBuffer? {
            if let reply = self.batch.popFirst() { return reply }
            guard !self.isFinished else { return nil }
            self.isFinished = true
            if let handle = self.handle {
                self.batch = try await self.replies.client.next(handle)[...]
            } else {
                let (first, handle) = try await self.replies.client.begin(
                    self.replies.call,
                    timeout: self.replies.timeout
                )
                self.batch = first[...]
                self.handle = handle
            }
            self.isFinished = self.batch.isEmpty
            return self.batch.popFirst()
        }
    }
}

/// What an iterator holds of its exchange, which lives on the event loop.
private struct StreamHandle: Sendable {
    let exchange: NIOLoopBoundBox<Exchange?>

    init(loop: any EventLoop) {
        self.exchange = .makeEmptyBox(valueType: Exchange.self, eventLoop: loop)
    }
}
