import PracticeProvider
import Testing

/// The judge's own people and codes: whoever passes these checks passes everywhere.
@Suite struct AuthorizationTests {
    /// The pair of RFC 7636 appendix B.
    static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    static let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    static let redirect = "https%3A%2F%2Fapp.example%2Fcb"
    static let asked =
        "response_type=code&client_id=demo&scope=a&state=0123456789abcdef0123456789"
        + "&code_challenge=\(challenge)&code_challenge_method=S256"

    /// Where the browser is sent, taken apart.
    private func location(_ visitor: Visitor, _ query: String) async throws -> [String: String] {
        let reply = try await visitor.send("GET", "/oauth2/authorize?\(query)")
        #expect(reply.status == 302)
        let pairs = (reply.headers["Location"] ?? "").split(separator: "?").last?.split(separator: "&") ?? []
        return Dictionary(
            pairs.map { pair in
                let halves = pair.split(separator: "=", maxSplits: 1).map(String.init)
                return (halves[0], halves.count > 1 ? halves[1] : "")
            },
            uniquingKeysWith: { $1 }
        )
    }

    private func code(_ visitor: Visitor) async throws -> String {
        try #require(try await self.location(visitor, "\(Self.asked)&redirect_uri=\(Self.redirect)")["code"])
    }

    private static func exchange(_ code: String, _ more: String? = nil, verifier: String = Self.verifier) -> String {
        "grant_type=authorization_code&code=\(code)&code_verifier=\(verifier)"
            + (more ?? "&redirect_uri=\(Self.redirect)")
    }

    @Test func `a code is good once, and a second use takes back what it brought`() async throws {
        try await Visitor.visit { visitor in
            let sent = try await self.location(visitor, "\(Self.asked)&redirect_uri=\(Self.redirect)&login_hint=ann")
            #expect(sent["state"] == "0123456789abcdef0123456789" && sent["iss"] != nil)
            let code = try #require(sent["code"])
            let tokens = try await visitor.token(Self.exchange(code))
            let refreshToken = try #require(tokens.refreshToken)
            #expect(tokens.status == 200 && tokens.members["scope"] == .string("a"))
            #expect(try visitor.server.record(of: "demo/ann").generation == 1)
            #expect(visitor.server.isGood(refreshToken: refreshToken))
            #expect(try await visitor.token(Self.exchange(code)).error == "invalid_grant")
            #expect(!visitor.server.isGood(refreshToken: refreshToken))
        }
    }

    @Test func `a code needs its verifier, its redirect URI, its client, and its time`() async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(PracticeClient(id: "other", secret: "s4"))
            let other = Visitor.basic("other", "s4")
            let wrong = String(Self.verifier.reversed())
            #expect(
                try await visitor.token(Self.exchange(self.code(visitor), verifier: wrong)).error == "invalid_grant"
            )
            #expect(try await visitor.token(Self.exchange(self.code(visitor), verifier: "")).error == "invalid_request")
            #expect(try await visitor.token(Self.exchange(self.code(visitor), "")).error == "invalid_grant")
            let elsewhere = "&redirect_uri=https%3A%2F%2Fapp.example%2Fother"
            #expect(try await visitor.token(Self.exchange(self.code(visitor), elsewhere)).error == "invalid_grant")
            let foreign = try await visitor.token(Self.exchange(self.code(visitor)), authorization: other)
            #expect(foreign.error == "invalid_grant")
            let late = try await self.code(visitor)
            visitor.server.clock.advance(by: .seconds(60))
            #expect(try await visitor.token(Self.exchange(late)).error == "invalid_grant")
        }
    }

    @Test func `what lacks a challenge or a state is sent back, and a stranger's address is not followed`() async throws
    {
        try await Visitor.visit { visitor in
            let plain = Self.asked.replacing("S256", with: "plain") + "&redirect_uri=\(Self.redirect)"
            #expect(try await self.location(visitor, plain)["error"] == "invalid_request")
            let guessed =
                Self.asked.replacing("0123456789abcdef0123456789", with: "1") + "&redirect_uri=\(Self.redirect)"
            #expect(try await self.location(visitor, guessed)["error"] == "invalid_request")
            let denied = "\(Self.asked)&redirect_uri=\(Self.redirect)&practice=deny"
            #expect(try await self.location(visitor, denied)["error"] == "access_denied")
            visitor.server.addClient(
                PracticeClient(id: "demo", secret: "s3", redirectURIs: ["http://127.0.0.1/callback"])
            )
            let strange = try await visitor.send("GET", "/oauth2/authorize?\(Self.asked)&redirect_uri=\(Self.redirect)")
            #expect(strange.status == 400 && strange.headers["Location"] == nil)
            let loopback = "\(Self.asked)&redirect_uri=http%3A%2F%2F127.0.0.1%3A4711%2Fcallback"
            #expect(try await self.location(visitor, loopback)["code"] != nil)
        }
    }

    @Test func `a code is shown where there is no address to send it to`() async throws {
        try await Visitor.visit { visitor in
            let page = try await visitor.send("GET", "/oauth2/authorize?\(Self.asked)")
            let code = try #require(page.body.split(separator: "<code>").last?.split(separator: "</code>").first)
            #expect(try await visitor.token(Self.exchange(String(code), "")).status == 200)
        }
    }

    @Test func `a device waits for its user, and is told to slow down when it does not`() async throws {
        try await Visitor.visit { visitor in
            let form = [
                ("Content-Type", "application/x-www-form-urlencoded"), ("Authorization", Visitor.basic("demo", "s3")),
            ]
            let codes = try await visitor.send("POST", "/oauth2/device", headers: form, body: "client_id=demo&scope=a")
            let device = try #require(codes.members["device_code"]?.text)
            let user = try #require(codes.members["user_code"]?.text)
            let question = "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=\(device)"
            #expect(try await visitor.token(question).error == "slow_down")
            visitor.server.clock.advance(by: .seconds(10))
            #expect(try await visitor.token(question).error == "authorization_pending")
            let yes = "{\"user_code\":\"\(user)\",\"approve\":true,\"user\":\"ann\"}"
            #expect(try await visitor.send("POST", "/practice/device", body: yes).status == 204)
            visitor.server.clock.advance(by: .seconds(10))
            #expect(try await visitor.token(question).status == 200)
            visitor.server.clock.advance(by: .seconds(10))
            #expect(try await visitor.token(question).error == "invalid_grant")
        }
    }
}
