import RefreshCore
import Testing

@Suite struct LedgerTests {
    private func ledger(_ rotation: Rotation, _ blast: Blast = .none, grace: Duration = .zero) -> Ledger {
        let habit = RotationHabit(rotation: rotation, blast: blast, grace: grace, killsAccessToken: false)
        return Ledger(terms: [Ledger.Terms(habit: habit, lifetime: .seconds(60))])
    }

    private let now = Timestamp(seconds: 1_000)

    @Test(arguments: [Rotation.none, .parallel])
    func `a refresh token that is not spent is taken again`(_ rotation: Rotation) {
        var ledger = self.ledger(rotation)
        let first = ledger.authorize(account: 0, user: 0, lane: 0, at: self.now)
        #expect(ledger.redeem(first, at: self.now) == 1)
        #expect(ledger.redeem(first, at: self.now + .seconds(99_999)) == 2)
    }

    @Test func `a grace begins with the first redeem and ends`() {
        var ledger = self.ledger(.grace, .family, grace: .seconds(30))
        let first = ledger.authorize(account: 0, user: 0, lane: 0, at: self.now)
        #expect(ledger.redeem(first, at: self.now) != nil)
        #expect(ledger.redeem(first, at: self.now + .seconds(29)) != nil)
        #expect(!ledger.accepts(first, at: self.now + .seconds(30)))
    }

    @Test func `a provider that repeats its answers makes one for each refresh token`() throws {
        let habit = RotationHabit(rotation: .grace, blast: .family, grace: .seconds(30), killsAccessToken: false)
        var ledger = Ledger(terms: [Ledger.Terms(habit: habit, lifetime: .seconds(20), repeatsAnswer: true)])
        let first = ledger.authorize(account: 0, user: 0, lane: 0, at: self.now)
        let redeemed = ledger.redeem(first, at: self.now)
        let second = try #require(redeemed)
        #expect(ledger.redeem(first, at: self.now + .seconds(29)) == second)
        #expect(ledger.issues[second].expiresAt == self.now + .seconds(20))
        let third = ledger.redeem(second, at: self.now + .seconds(29))
        #expect(third != nil && third != second)
    }

    @Test func `the old refresh token dies with the first use of the new access token`() {
        var ledger = self.ledger(.onUse)
        let first = ledger.authorize(account: 0, user: 0, lane: 0, at: self.now)
        let second = ledger.redeem(first, at: self.now)
        #expect(ledger.accepts(first, at: self.now))
        if let second { ledger.use(second) }
        #expect(!ledger.accepts(first, at: self.now))
        #expect(second.map { ledger.accepts($0, at: self.now) } == true)
    }

    @Test(arguments: [(Blast.none, [true, true]), (.family, [false, true]), (.clientUser, [false, false])])
    func `a second use costs what the blast says`(_ blast: Blast, _ left: [Bool]) throws {
        var ledger = self.ledger(.singleUse, blast)
        let first = ledger.authorize(account: 0, user: 7, lane: 0, at: self.now)
        let other = ledger.authorize(account: 1, user: 7, lane: 0, at: self.now)
        let stranger = ledger.authorize(account: 2, user: 8, lane: 0, at: self.now)
        let redeemed = ledger.redeem(first, at: self.now)
        let second = try #require(redeemed)
        #expect(ledger.redeem(first, at: self.now) == nil)
        #expect([second, other].map { ledger.accepts($0, at: self.now) } == left)
        #expect(ledger.accepts(stranger, at: self.now))
    }

    @Test func `an answer is lost until one of its token's answers has reached the daemon`() throws {
        var ledger = self.ledger(.grace, grace: .seconds(30))
        let first = ledger.authorize(account: 0, user: 0, lane: 0, at: self.now)
        #expect(!ledger.isAnswerLost(of: first))
        _ = ledger.redeem(first, at: self.now)
        #expect(ledger.isAnswerLost(of: first))
        let answer = ledger.redeem(first, at: self.now)
        ledger.reached(try #require(answer))
        #expect(!ledger.isAnswerLost(of: first))
    }
}
