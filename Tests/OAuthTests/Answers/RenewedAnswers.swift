import OAuth

/// Answers that bring a token, as the providers' documents show them, and what they may do to the grant.
enum RenewedAnswers {
    static let all = Self.providers + Self.refreshTokens + Self.withheld

    private static func token(_ more: String = "") -> String { AnswerCase.token(more) }

    static let providers: [AnswerCase] = [
        AnswerCase(
            "RFC 6749 §5.1",
            "the RFC's own example",
            "rfc6749",
            #"{"access_token":"canary-at-2","token_type":"example","expires_in":3600,"#
                + #""refresh_token":"canary-rt-2","example_parameter":"example_value"}"#,
            .renewed(refreshToken: "canary-rt-2", type: "example", withheld: .foreignType, notes: [Note.foreignType])
        ),
        AnswerCase(
            "providers 3.1",
            "the documented answer",
            #"{"access_token":"canary-at-2","expires_in":3600,"token_type":"bearer","restricted_to":[],"#
                + #""refresh_token":"canary-rt-2","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#,
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase(
            "providers 3.2",
            "the refresh token is left out",
            "dropbox",
            #"{"access_token":"canary-at-2","token_type":"bearer","expires_in":14400}"#,
            .renewed(lifetime: .known(.seconds(14_400)))
        ),
        AnswerCase(
            "providers 3.3",
            "the lifetime as text",
            "gdrive",
            #"{"access_token":"canary-at-2","expires_in":"3599","token_type":"Bearer","#
                + #""scope":"https://www.googleapis.com/auth/drive.readonly"}"#,
            .renewed(lifetime: .known(.seconds(3_599)), scope: ["https://www.googleapis.com/auth/drive.readonly"])
        ),
        AnswerCase(
            "providers 3.4",
            "the documented answer",
            "onedrive-live",
            #"{"token_type":"bearer","expires_in":3600,"scope":"wl.skydrive wl.offline_access","#
                + #""access_token":"canary-at-2","refresh_token":"canary-rt-2"}"#,
            .renewed(refreshToken: "canary-rt-2", scope: ["wl.skydrive", "wl.offline_access"])
        ),
        AnswerCase(
            "providers 3.5",
            "another refresh token, and a member of its own",
            "onedrive",
            #"{"token_type":"Bearer","scope":"Files.Read User.Read","expires_in":3599,"ext_expires_in":3599,"#
                + #""access_token":"canary-at-2","refresh_token":"canary-rt-2"}"#,
            .renewed(
                refreshToken: "canary-rt-2",
                lifetime: .known(.seconds(3_599)),
                scope: ["Files.Read", "User.Read"]
            )
        ),
        AnswerCase(
            "providers 3.9",
            "the state comes back, and the user",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":3600,"user_id":1234567890,"#
                + #""state":"refreshd-refreshes-a-grant-it-holds","scope":"photos docs","token_type":"Bearer"}"#,
            .renewed(refreshToken: "canary-rt-2", scope: ["photos", "docs"])
        ),
        AnswerCase(
            "providers 3.8; F19",
            "neither state nor user, and a lifetime of zero means never",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":0}"#,
            .renewed(refreshToken: "canary-rt-2", lifetime: .never)
        ),
        AnswerCase(
            "providers 3.12",
            "no token type, and a Retry-After that is not for us",
            "huddle",
            200,
            headers: [("retry-after", "30")],
            #"{"access_token":"canary-at-2","expires_in":1200,"refresh_token":"canary-rt-2"}"#,
            .renewed(refreshToken: "canary-rt-2", lifetime: .known(.seconds(1_200)))
        ),
        AnswerCase("providers 3.13", "only an access token", "ellipsis", token(), .renewed()),
        AnswerCase(
            "providers 3.13",
            "a refresh token as well",
            "ellipsis",
            token(#""refresh_token":"canary-rt-2""#),
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase(
            "providers 3.14",
            "the documented answer",
            "smartfile",
            #"{"access_token":"canary-at-2","expires_in":36000,"refresh_token":"canary-rt-2","scope":"read write","#
                + #""token_type":"Bearer"}"#,
            .renewed(refreshToken: "canary-rt-2", lifetime: .known(.seconds(36_000)), scope: ["read", "write"])
        ),
        AnswerCase(
            "providers 3.15",
            "as SmartFile",
            "gitshare",
            token(#""refresh_token":"canary-rt-2","token_type":"Bearer""#),
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase("RFC 9110 §15.3", "another status of success", "rfc6749", 201, token(), .renewed()),
    ]

    static let refreshTokens: [AnswerCase] = [
        AnswerCase("F12; RFC 6749 §6", "omitted", token(), .renewed()),
        AnswerCase("F12", "null", token(#""refresh_token":null"#), .renewed()),
        AnswerCase("F12", "empty", token(#""refresh_token":"""#), .renewed()),
        AnswerCase("F13", "new", token(#""refresh_token":"canary-rt-2""#), .renewed(refreshToken: "canary-rt-2")),
        AnswerCase("F14", "the one that was sent", token(#""refresh_token":"canary-rt-1""#), .renewed()),
        AnswerCase(
            "F30",
            "the pair that an answer before this one brought",
            token(#""refresh_token":"canary-rt-2","token_type":"bearer""#),
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase(
            "RFC 6749 A.17",
            "with a space in it",
            token(#""refresh_token":"canary rt""#),
            .renewed(refreshToken: "canary rt")
        ),
        AnswerCase("T4", "of one byte", token(#""refresh_token":"r""#), .renewed(refreshToken: "r")),
        AnswerCase(
            "T4",
            "of 64 KiB",
            token(#""refresh_token":"\#(String(repeating: "r", count: 65_536))""#),
            .renewed(refreshToken: String(repeating: "r", count: 65_536))
        ),
    ]

    /// Stored, neither served nor delivered.
    static let withheld: [AnswerCase] = [
        AnswerCase("F23", "bearer", token(#""token_type":"bearer""#), .renewed()),
        AnswerCase("F23", "BEARER", token(#""token_type":"BEARER""#), .renewed()),
        AnswerCase("F23", "null", token(#""token_type":null"#), .renewed()),
        AnswerCase("F23", "empty", token(#""token_type":"""#), .renewed()),
        AnswerCase(
            "F24; RFC 6749 §7.1",
            "mac",
            token(#""token_type":"mac""#),
            .renewed(type: "mac", withheld: .foreignType, notes: [Note.foreignType])
        ),
        AnswerCase(
            "F24; RFC 9449 §5",
            "DPoP, and a new refresh token",
            token(#""token_type":"DPoP","refresh_token":"canary-rt-2""#),
            .renewed(refreshToken: "canary-rt-2", type: "DPoP", withheld: .foreignType, notes: [Note.foreignType])
        ),
        AnswerCase(
            "F24",
            "a number",
            token(#""token_type":7"#),
            .renewed(type: "unknown", withheld: .foreignType, notes: [Note.typeless])
        ),
        AnswerCase(
            "F24; T4",
            "with a line end",
            token(#""token_type":"Bearer\r\nX: y""#),
            .renewed(type: "unknown", withheld: .foreignType, notes: [Note.typeless])
        ),
        AnswerCase(
            "F24; T4",
            "longer than any",
            token(#""token_type":"\#(String(repeating: "b", count: 65))""#),
            .renewed(type: "unknown", withheld: .foreignType, notes: [Note.typeless])
        ),
        AnswerCase(
            "F26",
            "another user's number",
            "vkid",
            token(#""refresh_token":"canary-rt-2","user_id":77"#),
            .renewed(refreshToken: "canary-rt-2", withheld: .otherIdentity)
        ),
        AnswerCase(
            "F26",
            "another user's number, as text",
            "vkid",
            token(#""user_id":"77""#),
            .renewed(withheld: .otherIdentity)
        ),
        AnswerCase(
            "F26; F24",
            "another user's, and of another type",
            "vkid",
            token(#""user_id":"77","token_type":"mac""#),
            .renewed(type: "mac", withheld: .otherIdentity, notes: [Note.foreignType])
        ),
        AnswerCase(
            "F26; providers 6",
            "the same number as text",
            "vkid",
            token(#""user_id":"1234567890""#),
            .renewed()
        ),
        AnswerCase("F26", "no user", "vkid", token(#""user_id":null"#), .renewed()),
        AnswerCase("F26", "where that member means nothing", "box", token(#""user_id":77"#), .renewed()),
    ]
}
