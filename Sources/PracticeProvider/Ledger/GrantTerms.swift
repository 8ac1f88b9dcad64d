/// What redeeming a refresh token does to it.
package enum RotationClass: String, Codable, CaseIterable, Hashable, Sendable {
    /// The refresh token stays, and answers bring no other.
    case n = "N"
    /// Each answer brings a new one, and the old ones stay good.
    case m = "M"
    /// Each answer brings a new one, and the old one stays good for a grace time.
    case g = "G"
    /// Each answer brings a new one, and the old one dies when the new access token is first used.
    case c = "C"
    /// Each answer brings a new one, and the old one is dead at once.
    case s = "S"
}

/// What is revoked when a spent refresh token comes again (RFC 9700 §4.14.2).
package enum Blast: String, Codable, CaseIterable, Hashable, Sendable {
    /// Nothing: the request alone is refused.
    case none
    /// The grant.
    case family
    /// Every grant of the same user and client.
    case clientUser
}

/// How `expires_in` (RFC 6749 §5.1) stands in an answer.
///
/// The token lives as long in every case.
package enum LifetimeNotice: String, Codable, CaseIterable, Hashable, Sendable {
    case number
    /// As a string, which the RFC does not allow and providers do.
    case text
    case absent
    /// The number 0.
    case zero
}

/// From when the lifetime of a refresh token counts.
package enum RefreshTokenStart: Hashable, Sendable {
    /// From the answer that first brought it.
    case issue
    /// From its last use.
    case use
    /// From the consent, whatever became of it since.
    case consent
}

/// The habits of a provider, as far as one grant feels them.
package struct GrantTerms: Hashable, Sendable {
    package var rotation: RotationClass
    package var blast: Blast
    /// Whether the access tokens of a grant die at its next refresh.
    package var killsAccessToken: Bool
    /// For how many seconds a spent refresh token of class G stays good.
    package var grace: Int
    /// Class G, a replay in grace: the same pair again, or else one more pair.
    package var repeatsAnswer: Bool
    /// How many seconds an access token lives.
    package var lifetime: Int
    /// The same of the first one, where that differs.
    package var firstLifetime: Int?
    /// How many seconds a refresh token stays good by itself; nil: for ever.
    package var refreshTokenLifetime: Int?
    package var refreshTokenStart: RefreshTokenStart
    package var notice: LifetimeNotice
    /// The granted scope; nil leaves it out of the answers.
    package var scope: String?
    /// Whose first answer the grant comes with, and at whose doors it is taken; nil: the RFC's.
    package var provider: PlayedProvider?

    package init(
        rotation: RotationClass = .s,
        blast: Blast = .none,
        killsAccessToken: Bool = false,
        grace: Int = 30,
        repeatsAnswer: Bool = true,
        lifetime: Int = 3_600,
        firstLifetime: Int? = nil,
        refreshTokenLifetime: Int? = nil,
        refreshTokenStart: RefreshTokenStart = .issue,
        notice: LifetimeNotice = .number,
        scope: String? = "files.read",
        provider: PlayedProvider? = nil
    ) {
        self.rotation = rotation
        self.blast = blast
        self.killsAccessToken = killsAccessToken
        self.grace = grace
        self.repeatsAnswer = repeatsAnswer
        self.lifetime = lifetime
        self.firstLifetime = firstLifetime
        self.refreshTokenLifetime = refreshTokenLifetime
        self.refreshTokenStart = refreshTokenStart
        self.notice = notice
        self.scope = scope
        self.provider = provider
    }
}

/// A wish for grants, one or many.
package struct GrantOrder: Hashable, Sendable {
    package var client: String
    package var count: Int
    /// Subjects are this text and a number, beginning with 1.
    package var prefix: String
    /// How many grants in a row belong to one user.
    ///
    /// Only `Blast.clientUser` tells users apart.
    package var grantsPerUser: Int
    package var terms: GrantTerms

    package init(
        client: String,
        count: Int = 1,
        prefix: String = "user-",
        grantsPerUser: Int = 1,
        terms: GrantTerms = GrantTerms()
    ) {
        self.client = client
        self.count = count
        self.prefix = prefix
        self.grantsPerUser = grantsPerUser
        self.terms = terms
    }
}
