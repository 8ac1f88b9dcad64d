import PracticeProvider
import Testing

/// The parts are played as strictly as the providers' documents have them.
@Suite(.timeLimit(.minutes(1))) struct PlayedProviderTests {
    /// A grant of a provider at the client `demo`, which sends its secret in the body.
    private static func visit(
        _ provider: PlayedProvider,
        secret: String? = "s3",
        _ body: (Visitor, IssuedGrant) async throws -> Void
    ) async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(
                PracticeClient(id: "demo", secret: secret, method: secret == nil ? AuthenticationMethod.none : .post)
            )
            let order = GrantOrder(client: "demo", terms: provider.terms)
            try await body(visitor, try #require(try visitor.server.addGrants(order).first))
        }
    }

    private static func post(_ visitor: Visitor, _ path: String, _ body: String) async throws -> Visitor.Reply {
        try await visitor.token(body, authorization: nil, path: "/play/" + path)
    }

    @Test func `Facebook takes a living token and the client's credentials, and nothing else`() async throws {
        try await Self.visit(.facebook) { visitor, grant in
            let path = "/play/facebook/v25.0/oauth/access_token"
            let query = "grant_type=fb_exchange_token&client_id=demo&client_secret=s3&fb_exchange_token="
            let good = try await visitor.send("GET", "\(path)?\(query)\(grant.accessToken)")
            #expect(good.status == 200 && good.accessToken != grant.accessToken && good.refreshToken == nil)
            let record = try visitor.server.record(of: grant.account)
            #expect(record.generation == 2)
            // The old one stays good until its own end.
            let again = try await visitor.send("GET", "\(path)?\(query)\(grant.accessToken)")
            #expect(again.status == 200)
            #expect(visitor.server.summary().clientRefusals == 0)
            for wrong in [
                "\(path)?\(query)\(grant.accessToken)&scope=x",
                "\(path)?\(query.replacing("s3", with: "s4"))\(grant.accessToken)",
                "\(path)?\(query)", "/play/facebook/v25.0/oauth/access_token/?\(query)\(grant.accessToken)",
            ] {
                let refused = try await visitor.send("GET", wrong)
                #expect(refused.status >= 400, "\(wrong.count)")
            }
            #expect(visitor.server.summary().clientRefusals == 4)
            visitor.server.clock.advance(by: .seconds(5_184_001))
            let expired = try await visitor.send("GET", "\(path)?\(query)\(grant.accessToken)")
            #expect(expired.status == 400 && expired.body.contains("\"code\":190"))
        }
    }

    @Test func `Instagram takes no token on its first day and no client's name`() async throws {
        try await Self.visit(.instagram) { visitor, grant in
            let target =
                "/play/instagram/refresh_access_token?grant_type=ig_refresh_token&access_token=\(grant.accessToken)"
            let early = try await visitor.send("GET", target)
            #expect(early.body.contains("\"code\":100"))
            visitor.server.clock.advance(by: .seconds(86_400))
            let named = try await visitor.send("GET", target + "&client_id=demo")
            #expect(named.status == 400)
            let posted = try await visitor.send("POST", target)
            #expect(posted.status == 405)
            let extended = try await visitor.send("GET", target)
            #expect(extended.status == 200)
            let exchange = "/play/instagram/access_token?grant_type=ig_exchange_token&access_token=\(grant.accessToken)"
            let withoutSecret = try await visitor.send("GET", exchange)
            #expect(withoutSecret.status == 400)
            let longLived = try await visitor.send("GET", exchange + "&client_secret=s3")
            #expect(longLived.status == 400)
        }
    }

    @Test(arguments: [
        (PlayedProvider.box, 60, RefreshTokenStart.issue), (.gdrive, 180, .use), (.onedrive, 90, .issue),
        (.onedriveLive, 180, .issue), (.huddle, 365, .consent),
    ])
    func `a refresh token ends by itself, counted as the provider counts`(
        _ provider: PlayedProvider,
        _ days: Int,
        _ start: RefreshTokenStart
    ) async throws {
        try await Self.visit(provider) { visitor, grant in
            let door = try PlayedWay.of(provider).code
            func refresh(_ token: String) async throws -> Visitor.Reply {
                let address = provider == .onedriveLive ? "&redirect_uri=\(PlayedWay.redirectURI)" : ""
                let body = "grant_type=refresh_token&client_id=demo&client_secret=s3\(address)&refresh_token=\(token)"
                return try await Self.post(visitor, provider.rawValue + door, body)
            }
            let clock = visitor.server.clock
            clock.advance(by: .seconds(days * 86_400 - 1))
            let inTime = try await refresh(grant.refreshToken)
            #expect(inTime.status == 200)
            let token = inTime.refreshToken ?? grant.refreshToken
            clock.advance(by: .seconds(1))
            let atTheFirstEnd = try await refresh(token)
            #expect((atTheFirstEnd.status == 200) == (start != .consent))
            let last = atTheFirstEnd.refreshToken ?? token
            clock.advance(by: .seconds(days * 86_400))
            let late = try await refresh(last)
            #expect(late.status == 400 && late.body.contains("invalid_grant"))
        }
    }

    @Test func `VK ID wants the device and a state, which it repeats, and says no under 200`() async throws {
        try await Self.visit(.vkid, secret: nil) { visitor, grant in
            let body = "grant_type=refresh_token&client_id=demo&refresh_token=\(grant.refreshToken)"
            let device = "&device_id=practice-device-0"
            let noDevice = try await Self.post(visitor, "vkid/oauth2/auth", body + "&state=x")
            #expect(noDevice.error == "invalid_request")
            let noState = try await Self.post(visitor, "vkid/oauth2/auth", body + device)
            #expect(noState.error == "invalid_request")
            let otherDevice = try await Self.post(visitor, "vkid/oauth2/auth", body + "&device_id=other&state=x")
            #expect(otherDevice.error == "invalid_request")
            let good = try await Self.post(visitor, "vkid/oauth2/auth", body + device + "&state=x")
            #expect(good.members["state"]?.text == "x" && good.refreshToken != nil)
            let dead = try await Self.post(visitor, "vkid/oauth2/auth", body + device + "&state=x")
            #expect(dead.status == 200 && dead.error == "invalid_request")
            #expect(dead.members["error_description"]?.text?.contains("refresh_token") == true)
        }
    }

    @Test func `login-live wants its redirect address with each refresh`() async throws {
        try await Self.visit(.onedriveLive) { visitor, grant in
            let body = "grant_type=refresh_token&client_id=demo&client_secret=s3&refresh_token=\(grant.refreshToken)"
            let path = "onedrive-live/oauth20_token.srf"
            let noAddress = try await Self.post(visitor, path, body)
            #expect(noAddress.status == 400)
            let otherAddress = try await Self.post(visitor, path, body + "&redirect_uri=https%3A%2F%2Fother%2F")
            #expect(otherAddress.status == 400)
            let good = try await Self.post(visitor, path, body + "&redirect_uri=https%3A%2F%2Flocalhost%2Fcallback")
            #expect(good.status == 200)
        }
    }

    @Test func `the slash at the end of SmartFile's path is part of it`() async throws {
        try await Self.visit(.smartfile) { visitor, grant in
            let body = "grant_type=refresh_token&client_id=demo&client_secret=s3&refresh_token=\(grant.refreshToken)"
            let withoutSlash = try await Self.post(visitor, "smartfile/oauth2/token", body)
            #expect(withoutSlash.status == 404)
            let withSlash = try await Self.post(visitor, "smartfile/oauth2/token/", body)
            #expect(withSlash.status == 200)
            // And the box next door does not take its tokens.
            let nextDoor = try await Self.post(visitor, "box/oauth2/token", body)
            #expect(nextDoor.status == 400)
        }
    }
}
