import OAuth
import RefreshCore

/// Answers that bring a token; the access token is always `canary-at-2`, the refresh token sent was `canary-rt-1`.
enum GoodAnswers {
    static let all = Self.providers + Self.refreshTokens + Self.lifetimes + Self.types + Self.scopes + Self.shapes

    /// A complete answer with some members replaced or added.
    private static func body(_ more: String = "", expires: String? = "3600", rest: String = "") -> String {
        let lifetime = expires.map { #","expires_in":\#($0)"# } ?? ""
        return #"{"access_token":"canary-at-2"\#(lifetime)\#(more.isEmpty ? "" : "," + more)}\#(rest)"#
    }

    /// As the providers' documents show them.
    static let providers: [AnswerCase] = [
        AnswerCase(
            "the documented answer",
            #"{"access_token":"canary-at-2","expires_in":3600,"token_type":"bearer","restricted_to":[],"#
                + #""refresh_token":"canary-rt-2","issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}"#,
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase(
            "the documented answer leaves the refresh token out",
            "dropbox",
            #"{"access_token":"canary-at-2","token_type":"bearer","expires_in":14400}"#,
            .renewed(lifetime: .known(.seconds(14_400)))
        ),
        AnswerCase(
            "the lifetime as text",
            "gdrive",
            #"{"access_token":"canary-at-2","expires_in":"3599","token_type":"Bearer","#
                + #""scope":"https://www.googleapis.com/auth/drive.readonly"}"#,
            .renewed(
                lifetime: .known(.seconds(3_599)),
                scope: ["https://www.googleapis.com/auth/drive.readonly"]
            )
        ),
        AnswerCase(
            "the documented answer, another refresh token",
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
            "the documented answer",
            "onedrive-live",
            #"{"token_type":"bearer","expires_in":3600,"scope":"wl.skydrive wl.offline_access","#
                + #""access_token":"canary-at-2","refresh_token":"canary-rt-2"}"#,
            .renewed(refreshToken: "canary-rt-2", scope: ["wl.skydrive", "wl.offline_access"])
        ),
        AnswerCase(
            "the state comes back",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":3600,"user_id":1234567890,"#
                + #""state":"refreshd-refreshes-a-grant-it-holds","scope":"photos docs","token_type":"Bearer"}"#,
            .renewed(refreshToken: "canary-rt-2", scope: ["photos", "docs"])
        ),
        AnswerCase(
            "the state is left out, and a lifetime of zero means never",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":0}"#,
            .renewed(refreshToken: "canary-rt-2", lifetime: .never)
        ),
        AnswerCase(
            "no token type, and a Retry-After that is not for us",
            "huddle",
            200,
            headers: [("retry-after", "30")],
            #"{"access_token":"canary-at-2","expires_in":1200,"refresh_token":"canary-rt-2"}"#,
            .renewed(refreshToken: "canary-rt-2", lifetime: .known(.seconds(1_200)))
        ),
        AnswerCase(
            "the documented answer",
            "smartfile",
            #"{"access_token":"canary-at-2","expires_in":36000,"refresh_token":"canary-rt-2","scope":"read write","#
                + #""token_type":"Bearer"}"#,
            .renewed(
                refreshToken: "canary-rt-2",
                lifetime: .known(.seconds(36_000)),
                scope: ["read", "write"]
            )
        ),
        AnswerCase("only an access token", "ellipsis", body(), .renewed()),
        AnswerCase("status 201", "rfc6749", 201, body(), .renewed()),
    ]

    static let refreshTokens: [AnswerCase] = [
        AnswerCase("F12: null", body(#""refresh_token":null"#), .renewed()),
        AnswerCase("F12: empty", body(#""refresh_token":"""#), .renewed()),
        AnswerCase("F13: new", body(#""refresh_token":"canary-rt-2""#), .renewed(refreshToken: "canary-rt-2")),
        AnswerCase("F14: the one that was sent", body(#""refresh_token":"canary-rt-1""#), .renewed()),
        AnswerCase(
            "with a space, which RFC 6749 A.17 allows",
            body(#""refresh_token":"canary rt""#),
            .renewed(refreshToken: "canary rt")
        ),
        AnswerCase(
            "64 KiB",
            body(#""refresh_token":"\#(String(repeating: "r", count: 65_536))""#),
            .renewed(refreshToken: String(repeating: "r", count: 65_536))
        ),
    ]

    static let lifetimes: [AnswerCase] = [
        AnswerCase("F18: absent", body(expires: nil), .renewed(lifetime: .unknown)),
        AnswerCase("null", body(expires: "null"), .renewed(lifetime: .unknown)),
        AnswerCase("F19: 0", body(expires: "0"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F19: negative", body(expires: "-1"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F19: -0", body(expires: "-0"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("less than a second", body(expires: "0.9"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F20: text", body(expires: #""3600""#), .renewed()),
        AnswerCase("F20: text with spaces", body(expires: #"" 3600 ""#), .renewed()),
        AnswerCase("F20: 3600.0", body(expires: "3600.0"), .renewed()),
        AnswerCase("F20: 3599.7", body(expires: "3599.7"), .renewed(lifetime: .known(.seconds(3_599)))),
        AnswerCase("F20: 1e3", body(expires: "1e3"), .renewed(lifetime: .known(.seconds(1_000)))),
        AnswerCase("text with a fraction", body(expires: #""3599.7""#), .renewed(lifetime: .known(.seconds(3_599)))),
        AnswerCase("5 seconds", body(expires: "5"), .renewed(lifetime: .known(.seconds(5)))),
        AnswerCase("2^63", body(expires: "9223372036854775808"), .renewed(lifetime: .known(.seconds(3_155_760_000)))),
        AnswerCase("1e300", body(expires: "1e300"), .renewed(lifetime: .known(.seconds(3_155_760_000)))),
        AnswerCase("F21: 1h", body(expires: #""1h""#), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F21: true", body(expires: "true"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F21: 1e400", body(expires: "1e400"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("F21: an object", body(expires: "{}"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("a list", body(expires: "[3600]"), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("nan", body(expires: #""nan""#), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("inf", body(expires: #""inf""#), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("hexadecimal", body(expires: #""0x10""#), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("empty text", body(expires: #""""#), .renewed(lifetime: .unknown, notes: 1)),
        AnswerCase("two numbers", body(expires: #""36 00""#), .renewed(lifetime: .unknown, notes: 1)),
    ]

    static let types: [AnswerCase] = [
        AnswerCase("F23: BEARER", body(#""token_type":"BEARER""#), .renewed()),
        AnswerCase("F23: null", body(#""token_type":null"#), .renewed()),
        AnswerCase("empty", body(#""token_type":"""#), .renewed()),
        AnswerCase("F24: mac", body(#""token_type":"mac""#), .renewed(type: "mac", notes: 1)),
        AnswerCase("F24: DPoP", body(#""token_type":"DPoP""#), .renewed(type: "DPoP", notes: 1)),
        AnswerCase("a number", body(#""token_type":7"#), .renewed(type: "unknown", notes: 1)),
        AnswerCase("with a line end", body(#""token_type":"Bearer\r\nX: y""#), .renewed(type: "unknown", notes: 1)),
    ]

    static let scopes: [AnswerCase] = [
        AnswerCase("text", body(#""scope":"a  b a""#), .renewed(scope: ["a", "b"])),
        AnswerCase("empty", body(#""scope":"""#), .renewed()),
        AnswerCase("a list", body(#""scope":["b","a"]"#), .renewed(scope: ["b", "a"])),
        AnswerCase("a list with a number in it", body(#""scope":["b",1]"#), .renewed(scope: ["b"], notes: 1)),
        AnswerCase("an empty list", body(#""scope":[]"#), .renewed()),
        AnswerCase("a number", body(#""scope":1"#), .renewed(notes: 1)),
        AnswerCase("commas are part of a scope elsewhere", body(#""scope":"a,b""#), .renewed(scope: ["a,b"])),
        AnswerCase("quotes and controls", body(#""scope":"a \"b\" c\u0007""#), .renewed(scope: ["a"], notes: 1)),
        AnswerCase(
            "too long",
            body(#""scope":"\#((0..<4_000).map { "scope\($0)" }.joined(separator: " "))""#),
            .renewed(notes: 1)
        ),
    ]

    static let shapes: [AnswerCase] = [
        AnswerCase("F27: a byte order mark", bytes: [0xEF, 0xBB, 0xBF] + Array(body().utf8), .renewed()),
        AnswerCase("white space around", " \r\n" + body() + "\n\n", .renewed()),
        AnswerCase("unknown members", body(#""id_token":"canary-id","x":{"y":[1,2,{"z":null}]}"#), .renewed()),
        AnswerCase("escaped names", #"{"\u0061ccess_token":"canary-at-2","expires_in":3600}"#, .renewed()),
        AnswerCase("an error that says there is none", body(#""error":null"#), .renewed()),
        AnswerCase("an empty error", body(#""error":"""#), .renewed()),
        AnswerCase("error: false", body(#""error":false"#), .renewed()),
        AnswerCase("error: 0", body(#""error":0"#), .renewed()),
    ]
}
