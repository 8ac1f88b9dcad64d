package import RefreshCore

/// The request that trades a code for tokens (RFC 6749 §4.1.3, RFC 7636 §4.5), and what its answer means.
package enum CodeExchange {
    /// Builds the request.
    ///
    /// - Throws: `RefreshRequestError` when something it is made of is not there: `noBinding` when the provider binds
    ///   the grant to something that only the whole address of the answer holds.
    package static func make(
        _ callback: AuthorizationCallback,
        of request: AuthorizationRequest,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        let endpoint = try client.checkedTokenEndpoint()
        let authentication = try client.authentication()
        var body = FormBody()
        body.append("grant_type", "authorization_code")
        body.append("code", callback.code.revealBytes())
        // Repeated if it was sent, and only then.
        if let redirectURI = request.redirectURI { body.append("redirect_uri", redirectURI) }
        body.append("code_verifier", request.verifier.revealBytes())
        for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
        let bindings = Self.bindings(callback, of: request, client: client)
        for name in client.profile.bindings {
            guard let value = bindings[name] else { throw .noBinding(name) }
            body.append(name, value)
        }
        if client.profile.echoes.contains("state") { body.append("state", request.state) }
        // A code can be used once; what is sent twice may revoke what it brought (RFC 6749 §4.1.2).
        return .form(body, to: endpoint, authentication, isSingleUse: true, method: client.profile.codeMethod)
    }

    /// Whether an answer repeats the `state` that was sent, where the profile has it repeated (VK ID, facts 3.9).
    ///
    /// - Returns: True also when it is left out; false means that the tokens are somebody else's.
    package static func isOurs(
        _ answer: RawAnswer,
        to request: AuthorizationRequest,
        profile: ProviderProfile
    ) -> Bool {
        guard profile.echoes.contains("state"),
            let members = try? JSONReader.object(in: answer.body.revealBytes()), let echo = members["state"],
            echo != .null
        else { return true }
        return echo == .string(request.state)
    }

    /// What the grant is bound to, as far as the address and the request tell.
    package static func bindings(
        _ callback: AuthorizationCallback,
        of request: AuthorizationRequest,
        client: OAuthClient
    ) -> [String: String] {
        var bindings = callback.bindings
        if client.profile.bindings.contains("redirect_uri") { bindings["redirect_uri"] = request.redirectURI }
        return bindings
    }
}

/// What a token endpoint's answer to a new authorization means.
package enum EnrolmentVerdict: Hashable, Sendable {
    /// The bytes hold tokens.
    case granted(Secret)
    /// Nobody has decided yet (RFC 8628 §3.5).
    case pending
    /// As `pending`, and it is we who ask too often; or the endpoint is in trouble, which may pass.
    ///
    /// - Parameter wait: What was asked for, 1 s to 1 h; nil when nothing was.
    case busy(AuthorizationRefusal, wait: Duration?)
    case refused(AuthorizationRefusal)

    /// Judges a complete answer.
    ///
    /// - Parameters:
    ///   - answer: Of any status.
    ///   - client: The one it was sent for.
    ///   - now: UTC, for a `Retry-After` that is a date.
    package init(_ answer: RawAnswer, client: OAuthClient, now: Timestamp) {
        let error = ErrorResponse(parsing: answer.body.revealBytes(), profile: client.profile)
        if let error, client.profile.strategy.spendsAccessToken {
            self = Self.ofNumber(error, answer, client.profile, now: now)
            return
        }
        if let word = error?.code {
            switch word {
            case "authorization_pending":
                self = .pending
            case "slow_down", "temporarily_unavailable", "server_error":
                self = .busy(
                    AuthorizationRefusal(word),
                    wait: RetryAfter.wait(in: answer, error: error, profile: client.profile, now: now)
                )
            // The names that Microsoft has for them.
            case "authorization_declined": self = .refused(AuthorizationRefusal("access_denied"))
            case "bad_verification_code": self = .refused(AuthorizationRefusal("invalid_grant"))
            default: self = .refused(AuthorizationRefusal.isWord(word) ? AuthorizationRefusal(word) : .malformedAnswer)
            }
            return
        }
        switch answer.status {
        case 200...299 where error == nil:
            self = .granted(answer.body)
        case 408, 425, 429, 500...599:
            self = .busy(
                AuthorizationRefusal("temporarily_unavailable"),
                wait: RetryAfter.wait(in: answer, error: error, profile: client.profile, now: now)
            )
        default:
            self = .refused(.malformedAnswer)
        }
    }

    /// Meta has numbers where others have words; what is wrong with a code has the one for wrong parameters, 100, as much
    /// else has (facts 3.6, 3.7).
    private static func ofNumber(
        _ error: ErrorResponse,
        _ answer: RawAnswer,
        _ profile: ProviderProfile,
        now: Timestamp
    ) -> EnrolmentVerdict {
        switch ErrorTable.meaning(of: error, profile: profile) {
        case .clientRejected: return .refused(AuthorizationRefusal("invalid_client"))
        case nil where answer.status < 500, .deadGrant: return .refused(AuthorizationRefusal("invalid_grant"))
        case nil, .temporary, .tooFast:
            return .busy(
                AuthorizationRefusal("temporarily_unavailable"),
                wait: RetryAfter.wait(in: answer, error: error, profile: profile, now: now)
            )
        }
    }
}

extension RawAnswer {
    /// Whether the client was refused, which is looked at before anything else in a request (RFC 6749 §5.2).
    package func refuses(_ client: OAuthClient) -> Bool {
        ErrorResponse(parsing: self.body.revealBytes(), profile: client.profile)?.code == "invalid_client"
    }
}
