/// Whether a grant may be sent again after an outcome that nobody knows.
///
/// The only place that may decide to send a grant twice. Why early: if the server did not act, the moment of the replay
/// does not matter; if it did and there is some grace, only an early replay saves the grant; if it did and there is
/// none, the grant is lost already (facts, section 3, "order of actions").
package enum ReplayRule {
    package enum Verdict: Hashable, Sendable {
        /// Send it again, not before the wait is over.
        case replay(after: Duration)
        /// Do not send it again by itself: a person decides.
        case hold(Cause)
        /// It has been tried as often as makes sense: the grant counts as lost, with this cause.
        case giveUp(Cause)
    }

    /// Decides what to do with a grant after an unknown outcome.
    ///
    /// - Parameters:
    ///   - habit: How the provider treats redeemed refresh tokens.
    ///   - unknowns: How many attempts on this grant have ended unknown, this one included; 1 or more.
    ///   - sinceFirst: How long ago the first of them released its last byte.
    ///   - phase: The account's fixed share of jitter, in `0..<1`.
    /// - Returns: What to do with the grant; a wait counts from now.
    package static func verdict(
        habit: RotationHabit,
        unknowns: Int,
        sinceFirst: Duration,
        phase: Double
    ) -> Verdict {
        let backOff = RetryLadder.transient.wait(after: unknowns, phase: phase)
        switch habit.rotation {
        case .none, .parallel, .onUse:
            return .replay(after: backOff)
        case .grace:
            // Counted from the first release: the grace runs since the server may have acted.
            guard sinceFirst < habit.grace else { return .giveUp(.graceMissed) }
            let early = Swift.min(Duration.milliseconds(200) * (1 << Swift.min(unknowns - 1, 4)), habit.grace / 2)
            return .replay(after: early)
        case .singleUse:
            switch habit.blast {
            case .none, .family:
                return unknowns <= 2 ? .replay(after: .zero) : .giveUp(.answerLost)
            case .clientUser:
                return .hold(.answerLost)
            }
        case .unknown:
            return .hold(.answerLost)
        }
    }

    /// What an `invalid_grant` means that answers a replay: the refresh token was redeemed by the lost attempt.
    package static func causeOfDeath(habit: RotationHabit, unknowns: Int) -> Cause {
        guard unknowns > 0 else { return .revoked }
        switch habit.rotation {
        case .none, .parallel: return .revoked
        case .grace: return .graceMissed
        case .onUse, .singleUse, .unknown: return .answerLost
        }
    }
}
