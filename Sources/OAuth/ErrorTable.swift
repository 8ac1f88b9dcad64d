package import RefreshCore

/// What an answer that brings no token means: (profile, status, code) to a class and one sentence.
///
/// The provider's own words are asked first, then the registered ones, then the status. A grant counts as dead only if
/// the token endpoint says so in so many words, and never under a status that speaks of its own trouble.
package enum ErrorTable {
    /// Judges an answer.
    ///
    /// - Parameters:
    ///   - status: Of the answer. 2xx: an error member came under it, or there is no token in it.
    ///   - error: The body, if it is an error.
    ///   - profile: Whose words count as known.
    /// - Returns: The class, and a sentence made of our own words. A server's text never gets in: of its code, only
    ///   one that is known here or to the profile is named.
    package static func judge(
        status: Int,
        error: ErrorResponse?,
        profile: ProviderProfile
    ) -> (failure: FailureClass, message: String) {
        // Not followed, so whatever the body says, it does not come from where the grant was sent (facts F06).
        if (300...399).contains(status) {
            return (.clientRejected, "the token endpoint redirects elsewhere, which is not followed: check its URL")
        }
        guard let error else { return Self.judge(status: status) }
        guard let meaning = Self.meaning(of: error, profile: profile) else {
            return Self.judgeUnknownWord(status: status)
        }
        let word = Self.knownWord(of: error, profile: profile)
        switch meaning {
        case .deadGrant: return Self.judgeDeadGrant(word, status: status)
        case .clientRejected: return (.clientRejected, "the provider refuses this client's requests\(word)")
        case .temporary: return (.transient(.serverError), "the provider cannot answer for now\(word)")
        case .tooFast: return (.transient(.rateLimited), "the provider asks us to slow down\(word)")
        }
    }

    /// The registered error codes: RFC 6749 §5.2, OpenID Connect Core §3.1.2.6, RFC 8628 §3.5, RFC 8707 §2,
    /// RFC 9449 §5 and §8, and of RFC 6749 §4.1.2.1 the two that providers send from here too.
    package static let registered: [String: ErrorRule.Meaning] = [
        "invalid_grant": .deadGrant,
        "interaction_required": .deadGrant,
        "login_required": .deadGrant,
        "consent_required": .deadGrant,
        "account_selection_required": .deadGrant,
        "invalid_request": .clientRejected,
        "invalid_client": .clientRejected,
        "unauthorized_client": .clientRejected,
        "unsupported_grant_type": .clientRejected,
        "invalid_scope": .clientRejected,
        "invalid_target": .clientRejected,
        "invalid_dpop_proof": .clientRejected,
        "use_dpop_nonce": .clientRejected,
        "temporarily_unavailable": .temporary,
        "server_error": .temporary,
        "slow_down": .tooFast,
    ]

    /// - Returns: Nil for what neither the profile nor the registry knows.
    static func meaning(of error: ErrorResponse, profile: ProviderProfile) -> ErrorRule.Meaning? {
        profile.errorRules.first { $0.matches(error) }?.meaning ?? error.code.flatMap { Self.registered[$0] }
    }

    /// The code in brackets if it is one of the words written down here or in the profile.
    private static func knownWord(of error: ErrorResponse, profile: ProviderProfile) -> String {
        guard let code = error.code else {
            let isKnown = profile.errorRules.contains { $0.numbers != nil && $0.matches(error) }
            return isKnown ? error.number.map { " (\($0))" } ?? "" : ""
        }
        let isKnown = Self.registered[code] != nil || profile.errorRules.contains { $0.code == code }
        return isKnown ? " (\(code))" : ""
    }

    private static func judgeDeadGrant(_ word: String, status: Int) -> (failure: FailureClass, message: String) {
        switch status {
        case 500...599:
            (.deadByFailure, "the provider says that the grant is over\(word), but as a failure of its own")
        case 200...299, 400...407, 409...424, 426...428, 430...499:
            (.deadGrant, "the provider says that the grant is over\(word)")
        default:
            // Of 408, 425 and 429 a limiter in front of the endpoint: it did not ask the endpoint, so it cannot know.
            Self.judge(status: status)
        }
    }

    /// A body that is an error with a word nobody has told us: it is the endpoint that speaks, but the status decides.
    private static func judgeUnknownWord(status: Int) -> (failure: FailureClass, message: String) {
        switch status {
        case 200...299, 400...407, 409...424, 426...428, 430...499:
            (.elsewhere(.clientRejected), "the provider refuses the refresh with an unknown error code")
        default:
            Self.judge(status: status)
        }
    }

    /// No word at all, or none that could be read.
    private static func judge(status: Int) -> (failure: FailureClass, message: String) {
        switch status {
        case 200...299:
            (.unknown(.malformedAnswer), "the answer is a success, but there is no token in it")
        case 408:
            (.transient(.timeout), "the provider gave up waiting for the request (status 408)")
        case 425:
            (.transient(.serverError), "the provider would not yet process the request (status 425)")
        case 429:
            (.transient(.rateLimited), "the provider asks us to slow down (status 429)")
        case 503:
            (.transient(.serverError), "the provider is not available for now (status 503)")
        case 400...499:
            // A page of a portal, a proxy, or another program: no token endpoint answers so (facts F11, E17).
            (
                .elsewhere(.malformedAnswer),
                "what answered is no token endpoint: status \(status) without an OAuth error"
            )
        case 500...599:
            (.unknown(.serverError), "the provider failed (status \(status))")
        default:
            (.unknown(.malformedAnswer), "the answer has a status that HTTP does not know")
        }
    }
}
