import Hummingbird
import NIOCore

/// Does to an answer what a fault says, and sees it out of the door.
struct Performance: Sendable {
    let state: PracticeState
    let channel: any Channel

    /// The line was cut on purpose.
    ///
    /// Never seen by a client: nothing can be written any more.
    struct Cut: Error {}

    /// Performs one request under `fault`, which is nil on a good day.
    ///
    /// - Parameters:
    ///   - fault: What goes wrong.
    ///   - redeem: Ended here, when the answer is out or the line is cut.
    ///   - work: What the endpoint really does. Not called for a fault that comes before the commit.
    /// - Returns: What is to be written; its delivery enters itself.
    /// - Throws: `Cut` when the line was cut, `CancellationError` when the server stops.
    func perform(
        _ fault: Fault?,
        redeem: Redeem? = nil,
        work: @Sendable (inout Ledger, Double) -> Answer
    ) async throws -> Response {
        defer { redeem?.end() }
        guard let fault else { return self.whole(self.state.ledger(work)) }
        self.state.ledger { ledger, _ in ledger.tally.faultsDone += 1 }
        if fault.delay > .zero { try await Task.sleep(for: fault.delay) }
        switch fault.kind {
        case .dropBeforeBody, .dropBeforeCommit:
            return try await self.cut()
        case .dropAfterCommit:
            _ = self.state.ledger(work)
            try await self.waitBeforeAnswer(fault)
            return try await self.cut()
        case .heldBeforeCommit:
            try await self.state.turnstile.pass()
            let answer = self.state.ledger(work)
            try await self.waitBeforeAnswer(fault)
            return self.whole(answer)
        case .held:
            let answer = self.state.ledger(work)
            try await self.state.turnstile.pass()
            return self.whole(answer)
        case .none:
            let answer = self.state.ledger(work)
            try await self.waitBeforeAnswer(fault)
            return self.whole(answer)
        case .status:
            if fault.commits { _ = self.state.ledger(work) }
            try await self.waitBeforeAnswer(fault)
            return self.whole(Self.scripted(fault))
        case .oversize:
            if fault.commits { _ = self.state.ledger(work) }
            try await self.waitBeforeAnswer(fault)
            return self.oversize(bytes: fault.bytes)
        case .truncate:
            let answer = self.state.ledger(work)
            try await self.waitBeforeAnswer(fault)
            return try await self.truncated(answer, after: fault.bytes)
        case .slow:
            let answer = self.state.ledger(work)
            try await self.waitBeforeAnswer(fault)
            return self.slow(answer, pause: fault.pause, redeem: redeem)
        }
    }

    /// Cuts the line; throws always.
    func cut() async throws -> Response {
        await ConnectionWatch.cut(self.channel)
        throw Cut()
    }

    /// The answer as it should be, and its delivery in the ledger.
    func whole(_ answer: Answer) -> Response {
        let response = Self.response(answer, body: ResponseBody(byteBuffer: ByteBuffer(string: answer.body)))
        if let receipt = answer.receipt {
            let state = self.state
            // Head, body and end: Hummingbird writes a body of one buffer in three parts.
            ConnectionWatch.after(writes: 3, on: self.channel) { Self.enter(receipt, in: state) }
        }
        return response
    }

    private func waitBeforeAnswer(_ fault: Fault) async throws {
        if fault.answerDelay > .zero { try await Task.sleep(for: fault.answerDelay) }
    }

    private func truncated(_ answer: Answer, after bytes: Int) async throws -> Response {
        let full = ByteBuffer(string: answer.body)
        // Never whole: a truncation that cuts nothing would be a delivery that the ledger does not know of.
        let length = min(bytes, max(0, full.readableBytes - 1))
        let channel = self.channel
        return Self.response(
            answer,
            body: ResponseBody(contentLength: full.readableBytes) { writer in
                if let part = full.getSlice(at: full.readerIndex, length: length), length > 0 {
                    try await writer.write(part)
                }
                // Or the cut would overtake the bytes.
                try await ConnectionWatch.flushed(channel)
                await ConnectionWatch.cut(channel)
                throw Cut()
            }
        )
    }

    private func slow(_ answer: Answer, pause: Duration, redeem: Redeem?) -> Response {
        let full = ByteBuffer(string: answer.body)
        let (channel, state) = (self.channel, self.state)
        return Self.response(
            answer,
            body: ResponseBody(contentLength: full.readableBytes) { writer in
                for index in full.readableBytesView.indices {
                    if index > full.readerIndex { try await Task.sleep(for: pause) }
                    try await writer.write(full.getSlice(at: index, length: 1) ?? ByteBuffer())
                }
                try await writer.finish(nil)
                guard let receipt = answer.receipt else { return }
                try await ConnectionWatch.flushed(channel)
                Self.enter(receipt, in: state)
            }
        )
    }

    private func oversize(bytes: Int) -> Response {
        let beginning = ByteBuffer(string: "{\"access_token\":\"")
        let filling = ByteBuffer(repeating: UInt8(ascii: "x"), count: 64 * 1_024)
        return Self.response(
            .json(""),
            body: ResponseBody(contentLength: bytes) { writer in
                var left = bytes
                var next = beginning
                while left > 0 {
                    let part = next.readSlice(length: min(left, next.readableBytes)) ?? ByteBuffer()
                    left -= part.readableBytes
                    try await writer.write(part)
                    next = filling
                }
                try await writer.finish(nil)
            }
        )
    }

    private static func scripted(_ fault: Fault) -> Answer {
        var headers = fault.headers
        if fault.body != nil, !headers.keys.contains(where: { $0.lowercased() == "content-type" }) {
            headers["Content-Type"] = fault.contentType
        }
        return Answer(status: fault.status, headers: headers, body: fault.body ?? "")
    }

    private static func enter(_ receipt: Answer.Receipt, in state: PracticeState) {
        state.ledger { ledger, now in
            ledger.delivered(grant: receipt.grant, generation: receipt.generation, at: now)
        }
    }

    private static func response(_ answer: Answer, body: ResponseBody) -> Response {
        var headers = HTTPFields()
        for (name, value) in answer.headers {
            // A name that HTTP does not allow cannot be sent, scripted or not.
            guard let name = HTTPFields.Element.Name(name) else { continue }
            headers[name] = value
        }
        return Response(status: HTTPResponse.Status(code: answer.status), headers: headers, body: body)
    }
}
