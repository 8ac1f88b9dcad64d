package import RefreshCore

/// How a provider's tokens are kept alive.
package enum StrategyName: String, Hashable, Sendable, CaseIterable {
    /// The `refresh_token` grant (RFC 6749 §6).
    case rfc6749
    /// The living access token itself is exchanged for one that lives longer (Facebook, facts 3.6).
    case metaExchange = "meta_exchange"
    /// The living access token itself is extended once it has a minimum age (Instagram, facts 3.7).
    case metaExtend = "meta_refresh"
    /// Nothing can be done: the token is served, delivered and watched until it expires.
    case none

    /// Whether what is sent to get the next access token is the present one, so that an expired one is final.
    package var spendsAccessToken: Bool {
        switch self {
        case .metaExchange, .metaExtend: true
        case .rfc6749, .none: false
        }
    }
}

/// What begins a grant's lifetime anew.
package enum GrantRenewal: String, Hashable, Sendable, CaseIterable {
    /// Each use: only a grant that lies idle ends (Google).
    case use
    /// Each new refresh token, which has a lifetime of its own (Box, Microsoft).
    case newToken = "new_token"
    /// Nothing: it counts from the authorization (Huddle).
    case never
}

/// Everything in which one provider differs from another, as one value.
///
/// Where a field says nothing else, the RFC's way is its default. The built-in values and their sources are in
/// `BuiltInProfiles`; the configuration changes copies of them.
package struct ProviderProfile: Hashable, Sendable {
    /// The name in the configuration, of the form of a client's name.
    package var id: String
    /// For people.
    package var name: String
    package var strategy: StrategyName

    /// Absolute https URLs; nil where the provider has none, or the configuration must name it.
    ///
    /// May hold placeholders in braces, like `https://{domain}/oauth2/token/`; see `filled(with:)`.
    package var tokenEndpoint: String?
    package var authorizationEndpoint: String?
    package var revocationEndpoint: String?
    package var deviceAuthorizationEndpoint: String?
    package var issuer: String?
    /// Where tokens are refreshed if that is not the token endpoint (Instagram).
    package var refreshEndpoint: String?
    /// Where a short-lived access token is exchanged for one that can be extended (Instagram).
    package var exchangeEndpoint: String?
    /// How `metaExchange` and `metaExtend` ask; a GET has its secrets in the query.
    package var refreshMethod: EndpointRequest.Method = .post
    /// What stands for a placeholder that the configuration does not name.
    ///
    /// One that is not here must be named.
    package var placeholderDefaults: [String: String] = [:]

    /// How `revocationEndpoint` is asked to end a grant.
    package var revocation: RevocationStyle = .rfc7009

    /// For clients that have a secret; those without use `none`.
    package var authenticationMethod: ClientAuthenticationMethod = .clientSecretPost
    /// What a redeemed refresh token does.
    ///
    /// Unless it is known: the worst that is known of anybody (facts, class X).
    package var habit = RotationHabit(rotation: .unknown, blast: .clientUser, grace: .zero, killsAccessToken: false)

    /// How long an access token lives if the answer does not say; nil: see `lifetime(_:hasRefreshToken:)`.
    package var defaultLifetime: Duration?
    /// The same of the token that a code brings, where later ones live longer.
    package var codeTokenLifetime: Duration?
    /// Whether `expires_in` of zero or less means that the token does not expire (facts F19).
    package var zeroLifetimeMeansNever = false
    /// How long a grant stays good, counted from what `grantRenewal` says; nil when it does not end by itself, or
    /// nobody knows.
    package var grantLifetime: Duration?
    package var grantRenewal: GrantRenewal = .newToken
    /// How long before its expiry a token falls due, for tokens that live for weeks and whose expiry is final; nil: the
    /// policy's margin decides.
    package var refreshAhead: Duration?
    /// How old an access token must be before the provider takes it for a refresh.
    package var minimumAge: Duration = .zero

    /// Sent with every refresh, by name.
    ///
    /// The parameters of the RFC cannot be replaced by it.
    package var extraParameters: [String: String] = [:]
    /// What must be stored with a grant and sent with each refresh of it, by parameter name (`redirect_uri`).
    package var bindings: [String] = []
    /// Parameters whose value a good answer repeats, or leaves out.
    package var echoes: [String] = []
    /// The member of an answer that names the user; nil when there is none.
    ///
    /// Stored with the grant. A later answer that names another is not used (facts F26).
    package var identityMember: String?
    /// Sent with the authorization request, by name.
    package var authorizationParameters: [String: String] = [:]
    /// How the provider spells the method of RFC 7636 §4.3.
    ///
    /// There is no other: `plain` protects nothing.
    package var challengeMethod = "S256"
    /// What is asked for in the authorization request unless the configuration says otherwise.
    package var scopes: [String] = []
    /// What is between scopes besides white space; " " or ",".
    package var scopeSeparator: Character = " "

    /// The name under which Uploadcare's social endpoint knows the provider; nil when it does not.
    package var storageKey: String?
    /// The scopes without which that storage key is of no use.
    package var requiredScopes: [String] = []

    /// The member of an answer that holds the access token, where it has another name (`oauth_token`); `access_token` is
    /// understood as well.
    package var accessTokenMember: String?
    /// The member that holds the whole answer, alone in a list, where the provider wraps it (Instagram's answer to a code).
    package var listMember: String?
    /// The member that tells in milliseconds of Unix time when the access token ends (`edam_expires`).
    package var expiryMember: String?
    /// Whether the answers are forms instead of JSON (facts F27: never guessed).
    package var answersAreForms = false
    /// The provider's own words in error answers; asked before the standard ones, in this order.
    package var errorRules: [ErrorRule] = []
    /// A member of an error answer that tells the seconds to wait, where there is no `Retry-After`.
    package var retryAfterMember: String?
    /// Whether the header `X-Throttle` tells in `next=` the seconds to wait, where there is no `Retry-After`.
    package var usesThrottleHeader = false

    package init(id: String, name: String, strategy: StrategyName = .rfc6749) {
        self.id = id
        self.name = name
        self.strategy = strategy
    }
}

extension ProviderProfile {
    /// How long to wait for an answer once the request has left.
    ///
    /// Giving up on a rotating grant too early loses it, so such answers get five minutes (facts, section 4, and E16).
    package var answerTimeout: Duration {
        switch self.habit.rotation {
        case .none, .parallel: .seconds(60)
        // At half of the grace it is sent again, whatever may still come (facts, section 3, "order of actions").
        case .grace: min(.seconds(300), self.habit.grace / 2)
        case .onUse, .singleUse, .unknown: .seconds(300)
        }
    }

    /// How a code is traded: one endpoint is asked in one way for everything (Facebook, facts 3.6).
    var codeMethod: EndpointRequest.Method { self.strategy == .metaExchange ? self.refreshMethod : .post }

    /// What refreshes the tokens; nil: they cannot be refreshed.
    package var strategyImplementation: (any RefreshStrategy)? {
        switch self.strategy {
        case .rfc6749: StandardRefresh()
        case .metaExchange: MetaExchange()
        case .metaExtend: MetaExtend()
        case .none: nil
        }
    }

    /// How long a token lives, with the profile's knowledge filled in.
    ///
    /// - Parameters:
    ///   - lifetime: As the answer had it.
    ///   - hasRefreshToken: Whether the token can be replaced at all. If not, a guess would only take a token away
    ///     that may still be good (Dropbox's long-lived ones).
    ///   - isByCode: Whether the answer is the one to an authorization.
    /// - Returns: Nil when the token does not expire, or nobody knows. A token that can be refreshed is given
    ///   30 minutes when the profile knows nothing better (facts F18).
    package func lifetime(_ lifetime: Lifetime, hasRefreshToken: Bool = true, isByCode: Bool = false) -> Duration? {
        switch lifetime {
        case .known(let time): return time
        case .never: return nil
        case .unknown, .zero:
            if isByCode, let codeTokenLifetime { return codeTokenLifetime }
            switch self.strategy {
            case .none, .metaExchange, .metaExtend: return self.defaultLifetime
            case .rfc6749: return hasRefreshToken ? self.defaultLifetime ?? .seconds(1_800) : nil
            }
        }
    }
}

extension ProviderProfile {
    /// When the grant ends that a good answer leaves behind.
    ///
    /// - Parameters:
    ///   - told: What the answer says of it; it goes before all that is known here.
    ///   - hasNewToken: Whether the answer brought another refresh token.
    ///   - issuedAt: When the answer's tokens were made.
    ///   - lifetime: Of its access token; an expired one is the end of a grant that is nothing else.
    ///   - before: What was known of the token before, and nil of a grant that is first stored.
    /// - Returns: Nil when it does not end, or nobody knows.
    package func grantEnd(
        told: Duration?,
        hasNewToken: Bool,
        issuedAt: Timestamp,
        lifetime: Duration?,
        before: TokenFacts?
    ) -> Timestamp? {
        guard !self.strategy.spendsAccessToken else { return lifetime.map { issuedAt + $0 } }
        if let told { return issuedAt + told }
        guard let before else { return self.grantLifetime.map { issuedAt + $0 } }
        let isRenewed =
            switch self.grantRenewal {
            case .use: true
            case .newToken: hasNewToken
            case .never: false
            }
        guard isRenewed, let grantLifetime else { return before.grantExpiresAt }
        // An end that lay nearer than the profile's was told by an answer: a consent for seven days does not become one
        // for six months because it is used (Google's applications in testing, facts 3.3).
        if self.grantRenewal == .use, let end = before.grantExpiresAt, end < before.issuedAt + grantLifetime {
            return end
        }
        return issuedAt + grantLifetime
    }
}

extension ProviderProfile {
    private static let endpoints: [any WritableKeyPath<ProviderProfile, String?> & Sendable] = [
        \.tokenEndpoint, \.authorizationEndpoint, \.revocationEndpoint, \.deviceAuthorizationEndpoint, \.issuer,
        \.refreshEndpoint, \.exchangeEndpoint,
    ]

    /// The names in braces in the endpoints, sorted.
    package var placeholders: [String] {
        let endpoints = Self.endpoints.compactMap { self[keyPath: $0] }
        let names = endpoints.flatMap { endpoint in
            endpoint.split(separator: "{").dropFirst().compactMap { $0.split(separator: "}").first.map(String.init) }
        }
        return Set(names).sorted()
    }

    /// The profile with each placeholder replaced by the value named, or else by its default.
    ///
    /// - Parameter values: By placeholder (`domain`, `tenant`). A value is a host or one part of a path: letters,
    ///   digits, `.`, `-`, and for a port `:`. Others are left out, as they could lead to another host.
    /// - Returns: A profile whose `placeholders` are those that nothing was found for.
    package func filled(with values: [String: String]) -> ProviderProfile {
        var filled = self
        for name in self.placeholders {
            guard let value = values[name] ?? self.placeholderDefaults[name], Self.isPlaceholderValue(value) else {
                continue
            }
            for endpoint in Self.endpoints {
                filled[keyPath: endpoint] = self.replacing("{\(name)}", with: value, in: filled[keyPath: endpoint])
            }
        }
        return filled
    }

    /// Whether a text may stand for a placeholder.
    package static func isPlaceholderValue(_ value: String) -> Bool {
        (1...255).contains(value.utf8.count)
            && value.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: ":"):
                    true
                default: false
                }
            }
    }

    private func replacing(_ placeholder: String, with value: String, in text: String?) -> String? {
        text.map { $0.split(separator: placeholder, omittingEmptySubsequences: false).joined(separator: value) }
    }
}
