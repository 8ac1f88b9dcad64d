import FoundationEssentials

/// An error answer of RFC 6749 §5.2.
struct OAuthRefusal: Error, Hashable, Sendable {
    var error: String
    var description: String
    var status = 400
    /// The client used the Authorization header, so the answer must name the scheme (RFC 6749 §5.2).
    var asksForBasic = false

    var answer: Answer {
        let body =
            "{\"error\":\(JSONText.quoted(self.error)),\"error_description\":\(JSONText.quoted(self.description))}"
        var answer = Answer.json(body, status: self.status)
        if self.asksForBasic { answer.headers["WWW-Authenticate"] = "Basic realm=\"practice\"" }
        return answer
    }

    static func invalidRequest(_ description: String) -> OAuthRefusal {
        OAuthRefusal(error: "invalid_request", description: description)
    }

    static func invalidClient(_ description: String, asksForBasic: Bool) -> OAuthRefusal {
        OAuthRefusal(
            error: "invalid_client",
            description: description,
            status: 401,
            asksForBasic: asksForBasic
        )
    }
}

/// Who a client says it is, and by which means.
struct ClientClaim: Hashable, Sendable {
    let id: String
    let secret: String?
    let method: AuthenticationMethod

    /// Reads the claim of a request (RFC 6749 §2.3).
    ///
    /// - Parameters:
    ///   - authorization: The values of every Authorization header.
    ///   - form: The parameters of the body.
    /// - Throws: `invalid_client` without a claim that can be read, `invalid_request` for two at once.
    init(authorization: [String], form: FormParameters) throws(OAuthRefusal) {
        guard authorization.count <= 1 else { throw .invalidRequest("more than one Authorization header") }
        if let header = authorization.first {
            guard form["client_secret"] == nil else {
                throw .invalidRequest("more than one way of client authentication")
            }
            guard let (id, secret) = Self.basic(header) else {
                throw .invalidClient("the Authorization header is not a proper Basic one", asksForBasic: true)
            }
            if let named = form["client_id"], named != id {
                throw .invalidRequest("client_id differs from the Authorization header")
            }
            self.id = id
            self.secret = secret
            self.method = .basic
        } else {
            guard let id = form["client_id"] else {
                throw .invalidClient("no client authentication", asksForBasic: false)
            }
            self.id = id
            self.secret = form["client_secret"]
            self.method = self.secret == nil ? .none : .post
        }
    }

    /// Compares the claim with the registration.
    func verify(against clients: [String: PracticeClient]) throws(OAuthRefusal) {
        let asksForBasic = self.method == .basic
        guard let client = clients[self.id] else {
            throw .invalidClient("unknown client", asksForBasic: asksForBasic)
        }
        guard client.method == self.method else {
            throw .invalidClient("this client is registered for \(client.method.rawValue)", asksForBasic: asksForBasic)
        }
        guard client.method == .none || client.secret == self.secret else {
            throw .invalidClient("wrong client secret", asksForBasic: asksForBasic)
        }
    }

    /// User and password are form-encoded before they are joined (RFC 6749 §2.3.1), which is easy to forget.
    private static func basic(_ header: String) -> (id: String, secret: String)? {
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "basic" else { return nil }
        guard
            let bytes = Data(base64Encoded: String(parts[1])), let text = String(validating: bytes, as: UTF8.self),
            let colon = text.firstIndex(of: ":"),
            let id = FormParameters.decoded(text[..<colon]),
            let secret = FormParameters.decoded(text[text.index(after: colon)...]), !id.isEmpty
        else { return nil }
        return (id, secret)
    }
}
