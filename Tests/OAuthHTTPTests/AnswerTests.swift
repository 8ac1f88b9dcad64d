import LoopbackServer
import OAuthHTTP
import RefreshCore
import Testing

/// What is made of the bytes that come back.
@Suite(.timeLimit(.minutes(1))) struct AnswerTests {
    /// One request whose answer is these bytes, after which the server closes.
    private static func answered(_ text: String) async throws -> Result<RawAnswer, EndpointError> {
        try await Exchange.once { conversation in
            try await conversation.readRequest()
            try await conversation.send(text)
        }
    }

    @Test func `header names come in lower case and in the order of arrival`() async throws {
        let text = "HTTP/1.1 400 Bad Request\r\nX-B: 1\r\nDate: now\r\nX-B: 2\r\nContent-Length: 2\r\n\r\n{}"
        let answer = try #require(try await Self.answered(text).answer)
        #expect(answer.status == 400)
        #expect(answer.headers.map(\.name) == ["x-b", "date", "x-b", "content-length"])
        #expect(answer.headers.map(\.value) == ["1", "now", "2", "2"])
        #expect(answer.body == Secret("{}"))
    }

    @Test func `an answer that comes byte by byte is put together`() async throws {
        let result = try await Exchange.once { conversation in
            try await conversation.readRequest()
            for byte
                in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{\"\r\n3\r\na\":\r\n2\r\n1}\r\n0\r\n\r\n"
                .utf8
            {
                try await conversation.send([byte])
            }
        }
        #expect(result.answer?.body == Secret("{\"a\":1}"))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{\"a\":1}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 100 Continue\r\n\r\n",
        "",
    ])
    func `an answer that ends before its end is unknown, even if what came is valid JSON`(text: String) async throws {
        #expect(try await Self.answered(text).error == .unknown(.closed))
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ])
    func `an answer that breaks the rules, or is encoded though nobody asked, is malformed`(text: String) async throws {
        #expect(try await Self.answered(text).error == .unknown(.malformed))
    }

    @Test func `the request says that no encoding is wanted`() async throws {
        let received = try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
        } body: { server in
            try await Exchange.with { exchange in
                _ = await exchange.send(Exchange.request("http://\(server.authority)/token"))
                return server.received()
            }
        }
        let head = try #require(received.head).lowercased()
        #expect(head.hasPrefix("post /token http/1.1\r\n"))
        #expect(head.contains("\r\naccept-encoding: identity\r\n"))
        #expect(head.contains("\r\nconnection: close\r\n"))
        #expect(head.contains("\r\ncontent-length: \(Exchange.body.utf8.count)\r\n"))
    }

    @Test func `a body of the largest size is read`() async throws {
        let body = String(repeating: " ", count: HTTPTokenEndpoint.largestBody)
        let result = try await Self.answered("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(result.answer?.body.count == HTTPTokenEndpoint.largestBody)
    }

    @Test func `an announced body above the limit is refused unread`() async throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: \(HTTPTokenEndpoint.largestBody + 1)\r\n\r\n"
        let ended = Signal()
        let result = try await Exchange.once { conversation in
            try await conversation.readRequest()
            // Ends by end of input, or by the error of writing into a connection that the client has closed.
            defer { ended.send() }
            try await conversation.send(text)
            await conversation.readToEnd()
        }
        #expect(result.error == .unknown(.oversize))
        await ended.wait()
    }

    @Test func `chunks without end are read up to the limit, and then the connection is closed`() async throws {
        let ended = Signal()
        let result = try await Exchange.once { conversation in
            try await conversation.readRequest()
            try await conversation.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "1000\r\n" + String(repeating: "x", count: 0x1000) + "\r\n"
            // Ends by the error of writing into a connection that the client has closed.
            defer { ended.send() }
            while true { try await conversation.send(chunk) }
        }
        #expect(result.error == .unknown(.oversize))
        await ended.wait()
    }

    @Test func `interim answers are passed over`() async throws {
        let interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let result = try await Self.answered(
            String(repeating: interim, count: 8) + "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        )
        #expect(result.answer?.status == 200)
    }

    @Test(arguments: [
        String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 9),
        "HTTP/1.1 103 Early Hints\r\nLink: " + String(repeating: "x", count: 40_000) + "\r\n\r\n",
        "HTTP/1.1 200 OK\r\n" + String(repeating: "X-Filler: 0123456789\r\n", count: 2_000),
        "HTTP/1.1 200 OK\r\nX-Filler: " + String(repeating: "x", count: 90_000),
    ])
    func `interim answers and headers without end are cut off at the limit`(text: String) async throws {
        let ended = Signal()
        let result = try await Exchange.once { conversation in
            try await conversation.readRequest()
            // Ends by end of input, or by the error of writing into a connection that the client has closed.
            defer { ended.send() }
            try await conversation.send(text)
            await conversation.readToEnd()
        }
        #expect(result.error == .unknown(.oversize))
        await ended.wait()
    }

    @Test func `what comes after the first answer is not looked at`() async throws {
        let first = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        let result = try await Self.answered(first + "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\nnonsense")
        #expect(result.answer?.status == 200)
        #expect(result.answer?.body == Secret("{}"))
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is handed back and not followed`(status: Int) async throws {
        let (result, connections) = try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            // To itself, as an address of its own would be one more server to watch.
            let port = conversation.port
            try await conversation.answer(
                "\(status) Moved",
                headers: "Location: http://127.0.0.1:\(port)/elsewhere\r\n"
            )
        } body: { server in
            try await Exchange.with { exchange in
                let result = await exchange.send(Exchange.request("http://\(server.authority)/token"))
                // A second request proves that the first has no follower still on its way in front of it.
                let second = await exchange.send(Exchange.request("http://\(server.authority)/token"))
                #expect(second.answer != nil)
                return (result, server.connections)
            }
        }
        #expect(result.answer?.status == status)
        #expect(connections == 2)
    }
}
