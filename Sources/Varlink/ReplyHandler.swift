import NIOCore

/// One call on its way: from the moment it is sent until its last answer has been taken.
///
/// Lives on the event loop.
final class Exchange {
    let isStream: Bool
    /// Answers that nobody has asked for yet.
    ///
    /// Only a stream has any.
    fileprivate var replies: [ByteBuffer] = []
    fileprivate var waiting: EventLoopPromise<[ByteBuffer]>?
    /// No further answer will come; with an error if that is not how it should have ended.
    fileprivate var end: Result<Void, VarlinkClientError>?
    fileprivate var timer: Scheduled<Void>?

    init(isStream: Bool, first: EventLoopPromise<[ByteBuffer]>) {
        self.isStream = isStream
        self.waiting = first
    }
}

/// Sends calls and gives each answer to the oldest call that is still open.
final class ReplyHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// Answers kept for slow consumers before reading stops.
    private static let highWater = 256

    private let eventLoop: any EventLoop
    private var context: ChannelHandlerContext?
    private var open: CircularBuffer<Exchange> = []
    private var buffered = 0
    private var isReadHeld = false
    private var isFlushPending = false
    /// Once set, it is what every further call fails with.
    private var failure: VarlinkClientError?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    // MARK: From the client

    func send(_ call: VarlinkCall, for exchange: Exchange, timeout: Duration?) {
        guard self.failure == nil, let context = self.context else {
            self.finish(exchange, .failure(self.failure ?? .closed))
            return
        }
        self.open.append(exchange)
        if let timeout {
            exchange.timer = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(timeout)) {
                self.fail(.timedOut)
            }
        }
        context.write(Self.wrapOutboundOut(call.encoded()), promise: nil)
        // One flush for all calls that come in this turn of the loop, instead of a system call each.
        guard !self.isFlushPending else { return }
        self.isFlushPending = true
        self.eventLoop.assumeIsolated().execute {
            self.isFlushPending = false
            self.context?.flush()
        }
    }

    /// Gives everything that has arrived for `exchange` to `promise`, now or as soon as there is something; an empty
    /// array once there is no more.
    func take(from exchange: Exchange, _ promise: EventLoopPromise<[ByteBuffer]>) {
        if !exchange.replies.isEmpty {
            promise.succeed(exchange.replies)
            self.buffered -= exchange.replies.count
            exchange.replies = []
            self.resumeReading()
        } else if let end = exchange.end {
            promise.completeWith(end.map { [] }.mapError { $0 })
        } else {
            exchange.waiting = promise
        }
    }

    // MARK: From the connection

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(.closed)
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        do throws(MessageError) {
            let reply = try VarlinkReply(parsing: Self.unwrapInboundIn(data))
            self.receive(reply)
        } catch {
            self.fail(.malformed(detail: "an answer cannot be read: \(error)"))
        }
    }

    func read(context: ChannelHandlerContext) {
        if self.buffered >= Self.highWater {
            self.isReadHeld = true
        } else {
            context.read()
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(.closed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch error {
        case FrameError.tooLong(let limit): self.fail(.malformed(detail: "an answer is longer than \(limit) bytes"))
        case FrameError.truncated: self.fail(.closed)
        case is IOError: self.fail(.closed)
        default: self.fail(.malformed(detail: "\(error)"))
        }
    }

    private func receive(_ reply: VarlinkReply) {
        guard let exchange = self.open.first else {
            return self.fail(.malformed(detail: "an answer came that belongs to no call"))
        }
        exchange.timer?.cancel()
        exchange.timer = nil
        if let name = reply.error {
            let parameters = (try? JSONValue(parsing: reply.parameters))?.object ?? [:]
            self.open.removeFirst()
            return self.finish(exchange, .failure(.refused(VarlinkError(name: name, parameters: parameters))))
        }
        guard exchange.isStream || !reply.continues else {
            return self.fail(.malformed(detail: "several answers came to a call that has one"))
        }
        if let waiting = exchange.waiting {
            exchange.waiting = nil
            waiting.succeed([reply.parameters])
        } else {
            exchange.replies.append(reply.parameters)
            self.buffered += 1
        }
        if !reply.continues {
            self.open.removeFirst()
            self.finish(exchange, .success(()))
        }
    }

    private func finish(_ exchange: Exchange, _ end: Result<Void, VarlinkClientError>) {
        exchange.end = end
        exchange.timer?.cancel()
        if let waiting = exchange.waiting {
            exchange.waiting = nil
            waiting.completeWith(end.map { [] }.mapError { $0 })
        }
    }

    /// Ends everything: after a fault nobody can tell which answer belongs to which call.
    private func fail(_ failure: VarlinkClientError) {
        guard self.failure == nil else { return }
        self.failure = failure
        let open = self.open
        self.open = []
        for exchange in open { self.finish(exchange, .failure(failure)) }
        self.context?.close(promise: nil)
    }

    private func resumeReading() {
        guard self.isReadHeld, self.buffered < Self.highWater else { return }
        self.isReadHeld = false
        self.context?.read()
    }
}
