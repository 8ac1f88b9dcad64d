import Testing
import Varlink

@testable import refreshctl

@Suite struct ImportLineTests {
    /// A line with this token, for a good account.
    private static func line(_ token: String, _ rest: String = "") -> String {
        #"{"account":"gdrive/alice","token":\#(token)\#(rest)}"#
    }

    private static let good = #"{"access_token":"canary-at-1","refresh_token":"canary-rt-1"}"#

    private static func named(_ account: String) -> String {
        #"{"account":\#(account),"token":\#(good)}"#
    }

    static let broken: [(line: String, account: String?, reason: String)] = [
        // The line itself.
        (#"{"account":"gdrive/alice""#, nil, "not JSON: the text ends too early"),
        ("account=gdrive/alice", nil, "not JSON: unexpected character at byte 1"),
        (#"{'account':"gdrive/alice"}"#, nil, "not JSON: unexpected character at byte 2"),
        (named(#""gdrive/alice""#) + ",", nil, "not JSON: unexpected character at byte 96"),
        (#"{"account":"gdrive/\ud800"}"#, nil, "not JSON: unexpected character at byte 26"),
        ("{\"account\":\"gdrive/\u{1}\"}", nil, "not JSON: broken string at byte 20"),
        (line(good, #","issued_at":01"#), nil, "not JSON: broken number at byte 108"),
        (line(String(repeating: "[", count: 40)), nil, "nested more than 32 deep"),
        ("[\(line(good))]", nil, "expected one JSON object, found an array"),
        ("\"canary-at-1\"", nil, "expected one JSON object, found a string"),
        ("17", nil, "expected one JSON object, found a number"),
        (String(repeating: " ", count: 64 * 1_024) + line(good), nil, "the line is longer than 64512 bytes"),
        (
            #"{"account":"gdrive/alice","account":"gdrive/bob"}"#, nil,
            "'account' stands twice, again at byte 27"
        ),
        (line(#"{"access_token":"a","access_token":"b"}"#), nil, "'access_token' stands twice, again at byte 55"),
        (line(#"{"canary-at-1":1,"canary-at-1":2}"#), nil, "a member stands twice, again at byte 52"),
        (
            line(good, #","expires_at":1"#), nil,
            "'expires_at' is not a member of an import line; these are 'account', 'token' and 'issued_at'"
        ),
        (
            #"{"canary-at-1":"gdrive/alice"}"#, nil,
            "a member is not a member of an import line; these are 'account', 'token' and 'issued_at'"
        ),
        // The account.
        (#"{"token":\#(good)}"#, nil, "'account' is missing"),
        ("{}", nil, "'account' is missing"),
        (named("null"), nil, "'account' must be a string, not null"),
        (named("7"), nil, "'account' must be a string, not a number"),
        (named(#"["gdrive/alice"]"#), nil, "'account' must be a string, not an array"),
        (named(#""""#), nil, "'account' has no '/' between client and subject"),
        (named(#""canary-at-1""#), nil, "'account' has no '/' between client and subject"),
        (named(#""/alice""#), nil, "'account' has no client before the '/'"),
        (named(#""gdrive/""#), nil, "'account' has no subject after the '/'"),
        (named(#""-gdrive/alice""#), nil, "'account' has a client that does not begin with a to z or 0 to 9"),
        (named(#""Gdrive/alice""#), nil, "'account' has a client that does not begin with a to z or 0 to 9"),
        (
            named(#""g drive/alice""#), nil,
            "'account' has a client with other characters than a to z, 0 to 9, '_' and '-'"
        ),
        (named(#""gdrive/al\nice""#), nil, "'account' holds a control character"),
        (named(#""gdrive/al\u009bice""#), nil, "'account' holds a control character"),
        (named("\"gdrive/\(String(repeating: "é", count: 125))\""), nil, "'account' is longer than 255 bytes"),
        // The token.
        (#"{"account":"gdrive/alice"}"#, "gdrive/alice", "'token' is missing"),
        (line("null"), "gdrive/alice", "'token' must be an object, not null"),
        (line("\"canary-at-1\""), "gdrive/alice", "'token' must be an object, not a string"),
        (line("[\(good)]"), "gdrive/alice", "'token' must be an object, not an array"),
        (line("{}"), "gdrive/alice", "'token.access_token' is missing"),
        (line(#"{"refresh_token":null}"#), "gdrive/alice", "'token.access_token' is missing"),
        (
            line(#"{"access_token":null,"refresh_token":"canary-rt-1"}"#), "gdrive/alice",
            "'token.access_token' must be a string, not null"
        ),
        (
            line(#"{"error":"invalid_grant","error_description":"canary-rt-1"}"#), "gdrive/alice",
            "'token' holds the provider's refusal, not a token"
        ),
        (line(#"{"access_token":null}"#), "gdrive/alice", "'token.access_token' must be a string, not null"),
        (line(#"{"access_token":5}"#), "gdrive/alice", "'token.access_token' must be a string, not a number"),
        (line(#"{"access_token":""}"#), "gdrive/alice", "'token.access_token' is empty"),
        (
            line(#"{"access_token":"canary-at-1\r\nX: y"}"#), "gdrive/alice",
            "'token.access_token' holds a control character"
        ),
        (
            line(#"{"access_token":"canary-at-1","refresh_token":{}}"#), "gdrive/alice",
            "'token.refresh_token' must be a string, not an object"
        ),
        (
            line(#"{"access_token":"canary-at-1","refresh_token":""}"#), "gdrive/alice",
            "'token.refresh_token' is empty"
        ),
        (
            line(#"{"access_token":"canary-at-1","token_type":true}"#), "gdrive/alice",
            "'token.token_type' must be a string, not true or false"
        ),
        (
            line(#"{"access_token":"canary-at-1","expires_in":-1}"#), "gdrive/alice",
            "'token.expires_in' must not be negative"
        ),
        (
            line(#"{"access_token":"canary-at-1","expires_in":"canary-at-2"}"#), "gdrive/alice",
            "'token.expires_in' must be a number of seconds, not other text"
        ),
        (
            line(#"{"access_token":"canary-at-1","expires_in":[3600]}"#), "gdrive/alice",
            "'token.expires_in' must be a number of seconds, not an array"
        ),
        (
            line(#"{"access_token":"canary-at-1","scope":7}"#), "gdrive/alice",
            "'token.scope' must be a string, not a number"
        ),
        (
            line(#"{"access_token":"canary-at-1","scope":["a",1]}"#), "gdrive/alice",
            "'token.scope' must hold strings only"
        ),
        // The moment.
        (
            line(good, #","issued_at":"2026-01-01T00:00:00Z""#), "gdrive/alice",
            "'issued_at' must be whole Unix seconds, not a string"
        ),
        (line(good, #","issued_at":1.5"#), "gdrive/alice", "'issued_at' must be whole Unix seconds, not a fraction"),
        (line(good, #","issued_at":-1"#), "gdrive/alice", "'issued_at' must not be negative"),
        (
            line(good, #","issued_at":1767225600000"#), "gdrive/alice",
            "'issued_at' must be in seconds; this looks like milliseconds"
        ),
    ]

    @Test(arguments: broken)
    func `a broken line is refused with its reason`(line: String, account: String?, reason: String) {
        #expect {
            try ImportLine(parsing: Array(line.utf8))
        } throws: { error in
            let fault = error as? ImportLine.Fault
            return fault?.account?.text == account && fault?.reason == reason
        }
    }

    @Test(arguments: broken)
    func `no reason holds anything of a token`(line: String, _: String?, _: String) {
        do throws(ImportLine.Fault) {
            _ = try ImportLine(parsing: Array(line.utf8))
        } catch {
            #expect(!error.reason.contains("canary"))
        }
    }

    @Test(arguments: [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]])
    func `a line that is no UTF-8 is refused`(bytes: [UInt8]) {
        #expect(throws: ImportLine.Fault(reason: "not JSON: broken string at byte 12")) {
            try ImportLine(parsing: Array(#"{"account":""#.utf8) + bytes + Array(#""}"#.utf8))
        }
    }

    @Test(arguments: [
        line(good),
        line(good, #","issued_at":1767225600"#),
        line(good, #","issued_at":null"#),
        line(#"{"access_token":"canary-at-1","refresh_token":null,"token_type":null,"expires_in":null,"scope":null}"#),
        line(
            #"{"access_token":"canary-at-1","expires_in":"3600","scope":["a","b"],"more":{"id":18446744073709551615}}"#
        ),
        line(#"{"access_token":"canary-at-1","expires_in":0,"scope":"a b"}"#),
        line(#"{"access_token":"canary-at-1","expires_in":3600.0,"error":null}"#),
        named(#""0-a_b/Zoë / 日本 \/""#),
    ])
    func `a good line is taken as it stands`(line: String) throws {
        let whole = try #require(try JSONValue(parsing: Array(line.utf8)).object)
        let parsed = try ImportLine(parsing: Array(line.utf8))
        #expect(parsed.account.text == whole["account"]?.string)
        #expect(.object(parsed.token) == whole["token"])
        #expect(parsed.arguments["issued_at"] == (whole["issued_at"] == .null ? nil : whole["issued_at"]))
    }
}
