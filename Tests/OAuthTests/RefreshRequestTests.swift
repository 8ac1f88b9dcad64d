import RefreshCore
import Testing

@testable import OAuth

@Suite struct RefreshRequestTests {
    static func client(
        _ profile: ProviderProfile,
        id: String = "an app",
        secret: Secret? = Secret("canary-secret"),
        method: ClientAuthenticationMethod? = nil,
        endpoint: String? = "https://provider.test/token"
    ) throws -> OAuthClient {
        OAuthClient(
            id: try ClientID("app"),
            profile: profile,
            clientID: id,
            clientSecret: secret,
            authenticationMethod: method,
            tokenEndpoint: endpoint
        )
    }

    let grant = Grant(refreshToken: Secret("canary-rt/1+2 3"))

    @Test func `the body has its parameters in a fixed order, secrets encoded`() throws {
        let request = try StandardRefresh().request(
            grant: self.grant,
            facts: TokenFacts(tokenType: "Bearer", scope: [], issuedAt: .epoch, expiresAt: nil),
            client: Self.client(BuiltInProfiles.box)
        )
        #expect(
            request.body
                == Secret(
                    "grant_type=refresh_token&refresh_token=canary-rt%2F1%2B2+3&client_id=an+app"
                        + "&client_secret=canary-secret"
                )
        )
        #expect(request.url == "https://provider.test/token")
        #expect(request.headers.map(\.name) == ["Accept", "Content-Type"])
        #expect(
            request.headers.map { $0.value.reveal() } == ["application/json", "application/x-www-form-urlencoded"]
        )
    }

    @Test func `basic authentication encodes id and secret before they are joined`() throws {
        // RFC 6749 §2.3.1: with the example's values nothing needs encoding, and it comes out as printed there.
        let client = try Self.client(
            BuiltInProfiles.box,
            id: "s6BhdRkqt3",
            secret: Secret("gX1fBat3bV"),
            method: .clientSecretBasic
        )
        let request = try RefreshRequest.make(grant: self.grant, client: client)
        let header = try #require(request.headers.first { $0.name == "Authorization" })
        #expect(header.value.reveal() == "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW")
        #expect(!request.body.reveal().contains("client_"))

        // "a:b" and "c%d é": base64 of "a%3Ab:c%25d+%C3%A9".
        let odd = try Self.client(BuiltInProfiles.box, id: "a:b", secret: Secret("c%d é"), method: .clientSecretBasic)
        let oddHeader = try RefreshRequest.make(grant: self.grant, client: odd).headers.first {
            $0.name == "Authorization"
        }
        #expect(oddHeader?.value.reveal() == "Basic YSUzQWI6YyUyNWQrJUMzJUE5")
    }

    @Test func `a client without a secret sends its id and nothing else`() throws {
        let client = try Self.client(BuiltInProfiles.dropbox, secret: nil)
        #expect(client.authenticationMethod == .none)
        let request = try RefreshRequest.make(grant: self.grant, client: client)
        #expect(
            request.body == Secret("grant_type=refresh_token&refresh_token=canary-rt%2F1%2B2+3&client_id=an+app")
        )
        #expect(!request.headers.contains { $0.name == "Authorization" })
    }

    @Test(arguments: [ClientAuthenticationMethod.clientSecretBasic, .clientSecretPost])
    func `a method that needs a secret is refused without one`(method: ClientAuthenticationMethod) throws {
        let client = try Self.client(BuiltInProfiles.box, secret: nil, method: method)
        #expect(throws: RefreshRequestError.noClientSecret) {
            try RefreshRequest.make(grant: self.grant, client: client)
        }
    }

    @Test func `what a grant is bound to goes along, and is missed`() throws {
        let client = try Self.client(BuiltInProfiles.vkid, secret: nil)
        #expect(throws: RefreshRequestError.noBinding("device_id")) {
            try RefreshRequest.make(grant: self.grant, client: client)
        }
        let grant = Grant(refreshToken: Secret("canary-rt"), bindings: ["device_id": "d&1", "unknown": "x"])
        let body = try RefreshRequest.make(grant: grant, client: client).body.reveal()
        #expect(
            body == "grant_type=refresh_token&refresh_token=canary-rt&client_id=an+app&device_id=d%261"
                + "&state=refreshd-refreshes-a-grant-it-holds"
        )
    }

    @Test func `no extra parameter and no binding replaces one of the RFC`() throws {
        var profile = BuiltInProfiles.rfc6749
        profile.extraParameters = ["grant_type": "password", "client_id": "other", "audience": "x"]
        profile.bindings = ["refresh_token"]
        let grant = Grant(refreshToken: Secret("canary-rt"), bindings: ["refresh_token": "canary-other"])
        let body = try RefreshRequest.make(grant: grant, client: Self.client(profile, secret: nil)).body.reveal()
        #expect(body == "grant_type=refresh_token&refresh_token=canary-rt&client_id=an+app&audience=x")
    }

    @Test func `a grant without a refresh token is not sent`() throws {
        for token in [nil, Secret("")] {
            #expect(throws: RefreshRequestError.noRefreshToken) {
                try RefreshRequest.make(grant: Grant(refreshToken: token), client: Self.client(BuiltInProfiles.box))
            }
        }
    }

    @Test func `an endpoint that is missing or has a placeholder left is not called`() throws {
        for client in [
            try Self.client(BuiltInProfiles.rfc6749, endpoint: nil),
            try Self.client(BuiltInProfiles.gitshare, endpoint: nil),
        ] {
            #expect(throws: RefreshRequestError.noTokenEndpoint) {
                try RefreshRequest.make(grant: self.grant, client: client)
            }
        }
    }

    @Test func `a rotating grant is single use and waits five minutes, any other one`() throws {
        for profile in BuiltInProfiles.all where profile.strategy == .rfc6749 {
            let grant = Grant(
                refreshToken: Secret("canary-rt"),
                bindings: Dictionary(uniqueKeysWithValues: profile.bindings.map { ($0, "x") })
            )
            let request = try RefreshRequest.make(grant: grant, client: Self.client(profile))
            #expect(request.isSingleUse == profile.habit.rotation.spends)
            #expect(request.answerTimeout == (profile.habit.rotation.spends ? .seconds(300) : .seconds(60)))
        }
    }
}
