import RefreshCore

/// Answers that say no by their status, and how long to stay away.
enum StatusAnswers {
    static let all = Self.redirects + Self.elsewhere + Self.trouble + Self.waits + Self.otherWaits

    private static let page = AnswerCase.page
    private static let noEndpoint = AnswerCase.Verdict.refused(.elsewhere(.malformedAnswer))
    private static let limited = FailureClass.transient(.rateLimited)
    private static let later = FailureClass.transient(.serverError)
    private static let unknown = FailureClass.unknown(.serverError)

    static let redirects: [AnswerCase] = [
        AnswerCase("F06", "to another path", "box", 301, "", .refused(.clientRejected)),
        AnswerCase(
            "F06",
            "to another host",
            "box",
            302,
            headers: [("location", "https://evil.test/canary")],
            page,
            .refused(.clientRejected)
        ),
        AnswerCase("F06", "as GET", "box", 303, "", .refused(.clientRejected)),
        AnswerCase("F06", "with a token in it", "box", 307, AnswerCase.token(), .refused(.clientRejected)),
        AnswerCase("F06", "for good", "box", 308, "", .refused(.clientRejected)),
    ]

    /// No token endpoint answers so.
    static let elsewhere: [AnswerCase] = [
        AnswerCase("F11; E17", "400 and a page", "box", 400, page, noEndpoint),
        AnswerCase("F11", "400 and an empty object", "box", 400, "{}", noEndpoint),
        AnswerCase("F11", "a known word in no JSON", "box", 400, "invalid_grant", noEndpoint),
        AnswerCase("F11; F27", "a form not announced", "box", 400, "error=invalid_grant", noEndpoint),
        AnswerCase("F11; E17", "401 and a page", "box", 401, page, noEndpoint),
        AnswerCase("F11; E17", "403 and a page", "box", 403, page, noEndpoint),
        AnswerCase("F11", "404", "box", 404, page, noEndpoint),
        AnswerCase("F11", "405", "box", 405, "", noEndpoint),
        AnswerCase("F11", "415", "box", 415, "", noEndpoint),
        AnswerCase("F11; E17", "a proxy wants a password", "box", 407, page, noEndpoint),
        AnswerCase("F11; E17", "a proxy wants a login", "box", 511, page, .refused(unknown)),
        AnswerCase("F11", "an access token under 400", "box", 400, AnswerCase.token(), noEndpoint),
    ]

    static let trouble: [AnswerCase] = [
        AnswerCase("providers 4; RFC 9110 §15.5.9", "408", "box", 408, "", .refused(.transient(.timeout))),
        AnswerCase("providers 4; RFC 8470 §5.2", "425", "box", 425, "", .refused(later)),
        AnswerCase("F02; RFC 6585 §4", "429", "box", 429, page, .refused(limited)),
        AnswerCase("F02; F04", "503", "box", 503, page, .refused(later)),
        AnswerCase("facts 1", "500", "box", 500, page, .refused(unknown)),
        AnswerCase("facts 1", "502", "box", 502, "", .refused(unknown)),
        AnswerCase("facts 1", "504", "box", 504, "", .refused(unknown)),
        AnswerCase(
            "facts 1",
            "500 and half an object",
            "box",
            500,
            #"{"error":"temporarily_unavai"#,
            .refused(unknown)
        ),
        AnswerCase("facts 1", "500 and a token", "box", 500, AnswerCase.token(), .refused(unknown)),
        AnswerCase("RFC 9110 §15", "599", "box", 599, "", .refused(unknown)),
        AnswerCase("RFC 9110 §15", "no such status", "box", 999, "", .malformed),
        AnswerCase("E13; RFC 9110 §15.2", "no final status", "box", 101, "", .malformed),
        AnswerCase("F28", "hostile under 400", "box", 400, String(repeating: "[", count: 100_000), noEndpoint),
        AnswerCase("F28", "hostile under 503", "box", 503, String(repeating: "{", count: 300_000), .refused(later)),
    ]

    /// 429 with these values of `Retry-After`; the present is Sunday, 6 November 1994, 08:49:37 GMT.
    static let waits: [AnswerCase] = [
        ("F01", ["120"], 120),
        ("F01", [" 120\t"], 120),
        ("F02", [], nil),
        ("F03", ["-5"], 1),
        ("F03", ["0"], 1),
        ("F03", ["1000000000"], 3_600),
        ("F03", [String(repeating: "9", count: 400)], 3_600),
        ("F03", ["3600"], 3_600),
        ("F03", ["3601"], 3_600),
        ("F03", ["a while"], nil),
        ("F03", [""], nil),
        ("F03", ["120 canary"], nil),
        ("F03", ["10", "20"], 20),
        ("F03", ["20", "10"], 20),
        ("F03", ["canary", "10"], 10),
        ("RFC 9110 §10.2.3", ["1.5"], 2),
        ("RFC 9110 §5.6.7", ["Sun, 06 Nov 1994 08:51:07 GMT"], 90),
        ("RFC 9110 §5.6.7", ["Sunday, 06-Nov-94 08:51:07 GMT"], 90),
        ("RFC 9110 §5.6.7", ["Sun Nov  6 08:51:07 1994"], 90),
        ("F03", ["Sun, 06 Nov 1994 08:49:36 GMT"], 1),
        ("F03", ["Fri, 01 Jan 2099 00:00:00 GMT"], 3_600),
        ("F03", ["Sun, 32 Nov 1994 08:51:07 GMT"], nil),
        ("F03", ["Sun, 06 Nov 1994 08:51:07 CET"], nil),
    ].map { (source: String, values: [String], seconds: Int?) in
        AnswerCase(
            source,
            values.joined(separator: " and "),
            "box",
            429,
            headers: values.map { ("retry-after", $0) },
            "",
            .refused(Self.limited, retryAfter: seconds.map { .seconds($0) })
        )
    }

    static let otherWaits: [AnswerCase] = [
        AnswerCase(
            "F01",
            "503",
            "box",
            503,
            headers: [("retry-after", "7")],
            "",
            .refused(later, retryAfter: .seconds(7))
        ),
        AnswerCase(
            "providers 4",
            "beside an OAuth error",
            "box",
            400,
            headers: [("retry-after", "9")],
            AnswerCase.error("temporarily_unavailable"),
            .refused(later, retryAfter: .seconds(9))
        ),
        AnswerCase(
            "F07; providers 3.9",
            "beside an OAuth error under 200",
            "vkid",
            200,
            headers: [("retry-after", "9")],
            AnswerCase.error("slow_down"),
            .refused(limited, retryAfter: .seconds(9))
        ),
        AnswerCase(
            "facts 1",
            "500",
            "box",
            500,
            headers: [("retry-after", "9")],
            "",
            .refused(unknown, retryAfter: .seconds(9))
        ),
        AnswerCase(
            "providers 3.2",
            "in the body",
            "dropbox",
            429,
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited, retryAfter: .seconds(300))
        ),
        AnswerCase("providers 3.2", "a body that is no JSON", "dropbox", 429, "too_many_requests", .refused(limited)),
        AnswerCase(
            "providers 3.2; F03",
            "absurd, in the body",
            "dropbox",
            429,
            #"{"error":"too_many_requests","retry_after":1e300}"#,
            .refused(limited, retryAfter: .seconds(3_600))
        ),
        AnswerCase(
            "providers 3.2",
            "the header before the body",
            "dropbox",
            429,
            headers: [("retry-after", "7")],
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited, retryAfter: .seconds(7))
        ),
        AnswerCase(
            "providers 3.2",
            "in another provider's body",
            "box",
            429,
            #"{"error":"too_many_requests","retry_after":300}"#,
            .refused(limited)
        ),
        AnswerCase(
            "providers 3.14",
            "X-Throttle",
            "smartfile",
            503,
            headers: [("x-throttle", "throttled; next=12 sec")],
            "",
            .refused(later, retryAfter: .seconds(12))
        ),
        AnswerCase(
            "providers 3.14",
            "X-Throttle, elsewhere",
            "box",
            503,
            headers: [("x-throttle", "next=12")],
            "",
            .refused(later)
        ),
        AnswerCase(
            "providers 3.14",
            "X-Throttle without a number",
            "smartfile",
            503,
            headers: [("x-throttle", "next=soon")],
            "",
            .refused(later)
        ),
        AnswerCase(
            "providers 3.14",
            "the newer servers",
            "smartfile",
            429,
            headers: [("retry-after", "12"), ("x-throttle", "next=99")],
            "",
            .refused(limited, retryAfter: .seconds(12))
        ),
        AnswerCase(
            "providers 3.12",
            "the documented limit",
            "huddle",
            429,
            headers: [("retry-after", "30"), ("x-ratelimit-limit", "60"), ("x-ratelimit-remaining", "0")],
            "",
            .refused(limited, retryAfter: .seconds(30))
        ),
    ]
}
