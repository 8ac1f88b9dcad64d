import PracticeProvider
import Testing

@Suite struct RotationTests {
    @Test func `class N keeps the refresh token and leaves it out of the answer`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .n))
            for generation in 2...4 {
                let reply = try await visitor.redeem(grant.refreshToken)
                #expect(reply.status == 200)
                #expect(!reply.members.keys.contains("refresh_token"))
                #expect(try visitor.server.record(of: "demo/alice").generation == generation)
            }
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.doubleRedeems == 0)
            #expect(record.replays == 0)
            #expect(record.issuedRefreshTokens == 1)
        }
    }

    @Test func `class M brings new refresh tokens and keeps all old ones good`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .m))
            let second = try #require(try await visitor.redeem(grant.refreshToken).refreshToken)
            let third = try #require(try await visitor.redeem(grant.refreshToken).refreshToken)
            #expect(Set([grant.refreshToken, second, third]).count == 3)
            #expect(try await visitor.redeem(second).status == 200)
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.goodRefreshTokens == 4)
            #expect(record.doubleRedeems == 0)
            #expect(record.replays == 1)
        }
    }

    @Test func `class G gives the same pair again in grace and counts a double redeem after it`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .g, grace: 30))
            let first = try await visitor.redeem(grant.refreshToken)
            visitor.server.clock.advance(by: .seconds(29))
            let again = try await visitor.redeem(grant.refreshToken)
            #expect(again.accessToken == first.accessToken)
            #expect(again.refreshToken == first.refreshToken)
            #expect(again.members["expires_in"] == .number(3_571))
            var record = try visitor.server.record(of: "demo/alice")
            #expect(record.generation == 2)
            #expect(record.replays == 1)
            #expect(record.doubleRedeems == 0)

            visitor.server.clock.advance(by: .seconds(1))
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
            record = try visitor.server.record(of: "demo/alice")
            #expect(record.doubleRedeems == 1)
            #expect(!record.revoked)
            #expect(record.newestRefreshTokenIsGood)
        }
    }

    @Test func `a replay in grace does not lengthen the grace`() async throws {
        try await Visitor.visit { visitor in
            let terms = GrantTerms(rotation: .g, grace: 30, repeatsAnswer: false)
            let grant = try visitor.server.addGrant("demo/alice", terms)
            let first = try await visitor.redeem(grant.refreshToken)
            visitor.server.clock.advance(by: .seconds(20))
            let second = try await visitor.redeem(grant.refreshToken)
            #expect(first.refreshToken != second.refreshToken)
            #expect(try visitor.server.record(of: "demo/alice").generation == 3)
            visitor.server.clock.advance(by: .seconds(10))
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
        }
    }

    @Test func `class C kills the old refresh token at the first use of the new access token`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .c))
            _ = try await visitor.redeem(grant.refreshToken)
            // The answer is taken for lost: the old one must still do.
            let second = try await visitor.redeem(grant.refreshToken)
            #expect(second.status == 200)
            #expect(visitor.server.isGood(refreshToken: grant.refreshToken))
            // The old access token proves nothing.
            #expect(try await visitor.userinfo(grant.accessToken).status == 200)
            #expect(visitor.server.isGood(refreshToken: grant.refreshToken))

            #expect(try await visitor.userinfo(try #require(second.accessToken)).status == 200)
            #expect(!visitor.server.isGood(refreshToken: grant.refreshToken))
            #expect(try visitor.server.record(of: "demo/alice").doubleRedeems == 0)
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
            #expect(try visitor.server.record(of: "demo/alice").doubleRedeems == 1)
            #expect(try await visitor.redeem(try #require(second.refreshToken)).status == 200)
        }
    }

    @Test func `class S refuses a spent refresh token and counts it`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .s))
            let next = try #require(try await visitor.redeem(grant.refreshToken).refreshToken)
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.doubleRedeems == 1)
            #expect(record.refusals == 1)
            #expect(record.generation == 2)
            #expect(try await visitor.redeem(next).status == 200)
        }
    }

    @Test func `blast family revokes the grant and no other`() async throws {
        try await Visitor.visit { visitor in
            let terms = GrantTerms(rotation: .s, blast: .family)
            let grants = try visitor.server.addGrants(
                GrantOrder(client: "demo", count: 2, grantsPerUser: 2, terms: terms)
            )
            let next = try await visitor.redeem(grants[0].refreshToken)
            _ = try await visitor.redeem(grants[0].refreshToken)
            #expect(try await visitor.redeem(try #require(next.refreshToken)).error == "invalid_grant")
            #expect(!visitor.server.isGood(accessToken: try #require(next.accessToken)))
            let record = try visitor.server.record(of: grants[0].account)
            #expect(record.revokedBy == "reuse")
            #expect(record.doubleRedeems == 1, "the newest token was not spent, it was revoked")
            #expect(try await visitor.redeem(grants[1].refreshToken).status == 200)
        }
    }

    @Test func `blast clientUser revokes all grants of that user and client`() async throws {
        try await Visitor.visit { visitor in
            visitor.server.addClient(PracticeClient(id: "other"))
            let terms = GrantTerms(rotation: .s, blast: .clientUser)
            let order = GrantOrder(client: "demo", count: 4, prefix: "u", grantsPerUser: 2, terms: terms)
            let grants = try visitor.server.addGrants(order)
            _ = try visitor.server.addGrant("other/u1", terms)
            _ = try await visitor.redeem(grants[0].refreshToken)
            _ = try await visitor.redeem(grants[0].refreshToken)
            let revoked = visitor.server.records().filter(\.revoked).map(\.account)
            #expect(revoked == ["demo/u1", "demo/u2"])
        }
    }

    @Test func `killsAccessToken ends the old access token at the refresh`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(rotation: .n, killsAccessToken: true))
            #expect(try await visitor.userinfo(grant.accessToken).status == 200)
            let next = try #require(try await visitor.redeem(grant.refreshToken).accessToken)
            #expect(try await visitor.userinfo(grant.accessToken).status == 401)
            #expect(try await visitor.userinfo(next).status == 200)
        }
    }

    @Test func `an access token dies at the end of its lifetime`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(lifetime: 2))
            visitor.server.clock.advance(by: .milliseconds(1_999))
            #expect(try await visitor.userinfo(grant.accessToken).status == 200)
            visitor.server.clock.advance(by: .milliseconds(1))
            let reply = try await visitor.userinfo(grant.accessToken)
            #expect(reply.status == 401)
            #expect(reply.error == "invalid_token")
        }
    }

    @Test(
        arguments: [
            (LifetimeNotice.number, Visitor.Member.number(30)), (.text, .string("30")), (.zero, .number(0)),
            (.absent, nil),
        ] as [(LifetimeNotice, Visitor.Member?)]
    )
    func `expires_in is told as the terms say`(notice: LifetimeNotice, told: Visitor.Member?) async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice", GrantTerms(lifetime: 30, notice: notice))
            #expect(try await visitor.redeem(grant.refreshToken).members["expires_in"] == told)
        }
    }

    @Test func `revocation by the judge is no double redeem`() async throws {
        try await Visitor.visit { visitor in
            let grant = try visitor.server.addGrant("demo/alice")
            try visitor.server.revoke(account: "demo/alice")
            #expect(try await visitor.redeem(grant.refreshToken).error == "invalid_grant")
            let record = try visitor.server.record(of: "demo/alice")
            #expect(record.doubleRedeems == 0)
            #expect(record.refusals == 1)
            #expect(record.revokedBy == "judge")
        }
    }

    @Test func `of random redeems in class S exactly those of spent tokens are counted`() async throws {
        let seed = UInt64.random(in: .min ... .max)
        var random = SeededRandom(seed: seed)
        try await Visitor.visit { visitor in
            let grants = try visitor.server.addGrants(GrantOrder(client: "demo", count: 3))
            // The naive model: every token ever seen, the newest last.
            var tokens = grants.map { [$0.refreshToken] }
            var doubles = [0, 0, 0]
            for _ in 0..<60 {
                let grant = Int.random(in: 0..<3, using: &random)
                let index = Int.random(in: tokens[grant].indices, using: &random)
                let isNewest = index == tokens[grant].count - 1
                let reply = try await visitor.redeem(tokens[grant][index])
                #expect((reply.status == 200) == isNewest, "seed \(seed)")
                if let next = reply.refreshToken { tokens[grant].append(next) }
                if !isNewest { doubles[grant] += 1 }
            }
            let records = visitor.server.records()
            #expect(records.map(\.doubleRedeems) == doubles, "seed \(seed)")
            #expect(records.map(\.generation) == tokens.map(\.count), "seed \(seed)")
        }
    }
}

/// SplitMix64: small, and the same everywhere for the same seed.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
