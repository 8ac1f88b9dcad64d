import NIOCore

/// One call's way back to its connection, from wherever the call is worked on.
struct Outlet: Sendable {
    private let eventLoop: any EventLoop
    private let connection: NIOLoopBound<ControlConnection>
    private let call: Int

    /// On the connection's event loop.
    init(_ connection: ControlConnection, _ call: Int, on eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.connection = NIOLoopBound(connection, eventLoop: eventLoop)
        self.call = call
    }

    /// Gives the last answer.
    func finish(_ answer: ByteBuffer) {
        self.eventLoop.execute { self.connection.value.finish(self.call, answer) }
    }

    /// Gives one answer of several, and returns once there is room for the next.
    ///
    /// - Returns: False when nobody is there any more; end the call then.
    func send(_ answer: ByteBuffer) async -> Bool {
        await withCheckedContinuation { continuation in
            self.eventLoop.execute { self.connection.value.send(answer, continuation) }
        }
    }

    /// Ends a call that has no last answer; with it ends the connection, for the caller cannot tell otherwise.
    func end() {
        self.eventLoop.execute { self.connection.value.end(self.call) }
    }
}
