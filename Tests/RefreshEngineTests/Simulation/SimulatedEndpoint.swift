import RefreshCore
@testable import RefreshEngine

/// The way from one simulated process to one provider.
struct SimulatedEndpoint: TokenEndpoint {
    let world: World
    let clock: SimulatedClock
    let lane: Int

    func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        let pairs = request.body.reveal().split(separator: "&")
        guard !self.clock.isOver,
            let text = pairs.first(where: { $0.hasPrefix("refresh_token=") }), let serial = World.serial(text)
        else { throw .notSent(.held) }
        let world = self.world
        let present = world.begin(serial, lane: self.lane)
        await self.clock.pause(for: self.delay(1...40))
        if present.fate == .notSent || self.clock.isOver {
            world.finish(present)
            throw .notSent(.connect)
        }
        guard await mayRelease(), !self.clock.isOver else {
            world.finish(present)
            throw .notSent(.held)
        }
        world.release(present)
        // Once in a while the server takes its time.
        let isSlow = world.draw { Int.random(in: 0..<60, using: &$0) } == 0
        await self.clock.pause(for: self.delay(isSlow ? 1_000...50_000 : 5...300))
        guard !self.clock.isOver else { throw .unknown(.closed) }
        let answer = world.act(present)
        let isSilent = if case .silent = present.fate { true } else { false }
        await self.clock.pause(for: isSilent ? request.answerTimeout : self.delay(1...100))
        guard !self.clock.isOver else { throw .unknown(.closed) }
        return try self.end(present, answer)
    }

    private func end(
        _ request: World.Request,
        _ answer: (status: Int, body: String, retryAfter: Int?, issued: Int?)
    ) throws(EndpointError) -> RawAnswer {
        var headers = [(name: "content-type", value: "application/json")]
        if let retryAfter = answer.retryAfter { headers.append((name: "retry-after", value: "\(retryAfter)")) }
        let raw = RawAnswer(status: answer.status, headers: headers, body: Secret(answer.body))
        switch request.fate {
        case .closed:
            self.world.finish(request, isUnknown: true)
            throw .unknown(.closed)
        case .silent:
            self.world.finish(request, isUnknown: true)
            throw .unknown(.timeout)
        case .broken, .garbled:
            self.world.finish(request, isUnknown: true)
        case .answered, .partial:
            self.world.finish(request, reached: answer.issued)
        case .busy, .rejected, .notSent:
            self.world.finish(request, retryAfter: answer.retryAfter)
        }
        return raw
    }

    private func delay(_ milliseconds: ClosedRange<Int64>) -> Duration {
        .milliseconds(self.world.draw { Int64.random(in: milliseconds, using: &$0) })
    }
}
