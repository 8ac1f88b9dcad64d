import RefreshCore

/// Successes without a token that could be used.
enum MalformedAnswers {
    static let all = Self.pages + Self.bytes + Self.hostile + Self.accessTokens + Self.refreshTokens + Self.salvaged

    private static func access(_ json: String) -> String { #"{"access_token":\#(json)}"# }

    private static func refresh(_ json: String) -> String {
        #"{"access_token":"canary-at-2","refresh_token":\#(json)}"#
    }

    /// Something between us and the endpoint spoke: nothing is adopted, and no grant is dead.
    static let pages: [AnswerCase] = [
        AnswerCase("E17", "a page", AnswerCase.page, .refused(.transient(.malformedAnswer))),
        AnswerCase(
            "E17",
            "a page after white space and a byte order mark",
            bytes: [0xEF, 0xBB, 0xBF] + Array(" \r\n<html>".utf8),
            .refused(.transient(.malformedAnswer))
        ),
        AnswerCase(
            "E17; F27",
            "a page in Latin-1",
            bytes: Array("<html>".utf8) + [0xE9],
            .refused(.transient(.malformedAnswer))
        ),
        AnswerCase("E17", "a page where forms are usual", "form", "<a=b", .refused(.transient(.malformedAnswer))),
    ]

    static let bytes: [AnswerCase] = [
        AnswerCase("RFC 6749 §5.1", "nothing", "", .malformed),
        AnswerCase("RFC 6749 §5.1", "status 204", "box", 204, "", .malformed),
        AnswerCase("RFC 6749 §5.1", "an empty object", "{}", .malformed),
        AnswerCase("RFC 6749 §5.1", "a list", #"[{"access_token":"canary-at-2"}]"#, .malformed),
        AnswerCase("RFC 6749 §5.1", "one level too deep", #"{"data":{"access_token":"canary-at-2"}}"#, .malformed),
        AnswerCase("RFC 6749 §5.1", "in capitals", #"{"ACCESS_TOKEN":"canary-at-2"}"#, .malformed),
        AnswerCase("E09", "cut off", #"{"access_token":"canary-at-2""#, .malformed),
        AnswerCase("E09", "cut off inside the token", #"{"access_token":"canary-at-"#, .malformed),
        AnswerCase("E10", "the first byte", "{", .malformed),
        AnswerCase("E14", "two objects", #"{"access_token":"canary-at-2"}{"access_token":"canary-at-3"}"#, .malformed),
        AnswerCase("E14", "garbage behind it", #"{"access_token":"canary-at-2"}\#u{0}"#, .malformed),
        AnswerCase("E12", "compressed", bytes: [0x1F, 0x8B, 0x08, 0x00, 0x63, 0x61, 0x6E], .malformed),
        AnswerCase("F27", "a form not announced", "access_token=canary-at-2&expires_in=3600", .malformed),
        AnswerCase(
            "F27",
            "UTF-16",
            bytes: [0xFF, 0xFE] + #"{"access_token":"canary-at-2"}"#.utf8.flatMap { [$0, UInt8(0)] },
            .malformed
        ),
        AnswerCase(
            "F27",
            "Latin-1",
            bytes: Array(#"{"access_token":"canary-at-2","x":""#.utf8) + [0xE9, 0x22, 0x7D],
            .malformed
        ),
        AnswerCase(
            "RFC 8259 §8.2",
            "half a surrogate pair",
            #"{"access_token":"canary-at-2","x":"\ud800"}"#,
            .malformed
        ),
        AnswerCase("providers 3.1", "not yet", "box", 202, "", .malformed),
        AnswerCase(
            "providers 3.1",
            "not yet, and when to ask again",
            "box",
            202,
            headers: [("retry-after", "15")],
            "",
            .refused(.unknown(.malformedAnswer), retryAfter: .seconds(15))
        ),
        AnswerCase(
            "providers 3.12",
            "a Retry-After that belongs to success",
            "huddle",
            200,
            headers: [("retry-after", "15")],
            "{}",
            .malformed
        ),
        AnswerCase(
            "providers 3.9",
            "the state of another request",
            "vkid",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":3600,"state":"other"}"#,
            .malformed
        ),
        AnswerCase("providers 3.9", "a state that is no text", "vkid", AnswerCase.token(#""state":1"#), .malformed),
    ]

    static let hostile: [AnswerCase] = [
        AnswerCase("F22", "twice", #"{"access_token":"canary-at-2","access_token":"canary-at-3"}"#, .malformed),
        AnswerCase(
            "F22",
            "twice, once escaped",
            #"{"access_token":"canary-a","\u0061ccess_token":"canary-b"}"#,
            .malformed
        ),
        AnswerCase("F22", "another member twice", #"{"access_token":"canary-at-2","x":1,"x":1}"#, .malformed),
        AnswerCase("F22", "twice, further down", #"{"access_token":"canary-at-2","x":{"y":1,"y":1}}"#, .malformed),
        AnswerCase("F28", "depth 1,000,000", String(repeating: "[", count: 1_000_000), .malformed),
        AnswerCase("F28", "as deep as fits", String(repeating: #"{"a":"#, count: 50_000), .malformed),
        AnswerCase(
            "T4",
            "one level deeper than the limit",
            #"{"access_token":"canary-at-2","x":"# + nested(32) + "}",
            .malformed
        ),
        AnswerCase(
            "F28",
            "100,000 members",
            #"{"access_token":"canary-at-2""# + (0..<100_000).map { #","\#($0)":0"# }.joined() + "}",
            .malformed
        ),
        AnswerCase(
            "F28",
            "as many members as fit",
            #"{"access_token":"canary-at-2""# + (0..<20_000).map { #","\#($0)":0"# }.joined() + "}",
            .malformed
        ),
        AnswerCase(
            "F28",
            "a number of 10,000 digits",
            #"{"access_token":"canary-at-2","expires_in":\#(String(repeating: "1", count: 10_000))}"#,
            .malformed
        ),
        AnswerCase(
            "E11; T4",
            "256 KiB and more",
            #"{"access_token":"canary-at-2"}"# + String(repeating: " ", count: 256 * 1_024),
            .malformed
        ),
    ]

    static let accessTokens: [AnswerCase] = [
        AnswerCase("T4", "a line end", access(#""canary\r\nX: y""#), .malformed),
        AnswerCase("T4", "a space", access(#""canary at""#), .malformed),
        AnswerCase("T4", "NUL", access(#""canary\u0000""#), .malformed),
        AnswerCase("T4", "an escape sequence", access(#""canary\u001b[2J""#), .malformed),
        AnswerCase("T4", "DEL", access(#""canary\u007f""#), .malformed),
        AnswerCase("T4", "not ASCII", access(#""canary-é""#), .malformed),
        AnswerCase("T4", "empty", access(#""""#), .malformed),
        AnswerCase("T4", "a number", access("7"), .malformed),
        AnswerCase("T4", "an object", access(#"{"value":"canary-at-2"}"#), .malformed),
        AnswerCase("T4", "64 KiB and a byte", access(#""\#(String(repeating: "a", count: 65_537))""#), .malformed),
        AnswerCase("T2; F15", "the refresh token that was sent", access(#""canary-rt-1""#), .malformed),
    ]

    /// The grant is in doubt, and the old refresh token stays.
    static let refreshTokens: [AnswerCase] = [
        AnswerCase("F15", "a number", refresh("7"), .malformed),
        AnswerCase("F15", "a list", refresh(#"["canary"]"#), .malformed),
        AnswerCase("F15", "an object", refresh("{}"), .malformed),
        AnswerCase("F15", "false", refresh("false"), .malformed),
        AnswerCase("F15", "a tab", refresh(#""canary\t""#), .malformed),
        AnswerCase("F15", "a line end", refresh(#""canary\r\n""#), .malformed),
        AnswerCase("F15; T4", "not ASCII", refresh(#""canary-é""#), .malformed),
        AnswerCase("F15", "the access token", refresh(#""canary-at-2""#), .malformed),
        AnswerCase(
            "F15",
            "the access token, which is of no use",
            #"{"access_token":"canary at","refresh_token":"canary at"}"#,
            .malformed
        ),
        AnswerCase(
            "F15; T4",
            "64 KiB and a byte",
            refresh(#""\#(String(repeating: "r", count: 65_537))""#),
            .malformed
        ),
        AnswerCase("F15", "1 MB", refresh(#""\#(String(repeating: "r", count: 1_000_000))""#), .malformed),
    ]

    /// The new refresh token is kept, whatever became of the access token.
    static let salvaged: [AnswerCase] = [
        AnswerCase("F17", "no access token", #"{"refresh_token":"canary-rt-2"}"#, .salvaged("canary-rt-2")),
        AnswerCase(
            "F17",
            "an access token with a line end",
            #"{"access_token":"canary\n","refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase(
            "F17",
            "null",
            #"{"access_token":null,"refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase(
            "F17",
            "a number",
            #"{"access_token":7,"refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase(
            "F17; T2",
            "the refresh token that was sent in the place of the access token",
            #"{"access_token":"canary-rt-1","refresh_token":"canary-rt-2"}"#,
            .salvaged("canary-rt-2")
        ),
        AnswerCase("F17; F14", "the old refresh token", #"{"refresh_token":"canary-rt-1"}"#, .malformed),
        AnswerCase("F17; F12", "an empty refresh token", #"{"refresh_token":""}"#, .malformed),
        AnswerCase(
            "F17; F26",
            "another user's refresh token",
            "vkid",
            #"{"refresh_token":"canary-rt-2","user_id":77}"#,
            .malformed
        ),
        AnswerCase(
            "F17; providers 3.9",
            "another request's refresh token",
            "vkid",
            #"{"refresh_token":"canary-rt-2","state":"other"}"#,
            .malformed
        ),
    ]

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}
