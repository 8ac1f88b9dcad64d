package import RefreshCore

/// How a grant is ended at its provider, one word each as the configuration has them.
package enum RevocationStyle: String, Hashable, Sendable, CaseIterable {
    /// RFC 7009: the refresh token, a hint, and the client's authentication.
    case rfc7009
    /// The refresh token and nothing else (Google, facts 3.3).
    case token
    /// The refresh token, and the client's id and secret in the body; no hint (Box, facts 3.1).
    case clientToken = "client_token"
    /// The access token and the client's id; the grant ends with it (VK ID, facts 3.9).
    case accessToken = "access_token"
    /// The access token as `Authorization: Bearer`, and no parameters (Dropbox, facts 3.2).
    case bearer
    /// `DELETE` with the access token as `Authorization: Bearer`: the user's permissions go (Facebook, facts 3.6).
    case permissions

    /// Whether a living access token is what is shown, so that there must be one.
    package var needsAccessToken: Bool {
        switch self {
        case .rfc7009, .token, .clientToken: false
        case .accessToken, .bearer, .permissions: true
        }
    }
}

/// The request that tells a provider that a grant is over, by the profile's style.
///
/// Sending it twice does no harm (facts, section 5), so it is repeated when no answer came.
package enum RevocationRequest {
    /// Builds the request.
    ///
    /// - Parameters:
    ///   - grant: What is over.
    ///   - accessToken: Alive; looked at only where the style needs one.
    ///   - client: Whom the grant was given to.
    /// - Returns: Nil when there is nothing to send, or nowhere to send it to.
    package static func make(grant: Grant, accessToken: Secret? = nil, client: OAuthClient) -> EndpointRequest? {
        guard let endpoint = client.profile.revocationEndpoint, !endpoint.contains("{") else { return nil }
        var body = FormBody()
        var headers: [(name: String, value: Secret)] = [(name: "Accept", value: Secret("application/json"))]
        var contentType = "application/x-www-form-urlencoded"
        var method = EndpointRequest.Method.post

        let style = client.profile.revocation
        switch style {
        case .rfc7009, .token, .clientToken:
            guard let refreshToken = grant.refreshToken else { return nil }
            body.append("token", refreshToken.revealBytes())
            if style == .rfc7009 { body.append("token_type_hint", "refresh_token") }
            guard style != .token else { break }
            let authentication = try? ClientAuthentication(
                style == .rfc7009 || client.clientSecret == nil ? client.authenticationMethod : .clientSecretPost,
                clientID: client.clientID,
                secret: client.clientSecret
            )
            guard let authentication else { return nil }
            for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
            if let authorization = authentication.authorization {
                headers.append((name: "Authorization", value: authorization))
            }
        case .accessToken:
            guard let accessToken else { return nil }
            body.append("access_token", accessToken.revealBytes())
            body.append("client_id", client.clientID)
        case .bearer, .permissions:
            guard let accessToken else { return nil }
            headers.append((name: "Authorization", value: Secret("Bearer \(accessToken.reveal())")))
        }
        var bytes = body.bytes
        switch style {
        case .rfc7009, .token, .clientToken, .accessToken: break
        case .bearer:
            // JSON's way to say that there are no arguments: the last byte of a body is what a request is held back by.
            bytes = Array("null".utf8)
            contentType = "application/json"
        case .permissions:
            // Of no meaning to a DELETE, and there for the same reason.
            bytes = Array("{}".utf8)
            contentType = "application/json"
            method = .delete
        }
        headers.append((name: "Content-Type", value: Secret(contentType)))
        return EndpointRequest(
            url: endpoint,
            headers: headers,
            body: Secret(bytes),
            // Revoking twice does no harm, but a connection that is closed in our face would leave it in doubt.
            isSingleUse: true,
            answerTimeout: .seconds(30),
            method: method
        )
    }
}

/// What a provider's answer to a revocation means.
package enum RevocationVerdict: Hashable, Sendable {
    /// The grant is over, by this request or before.
    case over
    /// Not now: it may be asked again, after `retryAfter` if the server named a time.
    case later(Cause, message: String, retryAfter: Duration?)
    /// It will not do it, however often it is asked.
    case refused(Cause, message: String)

    /// Reads an answer of any status.
    ///
    /// - Parameters:
    ///   - answer: Complete.
    ///   - profile: Of the client that asked.
    ///   - now: UTC, for a `Retry-After` that is a date.
    package init(_ answer: RawAnswer, profile: ProviderProfile, now: Timestamp) {
        let error = ErrorResponse(parsing: answer.body.revealBytes(), profile: profile)
        let wait = RetryAfter.wait(in: answer, error: error, profile: profile, now: now)
        switch answer.status {
        case 200...299 where error == nil: self = .over
        case 408, 425: self = .later(.serverError, message: "the provider could not do it now", retryAfter: wait)
        case 429: self = .later(.rateLimited, message: "the provider asks for patience", retryAfter: wait)
        case 500...599: self = .later(.serverError, message: "the provider could not do it now", retryAfter: wait)
        // A grant that is dead already: RFC 7009 §2.2 has it answered with 200, Box and Google say 400 (facts, section 5).
        case 200...299, 400:
            switch error?.code {
            case "invalid_token"?, "invalid_grant"?: self = .over
            case "invalid_client"?, "unauthorized_client"?: self = Self.clientRefused
            case "temporarily_unavailable"?, "server_error"?:
                self = .later(.serverError, message: "the provider could not do it now", retryAfter: wait)
            default: self = .refused(.malformedAnswer, message: "the provider refuses to revoke this token")
            }
        case 401 where profile.revocation.needsAccessToken:
            self = .refused(
                .revoked,
                message: "the provider does not take the access token; the grant may be over already"
            )
        case 401, 403: self = Self.clientRefused
        case 300...399: self = .refused(.malformedAnswer, message: "the provider answers with a redirect")
        default: self = .refused(.malformedAnswer, message: "the provider's revocation endpoint does not do this")
        }
    }

    private static let clientRefused = RevocationVerdict.refused(
        .clientRejected,
        message: "the provider refuses this client"
    )
}
