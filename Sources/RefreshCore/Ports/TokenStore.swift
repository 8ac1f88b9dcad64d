/// Where accounts live while nobody looks: durable, sealed, one writer.
///
/// Every write is one transaction, all or nothing but for conflicts, which are told one by one. Every moment is UTC.
/// A store never sees a secret: tokens and grants are sealed before they come here.
package protocol TokenStore: Sendable {
    /// A page of accounts in the order of their names, without their grants.
    ///
    /// - Parameters:
    ///   - after: The last name of the page before; nil for the first page.
    ///   - limit: How many at most, 1 or more.
    /// - Returns: The page; one shorter than `limit` is the last.
    /// - Throws: `StoreError` when the page cannot be read.
    func accounts(after: AccountID?, limit: Int) async throws(StoreError) -> [StoredAccount]

    /// One account as a page shows it.
    func account(_ account: AccountID) async throws(StoreError) -> StoredAccount

    /// The sealed access token of one account, with its generation and facts.
    func token(for account: AccountID) async throws(StoreError) -> SealedToken

    /// The sealed grant of one account, with the generation it belongs to.
    func grant(for account: AccountID) async throws(StoreError) -> SealedGrant

    /// Asks which of these accounts may be refreshed here for the given time.
    ///
    /// A store that is locked for one daemon grants all; one that is shared hands out leases.
    func claim(_ accounts: [AccountID], for time: Duration) async throws(StoreError) -> [AccountID]

    /// Commits the results of attempts, each compared and set by generation.
    ///
    /// - Returns: One outcome for each result, in their order.
    /// - Throws: `StoreError.unavailable` when nothing is known to be written: what was, is found by its generation.
    func commit(_ results: [AttemptResult]) async throws(StoreError) -> [CommitOutcome]

    /// Commits edits, in their order.
    ///
    /// - Returns: One outcome for each edit, in their order.
    func edit(_ edits: [AccountEdit]) async throws(StoreError) -> [CommitOutcome]

    /// Writes down how far deliveries have got.
    ///
    /// A delivery of a generation older than the row's changes only what the sink has accepted: the newer one is
    /// still to come. One whose row is gone is dropped.
    func acknowledge(_ deliveries: [Delivery]) async throws(StoreError)
}

/// An account as a page of the store shows it.
package struct StoredAccount: Hashable, Sendable {
    package var account: AccountID
    package var profile: String
    package var standing: Standing
    package var isPaused: Bool
    package var generation: Generation
    package var revision: Revision
    package var facts: TokenFacts
    package var sealedToken: SealedBytes
    package var dueAt: Timestamp?
    package var failure: Failure?
    /// Nil when the end of every attempt on this generation is known.
    package var doubt: Doubt?
    package var deliveries: [Delivery]

    package init(
        account: AccountID,
        profile: String,
        standing: Standing,
        isPaused: Bool,
        generation: Generation,
        revision: Revision,
        facts: TokenFacts,
        sealedToken: SealedBytes,
        dueAt: Timestamp?,
        failure: Failure?,
        doubt: Doubt?,
        deliveries: [Delivery]
    ) {
        self.account = account
        self.profile = profile
        self.standing = standing
        self.isPaused = isPaused
        self.generation = generation
        self.revision = revision
        self.facts = facts
        self.sealedToken = sealedToken
        self.dueAt = dueAt
        self.failure = failure
        self.doubt = doubt
        self.deliveries = deliveries
    }
}

/// A sealed access token with what may be known of it.
package struct SealedToken: Hashable, Sendable {
    package var sealed: SealedBytes
    package var facts: TokenFacts
    package var generation: Generation

    package init(sealed: SealedBytes, facts: TokenFacts, generation: Generation) {
        self.sealed = sealed
        self.facts = facts
        self.generation = generation
    }
}

/// A sealed grant and the generation it belongs to.
package struct SealedGrant: Hashable, Sendable {
    package var sealed: SealedBytes
    package var generation: Generation

    package init(sealed: SealedBytes, generation: Generation) {
        self.sealed = sealed
        self.generation = generation
    }
}
