import RefreshCore
import Testing

@Suite struct ReplayRuleTests {
    private static func habit(_ rotation: Rotation, _ blast: Blast = .none, grace: Duration = .zero) -> RotationHabit {
        RotationHabit(rotation: rotation, blast: blast, grace: grace, killsAccessToken: false)
    }

    private static func verdict(_ habit: RotationHabit, _ unknowns: Int, after: Duration = .zero) -> ReplayRule.Verdict
    {
        ReplayRule.verdict(habit: habit, unknowns: unknowns, sinceFirst: after, phase: 0)
    }

    @Test(arguments: [Rotation.none, .parallel, .onUse], Blast.allCases)
    func `where nothing is lost by it, it is repeated with back-off and without end`(rotation: Rotation, blast: Blast) {
        for unknowns in [1, 2, 10, 1_000] {
            let wait = RetryLadder.transient.wait(after: unknowns, phase: 0)
            #expect(
                Self.verdict(Self.habit(rotation, blast), unknowns, after: .seconds(1 << 40)) == .replay(after: wait)
            )
        }
    }

    @Test func `in a grace time it is repeated early, and not after it`() {
        let habit = Self.habit(.grace, .family, grace: .seconds(30))
        #expect(Self.verdict(habit, 1) == .replay(after: .milliseconds(200)))
        #expect(Self.verdict(habit, 2) == .replay(after: .milliseconds(400)))
        #expect(Self.verdict(habit, 5) == .replay(after: .milliseconds(3_200)))
        #expect(Self.verdict(habit, 500) == .replay(after: .milliseconds(3_200)))
        #expect(Self.verdict(habit, 1, after: .milliseconds(29_999)) == .replay(after: .milliseconds(200)))
        #expect(Self.verdict(habit, 1, after: .seconds(30)) == .giveUp(.graceMissed))
    }

    @Test func `a short grace is waited for at most half`() {
        let habit = Self.habit(.grace, .family, grace: .seconds(1))
        for unknowns in 1...10 {
            guard case .replay(let wait) = Self.verdict(habit, unknowns) else {
                Issue.record("no replay")
                return
            }
            #expect(wait <= .milliseconds(500))
        }
    }

    @Test(arguments: [Blast.none, .family])
    func `a single use whose reuse hurts no one else is tried twice more, at once`(blast: Blast) {
        let habit = Self.habit(.singleUse, blast)
        #expect(Self.verdict(habit, 1) == .replay(after: .zero))
        #expect(Self.verdict(habit, 2) == .replay(after: .zero))
        #expect(Self.verdict(habit, 3) == .giveUp(.answerLost))
        #expect(Self.verdict(habit, 100) == .giveUp(.answerLost))
    }

    @Test func `a single use whose reuse ends other grants is never repeated by itself`() {
        for unknowns in 1...5 {
            #expect(Self.verdict(Self.habit(.singleUse, .clientUser), unknowns) == .hold(.answerLost))
            for blast in Blast.allCases {
                #expect(Self.verdict(Self.habit(.unknown, blast), unknowns) == .hold(.answerLost))
            }
        }
    }

    @Test(
        arguments: [
            (Rotation.none, 0, Cause.revoked), (.none, 3, .revoked), (.parallel, 1, .revoked), (.grace, 0, .revoked),
            (.grace, 1, .graceMissed), (.onUse, 1, .answerLost), (.singleUse, 0, .revoked),
            (.singleUse, 1, .answerLost),
            (.unknown, 0, .revoked), (.unknown, 2, .answerLost),
        ]
    )
    func `a dead grant has the true cause (V9)`(rotation: Rotation, unknowns: Int, cause: Cause) {
        #expect(ReplayRule.causeOfDeath(habit: Self.habit(rotation), unknowns: unknowns) == cause)
    }
}
