/// An attempt that brought no token, as the judge sees it.
package enum AttemptFault: Hashable, Sendable {
    case notSent(EndpointError.Reason)
    case unanswered(EndpointError.Reason)
    /// A complete answer without a token in it. The message is our own words.
    case refused(FailureClass, message: String, retryAfter: Duration?)
    /// The grant could not be opened.
    case locked
    /// The access token has ended, and nothing but a living one could have brought the next.
    case expired
    /// Nothing could be sent, for a reason of our own that says nothing about the provider.
    case unready(Cause, message: String)
}

/// What follows from a failed attempt, for the account and for its lane.
package struct Judgement: Hashable, Sendable {
    package var failure: Failure
    package var standing: Standing
    package var laneEffect: LaneEffect
    /// When the outcome became unknown; nil when it is known.
    package var unknownAt: Timestamp?
    /// Set when a provider in trouble said that the grant is over; kept in the account's machine.
    package var doubtfulDeathAt: Timestamp?
}

/// Turns a failed attempt into what is told, what is kept, and when to try again; a pure function of facts and now.
package struct AttemptJudge {
    /// How long after its first word a provider must say again that a grant is over (facts F08, F09).
    package static let secondLook: Duration = .seconds(60)
    /// How soon a place is asked again where something else than the token endpoint answers (facts F11).
    package static let slowRetry: Duration = .seconds(3_600)

    private let machine: AccountMachine
    private let habit: RotationHabit
    private let now: Timestamp
    private let sentAt: Timestamp?
    private let phase: Double
    private let tokenExpiresAt: Timestamp?
    private let hasSiblings: Bool

    /// Judges one failed attempt.
    ///
    /// - Parameters:
    ///   - fault: How the attempt failed.
    ///   - machine: The account before this attempt is counted.
    ///   - habit: How the provider treats redeemed refresh tokens.
    ///   - now: The moment of the failure; waits count from it.
    ///   - sentAt: When the last byte was released; a grace time runs from there. Nil when it never was.
    ///   - phase: The account's fixed share of jitter, in `0..<1`.
    ///   - tokenExpiresAt: When the present access token ends; nil when it is not known.
    ///   - hasSiblings: As for `ReplayRule.verdict`.
    /// - Returns: What is told, what is kept, and when to try again.
    package static func judge(
        _ fault: AttemptFault,
        machine: AccountMachine,
        habit: RotationHabit,
        now: Timestamp,
        sentAt: Timestamp? = nil,
        phase: Double,
        tokenExpiresAt: Timestamp? = nil,
        hasSiblings: Bool = true
    ) -> Judgement {
        AttemptJudge(
            machine: machine,
            habit: habit,
            now: now,
            sentAt: sentAt,
            phase: phase,
            tokenExpiresAt: tokenExpiresAt,
            hasSiblings: hasSiblings
        ).judge(fault)
    }

    private func judge(_ fault: AttemptFault) -> Judgement {
        switch fault {
        case .notSent(.held):
            self.passing(.network, "the request was held back", after: .zero, .abandoned)
        case .notSent(let reason):
            self.untold(reason.cause, "not sent: " + reason.sentence, asked: nil, .trouble)
        case .unanswered(let reason):
            self.unknown(
                reason.cause,
                "sent, and no answer: " + reason.sentence,
                asked: nil,
                .trouble,
                isAnswered: false
            )
        case .refused(let failure, let message, let retryAfter):
            self.refused(failure, message, asked: retryAfter.map(RetryAfterLimit.clamp))
        case .unready(.clientRejected, let message):
            self.misconfigured(message, .abandoned)
        case .unready(let cause, let message):
            self.passing(cause, message, after: self.transientWait, .abandoned)
        case .expired:
            // Known without asking, so it says nothing of the provider, and a second look would tell nothing new.
            self.judgement(
                .revoked,
                "the access token has ended, and an ended one cannot be refreshed",
                after: nil,
                .needsAuthorization,
                .abandoned
            )
        case .locked:
            self.judgement(
                .keyLost,
                "the stored refresh token does not open under any key that is here",
                after: nil,
                .needsAuthorization,
                .abandoned
            )
        }
    }

    private func refused(_ failure: FailureClass, _ message: String, asked: Duration?) -> Judgement {
        let laneEffect: LaneEffect = asked.map { .closed(for: $0) } ?? .trouble
        switch failure {
        case .deadGrant:
            return self.dead(message)
        case .deadByFailure:
            // What the failure says of the grant is no reason to hurry, but a grace time is.
            let pause: Duration = self.habit.rotation == .grace ? .zero : Self.secondLook
            let wait = Swift.max(asked ?? .zero, pause)
            var judgement = self.unknown(.serverError, message, asked: wait, laneEffect, isAnswered: true)
            judgement.doubtfulDeathAt = self.now
            return judgement
        case .clientRejected:
            return self.misconfigured(message, .rejected)
        case .transient(.malformedAnswer):
            // Perhaps a portal spoke for the provider, perhaps the provider acted and something else answered (facts E17).
            return self.unknown(.malformedAnswer, message, asked: asked, laneEffect, isAnswered: true)
        case .transient(let cause):
            return self.untold(cause, message, asked: asked, laneEffect)
        case .unknown(let cause):
            return self.unknown(cause, message, asked: asked, laneEffect, isAnswered: true)
        case .elsewhere(.malformedAnswer):
            // Slowly: whatever stands in the way is no server that gets well by itself (facts F11).
            let wait = Self.slowRetry.scaled(by: 0.9 + 0.1 * self.phase)
            return self.passing(.malformedAnswer, message, after: wait, .estranged)
        case .elsewhere(let cause):
            return self.passing(cause, message, after: self.configurationWait, .trouble)
        }
    }

    // MARK: The four ends

    /// The provider says that the grant is over.
    private func dead(_ message: String) -> Judgement {
        let cause = ReplayRule.causeOfDeath(habit: self.habit, unknowns: self.machine.unknowns)
        if let first = self.machine.doubtfulDeathAt, self.now < first + Self.secondLook {
            let wait = first + Self.secondLook - self.now
            return self.passing(.serverError, message + "; it is asked once more", after: wait, .answered)
        }
        // Where a second use does no harm the provider may have been mistaken: one more look after a minute. What is
        // spent by use gets none, for it would be that second use (facts F09); nor does what died of a replay.
        let mayLook: Bool =
            switch self.habit.rotation {
            case .none, .parallel: self.machine.standing != .needsAuthorization
            case .grace: self.machine.standing != .needsAuthorization && self.machine.unknowns == 0
            case .onUse, .singleUse, .unknown: false
            }
        return self.judgement(
            cause,
            message + self.story(of: cause),
            after: mayLook && self.machine.doubtfulDeathAt == nil ? Self.secondLook : nil,
            .needsAuthorization,
            // The second look tells of no second death.
            self.machine.standing == .needsAuthorization ? .answered : .died
        )
    }

    /// What a death by replay has to do with us, for whoever reads of it must not look for a user who revoked (V9).
    private func story(of cause: Cause) -> String {
        let delay = self.machine.firstUnknownAt.map { (self.sentAt ?? self.now) - $0 }
        let measured = delay.map { " \($0.milliseconds) ms after it" } ?? ""
        return switch cause {
        case .graceMissed:
            "; the answer to an earlier refresh was lost, and the replay left\(measured), with a grace time of "
                + "\(self.habit.grace.milliseconds) ms"
        case .answerLost:
            "; the answer to an earlier refresh was lost, and the replay left\(measured)"
        default: ""
        }
    }

    private func misconfigured(_ message: String, _ laneEffect: LaneEffect) -> Judgement {
        self.judgement(.clientRejected, message, after: self.configurationWait, .misconfigured, laneEffect)
    }

    /// The server did not act this time.
    ///
    /// What was in doubt stays so until an answer settles it.
    private func untold(_ cause: Cause, _ message: String, asked: Duration?, _ laneEffect: LaneEffect) -> Judgement {
        // A grace time does not stand still while the provider cannot be reached.
        guard self.machine.unknowns > 0, self.habit.rotation == .grace else {
            return self.passing(cause, message, after: Swift.max(asked ?? .zero, self.transientWait), laneEffect)
        }
        switch self.verdict(unknowns: self.machine.unknowns, tries: self.count) {
        case .replay(let wait):
            return self.passing(cause, message, after: Swift.max(asked ?? .zero, wait), laneEffect)
        case .hold(let cause):
            return self.judgement(cause, message + self.held, after: nil, .inDoubt, laneEffect)
        }
    }

    /// Nobody knows whether the server acted.
    ///
    /// `isAnswered` tells whether there was an answer, if only one that says nothing.
    private func unknown(
        _ cause: Cause,
        _ message: String,
        asked: Duration?,
        _ laneEffect: LaneEffect,
        isAnswered: Bool
    ) -> Judgement {
        // Where nothing is spent, an unusable answer leaves nothing in doubt: it is one more failed try.
        guard self.habit.rotation.spends || !isAnswered else {
            return self.passing(cause, message, after: Swift.max(asked ?? .zero, self.transientWait), laneEffect)
        }
        let unknowns = self.machine.unknowns + 1
        var judgement: Judgement
        switch self.verdict(unknowns: unknowns, tries: unknowns) {
        case .replay(let wait):
            judgement = self.judgement(cause, message, after: Swift.max(asked ?? .zero, wait), .inDoubt, laneEffect)
        case .hold(let cause):
            judgement = self.judgement(cause, message + self.held, after: nil, .inDoubt, laneEffect)
        }
        judgement.unknownAt = self.sentAt ?? self.now
        return judgement
    }

    // MARK: Parts

    private var count: Int { self.machine.failures + 1 }

    private var transientWait: Duration { RetryLadder.transient.wait(after: self.count, phase: self.phase) }

    private var configurationWait: Duration { RetryLadder.configuration.wait(after: self.count, phase: self.phase) }

    /// Why it is not sent again by itself.
    private var held: String {
        switch self.habit.rotation {
        case .grace: "; its grace time is over, so a person decides whether the refresh token is sent again"
        case .singleUse where self.habit.blast != .clientUser || !self.hasSiblings:
            "; it has been sent again as often as makes sense, so a person decides"
        case .none, .parallel, .onUse, .singleUse, .unknown:
            "; sending the refresh token again could end other grants of this user, so a person decides"
        }
    }

    private func verdict(unknowns: Int, tries: Int) -> ReplayRule.Verdict {
        ReplayRule.verdict(
            habit: self.habit,
            unknowns: unknowns,
            sinceFirst: self.now - (self.machine.firstUnknownAt ?? self.sentAt ?? self.now),
            phase: self.phase,
            tries: tries,
            tokenLife: self.tokenExpiresAt.map { $0 - self.now },
            hasSiblings: self.hasSiblings
        )
    }

    private func passing(_ cause: Cause, _ message: String, after wait: Duration, _ laneEffect: LaneEffect) -> Judgement
    {
        self.judgement(cause, message, after: wait, self.machine.unknowns > 0 ? .inDoubt : .retrying, laneEffect)
    }

    private func judgement(
        _ cause: Cause,
        _ message: String,
        after wait: Duration?,
        _ standing: Standing,
        _ laneEffect: LaneEffect
    ) -> Judgement {
        Judgement(
            failure: Failure(
                cause: cause,
                message: message,
                at: self.now,
                retryAt: wait.map { self.now + $0 },
                count: self.count
            ),
            standing: standing,
            laneEffect: laneEffect
        )
    }
}
