import FoundationEssentials
import RefreshEngine
import Testing

/// A rendered reply, read back as a varlink client would.
struct Reply: Decodable, Hashable {
    struct Parameters: Decodable, Hashable {
        struct Token: Decodable, Hashable {
            var access_token: String
            var token_type: String
            var expires_at: Int64?
            var scope: [String]
            var generation: Int64
        }

        var token: Token
        var warning: String?
    }

    var parameters: Parameters

    var accessToken: String { self.parameters.token.access_token }
    var expiresAt: Int64? { self.parameters.token.expires_at }
    var generation: Int64 { self.parameters.token.generation }
    var warning: String? { self.parameters.warning }

    /// - Throws: When the bytes are not one JSON object and a NUL.
    init(_ rendered: RenderedToken) throws {
        var bytes = rendered.reply
        try #require(bytes.popLast() == 0)
        try #require(!bytes.contains(0))
        self = try JSONDecoder().decode(Reply.self, from: Data(bytes))
    }
}
