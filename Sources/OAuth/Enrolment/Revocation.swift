package import RefreshCore

/// The request that tells a provider that a grant is over (RFC 7009 §2.1).
package enum RevocationRequest {
    /// Builds the request, or nil when there is nothing to send, or nowhere to send it to.
    package static func make(grant: Grant, client: OAuthClient) -> EndpointRequest? {
        guard let refreshToken = grant.refreshToken, let endpoint = client.profile.revocationEndpoint,
            let authentication = try? ClientAuthentication(
                client.authenticationMethod,
                clientID: client.clientID,
                secret: client.clientSecret
            )
        else { return nil }
        var body = FormBody()
        body.append("token", refreshToken.revealBytes())
        body.append("token_type_hint", "refresh_token")
        for (name, value) in authentication.parameters { body.append(name, value.revealBytes()) }
        var headers: [(name: String, value: Secret)] = [
            (name: "Content-Type", value: Secret("application/x-www-form-urlencoded"))
        ]
        if let authorization = authentication.authorization {
            headers.append((name: "Authorization", value: authorization))
        }
        return EndpointRequest(
            url: endpoint,
            headers: headers,
            body: Secret(body.bytes),
            // Revoking twice does no harm, but a connection that is closed in our face would leave it in doubt.
            isSingleUse: true,
            answerTimeout: .seconds(30)
        )
    }
}
