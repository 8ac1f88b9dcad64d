/// A provider whose ways are played under `/play/NAME`: its paths, what it must be sent, and the shapes of its answers.
///
/// Written from the providers' own documents, not from what refreshd makes of them. Where they are silent the part is the
/// strictest that fits.
package enum PlayedProvider: String, Codable, CaseIterable, Hashable, Sendable {
    case box, dropbox, ellipsis, evernote, facebook, flickr, gdrive, gitshare, huddle, instagram, onedrive
    case onedriveLive = "onedrive-live"
    case smartfile
    case vkLegacy = "vk-legacy"
    case vkid

    /// The redirect address that every client is registered with.
    static let redirectURI = "https://localhost/callback"

    /// What a request has to do with the client's secret.
    enum Credentials: Hashable, Sendable {
        /// The registration decides, as RFC 6749 has it.
        case registered
        /// In the parameters and nowhere else.
        case parameters
        /// The secret alone: the client is known by the token.
        case secretAlone
        /// Nothing that names a client belongs here.
        case none
    }

    /// What a request spends.
    enum Spending: Hashable, Sendable {
        /// The refresh token, by the name of its parameter.
        case refreshToken
        /// A living access token that is at least so many seconds old, and is not one of those that live for longer.
        case accessToken(parameter: String, minimumAge: Int, maximumLife: Int? = nil)
    }

    /// One address at which a next token can be had.
    struct Door: Hashable, Sendable {
        var path: String
        var methods: Set<String> = ["POST"]
        var grantType = "refresh_token"
        var credentials = Credentials.registered
        var spending = Spending.refreshToken
        /// Parameters beside `grant_type`, what is spent and the credentials: those that must be there, and may.
        var required: Set<String> = []
        var optional: Set<String> = []
    }

    /// None for providers whose tokens nothing replaces.
    var doors: [Door] {
        switch self {
        case .box: [Door(path: "/oauth2/token", credentials: .parameters)]
        case .dropbox: [Door(path: "/oauth2/token", optional: ["scope"])]
        case .gdrive: [Door(path: "/token")]
        case .onedrive: [Door(path: "/common/oauth2/v2.0/token", optional: ["scope"])]
        case .onedriveLive:
            [Door(path: "/oauth20_token.srf", credentials: .parameters, required: ["redirect_uri"])]
        case .huddle:
            [Door(path: "/token", credentials: .parameters), Door(path: "/refresh", credentials: .parameters)]
        case .ellipsis: [Door(path: "/v3/oauth/token")]
        // The slash at the end is part of the path.
        case .smartfile, .gitshare: [Door(path: "/oauth2/token/", credentials: .parameters)]
        case .vkid:
            [
                Door(
                    path: "/oauth2/auth",
                    credentials: .parameters,
                    required: ["device_id", "state"],
                    optional: ["redirect_uri"]
                )
            ]
        case .facebook:
            [
                Door(
                    path: "/v25.0/oauth/access_token",
                    methods: ["GET", "POST"],
                    grantType: "fb_exchange_token",
                    credentials: .parameters,
                    spending: .accessToken(parameter: "fb_exchange_token", minimumAge: 0)
                )
            ]
        case .instagram:
            [
                Door(
                    path: "/refresh_access_token",
                    methods: ["GET"],
                    grantType: "ig_refresh_token",
                    credentials: .none,
                    spending: .accessToken(parameter: "access_token", minimumAge: 86_400)
                ),
                Door(
                    path: "/access_token",
                    methods: ["GET"],
                    grantType: "ig_exchange_token",
                    credentials: .secretAlone,
                    // From short to long, and not from long to long.
                    spending: .accessToken(parameter: "access_token", minimumAge: 0, maximumLife: 86_400)
                ),
            ]
        case .evernote, .flickr, .vkLegacy: []
        }
    }

    /// What a grant is like unless an order says otherwise.
    package var terms: GrantTerms {
        let day = 86_400
        var terms =
            switch self {
            case .box: GrantTerms(rotation: .s, blast: .family, refreshTokenLifetime: 60 * day, scope: nil)
            case .dropbox: GrantTerms(rotation: .n, lifetime: 14_400, scope: nil)
            case .gdrive:
                GrantTerms(
                    rotation: .n,
                    lifetime: 3_599,
                    refreshTokenLifetime: 180 * day,
                    refreshTokenStart: .use,
                    scope: "https://www.googleapis.com/auth/drive.readonly"
                )
            case .onedrive:
                GrantTerms(rotation: .m, lifetime: 3_599, refreshTokenLifetime: 90 * day, scope: "Files.Read")
            case .onedriveLive:
                GrantTerms(rotation: .m, refreshTokenLifetime: 180 * day, scope: "wl.skydrive wl.offline_access")
            case .huddle:
                GrantTerms(
                    rotation: .s,
                    blast: .family,
                    lifetime: 1_200,
                    refreshTokenLifetime: 365 * day,
                    refreshTokenStart: .consent,
                    scope: nil
                )
            case .ellipsis: GrantTerms(rotation: .s, blast: .family, scope: nil)
            case .smartfile, .gitshare: GrantTerms(rotation: .s, blast: .family, lifetime: 36_000, scope: "read")
            case .vkid: GrantTerms(rotation: .s, blast: .family, scope: "friends photos docs offline")
            case .facebook, .instagram: GrantTerms(rotation: .n, lifetime: 5_184_000, scope: nil)
            case .evernote: GrantTerms(rotation: .n, lifetime: 31_536_000, scope: nil)
            case .flickr, .vkLegacy: GrantTerms(rotation: .n, lifetime: 10 * 31_536_000, scope: nil)
            }
        terms.provider = self
        return terms
    }
}
