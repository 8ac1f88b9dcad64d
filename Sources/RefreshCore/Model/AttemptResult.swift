/// What one attempt led to, in the form in which it is committed: sealed, classified, with the next due moment.
///
/// Every moment in it is UTC, for it outlives this process.
package struct AttemptResult: Hashable, Sendable {
    package enum Outcome: Hashable, Sendable {
        /// A new token: generation + 1, failure and doubt forgotten, one outbox row for each sink.
        case renewed(Renewal)
        /// No new token: the generation stays, the failure is kept. The doubt replaces the one that is there; nil
        /// takes it away.
        case failed(Failure, standing: Standing, doubt: Doubt?)
    }

    package var account: AccountID
    /// The generation it was made from; anything else in the store is a conflict.
    package var generation: Generation
    package var outcome: Outcome
    /// When to look at the account again; nil when only a person, or a new configuration, can help.
    package var dueAt: Timestamp?

    package init(account: AccountID, generation: Generation, outcome: Outcome, dueAt: Timestamp?) {
        self.account = account
        self.generation = generation
        self.outcome = outcome
        self.dueAt = dueAt
    }
}

/// A new token and what else changes with it.
package struct Renewal: Hashable, Sendable {
    package var facts: TokenFacts
    package var sealedToken: SealedBytes
    /// The grant, sealed anew: its place names the generation, so it changes even when the refresh token does not.
    package var sealedGrant: SealedBytes
    package var standing: Standing
    /// Whom to deliver it to.
    package var sinks: [SinkID]

    package init(
        facts: TokenFacts,
        sealedToken: SealedBytes,
        sealedGrant: SealedBytes,
        standing: Standing,
        sinks: [SinkID]
    ) {
        self.facts = facts
        self.sealedToken = sealedToken
        self.sealedGrant = sealedGrant
        self.standing = standing
        self.sinks = sinks
    }
}

/// What became of one entry of a batch.
package enum CommitOutcome: Hashable, Sendable {
    /// It is durable; the account now has this generation and revision.
    case committed(Generation, Revision)
    /// The row has another generation than the one named: nothing was written for this entry. Reload, decide again.
    case conflict(current: Generation)
    /// There is no such account (any more): nothing was written for this entry.
    case notFound
}

/// A change made by a person or a program, not by an attempt.
///
/// Every moment in it is UTC.
package enum AccountEdit: Hashable, Sendable {
    /// Adds the account, or gives it a new grant and token. `generation` is the one it replaces; nil for a new one.
    /// Failure and doubt are forgotten.
    case put(AccountID, profile: String, replacing: Generation?, Renewal, dueAt: Timestamp?)
    case remove(AccountID)
    case pause(AccountID, Bool)
    /// Asks for another delivery of the present generation to these sinks.
    case deliver(AccountID, [SinkID])
    /// Changes how it stands without an attempt: a new configuration, a key that does not open it.
    case mark(AccountID, generation: Generation, Standing, Failure?, doubt: Doubt?, dueAt: Timestamp?)

    package var account: AccountID {
        switch self {
        case .put(let id, profile: _, replacing: _, _, dueAt: _), .remove(let id), .pause(let id, _),
            .deliver(let id, _),
            .mark(let id, generation: _, _, _, doubt: _, dueAt: _):
            id
        }
    }
}
