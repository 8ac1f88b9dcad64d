package import RefreshCore

/// An authorization that a person gives on another device (RFC 8628).
package struct DeviceAuthorization: Hashable, Sendable {
    /// What the person types in; up to 64 visible characters and spaces.
    package let userCode: String
    /// Where; an https address.
    package let verificationURI: String
    /// The same with the code in it; nil when there is none.
    package let verificationURIComplete: String?
    /// How long the codes live: more than zero, at most an hour.
    package let lifetime: Duration
    /// The least time between two questions: 1 s to 1 min.
    package let interval: Duration
    let deviceCode: Secret

    /// The request for a pair of codes (§3.1).
    ///
    /// - Parameters:
    ///   - endpoint: The device authorization endpoint.
    ///   - client: The client that asks, with the authentication that it has at the token endpoint.
    /// - Returns: The request, whose answer is read by `init`.
    /// - Throws: `RefreshRequestError.noClientSecret`.
    package static func request(
        to endpoint: String,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        let authentication = try client.authentication()
        var body = FormBody()
        // Wanted here whatever the way of authentication.
        body.append("client_id", client.clientID)
        for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
        if !client.profile.scopes.isEmpty {
            body.append("scope", client.profile.scopes.joined(separator: String(client.profile.scopeSeparator)))
        }
        return .form(body, to: endpoint, authentication, isSingleUse: false)
    }

    /// Reads the answer (§3.2).
    ///
    /// - Throws: `AuthorizationRefusal`, by an error in the answer, or `malformed_answer`.
    package init(_ answer: RawAnswer, client: OAuthClient) throws(AuthorizationRefusal) {
        let bytes = answer.body.revealBytes()
        if let error = ErrorResponse(parsing: bytes, profile: client.profile) {
            throw error.code.flatMap { AuthorizationRefusal.isWord($0) ? AuthorizationRefusal($0) : nil }
                ?? .malformedAnswer
        }
        guard (200...299).contains(answer.status) else {
            throw (500...599).contains(answer.status) || answer.status == 429
                ? AuthorizationRefusal("temporarily_unavailable") : .malformedAnswer
        }
        guard let members = try? JSONReader.object(in: bytes),
            let deviceCode = members["device_code"]?.text, Self.isCode(deviceCode, upTo: 4_096),
            let userCode = members["user_code"]?.text, Self.isCode(userCode, upTo: 64),
            // Google's name for it is older than the RFC's.
            let address = Self.address(members["verification_uri"] ?? members["verification_url"])
        else { throw .malformedAnswer }
        self.deviceCode = Secret(deviceCode)
        self.userCode = userCode
        self.verificationURI = address
        self.verificationURIComplete = Self.address(members["verification_uri_complete"])
        let lifetime = members["expires_in"]?.seconds ?? .seconds(600)
        guard lifetime > .zero else { throw .expired }
        self.lifetime = min(lifetime, .seconds(3_600))
        self.interval = min(max(members["interval"]?.seconds ?? .seconds(5), .seconds(1)), .seconds(60))
    }

    /// The question whether the person has decided (§3.4).
    package func question(client: OAuthClient) throws(RefreshRequestError) -> EndpointRequest {
        let endpoint = try client.checkedTokenEndpoint()
        let authentication = try client.authentication()
        var body = FormBody()
        body.append("grant_type", "urn:ietf:params:oauth:grant-type:device_code")
        body.append("device_code", self.deviceCode.revealBytes())
        body.append("client_id", client.clientID)
        for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
        return .form(body, to: endpoint, authentication, isSingleUse: true)
    }

    private static func isCode(_ text: String, upTo limit: Int) -> Bool {
        (1...limit).contains(text.utf8.count) && text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// An address that a person may be sent to; plain http only on this machine.
    private static func address(_ value: JSONValue?) -> String? {
        guard let text = value?.text, (try? EndpointURL(text, insecureLoopback: true)) != nil else { return nil }
        return text
    }
}

/// How often a person's decision is asked for (RFC 8628 §3.5).
package struct DevicePace: Hashable, Sendable {
    /// The time to the next question.
    package private(set) var interval: Duration

    package init(_ authorization: DeviceAuthorization) { self.interval = authorization.interval }

    /// We were told to ask less often: 5 s longer, from now on.
    ///
    /// - Parameter wait: What the answer asked for, if anything.
    package mutating func slowDown(wait: Duration?) {
        self.interval = min(max(self.interval + .seconds(5), wait ?? .zero), .seconds(600))
    }

    /// No answer came: twice as long, but no longer than a minute for that.
    package mutating func noAnswer() { self.interval = max(self.interval, min(self.interval * 2, .seconds(60))) }
}
