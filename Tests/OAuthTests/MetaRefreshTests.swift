import RefreshCore
import Testing

@testable import OAuth

@Suite struct MetaRefreshTests {
    private let grant = Grant(refreshToken: Secret("canary-at 1"))

    private static func facts(lives lifetime: Duration?) -> TokenFacts {
        TokenFacts(
            tokenType: "Bearer",
            scope: [],
            issuedAt: .epoch,
            expiresAt: lifetime.map { .epoch + $0 }
        )
    }

    private static func client(_ profile: ProviderProfile, secret: Secret? = Secret("canary-s&")) throws -> OAuthClient
    {
        try RefreshRequestTests.client(profile, secret: secret, endpoint: profile.filled(with: [:]).tokenEndpoint)
    }

    @Test func `Facebook is asked with a GET whose secrets are not in the address`() throws {
        let request = try MetaExchange().request(
            grant: self.grant,
            facts: Self.facts(lives: .seconds(5_184_000)),
            client: Self.client(BuiltInProfiles.facebook)
        )
        #expect(request.method == .get)
        #expect(request.url == "https://graph.facebook.com/v25.0/oauth/access_token")
        #expect(
            request.query
                == Secret(
                    "grant_type=fb_exchange_token&client_id=an+app&client_secret=canary-s%26"
                        + "&fb_exchange_token=canary-at+1"
                )
        )
        #expect(request.body.isEmpty)
        #expect(!request.isSingleUse)
        #expect(!String(describing: request).contains("canary"))
    }

    @Test func `a profile may have it asked with a POST, and then the address has no query`() throws {
        var profile = BuiltInProfiles.facebook
        profile.refreshMethod = .post
        let request = try MetaExchange().request(
            grant: self.grant,
            facts: Self.facts(lives: .seconds(5_184_000)),
            client: Self.client(profile)
        )
        #expect(request.method == .post && request.query == nil)
        #expect(request.body.reveal().hasPrefix("grant_type=fb_exchange_token&client_id="))
        #expect(request.headers.contains { $0.name == "Content-Type" })
    }

    @Test func `Instagram extends a token without any credentials of the client`() throws {
        let request = try MetaExtend().request(
            grant: self.grant,
            facts: Self.facts(lives: .seconds(5_184_000)),
            client: Self.client(BuiltInProfiles.instagram)
        )
        #expect(request.url == "https://graph.instagram.com/refresh_access_token")
        #expect(request.query == Secret("grant_type=ig_refresh_token&access_token=canary-at+1"))
        #expect(request.headers.map(\.name) == ["Accept"])
    }

    @Test func `a token that dies before it is a day old is exchanged instead`() throws {
        for (lifetime, path) in [
            (3_600, "access_token"), (86_400, "access_token"), (86_401, "refresh_access_token"),
        ] {
            let request = try MetaExtend().request(
                grant: self.grant,
                facts: Self.facts(lives: .seconds(lifetime)),
                client: Self.client(BuiltInProfiles.instagram)
            )
            #expect(request.url == "https://graph.instagram.com/\(path)")
        }
        let request = try MetaExtend().request(
            grant: self.grant,
            facts: Self.facts(lives: .seconds(3_600)),
            client: Self.client(BuiltInProfiles.instagram)
        )
        #expect(
            request.query
                == Secret("grant_type=ig_exchange_token&client_secret=canary-s%26&access_token=canary-at+1")
        )
    }

    @Test func `an Instagram token is taken from its second day on, and a short-lived one at once`() {
        let profile = BuiltInProfiles.instagram
        #expect(profile.earliestRefresh(Self.facts(lives: .seconds(5_184_000))) == .epoch + .seconds(86_400))
        #expect(profile.earliestRefresh(Self.facts(lives: nil)) == .epoch + .seconds(86_400))
        #expect(profile.earliestRefresh(Self.facts(lives: .seconds(3_600))) == nil)
        #expect(BuiltInProfiles.facebook.earliestRefresh(Self.facts(lives: .seconds(5_184_000))) == nil)
    }

    @Test func `what is lacking is named`() throws {
        let facts = Self.facts(lives: .seconds(3_600))
        let facebook = try Self.client(BuiltInProfiles.facebook, secret: nil)
        let instagram = try Self.client(BuiltInProfiles.instagram, secret: nil)
        #expect(throws: RefreshRequestError.noClientSecret) {
            try MetaExchange().request(grant: self.grant, facts: facts, client: facebook)
        }
        #expect(throws: RefreshRequestError.noClientSecret) {
            try MetaExtend().request(grant: self.grant, facts: facts, client: instagram)
        }
        #expect(throws: RefreshRequestError.noRefreshToken) {
            try MetaExtend().request(grant: Grant(refreshToken: nil), facts: facts, client: instagram)
        }
        let nowhere = try RefreshRequestTests.client(BuiltInProfiles.facebook, endpoint: nil)
        #expect(throws: RefreshRequestError.noTokenEndpoint) {
            try MetaExchange().request(grant: self.grant, facts: facts, client: nowhere)
        }
    }

    @Test func `the same access token again is a good answer of Meta's`() throws {
        let answer = RawAnswer(
            status: 200,
            headers: [],
            body: Secret(#"{"access_token":"canary-at","expires_in":100}"#)
        )
        let grant = Grant(refreshToken: Secret("canary-at"))
        let client = try Self.client(BuiltInProfiles.facebook)
        guard case .renewed(let token) = MetaExchange().verdict(on: answer, grant: grant, client: client, now: .epoch)
        else {
            Issue.record("not renewed")
            return
        }
        #expect(token.accessToken == Secret("canary-at") && token.refreshToken == Secret("canary-at"))
    }
}
