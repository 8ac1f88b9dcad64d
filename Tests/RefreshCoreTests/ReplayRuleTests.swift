import RefreshCore
import Testing

/// One test for each row of the table in the facts, section 3, "order of actions".
@Suite struct ReplayRuleTests {
    private static func habit(_ rotation: Rotation, _ blast: Blast = .none, grace: Duration = .zero) -> RotationHabit {
        RotationHabit(rotation: rotation, blast: blast, grace: grace, killsAccessToken: false)
    }

    private static func verdict(_ habit: RotationHabit, _ unknowns: Int, after: Duration = .zero) -> ReplayRule.Verdict
    {
        ReplayRule.verdict(habit: habit, unknowns: unknowns, sinceFirst: after, phase: 0.3)
    }

    @Test(arguments: [Rotation.none, .parallel, .onUse], Blast.allCases)
    func `N, M, C: at once, then with back-off, without end`(rotation: Rotation, blast: Blast) {
        let habit = Self.habit(rotation, blast)
        #expect(Self.verdict(habit, 1) == .replay(after: .zero))
        for unknowns in [2, 3, 10, 1_000] {
            let wait = RetryLadder.transient.wait(after: unknowns - 1, phase: 0.3)
            #expect(Self.verdict(habit, unknowns, after: .seconds(1 << 40)) == .replay(after: wait))
        }
    }

    @Test func `G: 0.2 s, 0.5 s, 1 s, 2 s and so on, until the grace is over`() {
        let habit = Self.habit(.grace, .family, grace: .seconds(3_600))
        let steps: [Double] = [0.2, 0.5, 1, 2, 4, 8, 16, 32, 64, 64]
        for (index, step) in steps.enumerated() {
            #expect(Self.verdict(habit, index + 1) == .replay(after: .seconds(step)))
        }
        let last = habit.grace - .milliseconds(20)
        #expect(Self.verdict(habit, 1, after: last) == .replay(after: .milliseconds(10)))
        // Nobody knows what a replay does now (D07); nobody has said that the grant is dead.
        for blast in [Blast.none, .family] {
            let habit = Self.habit(.grace, blast, grace: .seconds(3_600))
            for (tries, after) in [(1, Duration.seconds(3_600)), (7, .seconds(1 << 40))] {
                let wait = RetryLadder.configuration.wait(after: tries, phase: 0.3)
                #expect(Self.verdict(habit, tries, after: after) == .replay(after: wait), "asked on, in no hurry")
            }
        }
        let explosive = Self.habit(.grace, .clientUser, grace: .seconds(3_600))
        #expect(Self.verdict(explosive, 1, after: .seconds(3_600)) == .hold(.graceMissed))
    }

    @Test(arguments: [100, 300, 1_000, 5_000, 30_000] as [Int64])
    func `G: the first replay leaves at half of the grace at the latest, the last one before its end`(grace: Int64) {
        let habit = Self.habit(.grace, .family, grace: .milliseconds(grace))
        var elapsed = Duration.zero
        var replays = 0
        while case .replay(let wait) = Self.verdict(habit, replays + 1, after: elapsed), wait < habit.grace {
            elapsed += wait
            replays += 1
            #expect(elapsed < habit.grace)
            if replays == 1 { #expect(elapsed <= habit.grace / 2) }
        }
        #expect(replays >= 3)
    }

    @Test(arguments: [Blast.none, .family])
    func `S whose reuse hurts no one else: at once, once, and once more if that is unknown too`(blast: Blast) {
        let habit = Self.habit(.singleUse, blast)
        #expect(Self.verdict(habit, 1) == .replay(after: .zero))
        #expect(Self.verdict(habit, 2) == .replay(after: .zero))
        // Then in no hurry, until an answer settles it: an outage may have eaten all three.
        for unknowns in [3, 4, 100] {
            let wait = RetryLadder.configuration.wait(after: unknowns - 2, phase: 0.3)
            #expect(wait >= .seconds(30))
            #expect(Self.verdict(habit, unknowns) == .replay(after: wait))
        }
    }

    @Test func `S whose reuse ends living tokens, with no grace: once, when the token has a minute left`() {
        func verdict(_ blast: Blast, _ unknowns: Int, life: Duration?) -> ReplayRule.Verdict {
            var habit = Self.habit(.singleUse, blast)
            habit.reuseEndsTokens = true
            return ReplayRule.verdict(
                habit: habit,
                unknowns: unknowns,
                sinceFirst: .zero,
                phase: 0,
                tokenLife: life
            )
        }
        #expect(verdict(.family, 1, life: .seconds(1_000)) == .replay(after: .seconds(940)))
        for life in [Duration.seconds(60), .seconds(59), .seconds(-5), nil] {
            #expect(verdict(.family, 1, life: life) == .replay(after: .zero))
        }
        #expect(verdict(.family, 2, life: .seconds(1_000)) == .hold(.answerLost))
        #expect(verdict(.none, 1, life: .seconds(1_000)) == .replay(after: .zero), "nothing is ended")
        #expect(verdict(.clientUser, 1, life: .seconds(1_000)) == .hold(.answerLost))
    }

    @Test func `S and X whose reuse ends other grants: never by itself`() {
        for unknowns in 1...5 {
            #expect(Self.verdict(Self.habit(.singleUse, .clientUser), unknowns) == .hold(.answerLost))
            for blast in Blast.allCases {
                #expect(Self.verdict(Self.habit(.unknown, blast), unknowns) == .hold(.answerLost))
            }
        }
    }

    @Test func `S and X without a sibling can hurt only themselves`() {
        for habit in [Self.habit(.singleUse, .clientUser), Self.habit(.unknown, .clientUser)] {
            for (unknowns, verdict) in [(1, ReplayRule.Verdict.replay(after: .zero)), (3, .hold(.answerLost))] {
                #expect(
                    ReplayRule.verdict(
                        habit: habit,
                        unknowns: unknowns,
                        sinceFirst: .zero,
                        phase: 0,
                        hasSiblings: false
                    ) == verdict
                )
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
