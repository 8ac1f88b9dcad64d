/// How a client proves itself at the token endpoint (RFC 6749 §2.3; names of RFC 7591 §2).
package enum AuthenticationMethod: String, Codable, Hashable, Sendable {
    case basic = "client_secret_basic"
    case post = "client_secret_post"
    case none
}

/// One client registration.
package struct PracticeClient: Codable, Hashable, Sendable {
    package var id: String
    package var secret: String?
    package var method: AuthenticationMethod

    /// Makes a registration; without a method it is `.none` for a client that has no secret, else `.basic`.
    package init(id: String, secret: String? = nil, method: AuthenticationMethod? = nil) {
        self.id = id
        self.secret = secret
        self.method = method ?? (secret == nil ? .none : .basic)
    }

    private enum CodingKeys: CodingKey {
        case id, secret, method
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try values.decode(String.self, forKey: .id),
            secret: try values.decodeIfPresent(String.self, forKey: .secret),
            method: try values.decodeIfPresent(AuthenticationMethod.self, forKey: .method)
        )
    }
}
