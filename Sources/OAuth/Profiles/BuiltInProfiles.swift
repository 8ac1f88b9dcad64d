import RefreshCore

/// What is known of each provider, as data.
///
/// The sections named are those of the provider facts, which say where each was read; what is only remembered there
/// (mark R) is left out, for a profile must not depend on it. Where nobody knows whether a redeemed refresh token dies, it
/// is taken to.
package enum BuiltInProfiles {
    /// In the order of their names.
    package static let all: [ProviderProfile] = [
        Self.box, Self.dropbox, Self.ellipsis, Self.evernote, Self.facebook, Self.flickr, Self.gdrive, Self.gitshare,
        Self.huddle, Self.instagram, Self.oidc, Self.onedrive, Self.onedriveLive, Self.rfc6749, Self.smartfile,
        Self.vkLegacy, Self.vkid,
    ]

    /// Any provider that keeps to the RFC: the configuration names its endpoints, and its rotation if that is known.
    ///
    /// Unless it does, a lost answer is not repeated: a server may end every grant of the user for it (class X).
    package static let rfc6749 = ProviderProfile(id: "rfc6749", name: "OAuth 2.0 (RFC 6749)")

    /// Any provider that describes itself: the configuration names its issuer, and discovery its endpoints.
    ///
    /// Nothing is known of its rotation, as for `rfc6749`. The scopes are those with which OpenID Connect Core §11 has a
    /// refresh token asked for.
    package static let oidc: ProviderProfile = {
        var profile = ProviderProfile(id: "oidc", name: "OpenID Connect")
        profile.scopes = ["openid", "offline_access"]
        return profile
    }()

    /// A redeemed refresh token stays good.
    static let reusable = RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)

    /// A redeemed refresh token is dead, and reuse may end the grant (RFC 9700 §4.14.2) but no other.
    private static let singleUse = RotationHabit(
        rotation: .singleUse,
        blast: .family,
        grace: .zero,
        killsAccessToken: false
    )
}

// MARK: - Refreshed by the RFC

extension BuiltInProfiles {
    /// Section 3.1: box-openapi, developer.box.com.
    ///
    /// One use; 60 days; staff speak of an exception for concurrent use, without numbers, so no grace is counted on.
    package static let box: ProviderProfile = {
        var profile = ProviderProfile(id: "box", name: "Box")
        profile.tokenEndpoint = "https://api.box.com/oauth2/token"
        profile.authorizationEndpoint = "https://account.box.com/api/oauth2/authorize"
        profile.revocationEndpoint = "https://api.box.com/oauth2/revoke"
        profile.revocation = .clientToken
        profile.habit = Self.singleUse
        profile.defaultLifetime = .seconds(3_600)
        profile.grantLifetime = .seconds(60 * 86_400)
        profile.storageKey = "box"
        return profile
    }()

    /// Section 3.2: dropbox-sdk-python.
    ///
    /// Not rotated, no expiry, and the answer leaves `refresh_token` out. Clients with PKCE have no secret, in
    /// refreshes too.
    package static let dropbox: ProviderProfile = {
        var profile = ProviderProfile(id: "dropbox", name: "Dropbox")
        profile.tokenEndpoint = "https://api.dropboxapi.com/oauth2/token"
        profile.authorizationEndpoint = "https://www.dropbox.com/oauth2/authorize"
        profile.revocationEndpoint = "https://api.dropboxapi.com/2/auth/token/revoke"
        profile.revocation = .bearer
        profile.habit = Self.reusable
        profile.defaultLifetime = .seconds(14_400)
        profile.authorizationParameters = ["token_access_type": "offline"]
        profile.storageKey = "dropbox"
        profile.retryAfterMember = "retry_after"
        return profile
    }()

    /// Section 3.3: Google's OAuth pages, google-auth-library-python.
    ///
    /// Not rotated; dies after six months unused, and seven days after the consent while the application is in testing,
    /// which an answer may tell (`refresh_token_expires_in`) or the configuration must. The library takes the words for
    /// trouble of the server's own from the description too.
    package static let gdrive: ProviderProfile = {
        var profile = ProviderProfile(id: "gdrive", name: "Google Drive")
        profile.tokenEndpoint = "https://oauth2.googleapis.com/token"
        profile.authorizationEndpoint = "https://accounts.google.com/o/oauth2/v2/auth"
        profile.revocationEndpoint = "https://oauth2.googleapis.com/revoke"
        profile.revocation = .token
        profile.deviceAuthorizationEndpoint = "https://oauth2.googleapis.com/device/code"
        profile.issuer = "https://accounts.google.com"
        profile.habit = Self.reusable
        profile.defaultLifetime = .seconds(3_600)
        profile.grantLifetime = .seconds(180 * 86_400)
        profile.grantRenewal = .use
        profile.authorizationParameters = ["access_type": "offline", "prompt": "consent"]
        profile.scopes = ["https://www.googleapis.com/auth/drive.readonly"]
        profile.requiredScopes = RequiredPermissions.scopes(of: "gdrive")
        profile.storageKey = "gdrive"
        profile.errorRules = [ErrorRule(code: "internal_failure", meaning: .temporary)]
        profile.errorRules += ["internal_failure", "server_error", "temporarily_unavailable"].map {
            ErrorRule(code: nil, descriptionContains: $0, meaning: .temporary)
        }
        return profile
    }()

    /// Section 3.5: entra-docs.
    ///
    /// A new refresh token with each use, the old one is not revoked; 90 days. Only the member `error` counts, never
    /// texts or AADSTS numbers. National clouds have hosts of their own (rclone), so the host is the configuration's to say.
    package static let onedrive: ProviderProfile = {
        var profile = ProviderProfile(id: "onedrive", name: "OneDrive (Microsoft identity platform)")
        profile.tokenEndpoint = "https://{domain}/{tenant}/oauth2/v2.0/token"
        profile.authorizationEndpoint = "https://{domain}/{tenant}/oauth2/v2.0/authorize"
        profile.deviceAuthorizationEndpoint = "https://{domain}/{tenant}/oauth2/v2.0/devicecode"
        profile.placeholderDefaults = ["domain": "login.microsoftonline.com", "tenant": "common"]
        profile.habit = RotationHabit(rotation: .parallel, blast: .none, grace: .zero, killsAccessToken: false)
        profile.defaultLifetime = .seconds(3_599)
        profile.grantLifetime = .seconds(90 * 86_400)
        profile.scopes = ["Files.Read", "offline_access"]
        // The name that stands here for wl.skydrive (inferred); offline_access, which brings the refresh token, is not
        // always among the scopes of an answer.
        profile.requiredScopes = ["Files.Read"]
        profile.storageKey = "skydrive"
        profile.errorRules = [ErrorRule(code: "invalid_resource", meaning: .clientRejected)]
        return profile
    }()

    /// Section 3.4: onedrive-api-docs, msa-oauth.md.
    ///
    /// Wants `redirect_uri` with each refresh. A new refresh token comes each time; each is good for at least six
    /// months since its issue, and no text says that the old one dies.
    package static let onedriveLive: ProviderProfile = {
        var profile = ProviderProfile(id: "onedrive-live", name: "OneDrive (login.live.com)")
        profile.tokenEndpoint = "https://login.live.com/oauth20_token.srf"
        profile.authorizationEndpoint = "https://login.live.com/oauth20_authorize.srf"
        profile.habit = RotationHabit(rotation: .parallel, blast: .none, grace: .zero, killsAccessToken: false)
        profile.defaultLifetime = .seconds(3_600)
        profile.grantLifetime = .seconds(180 * 86_400)
        profile.bindings = ["redirect_uri"]
        profile.scopes = ["wl.offline_access", "wl.skydrive"]
        profile.requiredScopes = RequiredPermissions.scopes(of: "skydrive")
        profile.storageKey = "skydrive"
        return profile
    }()

    /// Section 3.9: VK's SDKs for web, iOS and Android.
    ///
    /// The hosts are moving (`id.vk.ru` in the newest SDKs). A public client; the refresh token is replaced each time, and that the old one dies is inferred. A dead grant is
    /// an `invalid_request` that names the refresh token.
    package static let vkid: ProviderProfile = {
        var profile = ProviderProfile(id: "vkid", name: "VK ID")
        profile.tokenEndpoint = "https://{domain}/oauth2/auth"
        profile.authorizationEndpoint = "https://{domain}/authorize"
        profile.revocationEndpoint = "https://{domain}/oauth2/revoke"
        profile.revocation = .accessToken
        profile.placeholderDefaults = ["domain": "id.vk.com"]
        profile.authenticationMethod = .none
        profile.habit = Self.singleUse
        profile.defaultLifetime = .seconds(3_600)
        profile.zeroLifetimeMeansNever = true
        profile.bindings = ["device_id"]
        // Asked for and repeated, but it protects a browser's way back, and there is none here: so it is constant.
        profile.extraParameters = ["state": "refreshd-refreshes-a-grant-it-holds"]
        profile.echoes = ["state"]
        profile.challengeMethod = "s256"
        profile.identityMember = "user_id"
        profile.scopes = ["friends", "photos", "docs", "offline"]
        profile.requiredScopes = RequiredPermissions.scopes(of: "vk")
        profile.storageKey = "vk"
        profile.errorRules = [
            ErrorRule(code: "invalid_request", descriptionContains: "refresh_token", meaning: .deadGrant),
            ErrorRule(code: "invalid_token", meaning: .deadGrant),
            ErrorRule(code: "access_denied", meaning: .deadGrant),
        ]
        return profile
    }()

    /// Section 3.12: the Huddle API wiki, login.huddle.net/docs.
    ///
    /// A new refresh token in the examples; that the old one dies is inferred. The access grant as a whole ends a year
    /// after it began, which no refresh moves. No `token_type` in the answers, and `Retry-After` in good ones too.
    package static let huddle: ProviderProfile = {
        var profile = ProviderProfile(id: "huddle", name: "Huddle")
        profile.tokenEndpoint = "https://{domain}/token"
        profile.authorizationEndpoint = "https://{domain}/request"
        // login.huddle.com is the FedRAMP one.
        profile.placeholderDefaults = ["domain": "login.huddle.net"]
        profile.habit = Self.singleUse
        profile.defaultLifetime = .seconds(1_200)
        profile.grantLifetime = .seconds(365 * 86_400)
        profile.grantRenewal = .never
        profile.storageKey = "huddle"
        return profile
    }()

    /// Section 3.13: docs.ellipsis-drive.com.
    ///
    /// Two versions of one page disagree on whether a new refresh token comes; nothing is said of lifetimes. Other instances
    /// have other hosts, and v1 and v2 were before.
    package static let ellipsis: ProviderProfile = {
        var profile = ProviderProfile(id: "ellipsis", name: "Ellipsis Drive")
        profile.tokenEndpoint = "https://{domain}/{version}/oauth/token"
        profile.authorizationEndpoint = "https://{domain}/{version}/oauth/authorize"
        profile.placeholderDefaults = ["domain": "api.ellipsis-drive.com", "version": "v3"]
        profile.scopes = ["projects"]
        return profile
    }()

    /// Section 3.14: SmartFile's OAuth2 workflow page, which leaves the refresh out; its paths and errors are those of
    /// django-oauth-toolkit, which rotates without grace.
    ///
    /// The slash at the end belongs to the path.
    package static let smartfile: ProviderProfile = {
        var profile = Self.djangoToolkit(id: "smartfile", name: "SmartFile")
        profile.placeholderDefaults = ["domain": "app.smartfile.com"]
        return profile
    }()

    /// Section 3.15: the same program as SmartFile under another name.
    ///
    /// The only host known is an example, so the configuration must name one.
    package static let gitshare: ProviderProfile = Self.djangoToolkit(id: "gitshare", name: "GitShare")

    private static func djangoToolkit(id: String, name: String) -> ProviderProfile {
        var profile = ProviderProfile(id: id, name: name)
        profile.tokenEndpoint = "https://{domain}/oauth2/token/"
        profile.authorizationEndpoint = "https://{domain}/oauth2/authorize/"
        profile.habit = Self.singleUse
        profile.usesThrottleHeader = true
        return profile
    }
}

// MARK: - Served until they expire

extension BuiltInProfiles {
    /// Section 3.8: no refresh token; the hosts are moving (`oauth.vk.ru`); with the scope `offline` the lifetime is zero, which VK's own SDK reads as never.
    package static let vkLegacy: ProviderProfile = {
        var profile = ProviderProfile(id: "vk-legacy", name: "VK (oauth.vk.com)", strategy: .none)
        profile.tokenEndpoint = "https://{domain}/access_token"
        profile.authorizationEndpoint = "https://{domain}/authorize"
        profile.placeholderDefaults = ["domain": "oauth.vk.com"]
        profile.habit = Self.reusable
        profile.zeroLifetimeMeansNever = true
        profile.scopes = ["friends", "photos", "docs", "offline"]
        profile.scopeSeparator = ","
        profile.requiredScopes = RequiredPermissions.scopes(of: "vk")
        profile.storageKey = "vk"
        return profile
    }()

    /// Section 3.10: OAuth 1.0a.
    ///
    /// Does expire, after a year unless the user chose less, and then needs the user again. Its answer tells the moment in
    /// milliseconds, and its own endpoints are not for the `refresh_token` grant, so none is named.
    package static let evernote: ProviderProfile = {
        var profile = ProviderProfile(id: "evernote", name: "Evernote", strategy: .none)
        profile.habit = Self.reusable
        profile.defaultLifetime = .seconds(365 * 86_400)
        profile.accessTokenMember = "oauth_token"
        profile.expiryMember = "edam_expires"
        profile.storageKey = "evernote"
        return profile
    }()

    /// Section 3.11: OAuth 1.0a, whose tokens have no expiry.
    package static let flickr: ProviderProfile = {
        var profile = ProviderProfile(id: "flickr", name: "Flickr", strategy: .none)
        profile.habit = Self.reusable
        profile.accessTokenMember = "oauth_token"
        profile.storageKey = "flickr"
        return profile
    }()
}
