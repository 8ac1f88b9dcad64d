import RefreshCore

/// Answers that bring no token; the refresh token sent was `canary-rt-1`.
enum BadAnswers {
    static let all = Self.malformed + Self.salvage + Self.refreshTokens + Self.errors + Self.statuses + Self.waits

    private static let html = "<!DOCTYPE html><html><body>Please log in</body></html>"
    private static let unusable: AnswerCase.Expected = .refused(.unknown(.malformedAnswer))

    private static func error(_ code: String, _ more: String = "") -> String {
        #"{"error":"\#(code)","error_description":"canary-text"\#(more)}"#
    }

    static let malformed: [AnswerCase] = [
        AnswerCase("E17: a page", html, unusable),
        AnswerCase("empty", "", unusable),
        AnswerCase("status 204", "box", 204, "", unusable),
        AnswerCase("an empty object", "{}", unusable),
        AnswerCase("a list", #"[{"access_token":"canary-at-2"}]"#, unusable),
        AnswerCase("cut off", #"{"access_token":"canary-at-2""#, unusable),
        AnswerCase("two objects", #"{"access_token":"canary-at-2"}{"access_token":"canary-at-3"}"#, unusable),
        AnswerCase("F22: twice", #"{"access_token":"canary-at-2","access_token":"canary-at-3"}"#, unusable),
        AnswerCase("F22: twice, elsewhere", #"{"access_token":"canary-at-2","x":1,"x":1}"#, unusable),
        AnswerCase("F27: a form not announced", "access_token=canary-at-2&expires_in=3600", unusable),
        AnswerCase(
            "F27: UTF-16",
            bytes: [0xFF, 0xFE] + #"{"access_token":"canary-at-2"}"#.utf8.flatMap { [$0, UInt8(0)] },
            unusable
        ),
        AnswerCase(
            "F27: Latin-1",
            bytes: Array(#"{"access_token":"canary-at-2","x":""#.utf8) + [0xE9, 0x22, 0x7D],
            unusable
        ),
        AnswerCase("F28: deep", String(repeating: #"{"a":"#, count: 100_000), unusable),
        AnswerCase(
            "F28: a long number",
            #"{"access_token":"canary-at-2","x":\#(String(repeating: "1", count: 10_000))}"#,
            unusable
        ),
        AnswerCase(
            "larger than allowed",
            #"{"access_token":"canary-at-2"}"# + String(repeating: " ", count: 256 * 1_024),
            unusable
        ),
        AnswerCase("an access token with a line end", #"{"access_token":"canary\r\nX: y"}"#, unusable),
        AnswerCase("an access token with a space", #"{"access_token":"canary at"}"#, unusable),
        AnswerCase("an access token with NUL", #"{"access_token":"canary\u0000"}"#, unusable),
        AnswerCase("an access token with an escape sequence", #"{"access_token":"canary\u001b[2J"}"#, unusable),
        AnswerCase("an access token that is not ASCII", #"{"access_token":"canary-é"}"#, unusable),
        AnswerCase("an empty access token", #"{"access_token":""}"#, unusable),
        AnswerCase("a number for an access token", #"{"access_token":7}"#, unusable),
        AnswerCase(
            "an access token of 64 KiB and a byte",
            #"{"access_token":"\#(String(repeating: "a", count: 65_537))"}"#,
            unusable
        ),
        AnswerCase(
            "the state of another request",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":3600,"state":"other"}"#,
            unusable
        ),
    ]

    static let salvage: [AnswerCase] = [
        AnswerCase("F17: no access token", #"{"refresh_token":"canary-rt-2"}"#, .salvaged("canary-rt-2")),
        AnswerCase(
            "F17: an unusable access token",
            #"{"access_token":"canary\n","refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase(
            "F17: null for an access token",
            #"{"access_token":null,"refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase("no access token, and the old refresh token", #"{"refresh_token":"canary-rt-1"}"#, unusable),
        AnswerCase("no access token, and an empty refresh token", #"{"refresh_token":""}"#, unusable),
    ]

    static let refreshTokens: [AnswerCase] = [
        AnswerCase("F15: a number", #"{"access_token":"canary-at-2","refresh_token":7}"#, unusable),
        AnswerCase("F15: a list", #"{"access_token":"canary-at-2","refresh_token":["canary"]}"#, unusable),
        AnswerCase("F15: false", #"{"access_token":"canary-at-2","refresh_token":false}"#, unusable),
        AnswerCase("F15: control characters", #"{"access_token":"canary-at-2","refresh_token":"canary\t"}"#, unusable),
        AnswerCase("F15: the access token", #"{"access_token":"canary-at-2","refresh_token":"canary-at-2"}"#, unusable),
        AnswerCase(
            "F15: an unusable access token again",
            #"{"access_token":"canary at","refresh_token":"canary at"}"#,
            unusable
        ),
        AnswerCase(
            "F15: too long",
            #"{"access_token":"canary-at-2","refresh_token":"\#(String(repeating: "r", count: 65_537))"}"#,
            unusable
        ),
        AnswerCase(
            "F15: 1 MB",
            #"{"access_token":"canary-at-2","refresh_token":"\#(String(repeating: "r", count: 1_000_000))"}"#,
            unusable
        ),
    ]

    static let errors: [AnswerCase] = [
        AnswerCase("F09", "box", 400, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase("as seen with 401", "dropbox", 401, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase(
            "with a subtype",
            "gdrive",
            400,
            error("invalid_grant", #","error_subtype":"invalid_rapt""#),
            .refused(.deadGrant)
        ),
        AnswerCase("F07: under 200", "rfc6749", 200, error("invalid_grant"), .refused(.deadGrant)),
        AnswerCase(
            "F07: under 200, beside a token",
            "rfc6749",
            200,
            error("invalid_grant", #","access_token":"canary-at-2""#),
            .refused(.deadGrant)
        ),
        AnswerCase("F08", "box", 500, error("invalid_grant"), .refused(.unknown(.serverError))),
        AnswerCase("F08: 503", "gdrive", 503, error("invalid_grant"), .refused(.unknown(.serverError))),
        AnswerCase("a limiter's body", "box", 429, error("invalid_grant"), .refused(.transient(.rateLimited))),
        AnswerCase("F10", "box", 400, error("invalid_client"), .refused(.clientRejected)),
        AnswerCase("F10: 401", "rfc6749", 401, error("invalid_client"), .refused(.clientRejected)),
        AnswerCase("F10: 500", "rfc6749", 500, error("invalid_client"), .refused(.clientRejected)),
        AnswerCase("F10: switched off", "huddle", 403, error("unauthorized_client"), .refused(.clientRejected)),
        AnswerCase("F10", "box", 400, error("unsupported_grant_type"), .refused(.clientRejected)),
        AnswerCase("F10", "box", 400, error("invalid_scope"), .refused(.clientRejected)),
        AnswerCase("F10", "box", 400, error("invalid_request"), .refused(.clientRejected)),
        AnswerCase("F33", "rfc6749", 400, error("use_dpop_nonce"), .refused(.clientRejected)),
        AnswerCase("its own word", "onedrive", 400, error("invalid_resource"), .refused(.clientRejected)),
        AnswerCase("the user must act", "onedrive", 400, error("interaction_required"), .refused(.deadGrant)),
        AnswerCase("the user must act", "onedrive", 400, error("consent_required"), .refused(.deadGrant)),
        AnswerCase("the user must act", "onedrive", 400, error("login_required"), .refused(.deadGrant)),
        AnswerCase("slow down", "vkid", 200, error("slow_down"), .refused(.transient(.rateLimited))),
        AnswerCase("later", "box", 400, error("temporarily_unavailable"), .refused(.transient(.serverError))),
        AnswerCase("later, as 500", "box", 500, error("server_error"), .refused(.transient(.serverError))),
        AnswerCase("its own word", "gdrive", 400, error("internal_failure"), .refused(.transient(.serverError))),
        AnswerCase(
            "its own word in the description",
            "gdrive",
            400,
            #"{"error":"whatever","error_description":"internal_failure"}"#,
            .refused(.transient(.serverError))
        ),
        AnswerCase("another's own word", "box", 400, error("internal_failure"), .refused(.elsewhere(.clientRejected))),
        AnswerCase(
            "F29: dead in its own words",
            "vkid",
            400,
            #"{"error":"invalid_request","error_description":"refresh_token is missing or invalid"}"#,
            .refused(.deadGrant)
        ),
        AnswerCase(
            "F29: dead in its own words, under 200",
            "vkid",
            200,
            #"{"error":"invalid_request","error_description":"refresh_token is missing or invalid"}"#,
            .refused(.deadGrant)
        ),
        AnswerCase(
            "F29: the same words elsewhere are no death",
            "box",
            400,
            #"{"error":"invalid_request","error_description":"refresh_token is missing or invalid"}"#,
            .refused(.clientRejected)
        ),
        AnswerCase("F29: about something else", "vkid", 400, error("invalid_request"), .refused(.clientRejected)),
        AnswerCase("F29: dead in its own words", "vkid", 401, error("invalid_token"), .refused(.deadGrant)),
        AnswerCase("an unknown word", "box", 400, error("canary_word"), .refused(.elsewhere(.clientRejected))),
        AnswerCase(
            "an unknown word under 200",
            "box",
            200,
            error("canary_word"),
            .refused(.elsewhere(.clientRejected))
        ),
        AnswerCase("an unknown word under 500", "box", 500, error("canary_word"), .refused(.unknown(.serverError))),
        AnswerCase("another spelling", "box", 400, error("INVALID_GRANT"), .refused(.elsewhere(.clientRejected))),
        AnswerCase(
            "a nested error",
            "rfc6749",
            400,
            #"{"error":{"code":190,"type":"OAuthException","message":"invalid_grant"}}"#,
            .refused(.elsewhere(.clientRejected))
        ),
        AnswerCase(
            "F22: two errors",
            "box",
            400,
            #"{"error":"invalid_client","error":"invalid_grant"}"#,
            .refused(.elsewhere(.malformedAnswer))
        ),
    ]

    static let statuses: [AnswerCase] = [
        AnswerCase("F06", "box", 301, "", .refused(.clientRejected)),
        AnswerCase(
            "F06",
            "box",
            302,
            headers: [("location", "https://evil.test/canary")],
            html,
            .refused(.clientRejected)
        ),
        AnswerCase("F06: even with a body", "box", 307, error("invalid_grant"), .refused(.clientRejected)),
        AnswerCase("F06", "box", 308, "", .refused(.clientRejected)),
        AnswerCase("a page", "box", 400, html, .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("an empty object", "box", 400, "{}", .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("a word in a page", "box", 400, "invalid_grant", .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("F11", "box", 401, html, .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("F11", "box", 403, html, .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("F11", "box", 404, html, .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("F11", "box", 405, "", .refused(.elsewhere(.malformedAnswer))),
        AnswerCase("F11", "box", 415, "", .refused(.elsewhere(.malformedAnswer))),
        AnswerCase(
            "an access token under 400",
            "box",
            400,
            #"{"access_token":"canary-at-2"}"#,
            .refused(.elsewhere(.malformedAnswer))
        ),
        AnswerCase("not in time", "box", 408, "", .refused(.transient(.timeout))),
        AnswerCase("too early", "box", 425, "", .refused(.transient(.serverError))),
        AnswerCase("F02", "box", 429, html, .refused(.transient(.rateLimited))),
        AnswerCase("F02", "box", 503, html, .refused(.transient(.serverError))),
        AnswerCase("no one knows", "box", 500, html, .refused(.unknown(.serverError))),
        AnswerCase("no one knows", "box", 502, "", .refused(.unknown(.serverError))),
        AnswerCase("no one knows", "box", 504, "", .refused(.unknown(.serverError))),
        AnswerCase("no one knows", "box", 599, "", .refused(.unknown(.serverError))),
        AnswerCase("no such status", "box", 999, "", .refused(.unknown(.malformedAnswer))),
        AnswerCase("no final status", "box", 101, "", .refused(.unknown(.malformedAnswer))),
    ]

    private static let limited = FailureClass.transient(.rateLimited)

    static let waits: [AnswerCase] = [
        AnswerCase(
            "F01",
            "box",
            429,
            headers: [("retry-after", "120")],
            "",
            .refused(limited, retryAfter: .seconds(120))
        ),
        AnswerCase(
            "F03: negative",
            "box",
            429,
            headers: [("retry-after", "-5")],
            "",
            .refused(limited, retryAfter: .seconds(1))
        ),
        AnswerCase(
            "F03: 10^9",
            "box",
            429,
            headers: [("retry-after", "1000000000")],
            "",
            .refused(limited, retryAfter: .seconds(3_600))
        ),
        AnswerCase("F03: words", "box", 429, headers: [("retry-after", "a while")], "", .refused(limited)),
        AnswerCase(
            "F03: twice",
            "box",
            429,
            headers: [("retry-after", "10"), ("retry-after", "20")],
            "",
            .refused(limited, retryAfter: .seconds(20))
        ),
        AnswerCase(
            "a date",
            "box",
            503,
            headers: [("retry-after", "Sun, 06 Nov 1994 08:51:07 GMT")],
            "",
            .refused(.transient(.serverError), retryAfter: .seconds(90))
        ),
        AnswerCase(
            "F03: a date in the past",
            "box",
            503,
            headers: [("retry-after", "Sun, 06 Nov 1994 08:49:36 GMT")],
            "",
            .refused(.transient(.serverError), retryAfter: .seconds(1))
        ),
        AnswerCase(
            "in the body",
            "dropbox",
            429,
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited, retryAfter: .seconds(300))
        ),
        AnswerCase(
            "the header before the body",
            "dropbox",
            429,
            headers: [("retry-after", "7")],
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited, retryAfter: .seconds(7))
        ),
        AnswerCase(
            "in another's body",
            "box",
            429,
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited)
        ),
        AnswerCase(
            "X-Throttle",
            "smartfile",
            503,
            headers: [("x-throttle", "throttled; next=12 sec")],
            "",
            .refused(.transient(.serverError), retryAfter: .seconds(12))
        ),
        AnswerCase(
            "X-Throttle, elsewhere",
            "box",
            503,
            headers: [("x-throttle", "next=12")],
            "",
            .refused(.transient(.serverError))
        ),
        AnswerCase(
            "X-Throttle without a number",
            "smartfile",
            503,
            headers: [("x-throttle", "next=soon")],
            "",
            .refused(.transient(.serverError))
        ),
        AnswerCase(
            "a wait beside an OAuth error",
            "box",
            400,
            headers: [("retry-after", "9")],
            error("temporarily_unavailable"),
            .refused(.transient(.serverError), retryAfter: .seconds(9))
        ),
    ]
}
