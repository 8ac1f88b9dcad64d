import RefreshCore
@testable import Sinks
import Testing

@Suite struct TokenTextTests {
    private static func message(
        _ token: String,
        account: String = "box/alice",
        scope: [String] = []
    ) throws -> SinkMessage {
        let facts = TokenFacts(
            tokenType: "Bearer",
            scope: scope,
            issuedAt: Timestamp(seconds: 1_000),
            expiresAt: Timestamp(seconds: 4_600)
        )
        return SinkMessage(
            account: try AccountID(account),
            token: Token(accessToken: Secret(token), facts: facts, generation: Generation(7)),
            refreshToken: Secret("canary-rt")
        )
    }

    private static func text(_ message: SinkMessage, _ format: TokenFormat) throws -> String {
        try TokenText(message, format, utcShift: .seconds(100)).bytes.reveal()
    }

    @Test func `each format holds the token and no refresh token`() throws {
        let message = try Self.message("canary-at+/=", scope: ["a", "b\"c"])
        #expect(try Self.text(message, .raw) == "canary-at+/=")
        #expect(try Self.text(message, .header) == "Authorization: Bearer canary-at+/=\n")
        #expect(try Self.text(message, .environment(variable: "TOKEN")) == "TOKEN=canary-at+/=\n")
        #expect(
            try Self.text(message, .json)
                == #"{"account":"box/alice","access_token":"canary-at+/=","token_type":"Bearer","expires_at":4700,"#
                + #""scope":["a","b\"c"],"generation":7}"# + "\n"
        )
    }

    @Test(arguments: [
        ("canary$(id)", "T='canary$(id)'\n"), ("canary'x", #"T='canary'\''x'"# + "\n"), ("canary;x", "T='canary;x'\n"),
        (#"canary\x"#, #"T='canary\x'"# + "\n"), ("canary#x", "T='canary#x'\n"),
    ])
    func `a shell that reads an assignment finds the token and no command`(token: String, line: String) throws {
        #expect(try Self.text(Self.message(token), .environment(variable: "T")) == line)
    }

    @Test(arguments: ["", "canary at", "canary\n", "canary\r\nX-Evil: 1", "canary\u{7F}", "canary-ü"])
    func `a token that would be more than a token is written in no format`(token: String) throws {
        for format in [TokenFormat.raw, .header, .environment(variable: "T"), .json] {
            #expect(throws: SinkError.self) { try TokenText(Self.message(token), format, utcShift: .zero) }
        }
    }

    // MARK: Paths

    @Test(arguments: [
        ("box/alice@example.com", "t-box%2Falice@example.com.token"),
        ("box/../../etc/x", "t-box%2F..%2F..%2Fetc%2Fx.token"),
        ("box/a b%2F", "t-box%2Fa%20b%252F.token"), ("box/ü", "t-box%2F%C3%BC.token"),
    ])
    func `an account's name leads into no other folder`(account: String, name: String) throws {
        let path = try TokenPath("/srv/t/t-{account}.token")
        #expect(path.folder == "/srv/t")
        #expect(path.name(for: try AccountID(account)) == name)
    }

    @Test func `a name that no file system takes is none`() throws {
        let path = try TokenPath("/{account}")
        #expect(path.folder == "/")
        #expect(path.name(for: try AccountID("a/" + String(repeating: "x", count: 251))) != nil)
        #expect(path.name(for: try AccountID("a/" + String(repeating: "x", count: 252))) == nil)
        #expect(path.name(for: try AccountID("a/" + String(repeating: "/", count: 200))) == nil)
    }

    @Test(arguments: [
        "srv/{account}", "/srv/token", "/srv/{account}/token", "/srv/{account}-{account}", "/srv/{client}", "", "/",
        "/srv/../x/{account}", "/{account}/{account}",
    ])
    func `a path without the account once in the file's name is refused`(path: String) {
        #expect(throws: SinkSettingsError.tokenPath) { try TokenPath(path) }
    }
}
