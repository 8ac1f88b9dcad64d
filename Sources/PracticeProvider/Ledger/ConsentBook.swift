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
    /// What comes of a consent; its scope is that of the request.
    package var terms = GrantTerms()

    package init() {}
}
