/// When to refresh an access token, decided from its lifetime and its account alone.
///
/// ```
/// issued                 |<--- due ---->|          expires
///   |--------------------|----spread----|--margin--|
/// ```
package struct RefreshWindow: Hashable, Sendable {
    /// The least time between a refresh and the expiry, zero or more.
    ///
    /// Covers the provider's round trip, a first retry, and the skew between hosts. Default: 5 minutes.
    package var margin: Duration

    /// How far before the margin refreshes are spread, as a share of the lifetime in `0...0.5`.
    ///
    /// Default: 0.1.
    package var spread: Double

    package init(margin: Duration = .seconds(300), spread: Double = 0.1) {
        self.margin = margin
        self.spread = spread
    }

    /// However long a token claims to live, it is looked at this often (facts D11).
    package static let longestSleep: Duration = .seconds(86_400)

    /// A token younger than this, or than half its life, is not refreshed because somebody wants a longer one.
    package static let floor: Duration = .seconds(10)

    /// Returns the moment at which a token falls due.
    ///
    /// Accounts imported in one batch would come due in one batch. So each is moved forward by a
    /// share of `spread` that is fixed for the account: a restart computes the same moment again,
    /// and a test needs no random source.
    ///
    /// - Parameters:
    ///   - issuedAt: When the response arrived, by this host's clock. The provider's `Date` header
    ///     plays no part.
    ///   - lifetime: `expires_in` of the response (RFC 6749 §5.1). Zero or less yields `issuedAt`.
    ///   - phase: The account's fixed place in the spread, in `0..<1`.
    /// - Returns: A moment in `issuedAt...(issuedAt + lifetime)`, at most `longestSleep` after `issuedAt` less the
    ///   spread. A lifetime shorter than twice the margin is halved instead: a one-minute token is not refreshed in
    ///   a loop. The spread then counts back from that half.
    package func due(issuedAt: Timestamp, lifetime: Duration, phase: Double) -> Timestamp {
        guard lifetime > .zero else { return issuedAt }
        let end = lifetime >= self.margin * 2 ? lifetime - self.margin : lifetime / 2
        // Cut before the spread is taken off: tokens of years, imported in one batch, must not wake together either.
        let latest = Swift.min(end, Self.longestSleep)
        let early = Swift.min(lifetime, Self.longestSleep).scaled(by: self.spread * phase)
        // Of a short life the spread takes at most half of what is left to wait, or due would be at once.
        return issuedAt + (latest - Swift.min(early, latest / 2))
    }

    /// Returns the moment at which a token falls due that lives for weeks, and whose expiry is final.
    ///
    /// Such a token is not refreshed daily, for one that is asked for too often may be the same again, but days ahead.
    ///
    /// - Parameters:
    ///   - issuedAt: When the request for it left.
    ///   - lifetime: Zero or less yields `issuedAt`.
    ///   - ahead: How long before the end it is due at the latest. A life of less than twice that is halved, over and over
    ///     if refreshes do not make it longer: some twenty times from ten days to a second.
    ///   - phase: The account's fixed place in the spread, in `0..<1`.
    /// - Returns: A moment in `issuedAt...(issuedAt + lifetime)`.
    package func due(issuedAt: Timestamp, lifetime: Duration, ahead: Duration, phase: Double) -> Timestamp {
        guard lifetime > .zero else { return issuedAt }
        let latest = lifetime >= ahead * 2 ? lifetime - ahead : lifetime / 2
        return issuedAt + (latest - Swift.min(lifetime.scaled(by: self.spread * phase), latest / 2))
    }
}
