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
        phase: Double = 0,
        now: Timestamp? = nil,
        sentAt: Timestamp? = nil
    ) -> Judgement {
        AttemptJudge.judge(
            fault,
            machine: machine,
            habit: habit,
            now: now ?? self.now,
            sentAt: sentAt,
            phase: phase
        )
    }

    /// An account whose first attempt in doubt was sent at `moment`.
    private func doubtful(since moment: Timestamp, unknowns: Int = 1) -> AccountMachine {
        var machine = AccountMachine(standing: .good)
        for _ in 0..<unknowns { machine.failed(standing: .inDoubt, unknownAt: moment) }
        return machine
    }

    @Test func `what was held back by ourselves costs nothing and is tried at once`() {
        let judgement = self.judge(.notSent(.held))
        #expect(judgement.failure.retryAt == self.now)
        #expect(judgement.laneEffect == .abandoned)
        #expect(judgement.unknownAt == nil)
    }

    @Test func `a token that has ended and was all there was is final, and says nothing of the provider`() {
        for habit in [Self.reusable, Self.singleUse] {
            let judgement = self.judge(.expired, habit)
            #expect(judgement.standing == .needsAuthorization)
            #expect(judgement.failure.retryAt == nil)
            #expect(judgement.failure.cause == .revoked)
            #expect(judgement.laneEffect == .abandoned)
        }
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
        let spent = self.judge(.unanswered(.timeout), machine: self.doubtful(since: self.now, unknowns: 2))
        #expect(spent.standing == .inDoubt, "nobody has said that it is dead")
        #expect(spent.failure.retryAt.map { $0 >= self.now + .seconds(30) } == true, "it is asked on, in no hurry")
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
            #expect(judgement.laneEffect == .died)
        }
        for habit in [Self.reusable, Self.graceful] {
            #expect(self.judge(fault, habit).failure.retryAt == self.now + .seconds(60))
            let asked = AccountMachine(standing: .needsAuthorization, failures: 1)
            #expect(self.judge(fault, habit, machine: asked).failure.retryAt == nil)
            #expect(self.judge(fault, habit, machine: asked).laneEffect == .answered, "it died only once")
        }
        let onUse = RotationHabit(rotation: .onUse, blast: .none, grace: .zero, killsAccessToken: false)
        #expect(self.judge(fault, onUse).failure.retryAt == nil)
        #expect(self.judge(fault, Self.graceful, machine: self.doubtful(since: self.now)).failure.retryAt == nil)
    }

    @Test func `a grace is counted from the release of the first last byte, and stands still for nothing (D07)`() {
        func wait(_ fault: AttemptFault, _ machine: AccountMachine, sentAt: Timestamp) -> Duration? {
            let judgement = self.judge(fault, Self.graceful, machine: machine, sentAt: sentAt)
            #expect(judgement.standing == .inDoubt)
            return judgement.failure.retryAt.map { $0 - self.now }
        }
        let good = AccountMachine(standing: .good)
        #expect(wait(.unanswered(.closed), good, sentAt: self.now - .seconds(2)) == .milliseconds(200))
        #expect(wait(.unanswered(.timeout), good, sentAt: self.now - .milliseconds(29_800)) == .milliseconds(100))
        let late = wait(.unanswered(.timeout), good, sentAt: self.now - .seconds(30))
        #expect(late.map { $0 >= .seconds(30) } == true, "it is asked on, in no hurry")
        let judgement = self.judge(.unanswered(.timeout), Self.graceful, sentAt: self.now - .seconds(300))
        #expect(judgement.unknownAt == self.now - .seconds(300))
        // Nor does it run slower because the provider could not even be reached.
        let doubtful = self.doubtful(since: self.now - .seconds(2))
        #expect(wait(.notSent(.connect), doubtful, sentAt: self.now) == .milliseconds(500))
        let over = wait(.notSent(.connect), self.doubtful(since: self.now - .seconds(31)), sentAt: self.now)
        #expect(over.map { $0 >= .seconds(30) } == true)
        let refused = AttemptFault.refused(.transient(.serverError), message: "no", retryAfter: .seconds(3))
        #expect(wait(refused, doubtful, sentAt: self.now) == .seconds(3))
    }

    @Test func `a death said by a failure counts only when it is said again a minute later (F08)`() {
        let said = AttemptFault.refused(.deadByFailure, message: "over", retryAfter: nil)
        let dead = AttemptFault.refused(.deadGrant, message: "over", retryAfter: nil)
        for habit in [Self.reusable, Self.singleUse, Self.graceful] {
            let first = self.judge(said, habit)
            #expect(first.standing == (habit.rotation.spends ? .inDoubt : .retrying))
            #expect(first.doubtfulDeathAt == self.now && first.laneEffect == .trouble)
            let wait = first.failure.retryAt.map { $0 - self.now }
            #expect(wait == (habit == Self.graceful ? .milliseconds(200) : .seconds(60)))

            var machine = AccountMachine(standing: .good)
            machine.failed(
                standing: first.standing,
                unknownAt: first.unknownAt,
                doubtfulDeathAt: first.doubtfulDeathAt
            )
            let early = self.judge(dead, habit, machine: machine, now: self.now + .seconds(59))
            #expect(early.standing != .needsAuthorization)
            #expect(early.failure.retryAt == self.now + .seconds(60))
            let late = self.judge(dead, habit, machine: machine, now: self.now + .seconds(60))
            #expect(late.standing == .needsAuthorization && late.failure.retryAt == nil)
            #expect(late.laneEffect == .died)
        }
    }

    @Test func `who died of a replay is told with the measured delay (V9)`() {
        let dead = AttemptFault.refused(.deadGrant, message: "over", retryAfter: nil)
        let machine = self.doubtful(since: self.now - .milliseconds(31_234))
        let graceful = self.judge(dead, Self.graceful, machine: machine, sentAt: self.now).failure
        #expect(graceful.cause == .graceMissed)
        #expect(graceful.message.contains("31234 ms") && graceful.message.contains("30000 ms"))
        let single = self.judge(dead, Self.singleUse, machine: machine, sentAt: self.now).failure
        #expect(single.cause == .answerLost && single.message.contains("31234 ms"))
        #expect(self.judge(dead, Self.singleUse).failure.message == "over")
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

    @Test func `a portal or a proxy kills no grant and is asked again in an hour (F11)`() {
        for habit in [Self.reusable, Self.singleUse, Self.explosive] {
            let judgement = self.judge(
                .refused(.elsewhere(.malformedAnswer), message: "a page", retryAfter: nil),
                habit,
                phase: 0.999_999
            )
            #expect(judgement.standing == .retrying)
            #expect(judgement.failure.retryAt.map { $0 - self.now > .seconds(3_599) } == true)
            #expect(judgement.laneEffect == .estranged)
        }
        let word = self.judge(.refused(.elsewhere(.clientRejected), message: "a word", retryAfter: nil))
        #expect(word.standing == .retrying && word.laneEffect == .trouble)
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
                .deadGrant, .deadByFailure, .clientRejected, .transient(.rateLimited), .unknown(.serverError),
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
