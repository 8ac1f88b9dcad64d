import OAuth
import RefreshCore

/// Answers that are odd and good all the same: of lifetimes, scopes and shapes.
enum TolerantAnswers {
    static let all = Self.lifetimes + Self.scopes + Self.shapes + Self.forms

    private static func token(_ more: String = "", expires: String? = "3600") -> String {
        AnswerCase.token(more, expires: expires)
    }

    private static func known(_ seconds: Int) -> AnswerCase.Verdict { .renewed(lifetime: .known(.seconds(seconds))) }

    private static let notANumber = AnswerCase.Verdict.renewed(lifetime: .unknown, notes: [Note.notANumber])
    private static let notPositive = AnswerCase.Verdict.renewed(lifetime: .zero, notes: [Note.notPositive])

    static let lifetimes: [AnswerCase] = [
        AnswerCase("F18; RFC 6749 §5.1", "absent", token(expires: nil), .renewed(lifetime: .unknown)),
        AnswerCase("F18", "null", token(expires: "null"), .renewed(lifetime: .unknown)),
        AnswerCase("F19", "0", token(expires: "0"), notPositive),
        AnswerCase("F19", "negative", token(expires: "-1"), notPositive),
        AnswerCase("F19", "-0", token(expires: "-0"), notPositive),
        AnswerCase("F19; F20", "less than a second", token(expires: "0.9"), notPositive),
        AnswerCase("F19", "1e-400", token(expires: "1e-400"), notPositive),
        AnswerCase(
            "F19; providers 6",
            "negative means never",
            "vkid",
            token(expires: "-1"),
            .renewed(lifetime: .never)
        ),
        AnswerCase("F20; providers 3.3", "text", token(expires: #""3600""#), known(3_600)),
        AnswerCase("F20", "text with spaces", token(expires: #"" 3600 ""#), known(3_600)),
        AnswerCase("F20", "3600.0", token(expires: "3600.0"), known(3_600)),
        AnswerCase("F20", "3599.7", token(expires: "3599.7"), known(3_599)),
        AnswerCase("F20", "1e3", token(expires: "1e3"), known(1_000)),
        AnswerCase("F20", "text with a fraction", token(expires: #""3599.7""#), known(3_599)),
        AnswerCase("RFC 6749 §5.1", "5 seconds", token(expires: "5"), known(5)),
        AnswerCase("D11", "2^63", token(expires: "9223372036854775808"), known(3_155_760_000)),
        AnswerCase("D11", "1e300", token(expires: "1e300"), known(3_155_760_000)),
        AnswerCase("F21", "1h", token(expires: #""1h""#), notANumber),
        AnswerCase("F21", "true", token(expires: "true"), notANumber),
        AnswerCase("F21", "1e400", token(expires: "1e400"), notANumber),
        AnswerCase("F21", "an object", token(expires: "{}"), notANumber),
        AnswerCase("F21", "a list", token(expires: "[3600]"), notANumber),
        AnswerCase("F21", "nan", token(expires: #""nan""#), notANumber),
        AnswerCase("F21", "inf", token(expires: #""inf""#), notANumber),
        AnswerCase("F21", "hexadecimal", token(expires: #""0x10""#), notANumber),
        AnswerCase("F21", "empty text", token(expires: #""""#), notANumber),
        AnswerCase("F21", "two numbers", token(expires: #""36 00""#), notANumber),
        AnswerCase("F21", "digits of another script", token(expires: #""３６００""#), notANumber),
    ]

    static let scopes: [AnswerCase] = [
        AnswerCase("F25; RFC 6749 §3.3", "text", token(#""scope":"a  b a""#), .renewed(scope: ["a", "b"])),
        AnswerCase(
            "F25",
            "larger than asked for",
            token(#""scope":"root_readwrite x""#),
            .renewed(scope: ["root_readwrite", "x"])
        ),
        AnswerCase("RFC 6749 §5.1", "empty means as before", token(#""scope":"""#), .renewed()),
        AnswerCase("RFC 6749 §5.1", "null", token(#""scope":null"#), .renewed()),
        AnswerCase("F25", "a list", token(#""scope":["b","a"]"#), .renewed(scope: ["b", "a"])),
        AnswerCase(
            "F25",
            "a list with a number in it",
            token(#""scope":["b",1]"#),
            .renewed(scope: ["b"], notes: [Note.scopeNotText])
        ),
        AnswerCase("F25", "an empty list", token(#""scope":[]"#), .renewed()),
        AnswerCase("F25", "a number", token(#""scope":1"#), .renewed(notes: [Note.scopeNotAList])),
        AnswerCase(
            "RFC 6749 §3.3",
            "commas are part of a scope where the profile does not say otherwise",
            token(#""scope":"a,b""#),
            .renewed(scope: ["a,b"])
        ),
        AnswerCase(
            "RFC 6749 §3.3; T4",
            "quotes and controls",
            token(#""scope":"a \"b\" c\u0007""#),
            .renewed(scope: ["a"], notes: [Note.scopeCharacters])
        ),
        AnswerCase(
            "T4",
            "too long",
            token(#""scope":"\#((0..<4_000).map { "scope\($0)" }.joined(separator: " "))""#),
            .renewed(notes: [Note.scopeTooLong])
        ),
    ]

    static let shapes: [AnswerCase] = [
        AnswerCase("F27", "a byte order mark", bytes: [0xEF, 0xBB, 0xBF] + Array(token().utf8), .renewed()),
        AnswerCase("RFC 8259 §2", "white space around", " \r\n" + token() + "\n\n", .renewed()),
        AnswerCase(
            "RFC 6749 §5.1",
            "unknown members",
            token(#""id_token":"canary-id","x":{"y":[1,2,{"z":null}]}"#),
            .renewed()
        ),
        AnswerCase(
            "RFC 8259 §7",
            "escaped names",
            #"{"\u0061ccess_token":"canary-at-2","expires_in":3600}"#,
            .renewed()
        ),
        AnswerCase(
            "RFC 8259 §7",
            "an escaped token",
            #"{"access_token":"canary\u002dat-2","expires_in":3600}"#,
            .renewed()
        ),
        AnswerCase("T4", "nested to the limit", token(#""x":"# + nested(31)), .renewed()),
        AnswerCase("F07", "an error that says there is none", token(#""error":null"#), .renewed()),
        AnswerCase("F07", "an empty error", token(#""error":"""#), .renewed()),
        AnswerCase("F07", "error: false", token(#""error":false"#), .renewed()),
        AnswerCase("F07", "error: 0", token(#""error":0"#), .renewed()),
    ]

    static let forms: [AnswerCase] = [
        AnswerCase(
            "F27; RFC 6749 B",
            "a form where the profile says so",
            "form",
            "access_token=canary%2Dat-2&expires_in=3600&scope=a%2Cb&refresh_token=canary+rt&token_type=bearer",
            .renewed(refreshToken: "canary rt", scope: ["a", "b"])
        ),
        AnswerCase("F27", "JSON where a form should be", "form", token(), .malformed),
        AnswerCase(
            "F22",
            "a form with a member twice",
            "form",
            "access_token=canary-at-2&access_token=canary-at-3",
            .malformed
        ),
        AnswerCase("F27", "a form with half an escape", "form", "access_token=canary%4", .malformed),
        AnswerCase("F27", "a form that is no UTF-8", "form", "access_token=canary-at-2&x=%C3%28", .malformed),
        AnswerCase("F09", "an error as a form", "form", 400, "error=invalid_grant&x=1", .refused(.deadGrant)),
    ]

    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
}

/// What the account's story says of an odd answer.
enum Note {
    static let foreignType = "token_type is not Bearer"
    static let typeless = "token_type is not a word"
    static let notANumber = "expires_in was not a number"
    static let notPositive = "expires_in was not more than zero"
    static let scopeNotText = "scope held something that is no text, which was left out"
    static let scopeNotAList = "scope was neither a text nor a list"
    static let scopeCharacters = "scope held words with characters that no scope has"
    static let scopeTooLong = "scope was too long and was left out"
}
