import FoundationEssentials
import RefreshCore

/// How a client shows the token endpoint who it is, by the names of RFC 7591 §2.
package enum ClientAuthenticationMethod: String, Hashable, Sendable, CaseIterable {
    /// `Authorization: Basic` (RFC 6749 §2.3.1).
    case clientSecretBasic = "client_secret_basic"
    /// `client_id` and `client_secret` in the body.
    case clientSecretPost = "client_secret_post"
    /// `client_id` in the body and no secret: a public client.
    case none
}

/// What a request carries so that the provider knows the client.
struct ClientAuthentication {
    /// The value of `Authorization`, if the method uses it.
    var authorization: Secret?
    /// What goes into the body, in this order.
    var parameters: [(name: String, value: Secret)]

    /// - Throws: `RefreshRequestError.noClientSecret` when the method needs a secret and there is none.
    init(_ method: ClientAuthenticationMethod, clientID: String, secret: Secret?) throws(RefreshRequestError) {
        let identifier = (name: "client_id", value: Secret(clientID))
        switch method {
        case .clientSecretBasic:
            guard let secret else { throw .noClientSecret }
            self.authorization = Self.basic(clientID: clientID, secret: secret)
            self.parameters = []
        case .clientSecretPost:
            guard let secret else { throw .noClientSecret }
            self.authorization = nil
            self.parameters = [identifier, (name: "client_secret", value: secret)]
        case .none:
            self.authorization = nil
            self.parameters = [identifier]
        }
    }

    /// The header's value: id and secret are form-encoded first, and only then joined and put into base64, so that a
    /// colon in the id does not move the border (RFC 6749 §2.3.1).
    private static func basic(clientID: String, secret: Secret) -> Secret {
        let pair = FormBody.encode(clientID.utf8) + [UInt8(ascii: ":")] + FormBody.encode(secret.revealBytes())
        return Secret("Basic " + Data(pair).base64EncodedString())
    }
}
