@testable import OAuth
import RefreshCore
import Testing

@Suite struct DeviceAuthorizationTests {
    private func client() throws -> OAuthClient {
        var profile = ProviderProfile(id: "p", name: "P")
        profile.scopes = ["a", "b"]
        return OAuthClient(
            id: try ClientID("p"),
            profile: profile,
            clientID: "id",
            clientSecret: nil,
            tokenEndpoint: "https://id.example/token"
        )
    }

    private func read(_ body: String, status: Int = 200) throws -> DeviceAuthorization {
        try DeviceAuthorization(RawAnswer(status: status, headers: [], body: Secret(body)), client: try self.client())
    }

    private static func answer(_ more: String = "") -> String {
        #"{"device_code":"canary-dc","user_code":"WDJB-MJHT","verification_uri":"https://id.example/device"\#(more)}"#
    }

    @Test func `codes are asked for, and asked after`() throws {
        let client = try self.client()
        let request = try DeviceAuthorization.request(to: "https://id.example/device_authorization", client: client)
        #expect(request.body.reveal() == "client_id=id&scope=a+b")
        let question = try self.read(Self.answer()).question(client: client)
        #expect(question.url == "https://id.example/token")
        #expect(
            question.body.reveal()
                == "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=canary-dc&client_id=id"
        )
    }

    @Test(arguments: [
        ("", 600, 5), (#","expires_in":1800,"interval":7"#, 1_800, 7), (#","expires_in":"90","interval":"1""#, 90, 1),
        (#","expires_in":1e9,"interval":1e9"#, 3_600, 60), (#","interval":0"#, 600, 1),
    ])
    func `times are read with bounds`(more: String, lifetime: Int, interval: Int) throws {
        let authorization = try self.read(Self.answer(more))
        #expect(authorization.lifetime == .seconds(lifetime) && authorization.interval == .seconds(interval))
    }

    @Test func `the older name of the address is known, and a complete address may come`() throws {
        let old = Self.answer().replacing("verification_uri", with: "verification_url")
        #expect(try self.read(old).verificationURI == "https://id.example/device")
        let complete = #","verification_uri_complete":"https://id.example/device?c=WDJB""#
        #expect(try self.read(Self.answer(complete)).verificationURIComplete == "https://id.example/device?c=WDJB")
        #expect(
            try self.read(Self.answer(#","verification_uri_complete":"javascript:x""#)).verificationURIComplete == nil
        )
    }

    @Test(arguments: [
        "{}", "no JSON", Self.answer().replacing("https://id.example", with: "http://id.example"),
        Self.answer().replacing("WDJB-MJHT", with: #"\u001b[2J"#), Self.answer().replacing("canary-dc", with: ""),
    ])
    func `an answer that cannot be shown or used is refused`(body: String) {
        #expect(throws: AuthorizationRefusal.malformedAnswer) { try self.read(body) }
    }

    @Test func `an error is told by its word`() {
        let refusal = #expect(throws: AuthorizationRefusal.self) {
            try self.read(#"{"error":"invalid_client"}"#, status: 401)
        }
        #expect(refusal?.error == "invalid_client")
    }

    @Test func `the pace only ever slows down`() throws {
        var pace = DevicePace(try self.read(Self.answer()))
        #expect(pace.interval == .seconds(5))
        pace.slowDown(wait: nil)
        #expect(pace.interval == .seconds(10))
        pace.noAnswer()
        #expect(pace.interval == .seconds(20))
        pace.slowDown(wait: .seconds(90))
        #expect(pace.interval == .seconds(90))
        pace.noAnswer()
        #expect(pace.interval == .seconds(90))
        pace.slowDown(wait: .seconds(1))
        #expect(pace.interval == .seconds(95))
    }

    // MARK: What a provider publishes

    private func metadata(_ more: String, issuer: String = "https://id.example") -> ServerMetadata? {
        ServerMetadata(parsing: Array(#"{"issuer":"https://id.example"\#(more)}"#.utf8), issuer: issuer)
    }

    @Test func `an endpoint on another host than the issuer's is not taken`() {
        let named =
            #","authorization_endpoint":"https://id.example/a","device_authorization_endpoint":"https://id.example/d""#
        #expect(self.metadata(named)?.authorizationEndpoint == "https://id.example/a")
        #expect(self.metadata(named)?.deviceAuthorizationEndpoint == "https://id.example/d")
        for other in [
            "https://evil.example/a", "https://id.example.evil.example/a", "https://id.example:8443/a",
            "http://id.example/a", "https://id.example@evil.example/a",
        ] {
            let document = self.metadata(#","authorization_endpoint":"\#(other)""#)
            #expect(document != nil && document?.authorizationEndpoint == nil, "\(other)")
        }
    }

    @Test func `a document of another issuer is none`() {
        #expect(self.metadata("", issuer: "https://id.example/") == nil)
        #expect(self.metadata("", issuer: "https://other.example") == nil)
        #expect(ServerMetadata(parsing: Array("<html>".utf8), issuer: "https://id.example") == nil)
    }

    @Test func `a document is looked for where both specifications say`() {
        #expect(
            ServerMetadata.addresses(of: "https://id.example/tenant/") == [
                "https://id.example/.well-known/oauth-authorization-server/tenant",
                "https://id.example/tenant/.well-known/openid-configuration",
            ]
        )
        #expect(ServerMetadata.addresses(of: "http://id.example") == [])
    }
}
