import LoopbackServer
import OAuthHTTP
import RefreshCore
import Synchronization
import Testing

/// Requests without a body: nothing can be held back, so leave comes first.
@Suite(.timeLimit(.minutes(1))) struct WholeRequestTests {
    private static func request(_ url: String) -> EndpointRequest {
        EndpointRequest(
            url: url,
            headers: [("accept", Secret("application/json"))],
            body: Secret([]),
            isSingleUse: false,
            answerTimeout: .seconds(60),
            method: .get,
            query: Secret("grant_type=ig_refresh_token&access_token=canary-at-1")
        )
    }

    @Test func `a GET has its secrets in the query and no body`() async throws {
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            try await conversation.answer("200 OK", body: "{}")
        } body: { server in
            try await Exchange.with { exchange in
                let result = await exchange.send(Self.request("http://\(server.authority)/refresh_access_token"))
                #expect(result.answer?.status == 200)
            }
            let head = try #require(server.received().head)
            #expect(
                head.hasPrefix(
                    "GET /refresh_access_token?grant_type=ig_refresh_token&access_token=canary-at-1 HTTP/1.1\r\n"
                )
            )
            #expect(!head.lowercased().contains("content-length"))
            #expect(server.received().body.isEmpty)
        }
    }

    @Test func `without leave nothing is connected`() async throws {
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
        } body: { server in
            try await Exchange.with { exchange in
                let result = await exchange.send(Self.request("http://\(server.authority)/x"), mayRelease: { false })
                #expect(result.error == .notSent(.held))
            }
            #expect(server.connections == 0)
        }
    }

    @Test func `where nobody listens nothing was sent, and no text of the failure has the query`() async throws {
        let port = try await LoopbackServer.serving { _ in
        } body: {
            $0.port
        }
        try await Exchange.with { exchange in
            let result = await exchange.send(Self.request("http://127.0.0.1:\(port)/x"))
            #expect(result.error == .notSent(.connect))
            #expect(!"\(result)".contains("canary"))
        }
    }

    @Test func `a connection that is closed instead of an answer leaves it unknown`() async throws {
        let result = try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
        } body: { server in
            try await Exchange.with { await $0.send(Self.request("http://\(server.authority)/x")) }
        }
        #expect(result.error == .unknown(.closed))
    }

    @Test func `an answer that takes too long is given up`() async throws {
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            await conversation.readToEnd()
        } body: { server in
            try await Exchange.with { exchange in
                async let result = exchange.send(Self.request("http://\(server.authority)/x"))
                // Ten seconds for the connection and sixty for the answer.
                await exchange.clock.sleeperArrived(until: exchange.clock.now + .seconds(70))
                exchange.clock.advance(by: .seconds(71))
                #expect(await result.error == .unknown(.timeout))
            }
        }
    }
}
