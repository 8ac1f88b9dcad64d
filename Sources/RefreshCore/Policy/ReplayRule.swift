/// Whether a grant may be sent again after an outcome that nobody knows.
///
/// The only place that may decide to send a grant twice. Why early: if the server did not act, the moment of the replay
/// does not matter; if it did and there is some grace, only an early replay saves the grant; if it did and there is
/// none, the grant is lost already (facts, section 3, "order of actions").
package enum ReplayRule {
    package enum Verdict: Hashable, Sendable {
        /// Send it again, not before the wait is over.
        case replay(after: Duration)
        /// Do not send it again by itself: a person decides. Nobody has said that it is dead.
        case hold(Cause)
    }

    /// How long before the end of its access token a grant is replayed whose replay may end that token.
    package static let lateReplay: Duration = .seconds(60)

    /// Decides what to do with a grant after an unknown outcome; one case for each row of the facts.
    ///
    /// - Parameters:
    ///   - habit: How the provider treats redeemed refresh tokens.
    ///   - unknowns: How many attempts on this grant have ended unknown, this one included; 1 or more.
    ///   - sinceFirst: How long ago the first of them released its last byte.
    ///   - phase: The account's fixed share of jitter, in `0..<1`.
    ///   - tries: Attempts since the first unknown one, this one included, also those that were never sent: the steps
    ///     of the back-off. Nil for `unknowns`.
    ///   - tokenLife: How long the access token still lives; nil when it is not known.
    ///   - hasSiblings: Whether we hold other grants of the same user and client. Whose a grant is the daemon does not
    ///     know, so true unless the client has no other account at all.
    /// - Returns: What to do with the grant; a wait counts from now.
    package static func verdict(
        habit: RotationHabit,
        unknowns: Int,
        sinceFirst: Duration,
        phase: Double,
        tries: Int? = nil,
        tokenLife: Duration? = nil,
        hasSiblings: Bool = true
    ) -> Verdict {
        let tries = tries ?? unknowns
        switch habit.rotation {
        case .none, .parallel, .onUse:
            // N, M, C: at once, then with ordinary back-off, without end.
            return .replay(after: tries <= 1 ? .zero : RetryLadder.transient.wait(after: tries - 1, phase: phase))
        case .grace:
            return self.inGrace(habit, tries: tries, sinceFirst: sinceFirst, phase)
        case .singleUse:
            switch habit.blast {
            case .none:
                return self.ending(unknowns, phase)
            case .family where habit.reuseEndsTokens:
                // The replay cannot save what is lost, but it can end what still lives.
                guard unknowns <= 1 else { return .hold(.answerLost) }
                return .replay(after: Swift.max((tokenLife ?? .zero) - self.lateReplay, .zero))
            case .family:
                return self.ending(unknowns, phase)
            case .clientUser:
                return self.exploding(unknowns: unknowns, hasSiblings: hasSiblings)
            }
        case .unknown:
            // X: as S whose reuse hurts every grant of the user and client, whatever the profile says of the blast.
            return self.exploding(unknowns: unknowns, hasSiblings: hasSiblings)
        }
    }

    /// G: 0.2 s, 0.5 s, 1 s, 2 s … until the grace is over, counted from the release of the first attempt's last byte.
    private static func inGrace(
        _ habit: RotationHabit,
        tries: Int,
        sinceFirst: Duration,
        _ phase: Double
    ) -> Verdict {
        let left = habit.grace - sinceFirst
        // Nobody knows what a replay does after it (facts D07): the grant may be good, or dead since the first attempt.
        // Nor would one get there that leaves in its last milliseconds.
        guard left > .milliseconds(10) else {
            return habit.blast == .clientUser ? .hold(.graceMissed) : self.late(tries, phase)
        }
        let step: Duration =
            switch tries {
            case ...1: .milliseconds(200)
            case 2: .milliseconds(500)
            default: .seconds(1 << Int64(Swift.min(tries - 3, 6)))
            }
        // Never past the end: half of what is left, so that the first is due at half of the grace at the latest.
        return .replay(after: Swift.min(step, left / 2))
    }

    /// S whose second use costs at most the grant itself: twice at once, the second if the first ends unknown too.
    private static func ending(_ unknowns: Int, _ phase: Double) -> Verdict {
        unknowns <= 2 ? .replay(after: .zero) : self.late(unknowns - 2, phase)
    }

    /// What could be saved by hurry is saved or lost.
    ///
    /// Nobody has said that the grant is dead, and a provider that answers nothing for an hour may have acted on none of
    /// it: so it is asked on, in no hurry, until an answer settles it.
    private static func late(_ tries: Int, _ phase: Double) -> Verdict {
        .replay(after: RetryLadder.configuration.wait(after: tries, phase: phase))
    }

    /// S and X where a second use ends other grants too: with siblings never by itself; alone, it can only hurt itself.
    private static func exploding(unknowns: Int, hasSiblings: Bool) -> Verdict {
        !hasSiblings && unknowns <= 2 ? .replay(after: .zero) : .hold(.answerLost)
    }

    /// What an `invalid_grant` means that answers a replay: the refresh token was redeemed by the lost attempt (V9).
    package static func causeOfDeath(habit: RotationHabit, unknowns: Int) -> Cause {
        guard unknowns > 0 else { return .revoked }
        switch habit.rotation {
        case .none, .parallel: return .revoked
        case .grace: return .graceMissed
        case .onUse, .singleUse, .unknown: return .answerLost
        }
    }
}
