package import RefreshCore

/// What the provider sends the browser back with (RFC 6749 §4.1.2), as found in the address.
///
/// The address passed through a person's browser, so everything in it may be somebody else's text.
package struct AuthorizationCallback: Hashable, Sendable {
    package let code: Secret
    /// What the profile binds a grant to and the address holds, by parameter name (VK ID's `device_id`).
    let bindings: [String: String]

    /// A code that was taken out of the address, or off the screen, by somebody else.
    ///
    /// - Throws: `AuthorizationRefusal.malformedCallback` for a text that is no code.
    package init(code: String) throws(AuthorizationRefusal) {
        // A code is visible ASCII and perhaps spaces (RFC 6749 appendix A.11); what stands around it was pasted along.
        let text = code.drop { $0.isWhitespace }
        let end = text.lastIndex { !$0.isWhitespace }
        let pasted = end.map { text[...$0] } ?? ""
        // The tail of Instagram's addresses, which is no part of the code.
        let code = pasted.hasSuffix("#_") ? pasted.dropLast(2) : pasted
        guard (1...4_096).contains(code.utf8.count), code.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .malformedCallback
        }
        self.code = Secret(String(code))
        self.bindings = [:]
    }

    /// Reads the address.
    ///
    /// - Parameters:
    ///   - text: The whole address, or its query alone. A fragment is passed over: some providers add one.
    ///   - state: The request's.
    ///   - profile: Says what a grant is bound to.
    ///   - issuer: Who ought to have answered; nil when nobody has said.
    ///   - issuerIsNamed: Whether the provider has promised to name itself (RFC 9207 §3).
    /// - Throws: `AuthorizationRefusal`: `access_denied` and the like come from the provider.
    package init(
        parsing text: String,
        state: String,
        profile: ProviderProfile,
        issuer: String?,
        issuerIsNamed: Bool
    ) throws(AuthorizationRefusal) {
        guard text.utf8.count <= 16_384 else { throw .malformedCallback }
        let address = text.filter { !$0.isWhitespace }.prefix { $0 != "#" }
        let query = address.firstIndex(of: "?").map { address[address.index(after: $0)...] } ?? address
        let pairs = query.split(separator: "&").filter { $0.contains("=") }.joined(separator: "&")
        guard let members = try? FormBody.members(in: Array(pairs.utf8)) else { throw .malformedCallback }

        guard members["state"]?.text == state else { throw .otherState }
        // RFC 9207 §2.4: compared as it stands, before anything else in the answer is believed.
        switch (members["iss"]?.text, issuer) {
        case (let named?, let issuer?) where named != issuer: throw .otherIssuer
        case (nil, .some) where issuerIsNamed: throw .otherIssuer
        default: break
        }
        if let error = members["error"]?.text {
            throw AuthorizationRefusal(error: error, description: members["error_description"]?.text)
        }
        guard let code = members["code"]?.text, (1...4_096).contains(code.utf8.count) else { throw .malformedCallback }
        self.code = Secret(code)
        var bindings: [String: String] = [:]
        for name in profile.bindings {
            if let value = members[name]?.text, (1...4_096).contains(value.utf8.count) { bindings[name] = value }
        }
        self.bindings = bindings
    }
}

/// Why an authorization came to nothing, as it is told to whoever asked for it.
package struct AuthorizationRefusal: Error, Hashable, Sendable {
    /// One word: the provider's, if it looks like one (RFC 6749 §4.1.2.1 and §5.2, RFC 8628 §3.5), or ours.
    package let error: String
    /// One sentence for people, or what the provider sent the browser back with, of the characters that it may have.
    package let description: String?

    /// Takes the provider's words from an address.
    init(error: String, description: String?) {
        let word = Self.isWord(error) ? error : "invalid_response"
        let text = description.map { text in
            // RFC 6749 §4.1.2.1: visible ASCII and spaces, but no quote and no backslash.
            String(text.unicodeScalars.map { (0x20...0x7E).contains($0.value) ? Character($0) : "?" }.prefix(500))
        }
        self.error = word
        self.description = text.flatMap { $0.isEmpty ? nil : $0 } ?? Self.sentences[word]
    }

    /// One of our own words, or one of the provider's that nothing but its form is taken from.
    init(_ word: String) {
        self.error = word
        self.description = Self.sentences[word]
    }

    /// The word if it is one that is known here, for logs: others come from far away.
    package var label: String { Self.sentences[self.error] == nil ? "other" : self.error }

    static func isWord(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0 | 0x20) || (0x30...0x39).contains($0) || "_-.".utf8.contains($0)
            }
    }

    /// The address is none that a provider sends a browser back to, or the code is none.
    package static let malformedCallback = AuthorizationRefusal("malformed_callback")
    /// The address answers another request.
    package static let otherState = AuthorizationRefusal("state_mismatch")
    /// Somebody else answered than was asked (RFC 9207).
    package static let otherIssuer = AuthorizationRefusal("issuer_mismatch")
    /// What answers is no token endpoint, or it does not keep to the form.
    package static let malformedAnswer = AuthorizationRefusal("malformed_answer")
    /// Nobody knows the state, or not any more.
    package static let unknownState = AuthorizationRefusal("unknown_state")
    /// Too many authorizations are pending.
    package static let tooMany = AuthorizationRefusal("too_many_pending")
    /// The client has no authorization endpoint.
    package static let noAuthorizationEndpoint = AuthorizationRefusal("no_authorization_endpoint")
    /// The client has no device authorization endpoint.
    package static let noDeviceEndpoint = AuthorizationRefusal("no_device_authorization_endpoint")
    /// The time to approve is over.
    package static let expired = AuthorizationRefusal("expired_token")

    /// The daemon ends, and with it what waits for a person.
    package static let stopping = AuthorizationRefusal("refreshd_stopping")

    /// What is wrong, and what to do.
    private static let sentences = [
        "access_denied": "access was denied",
        "expired_token": "nobody approved in time: begin again",
        "invalid_grant": "the code is wrong, was used before, or has expired: begin again",
        "invalid_client": "the provider refuses this client: look at client_id and client_secret",
        "unauthorized_client": "the provider refuses this client: look at its registration",
        "invalid_scope": "the provider does not grant these scopes to this client",
        "unsupported_grant_type": "the provider does not know this way of authorization",
        "redirect_uri_mismatch": "the redirect URI is not the one that is registered",
        "malformed_callback": "this is neither a code nor the address that the browser was sent back to",
        "state_mismatch": "the address answers another request than this one",
        "issuer_mismatch": "the answer does not name the provider that was asked",
        "malformed_answer": "what answered is no token endpoint, or it does not keep to the form",
        "unknown_state": "this authorization is not known, was used before, or has expired: begin again",
        "too_many_pending": "too many authorizations are pending: try again in some minutes",
        "no_authorization_endpoint": "the client has no authorization_endpoint",
        "no_device_authorization_endpoint": "the client has no device_authorization_endpoint",
        "refreshd_stopping": "refreshd is stopping: begin again in a moment",
        "temporarily_unavailable": "the provider cannot answer for now: try again in some minutes",
        "server_error": "the provider failed: try again in some minutes",
    ]
}
