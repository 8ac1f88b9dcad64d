import RefreshCore
import Testing

@testable import OAuth

/// Where a code is traded in another way than the RFC's, and brings another answer.
@Suite struct CodeAnswerTests {
    /// Nothing here depends on what is random.
    private struct Zeros: SecretSource {
        func bytes(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }
        func digest(of bytes: [UInt8]) -> [UInt8] { Array(repeating: 1, count: 32) }
    }

    private static func trade(_ profile: ProviderProfile) throws -> EndpointRequest {
        let endpoint = profile.filled(with: ["domain": "files.test"]).tokenEndpoint
        let client = try RefreshRequestTests.client(profile, secret: Secret("canary-s"), endpoint: endpoint)
        let request = try AuthorizationRequest(
            client: client,
            endpoint: "https://provider.test/authorize",
            redirectURI: "https://app.test/cb",
            scopes: nil,
            secrets: Zeros()
        )
        return try CodeExchange.make(AuthorizationCallback(code: "canary-c"), of: request, client: client)
    }

    @Test func `Facebook's code is traded as its tokens are, and no secret is in the address`() throws {
        let request = try Self.trade(BuiltInProfiles.facebook)
        #expect(request.method == .get && request.isSingleUse)
        #expect(request.url == "https://graph.facebook.com/v25.0/oauth/access_token")
        #expect(request.body.isEmpty && !request.headers.contains { $0.name == "Content-Type" })
        let query = try #require(request.query).reveal()
        #expect(
            query.hasPrefix("grant_type=authorization_code&code=canary-c&redirect_uri=https%3A%2F%2Fapp.test%2Fcb&")
        )
        #expect(query.hasSuffix("&client_id=an+app&client_secret=canary-s"))
        var posting = BuiltInProfiles.facebook
        posting.refreshMethod = .post
        #expect(try Self.trade(posting).method == .post)
    }

    @Test(arguments: BuiltInProfiles.all.filter { $0.authorizationEndpoint != nil && $0.id != "facebook" })
    func `everybody else's code is posted`(_ profile: ProviderProfile) throws {
        guard !profile.bindings.contains("device_id") else { return }
        let request = try Self.trade(profile)
        #expect(request.method == .post && request.query == nil)
        #expect(request.body.reveal().hasPrefix("grant_type=authorization_code&code=canary-c&"))
    }

    @Test(arguments: [
        "{\"data\":[{\"access_token\":\"canary-at\",\"user_id\":\"17\",\"permissions\":\"a,b\"}]}",
        "{\"access_token\":\"canary-at\",\"user_id\":17,\"permissions\":[\"a\"]}",
    ])
    func `Instagram's answer to a code is read in its list and without, and lives for an hour`(_ text: String) throws {
        let profile = BuiltInProfiles.instagram
        let response = try TokenResponse(parsing: Array(text.utf8), profile: profile)
        #expect(response.accessToken == Secret("canary-at"))
        #expect(response.lifetime == .unknown)
        #expect(profile.lifetime(response.lifetime, isByCode: true) == .seconds(3_600))
        // Of a token that somebody brings nobody knows what it came for.
        #expect(profile.lifetime(response.lifetime) == .seconds(60 * 86_400))
        #expect(profile.lifetime(.known(.seconds(60)), isByCode: true) == .seconds(60))
    }

    @Test(arguments: [
        "{\"data\":[]}", "{\"data\":[{\"access_token\":\"canary-1\"},{\"access_token\":\"canary-2\"}]}",
        "{\"data\":{\"access_token\":\"canary-1\"}}", "{\"data\":[\"canary-1\"]}",
    ])
    func `a list of none or of several is no answer`(_ text: String) {
        #expect(throws: TokenResponseError.noAccessToken) {
            try TokenResponse(parsing: Array(text.utf8), profile: BuiltInProfiles.instagram)
        }
    }

    @Test func `an error beside a list is an error`() {
        let text = "{\"error\":{\"code\":190},\"data\":[{\"access_token\":\"canary-1\"}]}"
        #expect(throws: TokenResponseError.self) {
            try TokenResponse(parsing: Array(text.utf8), profile: BuiltInProfiles.instagram)
        }
    }

    @Test func `nobody else's answers are looked for in a list`() {
        #expect(throws: TokenResponseError.noAccessToken) {
            try TokenResponse(parsing: Array("{\"data\":[{\"access_token\":\"canary-1\"}]}".utf8))
        }
    }

    @Test func `the tail of Instagram's address is no part of a code that is pasted`() throws {
        #expect(try AuthorizationCallback(code: " canary-c#_\n").code == Secret("canary-c"))
        #expect(try AuthorizationCallback(code: "canary-c_").code == Secret("canary-c_"))
        #expect(throws: AuthorizationRefusal.malformedCallback) { try AuthorizationCallback(code: "#_") }
    }

    @Test(arguments: [
        ("facebook", 400, "{\"error\":{\"type\":\"OAuthException\",\"code\":100}}", "invalid_grant"),
        ("facebook", 400, "{\"error\":{\"code\":190,\"error_subcode\":463}}", "invalid_grant"),
        ("facebook", 400, "{\"error\":{\"code\":200}}", "invalid_client"),
        ("instagram", 400, "{\"error_type\":\"OAuthException\",\"code\":400}", "invalid_grant"),
    ])
    func `what Meta says in numbers is told in the RFC's words`(
        _ name: String,
        _ status: Int,
        _ text: String,
        _ word: String
    ) throws {
        #expect(try Self.verdict(name, status, text) == .refused(AuthorizationRefusal(word)))
    }

    @Test func `Meta's trouble is no refusal`() throws {
        let busy = EnrolmentVerdict.busy(AuthorizationRefusal("temporarily_unavailable"), wait: nil)
        #expect(try Self.verdict("facebook", 400, "{\"error\":{\"code\":4}}") == busy)
        #expect(try Self.verdict("facebook", 500, "{\"error\":{\"code\":100}}") == busy)
    }

    private static func verdict(_ name: String, _ status: Int, _ text: String) throws -> EnrolmentVerdict {
        let profile = try #require(BuiltInProfiles.all.first { $0.id == name })
        let client = try RefreshRequestTests.client(profile, secret: Secret("canary-s"), endpoint: "https://a.test/t")
        let answer = RawAnswer(status: status, headers: [], body: Secret(text))
        return EnrolmentVerdict(answer, client: client, now: Timestamp(milliseconds: 0))
    }
}
