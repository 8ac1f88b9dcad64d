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
    /// Where people may be sent back to; nil: anywhere.
    package var redirectURIs: [String]?

    /// Makes a registration; without a method it is `.none` for a client that has no secret, else `.basic`.
    package init(
        id: String,
        secret: String? = nil,
        method: AuthenticationMethod? = nil,
        redirectURIs: [String]? = nil
    ) {
        self.redirectURIs = redirectURIs
        self.id = id
        self.secret = secret
        self.method = method ?? (secret == nil ? .none : .basic)
    }

    private enum CodingKeys: String, CodingKey {
        case id, secret, method
        case redirectURIs = "redirect_uris"
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try values.decode(String.self, forKey: .id),
            secret: try values.decodeIfPresent(String.self, forKey: .secret),
            method: try values.decodeIfPresent(AuthenticationMethod.self, forKey: .method),
            redirectURIs: try values.decodeIfPresent([String].self, forKey: .redirectURIs)
        )
    }
}
