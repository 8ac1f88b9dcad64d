package import RefreshCore

/// One way to get the next token from what is held, as two pure functions: what to send, and what the answer means.
package protocol RefreshStrategy: Sendable {
    /// The request that spends the grant.
    ///
    /// - Parameters:
    ///   - grant: What is spent.
    ///   - facts: What is known of the access token that is to be replaced.
    ///   - client: Whose grant it is.
    /// - Returns: A request that can be sent as it is.
    /// - Throws: `RefreshRequestError` when the client's configuration or the grant lacks something.
    func request(
        grant: Grant,
        facts: TokenFacts,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest

    /// What an answer to that request means.
    ///
    /// - Parameters:
    ///   - answer: Complete, of any status.
    ///   - grant: The one that was sent.
    ///   - client: The one it was sent for.
    ///   - now: UTC, that is the clock's `now + utcShift`: a `Retry-After` may be a date.
    /// - Returns: For every answer one verdict; none is an error of ours.
    func verdict(on answer: RawAnswer, grant: Grant, client: OAuthClient, now: Timestamp) -> RefreshVerdict
}

/// One client registration at one provider, with everything that the configuration changed already applied.
package struct OAuthClient: Sendable {
    package var id: ClientID
    package var profile: ProviderProfile
    /// The `client_id` as the provider knows it.
    package var clientID: String
    /// Nil for a public client.
    package var clientSecret: Secret?
    /// What is tried, in this order, if the provider refuses the client with that one (facts C07).
    package var otherSecrets: [Secret]
    package var authenticationMethod: ClientAuthenticationMethod
    /// Absolute and without placeholders; nil when it cannot be refreshed.
    package var tokenEndpoint: String?

    /// Fills in what the configuration leaves to the profile.
    ///
    /// - Parameters:
    ///   - id: The client's name in the configuration.
    ///   - profile: With the configuration's overrides.
    ///   - clientID: As the provider knows it.
    ///   - clientSecret: Nil for a public client.
    ///   - otherSecrets: Of the same client, to be tried after the first.
    ///   - authenticationMethod: Nil for the profile's, or for `none` when there is no secret.
    ///   - tokenEndpoint: Nil for the profile's.
    package init(
        id: ClientID,
        profile: ProviderProfile,
        clientID: String,
        clientSecret: Secret?,
        otherSecrets: [Secret] = [],
        authenticationMethod: ClientAuthenticationMethod? = nil,
        tokenEndpoint: String? = nil
    ) {
        self.id = id
        self.profile = profile
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.otherSecrets = otherSecrets
        self.authenticationMethod =
            authenticationMethod ?? (clientSecret == nil ? .none : profile.authenticationMethod)
        self.tokenEndpoint = tokenEndpoint ?? profile.tokenEndpoint
    }

    /// The client as it presents itself with the n-th of its secrets, counted from 0 and round again.
    package func presenting(_ number: Int) -> OAuthClient {
        guard let clientSecret, !self.otherSecrets.isEmpty else { return self }
        let secrets = [clientSecret] + self.otherSecrets
        var client = self
        client.clientSecret = secrets[number % secrets.count]
        return client
    }

    /// Clients that speak to one endpoint under one `client_id` share a lane.
    ///
    /// Without an endpoint the name stands for it, so that no two such clients meet.
    package var lane: LaneID {
        LaneID(endpoint: self.tokenEndpoint ?? "client:\(self.id)", clientID: self.clientID)
    }
}

/// Why a grant cannot be sent at all.
package enum RefreshRequestError: Error, Hashable, Sendable, CustomStringConvertible {
    /// It has no refresh token: the account is static, and a person must authorize again once it expires.
    case noRefreshToken
    /// No token endpoint is configured, or its placeholders are not filled in: configure it.
    case noTokenEndpoint
    /// The authentication method needs a secret and there is none: configure it.
    case noClientSecret
    /// The grant was stored without something the provider wants to see again: put it anew.
    case noBinding(String)

    package var description: String {
        switch self {
        case .noRefreshToken: "there is no refresh token"
        case .noTokenEndpoint: "no token endpoint is configured"
        case .noClientSecret: "the client has no secret, and its authentication method needs one"
        case .noBinding(let name): "the grant was stored without \(name), which the provider wants with each refresh"
        }
    }
}

/// What an answer means.
package enum RefreshVerdict: Sendable {
    case renewed(NewToken)
    /// No new token.
    ///
    /// - Parameters:
    ///   - message: One sentence of our own words.
    ///   - retryAfter: What the server asked for, already clamped by `RetryAfterLimit`; nil when it asked for nothing.
    case refused(FailureClass, message: String, retryAfter: Duration?)
    /// No usable access token, but a new refresh token: keep it in place of the old one, durably, and refresh again
    /// after the floor (facts F17). Losing it would lose the grant.
    case salvaged(refreshToken: Secret, message: String)
}

extension RefreshVerdict {
    /// What the answer means where an earlier use of the refresh token may have been answered.
    ///
    /// Within a grace some providers give the lost answer again, with what is left of its token's life. If nothing is left,
    /// the refresh token is all that the answer is good for: it is kept, and sent soon (facts F17, F30, V5).
    ///
    /// - Parameter grant: What was sent; its refresh token stays where the answer brought no other.
    /// - Returns: The same verdict, unless the answer brings a token that has ended.
    package func ifRepeated(to grant: Grant) -> RefreshVerdict {
        guard case .renewed(let token) = self, token.lifetime == .zero, token.withheld == nil,
            let refreshToken = token.refreshToken ?? grant.refreshToken
        else { return self }
        return .salvaged(
            refreshToken: refreshToken,
            message: "the answer is an earlier one, and its access token has ended"
        )
    }
}

/// A token from an answer.
package struct NewToken: Sendable {
    /// Visible ASCII, 1 byte to 64 KiB.
    package var accessToken: Secret
    /// `Bearer`, or what the provider wrote if that is something else.
    package var tokenType: String
    /// Nil: as asked for, or as before (RFC 6749 §5.1).
    package var scope: [String]?
    package var lifetime: Lifetime
    /// Nil: omitted, empty, null, or the same as the one that was sent.
    ///
    /// The old one stays (facts F12, F14).
    package var refreshToken: Secret?
    /// How long the answer says the grant lasts; nil: see the profile.
    package var grantLifetime: Duration?
    /// Why it is to be stored, but neither served nor delivered, with an alarm; nil: it is a token to be used.
    package var withheld: Withheld?
    /// What was odd about the answer, in our own words, for the account's story.
    package var notes: [String]
}

/// What an answer says of a token's life.
package enum Lifetime: Hashable, Sendable {
    /// More than zero, at most 100 years.
    case known(Duration)
    /// The profile's default is the best guess.
    case unknown
    /// Zero or less was said, where the profile does not take that for never.
    ///
    /// In an answer that was just made it means nothing, for nobody makes a token that has ended: it is as `unknown`. In
    /// one that may be a repetition it can be meant (facts F19, F30).
    case zero
    case never
}
