package import RefreshCore

/// The address at which a person grants access (RFC 6749 §4.1.1, with the proof of RFC 7636), and what must be known
/// again when the answer comes.
package struct AuthorizationRequest: Hashable, Sendable {
    /// The address, fit for a browser.
    package let url: String
    /// 256 random bits as 43 characters: names the request, and tells an answer to it from one that was foisted on the
    /// person's browser (RFC 6749 §10.12).
    package let state: String
    /// Nil: the provider sends the browser where the registration says, or shows the code on the screen.
    package let redirectURI: String?
    /// What is asked for; an answer that names no scope grants this (RFC 6749 §5.1).
    package let scopes: [String]
    /// What makes the code worthless to whoever else gets hold of it.
    let verifier: Secret

    /// Makes a request.
    ///
    /// - Parameters:
    ///   - client: The client that asks.
    ///   - endpoint: The authorization endpoint. Its query, if it has one, is kept (RFC 6749 §3.1).
    ///   - redirectURI: Where the browser is sent back to; see `AuthorizationRequestError.redirectURI`.
    ///   - scopes: Nil for those of the profile.
    ///   - secrets: Makes `state` and the verifier.
    /// - Throws: `AuthorizationRequestError` for what cannot be asked for.
    package init(
        client: OAuthClient,
        endpoint: String,
        redirectURI: String?,
        scopes: [String]?,
        secrets: some SecretSource
    ) throws(AuthorizationRequestError) {
        if let redirectURI, !Self.isRedirectURI(redirectURI) { throw .redirectURI }
        let scopes = scopes ?? client.profile.scopes
        guard scopes.allSatisfy(Self.isScope) else { throw .scopes }
        let state = Self.newState(secrets)
        let verifier = Base64URL.text(secrets.bytes(32))

        var query = FormBody()
        query.append("response_type", "code")
        query.append("client_id", client.clientID)
        if let redirectURI { query.append("redirect_uri", redirectURI) }
        if !scopes.isEmpty { query.append("scope", scopes.joined(separator: String(client.profile.scopeSeparator))) }
        query.append("state", state)
        query.append("code_challenge", Base64URL.text(secrets.digest(of: Array(verifier.utf8))))
        query.append("code_challenge_method", client.profile.challengeMethod)
        for (name, value) in client.profile.authorizationParameters.sorted(by: { $0.key < $1.key }) {
            query.append(name, value)
        }
        // A plus is a space in a form and itself in other readers' eyes; this is a space in everybody's.
        let text = String(decoding: query.bytes, as: UTF8.self).split(
            separator: "+",
            omittingEmptySubsequences: false
        )
        .joined(separator: "%20")

        self.url = endpoint + (endpoint.contains("?") ? "&" : "?") + text
        self.state = state
        self.redirectURI = redirectURI
        self.scopes = scopes
        self.verifier = Secret(verifier)
    }

    /// A name that nobody can guess, for what waits for a person.
    package static func newState(_ secrets: some SecretSource) -> String { Base64URL.text(secrets.bytes(32)) }

    /// https anywhere, http on this machine, or an application's own scheme, which has a dot in it (RFC 8252 §7).
    private static func isRedirectURI(_ text: String) -> Bool {
        guard (1...2_048).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            !text.contains("#"), let colon = text.firstIndex(of: ":")
        else { return false }
        if text == "urn:ietf:wg:oauth:2.0:oob" { return true }
        let scheme = text[..<colon]
        switch scheme {
        case "http" where text.hasPrefix("http://localhost/") || text.hasPrefix("http://localhost:"): return true
        case "http", "https": return (try? EndpointURL(text, insecureLoopback: true)) != nil
        default:
            return scheme.contains(".")
                && scheme.utf8.allSatisfy {
                    (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || "+-.".utf8.contains($0)
                }
        }
    }

    /// The characters of RFC 6749 §3.3.
    private static func isScope(_ text: String) -> Bool {
        (1...1_024).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C }
    }
}

/// Which part of what the caller said cannot be asked for.
package enum AuthorizationRequestError: Error, Hashable, Sendable {
    /// No https address, no http one of this machine and no application's own scheme, or it has a fragment.
    case redirectURI
    /// One of them is empty, or has characters that no scope has.
    case scopes
}
