import Foundation
import LoopbackServer
import RefreshCore
import Sinks
import Testing

@Suite(.timeLimit(.minutes(1))) struct SetKeysSinkTests {
    /// The targets of the requests that arrive for these messages.
    private static func targets(
        of messages: [SinkMessage],
        path: String = "",
        sendsRefreshToken: Bool = false
    ) async throws -> [URLComponents] {
        let targets = AsyncStream<String>.makeStream()
        let outcomes = try await LoopbackServer.serving { conversation in
            while true {
                let head = try await conversation.readRequest().head ?? ""
                targets.continuation.yield(String(head.split(separator: " ")[1]))
                try await conversation.answer("200 OK", body: "{}")
            }
        } body: { server in
            let settings = try Delivery.settings(
                "http://\(server.authority)\(path)",
                sendsRefreshToken: sendsRefreshToken
            )
            return try await Delivery.deliver(messages, settings: settings)
        }
        #expect(outcomes == messages.map { _ in nil })
        targets.continuation.finish()
        var components: [URLComponents] = []
        for await target in targets.stream { components.append(try #require(URLComponents(string: target))) }
        return components
    }

    private static func parameters(_ target: URLComponents) -> [String: String?] {
        Dictionary(uniqueKeysWithValues: (target.queryItems ?? []).map { ($0.name, $0.value) })
    }

    @Test(arguments: [
        ("", "/gdrive/set_keys"), ("/", "/gdrive/set_keys"), ("/social/v2/", "/social/v2/gdrive/set_keys"),
    ])
    func `a token is handed over under the storage key`(base: String, path: String) async throws {
        let target = try #require(try await Self.targets(of: [Delivery.message()], path: base).first)
        #expect(target.path == path)
        #expect(
            Self.parameters(target) == [
                "public_key": "demopublickey", "access_token": "canary-at-1", "token_type": "Bearer",
            ]
        )
    }

    @Test func `the refresh token goes along only when the settings say so`() async throws {
        let message = try Delivery.message(refreshToken: Secret("canary-rt-1"))
        let without = try #require(try await Self.targets(of: [message]).first)
        #expect(Self.parameters(without)["refresh_token"] == nil)
        let with = try #require(try await Self.targets(of: [message], sendsRefreshToken: true).first)
        #expect(Self.parameters(with)["refresh_token"] == "canary-rt-1")
    }

    @Test func `a token of the strangest bytes arrives as it is`() async throws {
        let tokens = [
            "canary&access_token=x", "canary+/=%26%", "canary#é\u{1F511}", "../canary?x", "canary;\\\"<>", "canary\r\n",
        ]
        let targets = try await Self.targets(of: tokens.map { try Delivery.message(accessToken: Secret($0)) })
        #expect(targets.map { Self.parameters($0)["access_token"] } == tokens)
    }

    @Test func `an account of a client without a storage key is refused unsent`() async throws {
        let connections = try await LoopbackServer.serving { _ in
        } body: { server in
            let message = try Delivery.message(account: "box/bob")
            let outcome = try await Delivery.deliver(
                [message],
                settings: Delivery.settings("http://\(server.authority)")
            )
            #expect(outcome == [.refused(message: "no storage key is configured for this client")])
            return server.connections
        }
        #expect(connections == 0)
    }

    @Test(arguments: [
        "{}", "", "[]", "ok", "{\"obj_type\": \"token\", \"error\": \"obj_type\"}",
        "{\"text\": \"\\\"obj_type\\\": \\\"error\\\"\"}",
    ])
    func `a success is accepted, however little it says`(body: String) async throws {
        let outcome = try await Delivery.answered(
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(outcome == nil)
    }

    @Test(arguments: [
        "{\"obj_type\": \"error\", \"error\": \"no\"}",
        " \r\n{\"a\":[1,{\"b\":\"\\\"\",\"obj_type\"\t:\n\"error\"}]}",
        "\u{FEFF}{\"obj_type\":\"error\"}",
    ])
    func `a success with an error object in it is a refusal`(body: String) async throws {
        let outcome = try await Delivery.answered(
            "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(outcome == .refused(message: "answered with an error object"))
    }

    @Test(arguments: [
        ("Content-Type: text/html; charset=utf-8\r\n", "sign in"), ("", "  <!DOCTYPE html>"),
        ("Set-Cookie: auth=1\r\n", ""),
        ("Content-Encoding: gzip\r\n", "{}"),
    ])
    func `a page, a mere cookie or an encoded answer is not counted as accepted`(
        headers: String,
        body: String
    ) async throws {
        let text = "HTTP/1.1 200 OK\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        guard case .unavailable(.malformedAnswer, _, nil) = try await Delivery.answered(text) else {
            Issue.record("counted as something else")
            return
        }
    }

    @Test(arguments: [400, 401, 403, 404, 409, 410, 422, 431])
    func `a client error is a refusal`(status: Int) async throws {
        let outcome = try await Delivery.answered("HTTP/1.1 \(status) No\r\nContent-Length: 6\r\n\r\ncanary")
        #expect(outcome == .refused(message: "answered with status \(status)"))
    }

    @Test(arguments: [
        (408, Cause.timeout), (425, .serverError), (429, .rateLimited), (500, .serverError), (502, .serverError),
        (503, .serverError),
        (504, .serverError),
    ])
    func `a passing failure may be tried again, not before the time the server names`(
        status: Int,
        cause: Cause
    ) async throws {
        let message = "answered with status \(status)"
        for (header, wait) in [
            ("", nil), ("Retry-After: 30\r\n", Duration.seconds(30)),
            ("Retry-After: Mon, 02 Mar 2026 10:02:00 GMT\r\n", .seconds(120)),
            ("Retry-After: 5\r\nRetry-After: 9\r\n", .seconds(9)),
        ] {
            let outcome = try await Delivery.answered("HTTP/1.1 \(status) No\r\n\(header)Content-Length: 0\r\n\r\n")
            #expect(outcome == .unavailable(cause, message: message, retryAfter: wait))
        }
    }

    @Test(arguments: [301, 302, 303, 307, 308])
    func `a redirect is a refusal and is not followed`(status: Int) async throws {
        let (outcomes, connections) = try await LoopbackServer.serving { conversation in
            try await conversation.readRequest()
            let location = "Location: http://127.0.0.1:\(conversation.port)/elsewhere\r\nConnection: close\r\n"
            try await conversation.answer("\(status) Moved", headers: location)
        } body: { server in
            // The second delivery proves that no follower of the first is still on its way in front of it.
            let messages = [try Delivery.message(), try Delivery.message()]
            let outcomes = try await Delivery.deliver(
                messages,
                settings: Delivery.settings("http://\(server.authority)")
            )
            return (outcomes, server.connections)
        }
        #expect(
            outcomes
                == [SinkError?](repeating: .refused(message: "answered with a redirect, status \(status)"), count: 2)
        )
        #expect(connections == 2)
    }

    @Test func `a service that is not there may be tried again`() async throws {
        let port = try await LoopbackServer.serving { _ in
        } body: { server in
            server.port
        }
        let outcomes = try await Delivery.deliver(
            [Delivery.message()],
            settings: Delivery.settings("http://127.0.0.1:\(port)")
        )
        #expect(outcomes == [.unavailable(.network, message: "the connection failed", retryAfter: nil)])
    }

    @Test(arguments: [
        ("", Cause.network), ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", .network),
        ("nonsense\r\n\r\n", .malformedAnswer),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" + String(repeating: "x", count: 0x20000),
            .malformedAnswer
        ),
    ])
    func `an answer that is cut off, too long or no HTTP is not counted as accepted`(
        text: String,
        cause: Cause
    ) async throws {
        guard case .unavailable(cause, _, nil) = try await Delivery.answered(text) else {
            Issue.record("counted as something else")
            return
        }
    }

    @Test func `no failure tells the address or the token`() async throws {
        for text in [
            "", "nonsense", "HTTP/1.1 302 Found\r\nLocation: /canary\r\n\r\n",
            "HTTP/1.1 400 canary\r\nContent-Length: 6\r\n\r\ncanary",
            "HTTP/1.1 503 canary\r\nRetry-After: canary\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n{\"obj_type\":\"error\",\"e\":\"canary\"}",
        ] {
            let outcome = try await Delivery.answered(text)
            #expect(outcome != nil)
            let told = String(reflecting: outcome)
            #expect(!told.contains("canary") && !told.contains("127.0.0.1") && !told.contains("set_keys"))
        }
    }
}
