/// What a redeemed refresh token does: a property of the profile, never guessed from one answer (facts, section 1).
package enum Rotation: String, Hashable, Sendable, CaseIterable {
    /// N: it stays good; usually no new one comes.
    case none
    /// M: a new one comes each time, and the old one stays good.
    case parallel
    /// G: the old one stays good for a grace time.
    case grace
    /// C: the old one dies when the new access token is first used.
    case onUse = "on_use"
    /// S: the old one is dead at once.
    case singleUse = "single_use"
    /// X: not known; handled as single use whose reuse hurts every grant of the user and client.
    case unknown

    /// Whether a second redeem of one refresh token may lose the grant.
    package var spends: Bool {
        switch self {
        case .none, .parallel: false
        case .grace, .onUse, .singleUse, .unknown: true
        }
    }
}

/// What a server revokes when it sees a used refresh token again (RFC 9700 §4.14.2).
package enum Blast: String, Hashable, Sendable, CaseIterable {
    case none
    /// This grant.
    case family
    /// Every grant of that user and client.
    case clientUser = "client_user"
}

/// How a provider treats redeemed refresh tokens, and what follows for sending one twice.
package struct RotationHabit: Hashable, Sendable {
    package var rotation: Rotation
    package var blast: Blast
    /// For `grace`: how long the old refresh token stays good, from its redeem on.
    package var grace: Duration
    /// Whether the old access token dies at the refresh.
    package var killsAccessToken: Bool
    /// Whether the server is known to end living access tokens when it sees a used refresh token, and known to have no
    /// grace at all.
    ///
    /// Of account for single use with the blast `family` only: a grant whose answer was lost is then replayed as late
    /// as its access token allows (facts, section 3).
    package var reuseEndsTokens: Bool

    package init(
        rotation: Rotation,
        blast: Blast,
        grace: Duration,
        killsAccessToken: Bool,
        reuseEndsTokens: Bool = false
    ) {
        self.rotation = rotation
        self.blast = blast
        self.grace = grace
        self.killsAccessToken = killsAccessToken
        self.reuseEndsTokens = reuseEndsTokens
    }
}
