import PracticeProvider

/// How one provider is asked for consent and how the code is traded, as its own documents have it.
struct PlayedWay: Sendable, CustomStringConvertible {
    var provider: PlayedProvider
    var authorize: String
    /// Behind `response_type`, `client_id` and `redirect_uri`.
    var asked: String
    var code: String
    var method = "POST"
    /// Behind `code`, `client_id` and `redirect_uri`; `DEVICE` stands for what the way back named.
    var brought: String
    var hasSecret = true

    var description: String { self.provider.rawValue }

    static let redirectURI = "https%3A%2F%2Flocalhost%2Fcallback"
    static let verifier = "canary-verifier-canary-verifier-canary-verifier"
    /// Its SHA-256.
    static let challenge = "itO0WexA3mBnr9tNu51503lQW-3f7MZ6BiT5Rsbn7CY"

    private static let proof = "&code_challenge=\(Self.challenge)&code_challenge_method=S256"
    private static let grantType = "&grant_type=authorization_code"
    private static let verified = "\(Self.grantType)&code_verifier=\(Self.verifier)"

    static let all = [
        PlayedWay(
            provider: .box,
            authorize: "/api/oauth2/authorize",
            asked: "&state=x&scope=root_readonly",
            code: "/oauth2/token",
            brought: Self.grantType
        ),
        PlayedWay(
            provider: .dropbox,
            authorize: "/oauth2/authorize",
            asked: "&token_access_type=offline\(Self.proof)",
            code: "/oauth2/token",
            brought: Self.verified,
            hasSecret: false
        ),
        PlayedWay(
            provider: .gdrive,
            authorize: "/o/oauth2/v2/auth",
            asked: "&access_type=offline&prompt=consent&scope=drive.readonly",
            code: "/token",
            brought: Self.grantType
        ),
        PlayedWay(
            provider: .onedrive,
            authorize: "/common/oauth2/v2.0/authorize",
            asked: "&scope=Files.Read%20offline_access\(Self.proof)",
            code: "/common/oauth2/v2.0/token",
            brought: Self.verified
        ),
        PlayedWay(
            provider: .onedriveLive,
            authorize: "/oauth20_authorize.srf",
            asked: "&scope=wl.skydrive%20wl.offline_access",
            code: "/oauth20_token.srf",
            brought: Self.grantType
        ),
        PlayedWay(
            provider: .facebook,
            authorize: "/v25.0/dialog/oauth",
            asked: "&state=x&scope=user_photos%2Cuser_videos",
            code: "/v25.0/oauth/access_token",
            method: "GET",
            brought: ""
        ),
        PlayedWay(
            provider: .instagram,
            authorize: "/oauth/authorize",
            asked: "&scope=instagram_business_basic",
            code: "/oauth/access_token",
            brought: Self.grantType
        ),
        PlayedWay(
            provider: .vkLegacy,
            authorize: "/authorize",
            asked: "&scope=friends%2Coffline",
            code: "/access_token",
            method: "GET",
            brought: ""
        ),
        PlayedWay(
            provider: .vkid,
            authorize: "/authorize",
            asked: "&state=x&code_challenge=\(Self.challenge)&code_challenge_method=s256&scope=friends%20photos",
            code: "/oauth2/auth",
            brought: "\(Self.verified)&device_id=DEVICE&state=y",
            hasSecret: false
        ),
        PlayedWay(
            provider: .huddle,
            authorize: "/request",
            asked: "&idp=practice",
            code: "/token",
            brought: Self.grantType,
            hasSecret: false
        ),
        PlayedWay(
            provider: .ellipsis,
            authorize: "/v3/oauth/authorize",
            // Without a method it is `plain`, as its documents say.
            asked: "&scope=projects&code_challenge=\(Self.verifier)",
            code: "/v3/oauth/token",
            brought: Self.verified
        ),
        PlayedWay(
            provider: .smartfile,
            authorize: "/oauth2/authorize/",
            asked: Self.proof,
            code: "/oauth2/token/",
            brought: Self.verified
        ),
        PlayedWay(
            provider: .gitshare,
            authorize: "/oauth2/authorize/",
            asked: Self.proof,
            code: "/oauth2/token/",
            brought: "&code_verifier=\(Self.verifier)"
        ),
    ]

    static func of(_ provider: PlayedProvider) throws -> PlayedWay {
        guard let way = Self.all.first(where: { $0.provider == provider }) else { throw NoWay() }
        return way
    }

    struct NoWay: Error {}
}

extension PracticeServer.Options {
    /// Without TLS, whose handshakes are most of what a server for each case costs.
    static var plain: PracticeServer.Options {
        PracticeServer.Options(plainHTTP: true, clock: PracticeClock(manual: 1_000_000))
    }
}

extension Visitor {
    /// A server at which the way's client is known.
    static func take(_ way: PlayedWay, _ body: (Visitor) async throws -> Void) async throws {
        try await Visitor.visit(.plain) { visitor in
            visitor.server.addClient(
                PracticeClient(
                    id: "demo",
                    secret: way.hasSecret ? "s3" : nil,
                    method: way.hasSecret ? .post : AuthenticationMethod.none
                )
            )
            try await body(visitor)
        }
    }

    /// Goes where a client sends people; the parameters that they come back with, as they are in the address.
    func ask(_ way: PlayedWay, changing: (String) -> String = { $0 }) async throws -> [String: String] {
        let query = "response_type=code&client_id=demo&redirect_uri=\(PlayedWay.redirectURI)\(way.asked)"
        let reply = try await self.send("GET", "/play/\(way.provider.rawValue)\(way.authorize)?\(changing(query))")
        guard reply.status == 302, let location = reply.headers["Location"] else { return [:] }
        let parts = location.prefix { $0 != "#" }.split(separator: "?")
        guard parts.count == 2, parts[0] == "https://localhost/callback" else { return [:] }
        let pairs = parts[1].split(separator: "&").map { $0.split(separator: "=") }
        return Dictionary(pairs.map { (String($0[0]), String($0[1])) }) { $1 }
    }

    /// Brings the code.
    func bring(
        _ back: [String: String],
        _ way: PlayedWay,
        changing: (String) -> String = { $0 }
    ) async throws -> Reply {
        let secret = way.hasSecret ? "&client_secret=s3" : ""
        let brought = way.brought.replacing("DEVICE", with: back["device_id"] ?? "")
        let text =
            "code=\(back["code"] ?? "")&client_id=demo\(secret)&redirect_uri=\(PlayedWay.redirectURI)\(brought)"
        let path = "/play/\(way.provider.rawValue)\(way.code)"
        guard way.method == "POST" else { return try await self.send("GET", "\(path)?\(changing(text))") }
        return try await self.token(changing(text), authorization: nil, path: path)
    }
}
