import RefreshCore

// Refreshed with the living access token itself: there is no refresh token, and an expired token is final.
extension BuiltInProfiles {
    /// Ten days before the end: inferred, and as good as any of a token that lives for sixty.
    private static let ahead: Duration = .seconds(10 * 86_400)

    /// What both hosts say in the member `code` of an error (sections 3.6 and 3.7).
    ///
    /// 190: the token is dead, whatever the subcode says of why. The numbers 32 and 613 are only remembered and left out; an unknown one is tried again slowly.
    private static let errors: [ErrorRule] =
        [
            ErrorRule(number: 190, meaning: .deadGrant),
            ErrorRule(number: 101, meaning: .clientRejected),
            ErrorRule(number: 10, meaning: .clientRejected),
            ErrorRule(number: 1, meaning: .temporary),
            ErrorRule(number: 2, meaning: .temporary),
            ErrorRule(number: 4, meaning: .tooFast),
            ErrorRule(number: 17, meaning: .tooFast),
            ErrorRule(number: 341, meaning: .tooFast),
            // A block for some time.
            ErrorRule(number: 368, meaning: .temporary),
        ]

    /// Section 3.6: Meta's pages on manual login flow, long-lived tokens and error handling.
    ///
    /// Sixty days; short-lived tokens of an hour or two are exchanged at half their life. A POST is known to work for one
    /// implementation (Nango); the documented GET is what is sent, and `refresh_method = "post"` says otherwise. Access to
    /// data ends 90 days after the user was last active, whatever the token says. A code brings a short-lived one, which is
    /// taken to live for an hour when the answer does not say.
    package static let facebook: ProviderProfile = {
        var profile = ProviderProfile(id: "facebook", name: "Facebook", strategy: .metaExchange)
        profile.tokenEndpoint = "https://graph.facebook.com/{version}/oauth/access_token"
        profile.authorizationEndpoint = "https://www.facebook.com/{version}/dialog/oauth"
        profile.revocationEndpoint = "https://graph.facebook.com/{version}/me/permissions"
        profile.revocation = .permissions
        profile.placeholderDefaults = ["version": "v25.0"]
        profile.refreshMethod = .get
        profile.habit = Self.reusable
        profile.defaultLifetime = .seconds(60 * 86_400)
        profile.codeTokenLifetime = .seconds(3_600)
        profile.refreshAhead = Self.ahead
        profile.scopes = RequiredPermissions.scopes(of: "facebook")
        profile.scopeSeparator = ","
        profile.requiredScopes = RequiredPermissions.scopes(of: "facebook")
        profile.storageKey = "facebook"
        profile.errorRules =
            [
                // A checkpoint, or an account that is not confirmed: only the user can help, at Facebook's pages.
                ErrorRule(code: nil, subnumber: 459, meaning: .deadGrant),
                ErrorRule(code: nil, subnumber: 464, meaning: .deadGrant),
                ErrorRule(number: 102, meaning: .deadGrant),
                ErrorRule(code: nil, numbers: 200...299, meaning: .clientRejected),
            ] + Self.errors
        return profile
    }()

    /// Section 3.7: Meta's pages on the Instagram API with Instagram login.
    ///
    /// Sixty days; a refresh wants a token that is a day old and not expired, and no client credentials. A code brings a
    /// token of one hour, which another endpoint makes a long-lived one; the answer says nothing of the hour, and the
    /// documents have it in a list of one (`data`), while it is seen without as well.
    package static let instagram: ProviderProfile = {
        var profile = ProviderProfile(id: "instagram", name: "Instagram", strategy: .metaExtend)
        profile.tokenEndpoint = "https://api.instagram.com/oauth/access_token"
        profile.authorizationEndpoint = "https://www.instagram.com/oauth/authorize"
        profile.refreshEndpoint = "https://graph.instagram.com/refresh_access_token"
        profile.exchangeEndpoint = "https://graph.instagram.com/access_token"
        profile.refreshMethod = .get
        profile.habit = Self.reusable
        profile.defaultLifetime = .seconds(60 * 86_400)
        profile.codeTokenLifetime = .seconds(3_600)
        profile.listMember = "data"
        profile.refreshAhead = Self.ahead
        profile.minimumAge = .seconds(86_400)
        profile.scopes = ["instagram_business_basic"]
        profile.scopeSeparator = ","
        profile.storageKey = "instagram"
        profile.errorRules = Self.errors
        return profile
    }()
}
