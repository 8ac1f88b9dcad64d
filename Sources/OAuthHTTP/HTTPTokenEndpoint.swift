import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import RefreshCore

/// `TokenEndpoint` over AsyncHTTPClient.
///
/// One call is a small conversation between tasks, and `exchange` is the one place that decides in it:
///
/// ```
/// perform    connect ── all but the last byte ──┐           ┌─ last byte ── head ── body ──► answer
/// exchange                                 handed over ── decides                            end
/// mayRelease                                    └── leave? ─┘
/// ```
///
/// Two deadlines stand beside it, each with one sleeper for all requests.
package struct HTTPTokenEndpoint: TokenEndpoint {
    /// The largest body that is read (facts E11).
    package static let largestBody = 256 * 1_024

    /// Its connections are used once and never kept.
    let singleUse: HTTPClient
    /// Its connections are kept alive between requests.
    let pooled: HTTPClient
    let connectTimeout: Duration
    let clock: any WallClock
    let addresses: CheckedAddresses
    private let connecting: Deadlines
    let answering: Deadlines

    /// - Parameters:
    ///   - singleUse: Uses each connection once.
    ///   - pooled: Keeps connections alive.
    ///   - insecureLoopback: Whether `http` to this host is let through.
    ///   - connectTimeout: For name resolution, connection and TLS together.
    ///   - clock: Measures both deadlines.
    init(
        singleUse: HTTPClient,
        pooled: HTTPClient,
        insecureLoopback: Bool,
        connectTimeout: Duration,
        clock: any WallClock
    ) {
        self.singleUse = singleUse
        self.pooled = pooled
        self.connectTimeout = connectTimeout
        self.clock = clock
        self.addresses = CheckedAddresses(insecureLoopback: insecureLoopback)
        self.connecting = Deadlines(clock: clock)
        self.answering = Deadlines(clock: clock)
    }

    /// Deadlines of requests that are under way.
    var pendingDeadlines: Int { self.connecting.count + self.answering.count }

    /// Sends a request as `TokenEndpoint` describes.
    ///
    /// An answer that comes before the release, like the 429 of a load balancer that reads no bodies, is returned as
    /// it is, and the last byte stays here. `mayRelease` is then not called, or not heeded; if it runs when the exchange
    /// ends, its task is cancelled, and it is waited for.
    ///
    /// Connecting has 10 seconds; the time `mayRelease` takes is its own; from the release on, the whole answer has
    /// `request.answerTimeout`.
    ///
    /// A GET has no body, and so no last byte; see `sendWhole`.
    ///
    /// - Precondition: `request.body` is not empty, but for a GET.
    package func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async throws(EndpointError) -> RawAnswer {
        // Checked when the configuration was read, and again here, where the secret would leave.
        guard let url = self.addresses.checked(request.url) else { throw .notSent(.held) }
        guard request.method != .get else {
            return try await self.sendWhole(request, url: url, mayRelease: mayRelease)
        }
        let release = Release()
        // A task of its own, because after the release a cancelled caller must not take the request with it: the answer
        // may hold the only good refresh token. It ends with the answer, or with `answerTimeout`.
        let exchange = Task {
            await self.exchange(request, url: url, release: release, mayRelease: mayRelease)
        }
        release.expires { exchange.cancel() }
        let connecting = self.connecting.set(self.clock.now + self.connectTimeout) {
            // Handed over, it is no longer the connection that takes time.
            if !release.hasBeenHandedOver, release.decide(.givenUp(.timeout)) { exchange.cancel() }
        }
        defer { self.connecting.clear(connecting) }
        let outcome = await withTaskCancellationHandler {
            await exchange.value
        } onCancel: {
            if release.decide(.givenUp(.held)) { exchange.cancel() }
        }
        return try outcome.get()
    }
}

extension HTTPTokenEndpoint {
    private enum Event: Sendable {
        /// The exchange ended before anybody was asked.
        case notAsked
        case leave(isGranted: Bool)
        case ended(Ending)
    }

    /// How a request ended, before it is judged whether it was sent.
    private enum Ending: Sendable {
        case answer(RawAnswer)
        case failure(EndpointError.Reason)
    }

    private func exchange(
        _ request: EndpointRequest,
        url: String,
        release: Release,
        mayRelease: @escaping @Sendable () async -> Bool
    ) async -> Result<RawAnswer, EndpointError> {
        await withTaskGroup(of: Event.self) { group in
            group.addTask { .ended(await self.perform(request, url: url, release: release)) }
            group.addTask {
                guard await release.isHandedOver() else { return .notAsked }
                return .leave(isGranted: await mayRelease())
            }

            var answering: Int?
            var ending = Ending.failure(.held)
            // To the last child, so that no `mayRelease` runs on after the call has returned.
            while let event = await group.next() {
                switch event {
                case .notAsked:
                    break
                case .leave(isGranted: false):
                    if release.decide(.givenUp(.held)) { group.cancelAll() }
                case .leave(isGranted: true):
                    guard release.decide(.released) else { break }
                    answering = self.answering.set(self.clock.now + request.answerTimeout) { release.expire() }
                case .ended(let how):
                    ending = how
                    release.end()
                    group.cancelAll()
                }
            }
            if let answering { self.answering.clear(answering) }

            switch (ending, release.decided) {
            case (.answer(let answer), _): return .success(answer)
            case (.failure(let reason), .released): return .failure(.unknown(release.isExpired ? .timeout : reason))
            case (.failure, .givenUp(let reason)): return .failure(.notSent(reason))
            case (.failure(let reason), .answered), (.failure(let reason), nil): return .failure(.notSent(reason))
            }
        }
    }

    /// The request from its connection to the end of its answer.
    private func perform(
        _ request: EndpointRequest,
        url: String,
        release: Release
    ) async -> Ending {
        do {
            let client = request.isSingleUse ? self.singleUse : self.pooled
            // No deadline down there: it would run on a clock that stands still while the host is suspended.
            let response = try await client.execute(
                Self.message(for: request, url: url, release: release),
                deadline: .distantFuture
            )
            release.decide(.answered)
            return .answer(try await Self.read(response))
        } catch {
            let reason = EndpointError.Reason(error, isConnected: release.isConnected)
            // Here and not later: the last byte must not leave any more once the failure is known.
            release.decide(.givenUp(reason))
            return .failure(reason)
        }
    }

    private static func message(for request: EndpointRequest, url: String, release: Release) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: url)
        switch request.method {
        case .post: message.method = .POST
        case .delete: message.method = .DELETE
        case .get: message.method = .GET
        }
        for (name, value) in request.headers { message.headers.add(name: name, value: value.reveal()) }
        if !message.headers.contains(name: "accept-encoding") {
            // Saying nothing would permit every coding (RFC 9110 §12.5.3).
            message.headers.add(name: "accept-encoding", value: "identity")
        }
        if request.isSingleUse { message.headers.add(name: "connection", value: "close") }
        let body = HeldBackBody(ByteBuffer(bytes: request.body.revealBytes()), release: release)
        message.body = .stream(body, length: .known(Int64(body.count)))
        return message
    }

    static func read(_ response: HTTPClientResponse) async throws -> RawAnswer {
        // 101 is the one interim answer that gets here; we asked for no other protocol.
        guard response.status.code >= 200 else { throw AnswerFault.malformed }
        // Not asked for, so not unpacked: a small body can unpack to an enormous one (facts E12).
        let codings = response.headers[canonicalForm: "content-encoding"]
        guard codings.allSatisfy({ $0.lowercased() == "identity" }) else { throw AnswerFault.malformed }
        if let length = response.headers.first(name: "content-length").flatMap({ Int($0) }) {
            guard length <= Self.largestBody else { throw AnswerFault.oversize }
        }

        var body: [UInt8] = []
        for try await part in response.body {
            // Before the bytes are kept. Leaving the loop closes the connection, so no more are read either.
            guard body.count + part.readableBytes <= Self.largestBody else { throw AnswerFault.oversize }
            body.append(contentsOf: part.readableBytesView)
        }
        return RawAnswer(
            status: Int(response.status.code),
            headers: response.headers.map { (name: $0.name.lowercased(), value: $0.value) },
            body: Secret(body)
        )
    }
}
