import OAuth
import RefreshCore

/// What follows a generation: a good answer, understood, and not yet committed.
struct Successor: Sendable {
    var accessToken: Secret
    /// On the daemon's time line.
    var facts: TokenFacts
    var grant: Grant
    var standing: Standing
    var dueAt: Timestamp?
    /// Whether its access token is another one than before: only then are clients and sinks told of it.
    var isNews: Bool
    /// What was odd about the answer, in our own words.
    var notes: [String]

    /// The next token of an account.
    ///
    /// - Parameters:
    ///   - new: What the answer said.
    ///   - old: The grant that was spent.
    ///   - facts: Of the token that is replaced.
    ///   - account: Whose it is.
    ///   - client: Its client.
    ///   - issuedAt: When the request left: the life of a token begins when the server made it, not when it arrived.
    init(
        _ new: NewToken,
        after old: Grant,
        _ facts: TokenFacts,
        of account: AccountID,
        _ client: ClientSettings,
        issuedAt: Timestamp
    ) {
        let profile = client.client.profile
        let lifetime = profile.lifetime(new.lifetime)
        self.accessToken = new.accessToken
        self.facts = TokenFacts(
            tokenType: new.tokenType,
            scope: new.scope ?? facts.scope,
            issuedAt: issuedAt,
            expiresAt: lifetime.map { issuedAt + $0 },
            grantExpiresAt: profile.grantEnd(
                told: new.grantLifetime,
                hasNewToken: new.refreshToken != nil,
                issuedAt: issuedAt,
                lifetime: lifetime,
                before: facts
            )
        )
        self.grant = Grant(refreshToken: new.refreshToken ?? old.refreshToken, bindings: old.bindings)
        self.standing = .good
        self.dueAt = client.due(self.facts, of: account)
        self.isNews = true
        self.notes = new.notes
    }

    /// The old token with a new grant, for an answer whose access token is missing, or may not be used (facts F17, F24,
    /// F26).
    init(
        salvaged refreshToken: Secret?,
        after old: Grant,
        _ accessToken: Secret,
        _ facts: TokenFacts,
        standing: Standing,
        dueAt: Timestamp?
    ) {
        self.accessToken = accessToken
        self.facts = facts
        self.grant = Grant(refreshToken: refreshToken ?? old.refreshToken, bindings: old.bindings)
        self.standing = standing
        self.dueAt = dueAt
        self.isNews = false
        self.notes = []
    }
}

extension Engine {
    /// A successor in the form in which it is committed.
    func result(
        _ successor: Successor,
        of account: AccountID,
        _ generation: Generation,
        _ sinks: [SinkID]
    ) throws(SealingError) -> AttemptResult {
        let renewal = try self.renewal(
            successor.accessToken,
            successor.facts,
            successor.grant,
            of: account,
            generation: generation.next,
            standing: successor.standing,
            sinks: sinks
        )
        return AttemptResult(
            account: account,
            generation: generation,
            outcome: .renewed(renewal),
            dueAt: successor.dueAt.map { $0 + self.clock.utcShift }
        )
    }

    /// A judgement in the form in which it is committed; `machine` is the account before the attempt.
    func result(
        _ judgement: Judgement,
        of account: AccountID,
        _ generation: Generation,
        _ machine: AccountMachine
    ) -> AttemptResult {
        let shift = self.clock.utcShift
        var after = machine
        after.failed(standing: judgement.standing, unknownAt: judgement.unknownAt)
        return AttemptResult(
            account: account,
            generation: generation,
            outcome: .failed(
                judgement.failure.shifted(by: shift),
                standing: judgement.standing,
                doubt: after.doubt.map { Doubt(unknowns: $0.unknowns, since: $0.since + shift) }
            ),
            dueAt: judgement.failure.retryAt.map { $0 + shift }
        )
    }

    /// The access token of an account's generation; nil when it is another one now, or does not open.
    ///
    /// Waits for a store that cannot be read just now: who asks holds the only copy of a refresh token.
    func openToken(of account: AccountID, _ generation: Generation) async -> Secret? {
        var found: SealedToken?
        var failures = 0
        while found == nil {
            do throws(StoreError) {
                found = try await self.store.token(for: account)
            } catch {
                guard case .unavailable = error else { return nil }
                failures += 1
                let wait = RetryLadder.store.wait(after: failures, phase: account.phase)
                try? await self.clock.sleep(until: self.clock.now + wait, tolerance: nil)
            }
        }
        guard let sealed = found, sealed.generation == generation else { return nil }
        let place = SealingPlace(store: self.storeID, account: account, column: .accessToken, generation: generation)
        return try? self.sealer.open(sealed.sealed, at: place)
    }
}

extension Withheld {
    /// How an account stands whose answer holds a token that may not be used.
    var standing: Standing {
        switch self {
        case .foreignType: .misconfigured
        case .otherIdentity: .needsAuthorization
        }
    }

    /// What is told of it; `now` is on the time line that the failure is for.
    func failure(at now: Timestamp) -> Failure {
        Failure(cause: self.cause, message: self.message, at: now, retryAt: nil, count: 1)
    }
}
