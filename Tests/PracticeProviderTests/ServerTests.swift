import AsyncHTTPClient
import NIOCore
import NIOPosix
import NIOSSL
import PracticeProvider
import Testing

@Suite struct ServerTests {
    @Test func `a client that does not trust the authority does not connect`() async throws {
        try await Visitor.visit { visitor in
            #expect(try await visitor.send("GET", "/practice/summary").status == 200)
            var configuration = HTTPClient.Configuration()
            // Or it tries again for ten seconds.
            configuration.connectionPool.retryConnectionEstablishment = false
            let http = HTTPClient(
                eventLoopGroup: .singletonMultiThreadedEventLoopGroup,
                configuration: configuration
            )
            await #expect(throws: NIOSSLError.self) {
                _ = try await http.execute(
                    HTTPClientRequest(url: visitor.server.url + "/userinfo"),
                    timeout: .seconds(60)
                )
            }
            try await http.shutdown()
            #expect(visitor.server.summary().userinfoRequests == 0)
        }
    }

    @Test func `a kept authority is trusted after a restart`() async throws {
        let first = try PracticeAuthority()
        let kept = try PracticeAuthority(certificatePEM: first.certificatePEM, privateKeyPEM: first.privateKeyPEM)
        try await Visitor.visit(PracticeServer.Options(authority: kept)) { visitor in
            #expect(visitor.server.caCertificatePEM == first.certificatePEM)
            let reply = try await visitor.send("GET", "/practice/summary")
            #expect(reply.status == 200)
        }
        #expect(throws: PracticeError.self) {
            try PracticeAuthority(
                certificatePEM: first.certificatePEM,
                privateKeyPEM: try PracticeAuthority().privateKeyPEM
            )
        }
    }

    @Test func `plain http is there when asked for`() async throws {
        try await Visitor.visit(PracticeServer.Options(plainHTTP: true)) { visitor in
            #expect(visitor.server.url.hasPrefix("http://127.0.0.1:"))
            let grant = try visitor.server.addGrant("demo/alice")
            #expect(try await visitor.redeem(grant.refreshToken).status == 200)
            await visitor.server.settled()
            #expect(try visitor.server.record(of: "demo/alice").answersDelivered == 1)
        }
    }

    @Test func `a port that is taken is told`() async throws {
        try await Visitor.visit { visitor in
            _ = await #expect(throws: PracticeError.self) {
                // SO_REUSEADDR does not share a port that is listened on.
                let second = try await PracticeServer.start(PracticeServer.Options(port: visitor.server.port))
                await second.stop()
            }
        }
    }

    @Test func `one connection serves request after request`() async throws {
        try await Visitor.visit { visitor in
            var token = try visitor.server.addGrant("demo/alice").refreshToken
            for _ in 0..<20 { token = try #require(try await visitor.redeem(token).refreshToken) }
            await visitor.server.settled()
            let summary = visitor.server.summary()
            #expect(summary.connections == 1)
            #expect(summary.answersDelivered == 20)
            #expect(summary.undelivered == 0)
        }
    }

    @Test func `the control side does over HTTP what the interface does in Swift`() async throws {
        try await Visitor.visit { visitor in
            func post(_ path: String, _ body: String) async throws -> Visitor.Reply {
                try await visitor.send("POST", "/practice/" + path, body: body)
            }
            #expect(
                try await post("clients", "{\"id\":\"web\",\"secret\":\"s9\",\"method\":\"client_secret_post\"}").status
                    == 204
            )
            let order =
                "{\"client\":\"web\",\"count\":2,\"prefix\":\"u\",\"rotation\":\"G\",\"grace\":5,\"lifetime\":9,\"scope\":null}"
            let lines = try await post("grants", order).body.split(separator: "\n")
            #expect(lines.count == 2)
            #expect(lines[1].hasPrefix("{\"account\":\"web/u2\",\"token\":{\"access_token\":\"canary-"))
            #expect(lines[1].hasSuffix("},\"issued_at\":1000000}"))
            #expect(!lines[1].contains("scope"))

            let faults =
                "{\"endpoint\":\"token\",\"account\":\"web/u1\",\"faults\":[{\"kind\":\"status\",\"status\":503,\"times\":2}]}"
            #expect(try await post("faults", faults).status == 204)
            #expect(visitor.server.summary().faultsWaiting == 1)
            #expect(try await visitor.send("DELETE", "/practice/faults").status == 204)
            #expect(visitor.server.summary().faultsWaiting == 0)
            #expect(try await post("revoke", "{\"account\":\"web/u1\"}").status == 204)
            #expect(try await post("clock", "{\"advance\":9}").status == 204)

            let record = try await visitor.send("GET", "/practice/grant?account=web/u1")
            #expect(record.body.contains("\"revoked_by\":\"judge\""))
            let summary = try await visitor.send("GET", "/practice/summary")
            #expect(summary.members["grants"] == .number(2))
            #expect(summary.members["revoked"] == .number(1))
            #expect(try await visitor.send("GET", "/practice/grants").body.split(separator: "\n").count == 2)
            #expect(try await visitor.send("GET", "/practice/deliveries").body == "[]")
        }
    }

    @Test(arguments: [
        ("clients", "{}"), ("grants", "{\"client\":\"nobody\"}"), ("grants", "{\"client\":\"demo\",\"count\":0}"),
        ("grants", "{\"client\":\"demo\",\"rotation\":\"Z\"}"), ("grants", "not JSON"),
        ("faults", "{\"endpoint\":\"set_keys\",\"client\":\"demo\",\"faults\":[]}"),
        ("faults", "{\"endpoint\":\"token\",\"faults\":[{\"kind\":\"earthquake\"}]}"), ("revoke", "{}"),
    ])
    func `the control side says what is wrong with an order`(path: String, body: String) async throws {
        try await Visitor.visit { visitor in
            let reply = try await visitor.send("POST", "/practice/" + path, body: body)
            #expect(reply.status == 400)
            #expect(reply.error?.isEmpty == false)
            #expect(visitor.server.records().isEmpty)
        }
    }

    @Test func `an order that fails makes no grant at all`() async throws {
        try await Visitor.visit { visitor in
            _ = try visitor.server.addGrant("demo/user-3")
            #expect(throws: PracticeError.accountExists("demo/user-3")) {
                try visitor.server.addGrants(GrantOrder(client: "demo", count: 5))
            }
            #expect(visitor.server.records().map(\.account) == ["demo/user-3"])
        }
    }
}
