import OAuth
import RefreshCore
import Testing

@Suite struct RevocationTests {
    private static let grant = Grant(refreshToken: Secret("canary-rt/1"))

    private static func client(
        _ profile: ProviderProfile,
        secret: String? = "canary-secret",
        method: ClientAuthenticationMethod? = nil
    ) throws -> OAuthClient {
        OAuthClient(
            id: try ClientID("a"),
            profile: profile,
            clientID: "app",
            clientSecret: secret.map { Secret($0) },
            authenticationMethod: method
        )
    }

    private static func standard(_ style: RevocationStyle = .rfc7009) -> ProviderProfile {
        var profile = BuiltInProfiles.rfc6749
        profile.revocationEndpoint = "https://auth.example.com/revoke"
        profile.revocation = style
        return profile
    }

    private static func request(_ client: OAuthClient) throws -> EndpointRequest {
        try #require(RevocationRequest.make(grant: Self.grant, accessToken: Secret("canary-at"), client: client))
    }

    private static func header(_ name: String, of request: EndpointRequest) -> String? {
        request.headers.first { $0.name == name }?.value.reveal()
    }

    @Test func `by the RFC the refresh token goes with a hint and the client's authentication`() throws {
        let basic = try Self.request(Self.client(Self.standard(), method: .clientSecretBasic))
        #expect(basic.url == "https://auth.example.com/revoke")
        #expect(basic.method == .post)
        #expect(basic.body.reveal() == "token=canary-rt%2F1&token_type_hint=refresh_token")
        #expect(Self.header("Authorization", of: basic) == "Basic YXBwOmNhbmFyeS1zZWNyZXQ=")
        #expect(Self.header("Content-Type", of: basic) == "application/x-www-form-urlencoded")
        let posted = try Self.request(Self.client(Self.standard(), method: .clientSecretPost))
        #expect(
            posted.body.reveal()
                == "token=canary-rt%2F1&token_type_hint=refresh_token&client_id=app&client_secret=canary-secret"
        )
        let open = try Self.request(Self.client(Self.standard(), secret: nil))
        #expect(open.body.reveal() == "token=canary-rt%2F1&token_type_hint=refresh_token&client_id=app")
        #expect(Self.header("Authorization", of: open) == nil)
    }

    @Test func `each provider is told in its own way`() throws {
        let google = try Self.request(Self.client(BuiltInProfiles.gdrive))
        #expect(google.url == "https://oauth2.googleapis.com/revoke")
        #expect(google.body.reveal() == "token=canary-rt%2F1")

        let box = try Self.request(Self.client(BuiltInProfiles.box, method: .clientSecretBasic))
        #expect(box.body.reveal() == "token=canary-rt%2F1&client_id=app&client_secret=canary-secret")
        #expect(Self.header("Authorization", of: box) == nil)

        let dropbox = try Self.request(Self.client(BuiltInProfiles.dropbox))
        #expect(Self.header("Authorization", of: dropbox) == "Bearer canary-at")
        #expect(Self.header("Content-Type", of: dropbox) == "application/json")
        #expect(dropbox.body.reveal() == "null")

        let vk = try Self.request(Self.client(BuiltInProfiles.vkid.filled(with: [:]), secret: nil))
        #expect(vk.body.reveal() == "access_token=canary-at&client_id=app")

        let facebook = try Self.request(Self.client(Self.standard(.permissions)))
        #expect(facebook.method == .delete)
        #expect(Self.header("Authorization", of: facebook) == "Bearer canary-at")
        #expect(!facebook.body.reveal().contains("canary"))
    }

    @Test func `nothing is built where something is missing`() throws {
        let none = try Self.client(BuiltInProfiles.rfc6749)
        #expect(RevocationRequest.make(grant: Self.grant, client: none) == nil)
        var unfilled = Self.standard()
        unfilled.revocationEndpoint = "https://{domain}/revoke"
        #expect(RevocationRequest.make(grant: Self.grant, client: try Self.client(unfilled)) == nil)
        let client = try Self.client(Self.standard())
        #expect(RevocationRequest.make(grant: Grant(refreshToken: nil), client: client) == nil)
        let noSecret = try Self.client(Self.standard(), secret: nil, method: .clientSecretBasic)
        #expect(RevocationRequest.make(grant: Self.grant, client: noSecret) == nil)
        for style in RevocationStyle.allCases where style.needsAccessToken {
            #expect(RevocationRequest.make(grant: Self.grant, client: try Self.client(Self.standard(style))) == nil)
        }
    }

    private static func verdict(
        _ status: Int,
        _ body: String = "",
        _ headers: [(name: String, value: String)] = [],
        profile: ProviderProfile = Self.standard()
    ) -> RevocationVerdict {
        RevocationVerdict(
            RawAnswer(status: status, headers: headers, body: Secret(body)),
            profile: profile,
            now: Timestamp(seconds: 1_000_000)
        )
    }

    @Test(arguments: [200, 204, 299])
    func `a good answer ends the grant, with a body or without`(status: Int) {
        #expect(Self.verdict(status) == .over)
        #expect(Self.verdict(status, "canary, no JSON") == .over)
        #expect(Self.verdict(status, #"{"success":true}"#) == .over)
    }

    @Test(arguments: ["invalid_token", "invalid_grant"])
    func `a token that the provider does not know any more is one whose grant is over`(code: String) {
        #expect(Self.verdict(400, #"{"error":"\#(code)"}"#) == .over)
    }

    @Test(arguments: [408, 425, 429, 500, 502, 503, 599])
    func `trouble that passes is waited for`(status: Int) {
        guard case .later(_, _, retryAfter: .seconds(7)) = Self.verdict(status, "", [("retry-after", "7")]) else {
            Issue.record("\(status) is not waited for")
            return
        }
    }

    @Test(arguments: [
        (400, #"{"error":"unsupported_token_type"}"#), (400, ""), (401, ""), (401, #"{"error":"invalid_client"}"#),
        (400, #"{"error":"invalid_client"}"#), (403, ""), (404, ""), (405, ""), (301, ""), (200, #"{"error":"x"}"#),
    ])
    func `a refusal is final`(status: Int, body: String) {
        guard case .refused(_, let message) = Self.verdict(status, body) else {
            Issue.record("\(status) is not a refusal")
            return
        }
        #expect(!message.contains("canary"))
    }

    @Test func `who refuses the client is told apart from who refuses the access token`() {
        guard case .refused(.clientRejected, _) = Self.verdict(401, #"{"error":"invalid_client"}"#),
            case .refused(.revoked, _) = Self.verdict(401, profile: BuiltInProfiles.dropbox)
        else {
            Issue.record("they are not told apart")
            return
        }
    }
}
