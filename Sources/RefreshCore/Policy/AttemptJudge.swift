/// An attempt that brought no token, as the judge sees it.
package enum AttemptFault: Hashable, Sendable {
    case notSent(EndpointError.Reason)
    case unanswered(EndpointError.Reason)
    /// A complete answer without a token in it. The message is our own words.
    case refused(FailureClass, message: String, retryAfter: Duration?)
    /// The grant could not be opened.
    case locked
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
}

/// Turns a failed attempt into what is told, what is kept, and when to try again; a pure function of facts and now.
package enum AttemptJudge {
    /// Judges one failed attempt.
    ///
    /// - Parameters:
    ///   - fault: How the attempt failed.
    ///   - machine: The account before this attempt is counted.
    ///   - habit: How the provider treats redeemed refresh tokens.
    ///   - now: The moment of the failure; waits count from it.
    ///   - sentAt: When the last byte was let go, from which on a grace runs; nil when it never was.
    ///   - phase: The account's fixed share of jitter, in `0..<1`.
    /// - Returns: What is told, what is kept, and when to try again.
    package static func judge(
        _ fault: AttemptFault,
        machine: AccountMachine,
        habit: RotationHabit,
        now: Timestamp,
        sentAt: Timestamp? = nil,
        phase: Double
    ) -> Judgement {
        let count = machine.failures + 1
        func failure(_ cause: Cause, _ message: String, retryAfter wait: Duration?) -> Failure {
            Failure(cause: cause, message: message, at: now, retryAt: wait.map { now + $0 }, count: count)
        }
        let transientWait = RetryLadder.transient.wait(after: count, phase: phase)
        // What was in doubt stays so until an answer settles it, whatever else fails in between.
        let passing: Standing = machine.unknowns > 0 ? .inDoubt : .retrying

        func unknown(_ cause: Cause, _ message: String, retryAfter: Duration?, laneEffect: LaneEffect) -> Judgement {
            // Where nothing is spent, an unusable answer leaves nothing in doubt: it is one more failed try.
            let isAnswered = if case .refused = fault { true } else { false }
            let verdict = ReplayRule.verdict(
                habit: habit,
                unknowns: machine.unknowns + 1,
                sinceFirst: (machine.firstUnknownAt ?? sentAt).map { now - $0 } ?? .zero,
                phase: phase
            )
            switch verdict {
            case .replay(let wait):
                let wait = Swift.max(wait, retryAfter ?? .zero)
                return Judgement(
                    failure: failure(cause, message, retryAfter: wait),
                    standing: isAnswered && !habit.rotation.spends ? passing : .inDoubt,
                    laneEffect: laneEffect,
                    unknownAt: isAnswered && !habit.rotation.spends ? nil : sentAt ?? now
                )
            case .hold(let cause):
                return Judgement(
                    failure: failure(
                        cause,
                        message
                            + "; sending the refresh token again could end other grants of this user, so a person decides",
                        retryAfter: nil
                    ),
                    standing: .inDoubt,
                    laneEffect: laneEffect,
                    unknownAt: sentAt ?? now
                )
            case .giveUp(let cause):
                return Judgement(
                    failure: failure(cause, message + ", and the refresh token is used up", retryAfter: nil),
                    standing: .needsAuthorization,
                    laneEffect: laneEffect,
                    unknownAt: sentAt ?? now
                )
            }
        }

        switch fault {
        case .notSent(.held):
            return Judgement(
                failure: failure(.network, "the request was held back", retryAfter: .zero),
                standing: passing,
                laneEffect: .abandoned,
                unknownAt: nil
            )
        case .notSent(let reason):
            return Judgement(
                failure: failure(reason.cause, "not sent: " + reason.sentence, retryAfter: transientWait),
                standing: passing,
                laneEffect: .trouble,
                unknownAt: nil
            )
        case .unanswered(let reason):
            return unknown(
                reason.cause,
                "sent, and no answer: " + reason.sentence,
                retryAfter: nil,
                laneEffect: .trouble
            )
        case .refused(.deadGrant, let message, retryAfter: _):
            let cause = ReplayRule.causeOfDeath(habit: habit, unknowns: machine.unknowns)
            // Where a second use does no harm the provider may have been mistaken: one more look after a minute. What is
            // spent by use gets none, for it would be that second use (facts F09).
            let mayLook: Bool =
                switch habit.rotation {
                case .none, .parallel, .grace: machine.standing != .needsAuthorization
                case .onUse, .singleUse, .unknown: false
                }
            let secondLook: Duration? = mayLook ? .seconds(60) : nil
            return Judgement(
                failure: failure(cause, message, retryAfter: secondLook),
                standing: .needsAuthorization,
                laneEffect: .answered,
                unknownAt: nil
            )
        case .refused(.clientRejected, let message, retryAfter: _):
            return Judgement(
                failure: failure(
                    .clientRejected,
                    message,
                    retryAfter: RetryLadder.configuration.wait(after: count, phase: phase)
                ),
                standing: .misconfigured,
                laneEffect: .rejected,
                unknownAt: nil
            )
        case .refused(.transient(let cause), let message, let retryAfter):
            let asked = retryAfter.map(RetryAfterLimit.clamp)
            return Judgement(
                failure: failure(cause, message, retryAfter: Swift.max(asked ?? .zero, transientWait)),
                standing: passing,
                laneEffect: asked.map { .closed(for: $0) } ?? .trouble,
                unknownAt: nil
            )
        case .refused(.unknown(let cause), let message, let retryAfter):
            let asked = retryAfter.map(RetryAfterLimit.clamp)
            return unknown(
                cause,
                message,
                retryAfter: asked,
                laneEffect: asked.map { .closed(for: $0) } ?? .trouble
            )
        case .refused(.elsewhere(let cause), let message, retryAfter: _):
            return Judgement(
                failure: failure(
                    cause,
                    message,
                    retryAfter: RetryLadder.configuration.wait(after: count, phase: phase)
                ),
                standing: passing,
                laneEffect: .trouble,
                unknownAt: nil
            )
        case .unready(let cause, let message):
            let isOurs = cause == .clientRejected
            let ladder = isOurs ? RetryLadder.configuration : RetryLadder.transient
            return Judgement(
                failure: failure(cause, message, retryAfter: ladder.wait(after: count, phase: phase)),
                standing: isOurs ? .misconfigured : passing,
                laneEffect: .abandoned,
                unknownAt: nil
            )
        case .locked:
            return Judgement(
                failure: failure(
                    .keyLost,
                    "the stored refresh token does not open under any key that is here",
                    retryAfter: nil
                ),
                standing: .needsAuthorization,
                laneEffect: .abandoned,
                unknownAt: nil
            )
        }
    }
}
