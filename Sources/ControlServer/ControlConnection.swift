import ControlAPI
import Logging
import NIOCore
import RefreshCore
import RefreshEngine
import Varlink

/// One connection: takes calls off the stream, answers what can be answered at once, and keeps the answers in order.
///
/// A channel handler and not a task: what most callers ask for is answered on the event loop, in the same turn in which
/// its bytes arrived. Calls are taken one after the other, and none before there is room for its answer; so nothing but
/// bytes that have not been looked at ever waits here, and of those no more than one message and one read.
final class ControlConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// Told to every connection when service ends: finish what is under way, then close.
    struct Drain: Sendable {}

    typealias Job = @concurrent @Sendable () async -> Void

    private struct OngoingCall {
        var number: Int
        /// The caller wants no answer.
        var isSilent: Bool
        /// The account that is put, for a call that others may run beside.
        var puts: String?
        var answer: ByteBuffer?
    }

    private let router: CallRouter
    private let limits: ControlLimits
    private let caller: Caller
    /// Nil for whom no rate holds.
    private let budget: CallBudget?
    /// Runs what outlives the connection, and the runner of what does not.
    private let run: @Sendable (@escaping Job) -> Void
    private let leave: (any Channel) -> Void

    private var context: ChannelHandlerContext?
    private var decoder: FrameDecoder
    /// Bytes that have not been taken.
    private var inbound = ByteBuffer()
    /// Answers of this turn, written together.
    private var outbound = ByteBuffer()
    /// A call that has been read and must wait for those before it.
    private var held: VarlinkCall?
    private var calls: [OngoingCall] = []
    private var nextNumber = 0
    private var jobs: AsyncStream<Job>.Continuation?
    /// The stream of answers that waits for the reader.
    private var sender: CheckedContinuation<Bool, Never>?

    /// There is no whole message among the bytes.
    private var needsBytes = true
    private var isInputClosed = false
    /// No call is taken any more; the connection is closed once those under way have been answered.
    private var isEnding = false
    private var isClosing = false
    /// Something was handed to the channel and not sent on its way.
    private var mustFlush = false
    /// Whether a whole call has come.
    private var hasTakenCall = false
    /// The end of service has begun before the first call came.
    private var endsAfterOneCall = false
    /// The user has made all the calls of this while.
    private var isHeldBack = false
    private var isAdvancing = false
    private var mustAdvanceAgain = false
    private var timers: ConnectionTimers

    init(
        router: CallRouter,
        limits: ControlLimits,
        caller: Caller,
        budget: CallBudget?,
        run: @escaping @Sendable (@escaping Job) -> Void,
        leave: @escaping (any Channel) -> Void
    ) {
        self.router = router
        self.limits = limits
        self.caller = caller
        self.budget = budget
        self.run = run
        self.leave = leave
        self.decoder = FrameDecoder(maximumLength: limits.messageLength)
        self.timers = ConnectionTimers(limits: limits)
    }

    // MARK: What the channel tells

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.forget() }

    func channelActive(context: ChannelHandlerContext) {
        self.timers.active(at: context.eventLoop.now)
        self.advance()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = self.unwrapInboundIn(data)
        if self.inbound.readableBytes == 0 {
            self.inbound = bytes
        } else {
            self.inbound.discardReadBytes()
            self.inbound.writeBuffer(&bytes)
        }
        self.timers.active(at: context.eventLoop.now)
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.advance() }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { self.takeSender()?.resume(returning: true) }
        self.advance()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is Drain:
            self.held = nil
            if self.hasTakenCall {
                self.isEnding = true
            } else {
                // Accepted, and not read yet: who has got in is answered once, so that a restart loses nobody.
                self.endsAfterOneCall = true
                self.waitForFirstCall(context, turns: 10)
            }
            // Only a watcher's call has no end of its own. Every connection is being told the same, so no stream is
            // ended that would have gone on.
            self.router.engine.watchers.finish()
            self.advance()
        case ChannelEvent.inputClosed:
            // Whoever has closed only his sending side still gets his answers.
            self.isInputClosed = true
            self.advance()
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// Half a second, counted in turns of the loop: one that was held up reads what has come before it gives up.
    private func waitForFirstCall(_ context: ChannelHandlerContext, turns: Int) {
        context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) {
            guard let context = self.context, !self.isEnding else { return }
            guard turns > 1 else {
                self.isEnding = true
                return self.advance()
            }
            self.waitForFirstCall(context, turns: turns - 1)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { self.forget() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func forget() {
        guard let context else { return }
        self.context = nil
        self.leave(context.channel)
        self.timers.stop()
        self.inbound = ByteBuffer()
        self.held = nil
        self.calls = []
        // Ends the calls that only look; the others go on without us.
        self.jobs?.finish()
        self.takeSender()?.resume(returning: false)
    }

    private func takeSender() -> CheckedContinuation<Bool, Never>? {
        let sender = self.sender
        self.sender = nil
        return sender
    }

    // MARK: One turn

    /// Takes what can be taken, writes what can be written, and sees what to wait for.
    private func advance() {
        guard !self.isAdvancing else {
            self.mustAdvanceAgain = true
            return
        }
        self.isAdvancing = true
        repeat {
            self.mustAdvanceAgain = false
            self.takeCalls()
            self.flush()
        } while self.mustAdvanceAgain
        self.isAdvancing = false
        self.waitForMore()
    }

    private func takeCalls() {
        while let context, !self.isEnding, self.hasRoom(context) {
            if self.held == nil {
                // Calls are done one after the other, but for puts of different accounts: many of those make one commit.
                guard self.calls.isEmpty || (self.calls.last?.puts != nil && self.calls.count < self.limits.calls)
                else {
                    return
                }
                guard !self.mustWaitForBudget(context), let frame = self.nextFrame() else { return }
                self.budget?.count(context.eventLoop.now)
                self.hasTakenCall = true
                defer { if self.endsAfterOneCall { self.isEnding = true } }
                if self.calls.isEmpty, let token = self.router.tokenAtOnce(frame, for: self.caller) {
                    self.outbound.writeBytes(token.reply)
                    continue
                }
                // A message that cannot be read has no answer, and a peer without rights any more is owed none.
                guard let call = try? VarlinkCall(parsing: frame), self.caller.mayConnect else {
                    self.isEnding = true
                    return
                }
                self.held = call
            }
            guard let call = self.held, self.mayStart(call) else { return }
            self.held = nil
            self.start(call, context)
        }
    }

    /// Whether the user has to wait; if so, the calls are looked at again when the wait is over, and not read before.
    private func mustWaitForBudget(_ context: ChannelHandlerContext) -> Bool {
        guard let opensAt = self.budget?.opensAt(context.eventLoop.now) else { return false }
        self.needsBytes = false
        guard !self.isHeldBack else { return true }
        self.isHeldBack = true
        context.eventLoop.assumeIsolated().scheduleTask(deadline: opensAt) {
            self.isHeldBack = false
            // What is there may be no whole message.
            self.needsBytes = true
            self.advance()
        }
        return true
    }

    /// The next whole message; nil when more bytes are needed, or the stream cannot be followed any further.
    private func nextFrame() -> ByteBuffer? {
        do throws(FrameError) {
            let frame = try self.decoder.decode(buffer: &self.inbound)
            self.needsBytes = frame == nil
            if frame != nil { self.timers.messageEnded() }
            return frame
        } catch {
            self.isEnding = true
            return nil
        }
    }

    /// Whether a full answer could be queued.
    private func hasRoom(_ context: ChannelHandlerContext) -> Bool {
        if self.outbound.readableBytes >= self.limits.answerBytes { self.write(context) }
        return context.channel.isWritable
    }

    private func mayStart(_ call: VarlinkCall) -> Bool {
        guard !self.calls.isEmpty else { return true }
        guard let account = Self.puts(call) else { return false }
        return self.calls.allSatisfy { $0.puts != nil && $0.puts != account }
    }

    private static func puts(_ call: VarlinkCall) -> String? {
        call.method == Call.Put.fullMethod ? call.arguments["account"]?.string : nil
    }

    private func start(_ call: VarlinkCall, _ context: ChannelHandlerContext) {
        let number = self.nextNumber
        self.nextNumber += 1
        self.calls.append(OngoingCall(number: number, isSilent: call.oneway, puts: Self.puts(call)))
        switch self.router.handling(of: IncomingCall(call: call, caller: self.caller)) {
        case .answer(let answer):
            self.finish(number, answer)
        case .work(let purpose, let work):
            let outlet = Outlet(self, number, on: context.eventLoop)
            let job: Job = { outlet.finish(await work()) }
            switch purpose {
            case .looks: self.runHere(job)
            case .changes: self.run(job)
            }
        case .stream(let body):
            let outlet = Outlet(self, number, on: context.eventLoop)
            self.runHere { await body(outlet) }
        }
    }

    /// Runs a job that ends with the connection.
    private func runHere(_ job: @escaping Job) {
        if self.jobs == nil {
            let (jobs, continuation) = AsyncStream.makeStream(of: Job.self)
            self.jobs = continuation
            self.run {
                await withDiscardingTaskGroup { group in
                    for await job in jobs { group.addTask(operation: job) }
                    group.cancelAll()
                }
            }
        }
        self.jobs?.yield(job)
    }

    // MARK: What calls come to

    /// Gives a call its last answer, and passes on every answer whose turn it is.
    func finish(_ number: Int, _ answer: ByteBuffer) {
        guard let context, let index = self.calls.firstIndex(where: { $0.number == number }) else { return }
        self.calls[index].answer = answer
        while let first = self.calls.first, var answer = first.answer {
            self.calls.removeFirst()
            if !first.isSilent { self.outbound.writeBuffer(&answer) }
        }
        self.timers.active(at: context.eventLoop.now)
        self.advance()
    }

    /// Writes one answer of a stream; its call is the only one under way.
    func send(_ answer: ByteBuffer, _ continuation: CheckedContinuation<Bool, Never>) {
        guard let context, !self.isClosing else { return continuation.resume(returning: false) }
        var answer = answer
        self.outbound.writeBuffer(&answer)
        self.sender = continuation
        self.timers.active(at: context.eventLoop.now)
        self.advance()
        if self.context?.channel.isWritable == true { self.takeSender()?.resume(returning: true) }
    }

    /// Ends a stream that has no last answer, and the connection with it.
    func end(_ number: Int) {
        self.calls.removeAll { $0.number == number }
        self.isEnding = true
        self.advance()
    }

    // MARK: The far side

    private func write(_ context: ChannelHandlerContext) {
        guard self.outbound.readableBytes > 0 else { return }
        let bytes = self.outbound
        self.outbound = ByteBuffer()
        self.timers.written += bytes.readableBytes
        self.mustFlush = true
        context.write(self.wrapOutboundOut(bytes), promise: nil)
    }

    /// One flush for all answers of a turn.
    private func flush() {
        guard let context else { return }
        self.write(context)
        guard self.mustFlush else { return }
        self.mustFlush = false
        context.flush()
    }

    private func waitForMore() {
        guard let context, !self.isClosing else { return }
        if self.isInputClosed, self.needsBytes, self.held == nil { self.isEnding = true }
        if self.isEnding, self.calls.isEmpty {
            self.closeOnceWritten(context)
        } else if !self.isEnding, !self.isInputClosed, self.needsBytes, context.channel.isWritable {
            if self.inbound.readableBytes > 0 { self.timers.messageBegan(at: context.eventLoop.now) }
            context.read()
        } else {
            // The rest of a message is not late while it is we who do not read it.
            self.timers.messageEnded()
        }
        self.watchTime()
    }

    private func closeOnceWritten(_ context: ChannelHandlerContext) {
        self.isClosing = true
        let written = context.eventLoop.makePromise(of: Void.self)
        let channel = context.channel
        written.futureResult.whenComplete { _ in channel.close(promise: nil) }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: written)
    }

    // MARK: Time

    private func watchTime() {
        guard let context else { return }
        let now = context.eventLoop.now
        self.timers.look(waiting: self.bytesWaiting(context), isBusy: !self.calls.isEmpty, at: now)
        guard let deadline = self.timers.earlierDeadline() else { return }
        self.timers.arm(
            deadline,
            // On the event loop, as everything here.
            context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { self.timeIsUp() }
        )
    }

    private func timeIsUp() {
        self.timers.fired()
        guard let context else { return }
        let now = context.eventLoop.now
        self.timers.look(waiting: self.bytesWaiting(context), isBusy: !self.calls.isEmpty, at: now)
        guard let reason = self.timers.overdue(at: now) else { return self.watchTime() }
        self.router.logger.debug(
            "a connection is closed",
            metadata: ["uid": "\(self.caller.identity.uid)", LogKeys.reason: "\(reason.rawValue)"]
        )
        context.close(promise: nil)
    }

    private func bytesWaiting(_ context: ChannelHandlerContext) -> Int {
        (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}
