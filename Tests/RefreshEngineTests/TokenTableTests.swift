@testable import RefreshEngine
import RefreshCore
import TestSupport
import Testing

@Suite struct TokenTableTests {
    private func rendered(
        _ name: String,
        _ generation: Int64,
        expiresAt: Timestamp? = Timestamp(seconds: 2_000),
        accessToken: String = "canary-at",
        scope: [String] = [],
        warning: String? = nil,
        utcShift: Duration = .zero
    ) throws -> RenderedToken {
        RenderedToken(
            account: try AccountID(name),
            token: Token(
                accessToken: Secret(accessToken),
                facts: TokenFacts(tokenType: "Bearer", scope: scope, issuedAt: .epoch, expiresAt: expiresAt),
                generation: Generation(generation)
            ),
            utcShift: utcShift,
            warning: warning
        )
    }

    @Test func `an older generation never replaces a newer one, and the same one may be rendered anew`() throws {
        let table = TokenTable()
        let account = try AccountID("box/alice")
        table.publish(try self.rendered("box/alice", 2))
        table.publish(try self.rendered("box/alice", 1))
        #expect(table.token(for: account)?.generation.number == 2)
        table.publish(try self.rendered("box/alice", 2, warning: "again"))
        #expect(try Reply(#require(table.token(for: account))).warning == "again")
        table.publish(try self.rendered("box/alice", 3))
        #expect(table.token(for: account)?.generation.number == 3)
        table.remove(account)
        #expect(table.token(for: account) == nil)
        table.warn(account, "nobody there")
        #expect(table.token(for: account) == nil)
    }

    @Test func `a name is found by its bytes, and a fingerprint alone finds nobody`() throws {
        let table = TokenTable()
        table.publish(try self.rendered("box/alice", 1))
        let fingerprint = AccountID.fingerprint(of: "box/alice".utf8.span)
        #expect(table.token(fingerprint, named: "box/alice".utf8.span) != nil)
        #expect(table.token(fingerprint, named: "box/alicf".utf8.span) == nil)
        #expect(table.token(fingerprint &+ 256, named: "box/alice".utf8.span) == nil)
    }

    @Test func `ten thousand accounts are told apart, also after every one was replaced`() throws {
        let table = TokenTable()
        for generation in 1...2 as ClosedRange<Int64> {
            for number in 0..<10_000 { table.publish(try self.rendered("box/\(number)", generation)) }
        }
        for number in 0..<10_000 {
            let account = try AccountID("box/\(number)")
            let token = try #require(table.token(for: account))
            #expect(token.account == account && token.generation.number == 2)
        }
    }

    /// Everything that JSON escapes, and much that it does not.
    @Test(arguments: [
        "plain", "", "quote \" and \\ backslash", "\u{1}\n\t\u{1F}", "ünïcödé 🐟", "a/b", "\u{7F}\u{2028}",
    ])
    func `whatever is in a reply, it is JSON and reads back the same`(_ text: String) throws {
        let token = try self.rendered("box/alice", 7, accessToken: "canary-" + text, scope: [text, "b"], warning: text)
        let reply = try Reply(token)
        #expect(reply.accessToken == "canary-" + text)
        #expect(reply.parameters.token.scope == [text, "b"])
        #expect(reply.warning == text)
        #expect(reply.generation == 7)
        #expect(reply.expiresAt == 2_000)
    }

    /// The one byte that needs an escape at every place of the words in which text is looked through.
    @Test(arguments: ["\"", "\\", "\u{0}", "\u{1F}"])
    func `a byte that needs an escape is found wherever it is`(_ byte: String) throws {
        for before in 0..<40 {
            for after in [0, 1, 15, 16, 33] {
                let text =
                    "canary-" + String(repeating: "x", count: before) + byte + String(repeating: "é", count: after)
                #expect(try Reply(self.rendered("box/alice", 1, accessToken: text)).accessToken == text)
            }
        }
    }

    @Test func `a reply lies in memory of its size, for there is one for each account`() throws {
        for text in [
            "canary-" + String(repeating: "x", count: 900), "canary-" + String(repeating: "\"\u{1}", count: 300),
        ] {
            var token = try self.rendered("box/alice", 1, accessToken: text, scope: ["a", "b"])
            #expect(token.reply.capacity - token.reply.count < 32)
            token = token.warning("look here")
            #expect(token.reply.capacity - token.reply.count < 32)
        }
    }

    @Test func `a warning comes and goes, and an expiry is told anew, in any order and with more or fewer digits`()
        throws
    {
        var token = try self.rendered("box/alice", 1, scope: ["a", "b"])
        let plain = token.reply
        for shift in [-2_001, 0, 1_000_000_000, -1_500, -2_000] as [Int64] {
            token = token.warning("look \"here\"").retold(utcShift: .seconds(shift))
            #expect(try Reply(token).expiresAt == 2_000 + shift)
            #expect(try Reply(token).warning == "look \"here\"")
            token = token.retold(utcShift: .zero).warning(nil)
            #expect(token.reply == plain)
            #expect(token.expiresAt == Timestamp(seconds: 2_000), "the line it lives on does not move")
        }
        let endless = try self.rendered("box/alice", 1, expiresAt: nil).retold(utcShift: .seconds(10)).warning("w")
        #expect(try Reply(endless).expiresAt == nil)
        #expect(try Reply(endless).warning == "w")
    }

    @Test func `the table tells every expiry anew at once`() throws {
        let table = TokenTable()
        for number in 0..<1_000 { table.publish(try self.rendered("box/\(number)", 1)) }
        table.retell(utcShift: .seconds(60))
        for number in 0..<1_000 {
            #expect(try Reply(#require(table.token(for: AccountID("box/\(number)")))).expiresAt == 2_060)
        }
    }

    @Test func `a life is counted to its last moment, not through it`() throws {
        let token = try self.rendered("box/alice", 1)
        #expect(token.lives(.seconds(1), from: Timestamp(milliseconds: 1_998_999)))
        #expect(!token.lives(.seconds(1), from: Timestamp(milliseconds: 1_999_000)))
        #expect(try self.rendered("box/alice", 1, expiresAt: nil).lives(.seconds(1_000_000), from: .epoch))
    }
}
