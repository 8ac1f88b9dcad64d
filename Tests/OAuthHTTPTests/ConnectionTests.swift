import LoopbackServer
import NIOPosix
@testable import OAuthHTTP
import RefreshCore
import Testing

/// Which connections are made, kept and refused.
@Suite(.timeLimit(.minutes(1))) struct ConnectionTests {
    /// Answers every request on a connection until the client closes it.
    private static let patient: @Sendable (Conversation) async throws -> Void = { conversation in
        while true {
            try await conversation.readRequest()
            try await conversation.answer("200 OK", body: "{}")
        }
    }

    @Test(arguments: [(isSingleUse: true, connections: 3), (isSingleUse: false, connections: 1)])
    func `requests that spend something have a connection each, others share one`(
        isSingleUse: Bool,
        connections: Int
    ) async throws {
        let made = try await LoopbackServer.serving(conversation: Self.patient) { server in
            try await Exchange.with { exchange in
                for _ in 0..<3 {
                    let request = Exchange.request("http://\(server.authority)/token", isSingleUse: isSingleUse)
                    #expect(await exchange.send(request).answer?.status == 200)
                }
                return server.connections
            }
        }
        #expect(made == connections)
    }

    @Test func `a request that spends something does not use a connection that another one has kept`() async throws {
        let made = try await LoopbackServer.serving(conversation: Self.patient) { server in
            try await Exchange.with { exchange in
                for isSingleUse in [false, true] {
                    let request = Exchange.request("http://\(server.authority)/token", isSingleUse: isSingleUse)
                    #expect(await exchange.send(request).answer?.status == 200)
                }
                return server.connections
            }
        }
        #expect(made == 2)
    }

    @Test func `requests under way at once do not wait for each other`() async throws {
        // Each answer waits until all requests have come in, so one queue between them would never end.
        let count = 40
        let arrivals = AsyncStream<Void>.makeStream()
        let all = Signal()
        try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            arrivals.continuation.yield()
            await all.wait()
            try await conversation.answer("200 OK", body: "{}")
        } body: { server in
            try await Exchange.with { exchange in
                await withTaskGroup(of: Int?.self) { group in
                    for _ in 0..<count {
                        group.addTask {
                            await exchange.send(Exchange.request("http://\(server.authority)/token")).answer?.status
                        }
                    }
                    var arrived = 0
                    for await _ in arrivals.stream {
                        arrived += 1
                        if arrived == count { break }
                    }
                    all.send()
                    for await status in group { #expect(status == 200) }
                }
            }
        }
    }

    @Test func `an IPv6 host is reached`() async throws {
        let status = try await LoopbackServer.serving(on: "::1", conversation: Self.patient) { server in
            try await Exchange.with { exchange in
                await exchange.send(Exchange.request("http://\(server.authority)/token")).answer?.status
            }
        }
        #expect(status == 200)
    }

    @Test func `plain http is refused before a connection is made, unless loopback is permitted`() async throws {
        let made = try await LoopbackServer.serving(conversation: Self.patient) { server in
            try await Exchange.with(ClientOptions()) { exchange in
                let result = await exchange.send(Exchange.request("http://\(server.authority)/token"))
                #expect(result.error == .notSent(.held))
            }
            try await Exchange.with { exchange in
                let result = await exchange.send(Exchange.request("http://localhost:\(server.port)/token"))
                #expect(result.error == .notSent(.held))
            }
            return server.connections
        }
        #expect(made == 0)
    }

    @Test func `a header that cannot be sent is not sent, and its value is in no error`() async throws {
        let (result, made) = try await LoopbackServer.serving(conversation: Self.patient) { server in
            try await Exchange.with { exchange in
                let headers = [(name: "authorization", value: Secret("Basic canary\r\nX-Injected: canary"))]
                let request = Exchange.request("http://\(server.authority)/token", headers: headers)
                return (await exchange.send(request), server.connections)
            }
        }
        #expect(result.error == .notSent(.held))
        #expect(made == 0)
        #expect(!String(reflecting: result).contains("canary"))
    }

    @Test func `the same options give the same clients`() async throws {
        let factory = ClientFactory(group: MultiThreadedEventLoopGroup.singleton, clock: HandClock())
        let first = try factory.endpoint(for: ClientOptions())
        let second = try factory.endpoint(for: ClientOptions())
        let other = try factory.endpoint(for: ClientOptions(insecureLoopback: true))
        #expect(first.pooled === second.pooled)
        #expect(first.pooled !== other.pooled)
        await factory.shutdown()
    }

    @Test func `a factory that was shut down makes nothing`() async throws {
        let factory = ClientFactory(group: MultiThreadedEventLoopGroup.singleton, clock: HandClock())
        await factory.shutdown()
        #expect(throws: ClientFactoryError.shutDown) { try factory.endpoint(for: ClientOptions()) }
    }

    @Test func `a file of private roots that is missing or holds none is refused by name`() async throws {
        let factory = ClientFactory(group: MultiThreadedEventLoopGroup.singleton, clock: HandClock())
        for path in ["/nonexistent/ca.pem", "/etc/hosts"] {
            #expect(throws: ClientFactoryError.noCertificate(path: path)) {
                try factory.endpoint(for: ClientOptions(caFile: path))
            }
        }
        await factory.shutdown()
    }
}
