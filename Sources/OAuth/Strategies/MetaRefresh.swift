package import RefreshCore

// Meta's way: there is no refresh token. What is sent is the access token, while it lives.

/// Exchanges a living Facebook access token for a long-lived one (facts 3.6).
///
/// `grant_type=fb_exchange_token` with the client's credentials; an expired token cannot be exchanged.
package struct MetaExchange: RefreshStrategy {
    package init() {}

    package func request(
        grant: Grant,
        facts: TokenFacts,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        guard let accessToken = grant.refreshToken, !accessToken.isEmpty else { throw .noRefreshToken }
        guard let secret = client.clientSecret else { throw .noClientSecret }
        var form = FormBody()
        form.append("grant_type", "fb_exchange_token")
        form.append("client_id", client.clientID)
        form.append("client_secret", secret.revealBytes())
        form.append("fb_exchange_token", accessToken.revealBytes())
        return try .meta(form, to: client.profile.refreshEndpoint ?? client.tokenEndpoint, client)
    }

    package func verdict(on answer: RawAnswer, grant: Grant, client: OAuthClient, now: Timestamp) -> RefreshVerdict {
        StandardRefresh().verdict(on: answer, grant: grant, client: client, now: now)
    }
}

/// Extends a living Instagram access token, or exchanges one that is too short-lived for that (facts 3.7).
///
/// `ig_refresh_token` carries no client credentials and wants a token that is a day old. One that dies before it can be
/// that old is exchanged with `ig_exchange_token` instead, once, for one that can be extended.
package struct MetaExtend: RefreshStrategy {
    package init() {}

    package func request(
        grant: Grant,
        facts: TokenFacts,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        guard let accessToken = grant.refreshToken, !accessToken.isEmpty else { throw .noRefreshToken }
        var form = FormBody()
        guard Self.isExtensible(facts, client.profile) else {
            guard let secret = client.clientSecret else { throw .noClientSecret }
            form.append("grant_type", "ig_exchange_token")
            form.append("client_secret", secret.revealBytes())
            form.append("access_token", accessToken.revealBytes())
            return try .meta(form, to: client.profile.exchangeEndpoint, client)
        }
        form.append("grant_type", "ig_refresh_token")
        form.append("access_token", accessToken.revealBytes())
        return try .meta(form, to: client.profile.refreshEndpoint ?? client.tokenEndpoint, client)
    }

    package func verdict(on answer: RawAnswer, grant: Grant, client: OAuthClient, now: Timestamp) -> RefreshVerdict {
        StandardRefresh().verdict(on: answer, grant: grant, client: client, now: now)
    }

    /// Whether a token can grow as old as it must be to be extended.
    static func isExtensible(_ facts: TokenFacts, _ profile: ProviderProfile) -> Bool {
        guard profile.exchangeEndpoint != nil, let expiresAt = facts.expiresAt else { return true }
        return expiresAt - facts.issuedAt > profile.minimumAge
    }
}

extension ProviderProfile {
    /// The first moment at which the provider takes a token for a refresh, on the time line of its facts.
    ///
    /// Nil where it takes one of any age: also one that was issued in the future, as a wrong clock has it.
    package func earliestRefresh(_ facts: TokenFacts) -> Timestamp? {
        guard self.minimumAge > .zero, self.strategy != .metaExtend || MetaExtend.isExtensible(facts, self) else {
            return nil
        }
        return facts.issuedAt + self.minimumAge
    }
}

extension NewToken {
    /// A token that is its own grant: what brings the next one is the token itself.
    init(succeedingItself response: TokenResponse) {
        self.init(
            accessToken: response.accessToken,
            tokenType: response.tokenType,
            scope: response.scope,
            lifetime: response.lifetime,
            refreshToken: response.accessToken,
            grantLifetime: nil,
            withheld: response.withheld,
            notes: response.notes
        )
    }
}

extension EndpointRequest {
    /// The parameters in the body, or in the query where the profile asks for a GET.
    fileprivate static func meta(
        _ form: FormBody,
        to endpoint: String?,
        _ client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        guard let endpoint, !endpoint.isEmpty, !endpoint.contains("{") else { throw .noTokenEndpoint }
        let profile = client.profile
        var form = form
        for (name, value) in profile.extraParameters.sorted(by: { $0.key < $1.key }) { form.append(name, value) }
        let isGet = profile.refreshMethod == .get
        var headers: [(name: String, value: Secret)] = [(name: "Accept", value: Secret("application/json"))]
        if !isGet { headers.append((name: "Content-Type", value: Secret("application/x-www-form-urlencoded"))) }
        return EndpointRequest(
            url: endpoint,
            headers: headers,
            body: Secret(isGet ? [] : form.bytes),
            isSingleUse: profile.habit.rotation.spends,
            answerTimeout: profile.answerTimeout,
            method: profile.refreshMethod,
            query: isGet ? Secret(form.bytes) : nil
        )
    }
}
