import RefreshCore

/// One thing in which a good answer differs from what the profile says of the provider.
package enum ProviderDrift: Hashable, Sendable {
    /// A new refresh token came where none does.
    case rotates
    /// No new refresh token came where each answer brings one.
    case rotatesNoMore
    /// Access tokens live for much longer or much shorter than they are said to.
    case lifetime(Duration, expected: Duration)

    /// What there is to differ in; each is told for itself.
    package enum Aspect: Hashable, Sendable, CaseIterable {
        case rotation
        case lifetime
    }

    /// What an answer shows.
    ///
    /// Of a lifetime, half or double is still as expected: some providers give a random one.
    package static func seen(in token: NewToken, profile: ProviderProfile) -> [Aspect: ProviderDrift] {
        var seen: [Aspect: ProviderDrift] = [:]
        if !profile.strategy.spendsAccessToken {
            switch profile.habit.rotation {
            case .none: if token.refreshToken != nil { seen[.rotation] = .rotates }
            case .parallel, .grace, .onUse, .singleUse:
                if token.refreshToken == nil { seen[.rotation] = .rotatesNoMore }
            case .unknown: break
            }
        }
        if let expected = profile.defaultLifetime, case .known(let lifetime) = token.lifetime,
            lifetime > expected * 2 || lifetime * 2 < expected
        {
            seen[.lifetime] = .lifetime(lifetime, expected: expected)
        }
        return seen
    }

    /// Whether this is the same news as another one: lifetimes that differ by less than half are.
    package func isLike(_ other: ProviderDrift) -> Bool {
        switch (self, other) {
        case (.lifetime(let one, _), .lifetime(let two, _)): one <= two * 2 && two <= one * 2
        case (.rotates, .rotates), (.rotatesNoMore, .rotatesNoMore): true
        case (.rotates, _), (.rotatesNoMore, _), (.lifetime, _): false
        }
    }

    /// One sentence for people, with what to do.
    package var sentence: String {
        switch self {
        case .rotates:
            "it sends a new refresh token, and its profile says that none comes: find out whether the old one dies, and set rotation"
        case .rotatesNoMore:
            "it sends no new refresh token, and its profile says that each refresh brings one: the old one is kept"
        case .lifetime(let lifetime, let expected):
            "its access tokens live \(lifetime.milliseconds / 1_000) s, and its profile says \(expected.milliseconds / 1_000) s: set default_lifetime if that stays"
        }
    }
}
