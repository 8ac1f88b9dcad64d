@testable import OAuth
import RefreshCore
import TestSupport
import Testing

/// From the address that a person opens to the request that spends the code.
@Suite struct AuthorizationTests {
    static let endpoint = "https://id.example/authorize"
    static let redirectURI = "https://app.example/cb?from=provider"

    private func client(_ change: (inout ProviderProfile) -> Void = { _ in }) throws -> OAuthClient {
        var profile = ProviderProfile(id: "p", name: "P")
        profile.scopes = ["a", "b:c"]
        change(&profile)
        return OAuthClient(
            id: try ClientID("p"),
            profile: profile,
            clientID: "our id",
            clientSecret: Secret("canary-client-secret"),
            tokenEndpoint: "https://id.example/token/"
        )
    }

    private func request(
        _ client: OAuthClient,
        redirectURI: String? = Self.redirectURI,
        scopes: [String]? = nil
    ) throws(AuthorizationRequestError) -> AuthorizationRequest {
        try AuthorizationRequest(
            client: client,
            endpoint: Self.endpoint,
            redirectURI: redirectURI,
            scopes: scopes,
            secrets: CountingSecrets()
        )
    }

    private func members(_ url: String) throws -> [String: String] {
        let query = try #require(url.split(separator: "?", maxSplits: 1).last)
        return try FormBody.members(in: Array(query.utf8)).compactMapValues(\.text)
    }

    private func members(_ request: EndpointRequest) throws -> [String: String] {
        try FormBody.members(in: request.body.revealBytes()).compactMapValues(\.text)
    }

    private func callback(
        _ text: String,
        _ client: OAuthClient,
        state: String = "s",
        issuer: String? = nil
    ) throws
        -> AuthorizationCallback
    {
        try AuthorizationCallback(
            parsing: text,
            state: state,
            profile: client.profile,
            issuer: issuer,
            issuerIsNamed: false
        )
    }

    // MARK: The address

    @Test func `the address has everything of the RFC, and a challenge always`() throws {
        let request = try self.request(self.client())
        let asked = try self.members(request.url)
        #expect(request.url.hasPrefix("https://id.example/authorize?response_type=code&client_id=our%20id&"))
        #expect(asked["redirect_uri"] == Self.redirectURI)
        #expect(asked["scope"] == "a b:c")
        #expect(asked["state"] == request.state && request.state.utf8.count == 43)
        #expect(asked["code_challenge_method"] == "S256")
        // The digest of the verifier, and not the verifier.
        let digest = CountingSecrets().digest(of: request.verifier.revealBytes())
        #expect(asked["code_challenge"] == Base64URL.text(digest))
        #expect(!request.url.contains(request.verifier.reveal()))
    }

    /// The example of RFC 7636 appendix B; that the digest is right is shown where it is made.
    private struct ExampleSecrets: SecretSource {
        func bytes(_ count: Int) -> [UInt8] {
            [
                116, 24, 223, 180, 151, 153, 224, 37, 79, 250, 96, 125, 216, 173, 187, 186, 22, 212, 37, 77, 105, 214,
                191, 240, 91, 88, 5, 88, 83, 132, 141, 121,
            ]
        }

        func digest(of bytes: [UInt8]) -> [UInt8] {
            guard bytes == Array("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".utf8) else { return [] }
            return [
                19, 211, 30, 150, 26, 26, 216, 236, 47, 22, 177, 12, 76, 152, 46, 8, 118, 168, 120, 173, 109, 241, 68,
                86, 110, 225, 137, 74, 203, 112, 249, 195,
            ]
        }
    }

    @Test func `the challenge is the one of RFC 7636's example`() throws {
        let request = try AuthorizationRequest(
            client: self.client(),
            endpoint: Self.endpoint,
            redirectURI: nil,
            scopes: nil,
            secrets: ExampleSecrets()
        )
        let challenge = try self.members(request.url)["code_challenge"]
        #expect(challenge == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM")
        let client = try self.client()
        let exchange = try CodeExchange.make(AuthorizationCallback(code: "canary-c"), of: request, client: client)
        #expect(try self.members(exchange)["code_verifier"] == "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
    }

    @Test func `a profile's parameters are added and replace none of ours`() throws {
        let client = try self.client {
            $0.authorizationParameters = ["access_type": "offline", "state": "fixed"]
            $0.challengeMethod = "s256"
            $0.scopeSeparator = ","
        }
        let request = try self.request(client, redirectURI: nil)
        let asked = try self.members(request.url)
        #expect(asked["access_type"] == "offline" && asked["state"] == request.state)
        #expect(asked["code_challenge_method"] == "s256" && asked["scope"] == "a,b:c")
        #expect(asked["redirect_uri"] == nil)
    }

    @Test(arguments: [
        "https://app.example/cb", "http://127.0.0.1:4711/cb", "http://[::1]:1/", "http://localhost:80/cb",
        "com.example.app:/cb", "urn:ietf:wg:oauth:2.0:oob",
    ])
    func `browsers are sent back to`(uri: String) throws { _ = try self.request(self.client(), redirectURI: uri) }

    @Test(arguments: [
        "", "app.example/cb", "http://app.example/cb", "https://app.example/cb#x", "javascript:alert(1)", "data:text",
        "https://user@app.example/", "https://app.example/a b", "file:///etc/passwd",
    ])
    func `browsers are not sent back to`(uri: String) throws {
        let client = try self.client()
        #expect(throws: AuthorizationRequestError.redirectURI) { try self.request(client, redirectURI: uri) }
    }

    @Test func `a scope that would be two is refused`() throws {
        let client = try self.client()
        #expect(throws: AuthorizationRequestError.scopes) { try self.request(client, scopes: ["a b"]) }
        #expect(throws: AuthorizationRequestError.scopes) { try self.request(client, scopes: [""]) }
    }

    // MARK: The way back

    @Test(arguments: [
        "https://app.example/cb?code=canary-c&state=s", "/cb?state=s&code=canary-c&session", "?code=canary-c&state=s",
        "code=canary-c&state=s", "https://app.example/cb?state=s&code=canary-c#_=_",
        " https://a/?code=canary-c&state=s\n",
    ])
    func `a code is found in`(text: String) throws {
        let code = try self.callback(text, self.client()).code
        #expect(code == Secret("canary-c"))
    }

    @Test(arguments: [
        ("?code=canary-c", "state_mismatch"), ("?code=canary-c&state=t", "state_mismatch"),
        ("?code=canary-c&state=s&state=s", "malformed_callback"), ("?state=s", "malformed_callback"),
        ("", "malformed_callback"),
        ("?state=s&code=", "malformed_callback"), ("https://app.example/", "malformed_callback"),
        ("?code=canary-c&state=s&iss=https://evil.example", "issuer_mismatch"),
        ("?error=access_denied&state=s", "access_denied"), ("?error=access_denied&state=t", "state_mismatch"),
        ("?error=%3Cb%3E&state=s", "invalid_response"),
    ])
    func `no code is found, and the reason is told`(text: String, word: String) throws {
        let client = try self.client()
        let refusal = #expect(throws: AuthorizationRefusal.self) {
            try self.callback(text, client, issuer: "https://id.example")
        }
        #expect(refusal?.error == word)
    }

    @Test func `a description keeps to the characters that it may have`() throws {
        let client = try self.client()
        let refusal = #expect(throws: AuthorizationRefusal.self) {
            try self.callback("?error=access_denied&error_description=no%1B%5B2J%C3%A9&state=s", client)
        }
        #expect(refusal?.description == "no?[2J?")
    }

    @Test func `a provider that has promised to name itself must`() throws {
        #expect(throws: AuthorizationRefusal.otherIssuer) {
            try AuthorizationCallback(
                parsing: "?code=canary-c&state=s",
                state: "s",
                profile: BuiltInProfiles.rfc6749,
                issuer: "https://id.example",
                issuerIsNamed: true
            )
        }
    }

    // MARK: The exchange

    @Test func `a code is exchanged with its verifier, and with the redirect URI if one was sent`() throws {
        let client = try self.client()
        for redirectURI in [Self.redirectURI, nil] {
            let request = try self.request(client, redirectURI: redirectURI)
            let exchange = try CodeExchange.make(
                AuthorizationCallback(code: " canary-c\n"),
                of: request,
                client: client
            )
            #expect(exchange.url == "https://id.example/token/" && exchange.isSingleUse)
            var expected = [
                "grant_type": "authorization_code", "code": "canary-c", "code_verifier": request.verifier.reveal(),
                "client_id": "our id", "client_secret": "canary-client-secret",
            ]
            expected["redirect_uri"] = redirectURI
            #expect(try self.members(exchange) == expected)
        }
    }

    @Test func `VK ID's device comes with the address, and goes with the code`() throws {
        let client = OAuthClient(
            id: try ClientID("vk"),
            profile: BuiltInProfiles.vkid,
            clientID: "1",
            clientSecret: nil,
            tokenEndpoint: "https://id.example/oauth2/auth"
        )
        let request = try self.request(client)
        let full = try self.callback("?code=canary-c&state=\(request.state)&device_id=d", client, state: request.state)
        let sent = try self.members(try CodeExchange.make(full, of: request, client: client))
        #expect(sent["device_id"] == "d" && sent["state"] == request.state)
        #expect(CodeExchange.bindings(full, of: request, client: client) == ["device_id": "d"])
        let bare = try AuthorizationCallback(code: "canary-c")
        #expect(throws: RefreshRequestError.noBinding("device_id")) {
            try CodeExchange.make(bare, of: request, client: client)
        }
    }

    @Test func `a redirect URI that refreshes need is kept`() throws {
        let client = OAuthClient(
            id: try ClientID("live"),
            profile: BuiltInProfiles.onedriveLive,
            clientID: "1",
            clientSecret: nil
        )
        let request = try self.request(client)
        let bindings = CodeExchange.bindings(try AuthorizationCallback(code: "canary-c"), of: request, client: client)
        #expect(bindings == ["redirect_uri": Self.redirectURI])
    }

    @Test(arguments: [
        (200, #"{"access_token":"canary-at-1"}"#, "granted"), (200, #"{"error":"access_denied"}"#, "access_denied"),
        (400, #"{"error":"invalid_grant","error_description":"canary"}"#, "invalid_grant"),
        (400, #"{"error":"authorization_pending"}"#, "pending"), (400, #"{"error":"slow_down"}"#, "busy"),
        (503, "", "busy"), (429, "<html>", "busy"), (302, "", "malformed_answer"), (404, "<html>", "malformed_answer"),
        (400, #"{"error":"authorization_declined"}"#, "access_denied"), (400, #"{"error":"a b"}"#, "malformed_answer"),
    ])
    func `an answer means`(status: Int, body: String, meaning: String) throws {
        let answer = RawAnswer(status: status, headers: [], body: Secret(body))
        let told =
            switch EnrolmentVerdict(answer, client: try self.client(), now: .epoch) {
            case .granted: "granted"
            case .pending: "pending"
            case .busy: "busy"
            case .refused(let refusal): refusal.error
            }
        #expect(told == meaning)
    }
    @Test(arguments: [
        (401, #"{"error":"invalid_client"}"#, true), (400, #"{"error":"invalid_client"}"#, true),
        (400, #"{"error":"invalid_grant"}"#, false), (400, #"{"error":"unauthorized_client"}"#, false),
        (401, "", false), (200, #"{"access_token":"canary-at-1"}"#, false),
    ])
    func `only the client itself is refused by`(status: Int, body: String, refuses: Bool) throws {
        let answer = RawAnswer(status: status, headers: [], body: Secret(body))
        #expect(try answer.refuses(self.client()) == refuses)
    }
}
