/// What people have been asked, and what they said: codes on their way to a client, and devices that wait.
struct ConsentBook: Sendable {
    /// What was asked for at the authorization endpoint, and granted.
    struct Code: Sendable {
        var client: String
        var user: String
        var redirectURI: String?
        /// The S256 of the verifier, as it was sent.
        var challenge: String
        var scope: String?
        var expiresAt: Double
        /// The grant that it was redeemed for; a second redeem revokes it (RFC 6749 §4.1.2).
        var grant: Int?
    }

    /// The same at a played provider.
    struct PlayedCode: Sendable {
        var provider: PlayedProvider
        var client: String
        var user: String
        var redirectURI: String
        var challenge: PlayedConsent.Challenge?
        var scope: String?
        /// Whether a refresh token was asked for, where it must be.
        var isOffline: Bool
        /// What the grant will be bound to, where the way back says so.
        var device: String?
        var expiresAt: Double
        var grant: Int?
    }

    /// A device that waits for its user.
    struct Device: Sendable {
        enum Decision: Sendable {
            case none
            case approved(user: String)
            case denied
        }

        var client: String
        var userCode: String
        var scope: String?
        var expiresAt: Double
        var decision = Decision.none
        /// The earliest moment at which it may ask again.
        var nextQuestion: Double
        var interval: Double
        var isRedeemed = false
    }

    var habits = ConsentHabits()
    var codes: [String: Code] = [:]
    var playedCodes: [String: PlayedCode] = [:]
    /// By device code.
    var devices: [String: Device] = [:]
    /// How often a device asked sooner than it may.
    var hastyQuestions = 0
}

/// How the pretended people and the server behave from now on.
package struct ConsentHabits: Hashable, Sendable {
    /// Everybody says no.
    package var denies = false
    /// Seconds.
    package var codeLifetime = 60
    /// Seconds.
    package var deviceLifetime = 300
    /// Seconds between two questions of a device.
    package var interval = 5
    /// What comes of a consent at the RFC's own endpoint; its scope is that of the request.
    package var terms = GrantTerms()
    /// Seconds that an access token lives; nil: as the terms, or the played provider, have it.
    package var lifetime: Int?
    /// What a redeem does; nil: as the terms, or the played provider, have it.
    package var rotation: RotationClass?
    /// What everybody grants, whatever is asked for; nil: all of it.
    package var scope: String?

    package init() {}
}
