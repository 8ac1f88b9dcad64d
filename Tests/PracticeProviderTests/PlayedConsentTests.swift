import PracticeProvider
import Testing

/// The ways in are played as strictly as the providers' documents have them.
@Suite(.serialized, .timeLimit(.minutes(1))) struct PlayedConsentTests {
    @Test(arguments: PlayedWay.all)
    func `a code is good once, and a second time ends what the first has brought`(_ way: PlayedWay) async throws {
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way)
            let good = try await visitor.bring(back, way)
            #expect(good.status == 200 && good.body.contains("\"access_token\":\"canary-"))
            #expect(visitor.server.summary().clientRefusals == 0)
            #expect(back["state"] == (way.asked.contains("&state=x") ? "x" : nil))
            let again = try await visitor.bring(back, way)
            #expect(again.status >= 400 || again.error != nil)
            #expect(try visitor.server.record(of: "demo/user").revokedBy == "reuse")
            #expect(visitor.server.summary().clientRefusals == 1)
        }
    }

    @Test(arguments: PlayedWay.all)
    func `what is nearly right is refused, and counted`(_ way: PlayedWay) async throws {
        try await Visitor.take(way) { visitor in
            var refused = 0
            let wrongQueries: [(String) -> String] = [
                { $0.replacing("callback", with: "elsewhere") }, { $0.replacing("demo", with: "nobody") },
                { $0.replacing("response_type=code", with: "response_type=token") }, { $0 + "&frill=1" },
            ]
            for wrong in wrongQueries {
                let back = try await visitor.ask(way, changing: wrong)
                #expect(back["code"] == nil)
                refused += 1
                #expect(visitor.server.summary().clientRefusals == refused)
            }
            let wrongTrades: [(String) -> String] = [
                { $0.replacing("callback", with: "elsewhere") },
                { $0.replacing("&redirect_uri=\(PlayedWay.redirectURI)", with: "") },
                { $0.replacing("client_id=demo", with: "client_id=nobody") }, { $0 + "&frill=1" },
                { $0.replacing("code=canary", with: "code=other") },
            ]
            for wrong in wrongTrades {
                let back = try await visitor.ask(way)
                let reply = try await visitor.bring(back, way, changing: wrong)
                #expect(reply.status >= 400 || reply.error != nil)
                refused += 1
                #expect(visitor.server.summary().clientRefusals == refused)
            }
            // A path that is nearly right.
            var bent = way
            bent.authorize = way.authorize.hasSuffix("/") ? String(way.authorize.dropLast()) : way.authorize + "/"
            let back = try await visitor.ask(bent)
            #expect(back.isEmpty)
            #expect(visitor.server.summary().clientRefusals == refused + 1)
            #expect(visitor.server.records().isEmpty)
        }
    }

    @Test(arguments: PlayedWay.all.filter { $0.brought.contains("code_verifier") })
    func `who knows of proofs wants the right one`(_ way: PlayedWay) async throws {
        try await Visitor.take(way) { visitor in
            let wrongs: [(String) -> String] = [
                { $0.replacing("canary-verifier-", with: "canary-verifies-") },
                { $0.replacing("&code_verifier=\(PlayedWay.verifier)", with: "") },
            ]
            for wrong in wrongs {
                let back = try await visitor.ask(way)
                let reply = try await visitor.bring(back, way, changing: wrong)
                #expect(reply.status >= 400 || reply.error != nil)
            }
            let other = try await visitor.ask(way) { $0 + "&code_challenge_method=S512" }
            #expect(other["code"] == nil)
        }
    }

    @Test(arguments: [PlayedProvider.dropbox, .smartfile, .gitshare, .vkid])
    func `without a challenge nobody is let through where one is needed`(_ provider: PlayedProvider) async throws {
        let way = try PlayedWay.of(provider)
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way) { query in
                query.split(separator: "&").filter { !$0.hasPrefix("code_challenge") }.joined(separator: "&")
            }
            #expect(back["error"] == "invalid_request" && back["code"] == nil)
        }
    }

    @Test(arguments: [
        (PlayedProvider.dropbox, "&token_access_type=offline"), (.gdrive, "&access_type=offline"),
        (.gdrive, "&prompt=consent"), (.onedrive, "%20offline_access"), (.onedriveLive, "%20wl.offline_access"),
    ])
    func `a refresh token comes to those who ask for it`(_ provider: PlayedProvider, _ wish: String) async throws {
        let way = try PlayedWay.of(provider)
        try await Visitor.take(way) { visitor in
            let asked = try await visitor.bring(visitor.ask(way), way)
            #expect(asked.refreshToken != nil)
            let unasked = try await visitor.bring(visitor.ask(way) { $0.replacing(wish, with: "") }, way)
            #expect(unasked.status == 200 && unasked.refreshToken == nil)
            #expect(visitor.server.summary().clientRefusals == 0)
        }
    }

    @Test(arguments: [
        (PlayedProvider.facebook, "user_photos%3Buser_videos", false), (.facebook, "user_photos%20user_videos", true),
        (.instagram, "a%20b", false), (.instagram, "a%2Cb", true), (.vkLegacy, "friends%20offline", false),
        (.vkid, "friends%2Cphotos", false), (.gdrive, "a%2Cb", false), (.onedrive, "a%20%20b", false),
        (.huddle, "any", false),
    ])
    func `scopes are separated in the provider's own way`(
        _ provider: PlayedProvider,
        _ scope: String,
        _ isRight: Bool
    ) async throws {
        let way = try PlayedWay.of(provider)
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way) { query in
                query.split(separator: "&").filter { !$0.hasPrefix("scope=") }.joined(separator: "&")
                    + "&scope=\(scope.replacing("%3B", with: "%2C%2C"))"
            }
            #expect((back["code"] != nil) == isRight)
        }
    }

    @Test func `SmartFile wants a grant type, and GitShare takes none or the right one`() async throws {
        for (provider, takesNone) in [(PlayedProvider.smartfile, false), (.gitshare, true)] {
            var way = try PlayedWay.of(provider)
            way.brought = "&code_verifier=\(PlayedWay.verifier)"
            try await Visitor.take(way) { visitor in
                let none = try await visitor.bring(visitor.ask(way), way)
                #expect((none.status == 200) == takesNone)
                let right = try await visitor.bring(visitor.ask(way), way) { $0 + "&grant_type=authorization_code" }
                #expect(right.status == 200)
                let wrong = try await visitor.bring(visitor.ask(way), way) { $0 + "&grant_type=password" }
                #expect(wrong.status == 400)
            }
        }
    }

    @Test func `VK ID binds the code to the device that it named on the way back`() async throws {
        let way = try PlayedWay.of(.vkid)
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way)
            let device = try #require(back["device_id"])
            let other = try await visitor.bring(back, way) { $0.replacing(device, with: "other") }
            #expect(other.status == 200 && other.error == "invalid_request")
            let good = try await visitor.bring(back, way)
            #expect(good.members["state"]?.text == "y" && good.members["device_id"] == nil)
            let refresh =
                "grant_type=refresh_token&client_id=demo&state=z&refresh_token=\(good.refreshToken ?? "")&device_id="
            let path = "/play/vkid/oauth2/auth"
            let stranger = try await visitor.token(refresh + "other", authorization: nil, path: path)
            #expect(stranger.error == "invalid_request")
            let same = try await visitor.token(refresh + device, authorization: nil, path: path)
            #expect(same.error == nil && same.accessToken != nil)
            let upperCase = try await visitor.ask(way) { $0.replacing("=s256", with: "=S256") }
            #expect(upperCase["error"] == "invalid_request")
        }
    }

    @Test func `Instagram's code brings an hour in a list, and the hour is not told`() async throws {
        let way = try PlayedWay.of(.instagram)
        try await Visitor.take(way) { visitor in
            let reply = try await visitor.bring(visitor.ask(way), way)
            #expect(
                reply.body.hasPrefix("{\"data\":[{\"access_token\":\"canary-") && !reply.body.contains("expires_in")
            )
            let token = try #require(reply.body.split(separator: "\"").first { $0.hasPrefix("canary-") })
            let living = try await visitor.userinfo(String(token))
            #expect(living.status == 200)
            let exchange = "/play/instagram/access_token?grant_type=ig_exchange_token&client_secret=s3&access_token="
            let long = try await visitor.send("GET", exchange + token)
            #expect(long.members["expires_in"] == .number(5_184_000))
            visitor.server.clock.advance(by: .seconds(3_600))
            let ended = try await visitor.userinfo(String(token))
            #expect(ended.status == 401)
            let outliving = try await visitor.userinfo(long.accessToken ?? "")
            #expect(outliving.status == 200)
        }
    }

    @Test func `Facebook's codes are traded with a GET, and its first token is a short-lived one`() async throws {
        var way = try PlayedWay.of(.facebook)
        try await Visitor.take(way) { visitor in
            let good = try await visitor.bring(visitor.ask(way), way)
            #expect(good.members["expires_in"] == .number(3_600))
            let back = try await visitor.ask(way)
            way.method = "POST"
            let posted = try await visitor.bring(back, way)
            #expect(posted.status == 405)
        }
    }

    @Test func `Box's codes live for half a minute`() async throws {
        let way = try PlayedWay.of(.box)
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way)
            visitor.server.clock.advance(by: .seconds(30))
            let late = try await visitor.bring(back, way)
            #expect(late.error == "invalid_grant")
        }
    }

    @Test func `a person may say no`() async throws {
        let way = try PlayedWay.of(.gdrive)
        try await Visitor.take(way) { visitor in
            let back = try await visitor.ask(way) { $0 + "&practice=deny" }
            #expect(back["error"] == "access_denied")
            #expect(visitor.server.summary().clientRefusals == 0)
        }
    }
}
