import RefreshCore
import TestSupport
import Testing

@Suite struct AttemptJudgeTests {
    private static let reusable = RotationHabit(rotation: .none, blast: .none, grace: .zero, killsAccessToken: false)
    private static let singleUse = RotationHabit(
        rotation: .singleUse,
        blast: .family,
        grace: .zero,
        killsAccessToken: false
    )
    private static let explosive = RotationHabit(
        rotation: .singleUse,
        blast: .clientUser,
        grace: .zero,
        killsAccessToken: false
    )
    private static let graceful = RotationHabit(
        rotation: .grace,
        blast: .family,
        grace: .seconds(30),
        killsAccessToken: false
    )

    private let now = Timestamp(seconds: 1_000)

    private func judge(
        _ fault: AttemptFault,
        _ habit: RotationHabit = singleUse,
        machine: AccountMachine = AccountMachine(standing: .good),
        phase: Double = 0
    ) -> Judgement {
        AttemptJudge.judge(fault, machine: machine, habit: habit, now: self.now, phase: phase)
    }

    @Test func `what was held back by ourselves costs nothing and is tried at once`() {
        let judgement = self.judge(.notSent(.held))
        #expect(judgement.failure.retryAt == self.now)
        #expect(judgement.laneEffect == .abandoned)
        #expect(judgement.unknownAt == nil)
    }

    @Test(arguments: [EndpointError.Reason.resolve, .connect, .tls, .timeout, .closed])
    func `what never left is passing trouble for every class of grant`(_ reason: EndpointError.Reason) {
        for habit in [Self.reusable, Self.singleUse, Self.explosive, Self.graceful] {
            let judgement = self.judge(.notSent(reason), habit)
            #expect(judgement.standing == .retrying)
            #expect(judgement.failure.cause == reason.cause)
            #expect(judgement.failure.retryAt == self.now + RetryLadder.transient.wait(after: 1, phase: 0))
            #expect(judgement.laneEffect == .trouble)
            #expect(judgement.unknownAt == nil)
        }
    }

    @Test func `a doubt is not settled by trouble that comes after it`() {
        let doubtful = AccountMachine(standing: .inDoubt, failures: 1)
        #expect(self.judge(.notSent(.connect), machine: doubtful).standing == .inDoubt)
        #expect(
            self.judge(.refused(.transient(.rateLimited), message: "wait", retryAfter: nil), machine: doubtful).standing
                == .inDoubt
        )
    }

    @Test func `the unknown is told with its moment, and followed up by the rule of the class`() {
        let single = self.judge(.unanswered(.timeout))
        #expect(single.standing == .inDoubt && single.unknownAt == self.now && single.failure.retryAt == self.now)
        let explosive = self.judge(.unanswered(.timeout), Self.explosive)
        #expect(explosive.standing == .inDoubt && explosive.failure.retryAt == nil)
        #expect(explosive.failure.cause == .answerLost)
        let doubt = Doubt(unknowns: 2, since: self.now)
        let twice = AccountMachine(standing: .inDoubt, failures: 2, doubt: doubt)
        let spent = self.judge(.unanswered(.timeout), machine: twice)
        #expect(spent.standing == .needsAuthorization && spent.failure.retryAt == nil)
        #expect(spent.failure.cause == .answerLost)
    }

    @Test func `a useless answer leaves no doubt where nothing is spent, and a doubt where something is`() {
        let fault = AttemptFault.refused(.unknown(.serverError), message: "failed", retryAfter: nil)
        let reusable = self.judge(fault, Self.reusable)
        #expect(reusable.standing == .retrying && reusable.unknownAt == nil)
        let single = self.judge(fault, Self.singleUse)
        #expect(single.standing == .inDoubt && single.unknownAt == self.now)
    }

    @Test func `a dead grant is dead, and only one that use does not kill at once gets a second look`() {
        let fault = AttemptFault.refused(.deadGrant, message: "over", retryAfter: nil)
        for habit in [Self.singleUse, Self.explosive] {
            let judgement = self.judge(fault, habit)
            #expect(judgement.standing == .needsAuthorization)
            #expect(judgement.failure.retryAt == nil)
            #expect(judgement.failure.cause == .revoked)
            #expect(judgement.laneEffect == .answered, "the provider is well")
        }
        for habit in [Self.reusable, Self.graceful] {
            #expect(self.judge(fault, habit).failure.retryAt == self.now + .seconds(60))
            let asked = AccountMachine(standing: .needsAuthorization, failures: 1)
            #expect(self.judge(fault, habit, machine: asked).failure.retryAt == nil)
        }
    }

    @Test func `a grant that dies of a replay is told as lost, not as revoked`() {
        let fault = AttemptFault.refused(.deadGrant, message: "over", retryAfter: nil)
        let doubtful = AccountMachine(standing: .inDoubt, failures: 1)
        #expect(self.judge(fault, Self.singleUse, machine: doubtful).failure.cause == .answerLost)
        #expect(self.judge(fault, Self.graceful, machine: doubtful).failure.cause == .graceMissed)
    }

    @Test func `a refused client is nobody's dead grant`() {
        let judgement = self.judge(.refused(.clientRejected, message: "no", retryAfter: nil))
        #expect(judgement.standing == .misconfigured)
        #expect(judgement.laneEffect == .rejected)
        #expect(judgement.failure.retryAt == self.now + .seconds(30))
    }

    @Test func `what the server asks for is waited for, within reason, and by the whole lane`() {
        for (asked, kept) in [(90, 90), (-5, 1), (1_000_000, 3_600)] as [(Int64, Int64)] {
            let fault = AttemptFault.refused(.transient(.rateLimited), message: "wait", retryAfter: .seconds(asked))
            let judgement = self.judge(fault)
            #expect(judgement.failure.retryAt == self.now + .seconds(kept))
            #expect(judgement.laneEffect == .closed(for: .seconds(kept)))
        }
    }

    @Test func `a portal or a proxy kills no grant and is asked again slowly`() {
        let judgement = self.judge(.refused(.elsewhere(.malformedAnswer), message: "a page", retryAfter: nil))
        #expect(judgement.standing == .retrying)
        #expect(judgement.failure.retryAt == self.now + .seconds(30))
        #expect(judgement.laneEffect == .trouble)
    }

    @Test func `a lost key says nothing about the provider`() {
        let judgement = self.judge(.locked)
        #expect(judgement.failure.cause == .keyLost && judgement.failure.retryAt == nil)
        #expect(judgement.laneEffect == .abandoned)
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `every judgement of everything hangs together`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let waits: [Duration?] = [nil, .zero, .seconds(-3), .seconds(30), .seconds(1_000_000)]
            let wait = waits.randomElement(using: &random) ?? nil
            let classes: [FailureClass] = [
                .deadGrant, .clientRejected, .transient(.rateLimited), .unknown(.serverError),
                .elsewhere(.malformedAnswer),
            ]
            let faults: [AttemptFault] =
                classes.map { .refused($0, message: "words", retryAfter: wait) }
                + [.notSent(.connect), .notSent(.held), .unanswered(.timeout), .locked]
            let fault = faults.randomElement(using: &random) ?? .locked
            let habit = RotationHabit(
                rotation: Rotation.allCases.randomElement(using: &random) ?? .none,
                blast: Blast.allCases.randomElement(using: &random) ?? .none,
                grace: .seconds(Int64.random(in: 0...60, using: &random)),
                killsAccessToken: false
            )
            let machine = AccountMachine(
                standing: Standing.allCases.randomElement(using: &random) ?? .good,
                failures: Int.random(in: 0...40, using: &random)
            )
            let judgement = AttemptJudge.judge(
                fault,
                machine: machine,
                habit: habit,
                now: self.now,
                phase: Double.random(in: 0..<1, using: &random)
            )
            #expect(judgement.failure.count == machine.failures + 1, "seed \(seed)")
            #expect(judgement.failure.at == self.now, "seed \(seed)")
            #expect(judgement.standing != .good && judgement.standing != .static, "seed \(seed)")
            if let retryAt = judgement.failure.retryAt {
                #expect(retryAt >= self.now && retryAt <= self.now + .seconds(3_600), "seed \(seed)")
            } else {
                #expect(
                    [.needsAuthorization, .inDoubt].contains(judgement.standing),
                    "seed \(seed): never tried again"
                )
            }
            // One with a grace may be looked at a second time.
            if habit.rotation.spends, habit.rotation != .grace, judgement.standing == .needsAuthorization {
                #expect(judgement.failure.retryAt == nil, "seed \(seed): a spent grant is sent again")
            }
        }
    }
}
