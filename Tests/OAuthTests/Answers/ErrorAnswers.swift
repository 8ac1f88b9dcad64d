import RefreshCore

/// Answers that say no, in words.
enum ErrorAnswers {
    static let all = Self.registered + Self.dead + Self.doubtful + Self.own + Self.unknown + Self.providers

    private static func error(_ code: String, _ more: String = "") -> String { AnswerCase.error(code, more) }

    private static func described(_ code: String, _ description: String) -> String {
        #"{"error":"\#(code)","error_description":"\#(description)"}"#
    }

    private static let later = AnswerCase.Verdict.refused(.transient(.serverError))
    private static let strange = AnswerCase.Verdict.refused(.elsewhere(.clientRejected))

    static let registered: [AnswerCase] = [
        AnswerCase("F10; RFC 6749 §5.2", "", "rfc6749", 400, error("invalid_request"), .refused(.clientRejected)),
        AnswerCase("F10; RFC 6749 §5.2", "", "rfc6749", 401, error("invalid_client"), .refused(.clientRejected)),
        AnswerCase("F09; RFC 6749 §5.2", "", "rfc6749", 400, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase("F10; RFC 6749 §5.2", "", "rfc6749", 400, error("unauthorized_client"), .refused(.clientRejected)),
        AnswerCase(
            "F10; RFC 6749 §5.2",
            "",
            "rfc6749",
            400,
            error("unsupported_grant_type"),
            .refused(.clientRejected)
        ),
        AnswerCase("F10; RFC 6749 §5.2", "", "rfc6749", 400, error("invalid_scope"), .refused(.clientRejected)),
        AnswerCase("RFC 8707 §2", "", "rfc6749", 400, error("invalid_target"), .refused(.clientRejected)),
        AnswerCase("F33; RFC 9449 §5", "", "rfc6749", 400, error("invalid_dpop_proof"), .refused(.clientRejected)),
        AnswerCase(
            "F33; RFC 9449 §8",
            "a nonce that nobody here can give",
            "rfc6749",
            400,
            headers: [("dpop-nonce", "canary")],
            error("use_dpop_nonce"),
            .refused(.clientRejected)
        ),
        AnswerCase(
            "F33; RFC 8705 §2",
            "a certificate is wanted",
            "rfc6749",
            401,
            described("invalid_client", "canary: no client certificate"),
            .refused(.clientRejected)
        ),
        AnswerCase("RFC 6749 §4.1.2.1", "", "rfc6749", 400, error("temporarily_unavailable"), later),
        AnswerCase("RFC 6749 §4.1.2.1", "", "rfc6749", 400, error("server_error"), later),
        AnswerCase("RFC 8628 §3.5", "", "rfc6749", 400, error("slow_down"), .refused(.transient(.rateLimited))),
        AnswerCase("OpenID Connect §3.1.2.6", "", "rfc6749", 400, error("interaction_required"), .refused(.deadGrant)),
        AnswerCase("OpenID Connect §3.1.2.6", "", "rfc6749", 400, error("login_required"), .refused(.deadGrant)),
        AnswerCase("OpenID Connect §3.1.2.6", "", "rfc6749", 400, error("consent_required"), .refused(.deadGrant)),
        AnswerCase(
            "OpenID Connect §3.1.2.6",
            "",
            "rfc6749",
            400,
            error("account_selection_required"),
            .refused(.deadGrant)
        ),
    ]

    /// What the endpoint may say of a grant under which status.
    static let dead: [AnswerCase] = [
        AnswerCase("F09", "with nothing else in it", "box", 400, #"{"error":"invalid_grant"}"#, .refused(.deadGrant)),
        AnswerCase("F09; providers 3.2", "as 401", "dropbox", 401, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase("F09", "as 403", "box", 403, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase("F07", "under 200", "rfc6749", 200, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase(
            "F07",
            "under 200, beside a token",
            "rfc6749",
            200,
            error("invalid_grant", #","access_token":"canary-at-2""#),
            .refused(.deadGrant)
        ),
        AnswerCase(
            "F27",
            "with a byte order mark",
            "box",
            400,
            "\u{FEFF}" + error("invalid_grant"),
            .refused(.deadGrant)
        ),
    ]

    /// The same words where they prove nothing.
    static let doubtful: [AnswerCase] = [
        AnswerCase("F08", "500", "box", 500, error("invalid_grant"), .refused(.deadByFailure)),
        AnswerCase("F08", "502", "rfc6749", 502, error("invalid_grant"), .refused(.deadByFailure)),
        AnswerCase("F08", "503", "gdrive", 503, error("invalid_grant"), .refused(.deadByFailure)),
        AnswerCase(
            "F08; providers 3.5",
            "500",
            "onedrive",
            500,
            error("interaction_required"),
            .refused(.deadByFailure)
        ),
        AnswerCase(
            "F01; facts 1",
            "a limiter's body",
            "box",
            429,
            error("invalid_grant"),
            .refused(.transient(.rateLimited))
        ),
        AnswerCase("facts 1", "a time-out's body", "box", 408, error("invalid_grant"), .refused(.transient(.timeout))),
        AnswerCase("facts 1", "a status too early's body", "box", 425, error("invalid_grant"), later),
        // Found by the fuzzer: only 2xx and 4xx may kill.
        AnswerCase("F08; RFC 9110 §15.2", "no final status", "rfc6749", 101, error("invalid_grant"), .malformed),
        AnswerCase("F08; RFC 9110 §15", "no such status", "vkid", 999, error("invalid_token"), .malformed),
        AnswerCase("F06", "behind a redirect", "box", 307, error("invalid_grant"), .refused(.clientRejected)),
        AnswerCase(
            "F10; providers 4",
            "invalid_client as 500",
            "rfc6749",
            500,
            error("invalid_client"),
            .refused(.clientRejected)
        ),
        AnswerCase("providers 4", "server_error as 500", "box", 500, error("server_error"), later),
        AnswerCase(
            "providers 4",
            "temporarily_unavailable as 200",
            "box",
            200,
            error("temporarily_unavailable"),
            later
        ),
        AnswerCase(
            "F22",
            "two errors",
            "box",
            400,
            #"{"error":"invalid_client","error":"invalid_grant"}"#,
            .refused(.elsewhere(.malformedAnswer))
        ),
    ]

    /// Words that mean something for one provider only.
    static let own: [AnswerCase] = [
        AnswerCase(
            "F29; providers 3.9",
            "dead",
            "vkid",
            400,
            described("invalid_request", "refresh_token is missing or invalid"),
            .refused(.deadGrant)
        ),
        AnswerCase(
            "F29; F07; providers 3.9",
            "dead, under 200",
            "vkid",
            200,
            described("invalid_request", "refresh_token is missing or invalid"),
            .refused(.deadGrant)
        ),
        AnswerCase(
            "F29; F08",
            "dead, under 500",
            "vkid",
            500,
            described("invalid_request", "refresh_token is missing or invalid"),
            .refused(.deadByFailure)
        ),
        AnswerCase(
            "F29",
            "the same words elsewhere are no death",
            "box",
            400,
            described("invalid_request", "refresh_token is missing or invalid"),
            .refused(.clientRejected)
        ),
        AnswerCase(
            "F29; providers 3.9",
            "about something else",
            "vkid",
            400,
            error("invalid_request"),
            .refused(.clientRejected)
        ),
        AnswerCase("F29", "invalid_token elsewhere", "box", 400, error("invalid_token"), strange),
        AnswerCase("F29", "internal_failure elsewhere", "box", 400, error("internal_failure"), strange),
        AnswerCase("F29", "access_denied elsewhere", "box", 400, error("access_denied"), strange),
        AnswerCase(
            "providers 3.3",
            "in the description",
            "gdrive",
            400,
            described("canary", "internal_failure"),
            later
        ),
        AnswerCase(
            "providers 3.3",
            "a subtype",
            "gdrive",
            400,
            error("invalid_grant", #","error_subtype":"invalid_rapt""#),
            .refused(.deadGrant)
        ),
        AnswerCase(
            "providers 3.5",
            "numbers are not looked at",
            "onedrive",
            400,
            error("canary", #","error_codes":[70008,700082],"suberror":"invalid_grant""#),
            strange
        ),
        AnswerCase(
            "providers 3.12",
            "with an address",
            "huddle",
            400,
            error("invalid_grant", #","error_uri":"https://canary.test/""#),
            .refused(.deadGrant)
        ),
    ]

    static let unknown: [AnswerCase] = [
        AnswerCase("providers 4", "400", "box", 400, error("canary_word"), strange),
        AnswerCase("F07", "200", "box", 200, error("canary_word"), strange),
        AnswerCase("F08", "500", "box", 500, error("canary_word"), .refused(.unknown(.serverError))),
        AnswerCase("facts 1", "503", "box", 503, error("canary_word"), later),
        AnswerCase("facts 1", "429", "box", 429, error("canary_word"), .refused(.transient(.rateLimited))),
        AnswerCase("RFC 6749 §5.2", "in capitals", "box", 400, error("INVALID_GRANT"), strange),
        AnswerCase("RFC 6749 §5.2", "with a space", "box", 400, error("invalid_grant "), strange),
        AnswerCase(
            "providers 3.6",
            "an object",
            "rfc6749",
            400,
            #"{"error":{"code":190,"type":"OAuthException","message":"invalid_grant"}}"#,
            strange
        ),
        AnswerCase("F07; providers 3.6", "an object under 200", "rfc6749", 200, #"{"error":{"code":190}}"#, strange),
        AnswerCase("RFC 6749 §5.2", "a list", "rfc6749", 400, #"{"error":["invalid_grant"]}"#, strange),
        AnswerCase(
            "providers 3.7",
            "other names",
            "rfc6749",
            400,
            #"{"error_type":"OAuthException","code":400,"error_message":"invalid_grant"}"#,
            .refused(.elsewhere(.malformedAnswer))
        ),
        AnswerCase(
            "providers 3.11",
            "another protocol's failure",
            "rfc6749",
            200,
            #"{"stat":"fail","code":98,"message":"canary"}"#,
            .malformed
        ),
    ]

    /// The words that the facts know of each provider (providers.json, `errors`).
    static let providers: [AnswerCase] = [
        ("3.1", "box", 400, "invalid_grant", .deadGrant),
        ("3.1", "box", 400, "invalid_client", .clientRejected),
        ("3.1", "box", 400, "unauthorized_client", .clientRejected),
        ("3.1", "box", 503, "temporarily_unavailable", .transient(.serverError)),
        ("3.2", "dropbox", 400, "invalid_grant", .deadGrant),
        ("3.2", "dropbox", 400, "invalid_client", .clientRejected),
        ("3.2", "dropbox", 400, "unauthorized_client", .clientRejected),
        ("3.3", "gdrive", 400, "invalid_grant", .deadGrant),
        ("3.3", "gdrive", 401, "invalid_client", .clientRejected),
        ("3.3", "gdrive", 401, "unauthorized_client", .clientRejected),
        ("3.3", "gdrive", 400, "internal_failure", .transient(.serverError)),
        ("3.3", "gdrive", 500, "internal_failure", .transient(.serverError)),
        ("3.4", "onedrive-live", 400, "invalid_grant", .deadGrant),
        ("3.4", "onedrive-live", 400, "invalid_request", .clientRejected),
        ("3.5", "onedrive", 400, "invalid_grant", .deadGrant),
        ("3.5", "onedrive", 400, "interaction_required", .deadGrant),
        ("3.5", "onedrive", 400, "consent_required", .deadGrant),
        ("3.5", "onedrive", 400, "login_required", .deadGrant),
        ("3.5", "onedrive", 400, "invalid_resource", .clientRejected),
        ("3.5", "onedrive", 400, "invalid_scope", .clientRejected),
        ("3.5", "onedrive", 400, "temporarily_unavailable", .transient(.serverError)),
        ("3.9", "vkid", 400, "invalid_grant", .deadGrant),
        ("3.9", "vkid", 401, "invalid_token", .deadGrant),
        ("3.9", "vkid", 400, "access_denied", .deadGrant),
        ("3.9", "vkid", 400, "invalid_client", .clientRejected),
        ("3.9", "vkid", 200, "invalid_scope", .clientRejected),
        ("3.9", "vkid", 200, "slow_down", .transient(.rateLimited)),
        ("3.9", "vkid", 200, "temporarily_unavailable", .transient(.serverError)),
        ("3.12", "huddle", 403, "unauthorized_client", .clientRejected),
        ("3.12", "huddle", 400, "invalid_client", .clientRejected),
        ("3.13", "ellipsis", 400, "invalid_grant", .deadGrant),
        ("3.13", "ellipsis", 400, "unsupported_grant_type", .clientRejected),
        ("3.14", "smartfile", 400, "invalid_grant", .deadGrant),
        ("3.14", "smartfile", 401, "invalid_client", .clientRejected),
        ("3.15", "gitshare", 400, "invalid_grant", .deadGrant),
        ("3.15", "gitshare", 400, "invalid_request", .clientRejected),
    ].map { (section: String, profile: String, status: Int, word: String, failure: FailureClass) in
        AnswerCase("F29; providers \(section)", word, profile, status, Self.error(word), .refused(failure))
    }
}
