import LoopbackServer
import OAuthHTTP
import RefreshCore
import Synchronization
import Testing

/// What is on the wire before and after the release, and what a failure on either side of it is called.
@Suite(.timeLimit(.minutes(1))) struct ReleaseTests {
    private static let ok = "{\"access_token\":\"canary-at-1\"}"

    @Test(arguments: [1, 2, 50, 100_000])
    func `all but the last byte is on the wire until the release, then the last one follows`(
        length: Int
    ) async throws {
        let body = String(String(repeating: "canary-", count: length / 7 + 1).prefix(length))
        let arrived = Signal()
        let atRelease = Mutex<Int?>(nil)
        let (result, whole) = try await LoopbackServer.serving { conversation in
            try await conversation.read(bodyBytes: body.utf8.count - 1)
            arrived.send()
            try await conversation.readRequest()
            try await conversation.answer("200 OK", body: Self.ok)
        } body: { server in
            try await Exchange.with { exchange in
                let request = Exchange.request("http://\(server.authority)/token", body: body)
                let result = await exchange.send(request) {
                    await arrived.wait()
                    atRelease.withLock { $0 = server.received().body.count }
                    return true
                }
                return (result, server.received())
            }
        }
        #expect(atRelease.withLock { $0 } == body.utf8.count - 1)
        #expect(String(decoding: whole.body, as: UTF8.self) == body)
        #expect(result.answer?.status == 200)
        #expect(result.answer?.body == Secret(Self.ok))
    }

    @Test func `a request that may not be released is given up, and the server never has the whole of it`() async throws
    {
        let (result, received) = try await LoopbackServer.serving { conversation in
            await conversation.readToEnd()
        } body: { server in
            try await Exchange.with { exchange in
                let result = await exchange.send(Exchange.request("http://\(server.authority)/token")) { false }
                return (result, server.received())
            }
        }
        #expect(result.error == .notSent(.held))
        #expect(received.body.count < Exchange.body.utf8.count)
    }

    @Test func `a connection that ends before the release is not sent, whatever is granted later`() async throws {
        let closed = Signal()
        let result = try await Exchange.once {
            // The grant comes only after the server has gone; it must not turn the failure into an unknown one.
            await closed.wait()
            return true
        } conversation: { conversation in
            try await conversation.read(bodyBytes: Exchange.body.utf8.count - 1)
            // Returning closes; the exchange's end, seen as cancellation, lets the grant go on.
        }
        #expect(result.error == .notSent(.closed))
    }

    @Test func `a connection that ends after the release is unknown`() async throws {
        let result = try await Exchange.once { conversation in try await conversation.readRequest() }
        #expect(result.error == .unknown(.closed))
    }

    @Test func `cancelling before the release gives the request up`() async throws {
        let asked = Signal()
        let (result, received) = try await LoopbackServer.serving { conversation in
            await conversation.readToEnd()
        } body: { server in
            try await Exchange.with { exchange in
                let call = Task {
                    await exchange.send(Exchange.request("http://\(server.authority)/token")) {
                        asked.send()
                        await Signal().wait()  // until its task is cancelled
                        return true
                    }
                }
                await asked.wait()
                call.cancel()
                return (await call.value, server.received())
            }
        }
        #expect(result.error == .notSent(.held))
        #expect(received.body.count < Exchange.body.utf8.count)
    }

    @Test func `cancelling after the release changes nothing: the answer is waited for`() async throws {
        let whole = Signal()
        let cancelled = Signal()
        let result = try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            whole.send()
            await cancelled.wait()
            try await conversation.answer("200 OK", body: Self.ok)
        } body: { server in
            try await Exchange.with { exchange in
                let call = Task { await exchange.send(Exchange.request("http://\(server.authority)/token")) }
                await whole.wait()
                call.cancel()
                cancelled.send()
                return await call.value
            }
        }
        #expect(result.answer?.body == Secret(Self.ok))
    }

    @Test(arguments: ["429 Too Many Requests", "503 Service Unavailable", "200 OK"])
    func `an answer before the release is returned, and the last byte stays here`(status: String) async throws {
        let (result, received) = try await LoopbackServer.serving { conversation in
            try await conversation.read(bodyBytes: Exchange.body.utf8.count - 1)
            try await conversation.answer(status, headers: "Retry-After: 7\r\n", body: "slow down")
            await conversation.readToEnd()
        } body: { server in
            try await Exchange.with { exchange in
                let result = await exchange.send(Exchange.request("http://\(server.authority)/token")) {
                    await Signal().wait()  // until the exchange has ended
                    return true
                }
                return (result, server.received())
            }
        }
        #expect(result.answer?.status == Int(status.prefix(3)))
        #expect(result.answer?.header("retry-after") == "7")
        #expect(received.body.count < Exchange.body.utf8.count)
    }

    @Test func `leave is asked for once`() async throws {
        let asked = Mutex(0)
        let result = try await Exchange.once {
            asked.withLock { $0 += 1 }
            return true
        } conversation: { conversation in
            try await conversation.readRequest()
            try await conversation.answer("200 OK", body: Self.ok)
        }
        #expect(result.answer?.status == 200)
        #expect(asked.withLock { $0 } == 1)
    }

    @Test func `leave is not asked for when no connection can be made`() async throws {
        let port = try await LoopbackServer.serving { _ in
        } body: { server in
            server.port
        }
        let asked = Mutex(false)
        let result = try await Exchange.with { exchange in
            await exchange.send(Exchange.request("http://127.0.0.1:\(port)/token")) {
                asked.withLock { $0 = true }
                return true
            }
        }
        #expect(result.error == .notSent(.connect))
        #expect(!asked.withLock { $0 })
    }

    @Test func `a connection that is not made in time is not sent`() async throws {
        let accepted = Signal()
        let over = Signal()
        let result = try await LoopbackServer.serving { conversation in
            // Reads the client's first TLS message and never answers it.
            accepted.send()
            await over.wait()
        } body: { server in
            try await Exchange.with { exchange in
                // The library goes on connecting for a while, and its shutdown waits for that.
                defer { over.send() }
                let start = exchange.clock.now
                async let sent = exchange.send(Exchange.request("https://127.0.0.1:\(server.port)/token"))
                await accepted.wait()
                await exchange.clock.sleeperArrived(until: start + .seconds(10))
                exchange.clock.advance(by: .seconds(10))
                return await sent
            }
        }
        #expect(result.error == .notSent(.timeout))
    }

    @Test func `an answer that does not come in time is unknown, and the connection is closed`() async throws {
        let ended = Signal()
        let result = try await LoopbackServer.serving { conversation in
            // However it ends: the client may be gone before the answer has begun.
            defer { ended.send() }
            try await conversation.readRequest()
            try await conversation.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
            await conversation.readToEnd()
        } body: { server in
            try await Exchange.with { exchange in
                let start = exchange.clock.now
                async let sent = exchange.send(Exchange.request("http://\(server.authority)/token"))
                await exchange.clock.sleeperArrived(until: start + .seconds(60))
                exchange.clock.advance(by: .seconds(60))
                let result = await sent
                await ended.wait()
                return result
            }
        }
        #expect(result.error == .unknown(.timeout))
    }
}
