package import RefreshCore

/// The request that trades a refresh token for a new access token (RFC 6749 §6).
package enum RefreshRequest {
    /// Builds the request, with its parameters in a fixed order.
    ///
    /// No `scope`: left out, it means what was granted before, and named, it could only shrink.
    ///
    /// - Throws: `RefreshRequestError` when something it is made of is not there.
    package static func make(grant: Grant, client: OAuthClient) throws(RefreshRequestError) -> EndpointRequest {
        guard let refreshToken = grant.refreshToken, !refreshToken.isEmpty else { throw .noRefreshToken }
        guard let endpoint = client.profile.refreshEndpoint ?? client.tokenEndpoint, !endpoint.isEmpty,
            !endpoint.contains("{")
        else {
            throw .noTokenEndpoint
        }
        let authentication = try ClientAuthentication(
            client.authenticationMethod,
            clientID: client.clientID,
            secret: client.clientSecret
        )

        var body = FormBody()
        body.append("grant_type", "refresh_token")
        body.append("refresh_token", refreshToken.revealBytes())
        for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
        for name in client.profile.bindings {
            // What is the same for all of a client's grants (`redirect_uri`) may stand in its parameters.
            guard let value = grant.bindings[name] ?? client.profile.extraParameters[name] else {
                throw .noBinding(name)
            }
            body.append(name, value)
        }
        for (name, value) in client.profile.extraParameters.sorted(by: { $0.key < $1.key }) { body.append(name, value) }

        return .form(
            body,
            to: endpoint,
            authentication,
            isSingleUse: client.profile.habit.rotation.spends,
            answerTimeout: client.profile.answerTimeout
        )
    }
}
