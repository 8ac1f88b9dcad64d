import LoopbackServer
import NIOPosix
import OAuthHTTP
import RefreshCore

/// The client's side of a test: a factory with a clock that stands still, shut down at the end.
struct Exchange: Sendable {
    static let body = "grant_type=refresh_token&refresh_token=canary-rt-1"

    let clock: HandClock
    let endpoint: HTTPTokenEndpoint

    static func with<R: Sendable>(
        _ options: ClientOptions = ClientOptions(insecureLoopback: true),
        body: @Sendable (Exchange) async throws -> R
    ) async throws -> R {
        let clock = HandClock()
        let factory = ClientFactory(group: MultiThreadedEventLoopGroup.singleton, clock: clock)
        let exchange = Exchange(clock: clock, endpoint: try factory.endpoint(for: options))
        do {
            let result = try await body(exchange)
            await factory.shutdown()
            return result
        } catch {
            await factory.shutdown()
            throw error
        }
    }

    static func request(
        _ url: String,
        body: String = Self.body,
        isSingleUse: Bool = true,
        headers: [(name: String, value: Secret)] = [("authorization", Secret("Basic canary-secret"))]
    ) -> EndpointRequest {
        EndpointRequest(
            url: url,
            headers: headers,
            body: Secret(body),
            isSingleUse: isSingleUse,
            answerTimeout: .seconds(60)
        )
    }

    /// Sends one request, and gives back what came of it as a value.
    func send(
        _ request: EndpointRequest,
        mayRelease: @escaping @Sendable () async -> Bool = { true }
    ) async -> Result<RawAnswer, EndpointError> {
        do { return .success(try await self.endpoint.send(request, mayRelease: mayRelease)) } catch {
            return .failure(error)
        }
    }

    /// One request to a server that holds the given conversation.
    static func once(
        mayRelease: @escaping @Sendable () async -> Bool = { true },
        conversation: @escaping @Sendable (Conversation) async throws -> Void
    ) async throws -> Result<RawAnswer, EndpointError> {
        try await LoopbackServer.serving(conversation: conversation) { server in
            try await Self.with { exchange in
                await exchange.send(Self.request("http://\(server.authority)/token"), mayRelease: mayRelease)
            }
        }
    }
}

extension Result where Success == RawAnswer, Failure == EndpointError {
    var error: EndpointError? { if case .failure(let error) = self { error } else { nil } }
    var answer: RawAnswer? { if case .success(let answer) = self { answer } else { nil } }
}
