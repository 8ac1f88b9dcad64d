import RefreshCore

/// What the engine knows of one account.
///
/// Every moment is on the daemon's time line, every secret is elsewhere.
struct AccountRecord: Sendable {
    let account: AccountID
    let client: ClientID
    var profile: String
    var machine: AccountMachine
    var generation: Generation
    var facts: TokenFacts
    var dueAt: Timestamp?
    var failure: Failure?
    var deliveries: [Delivery]

    /// What goes with the token as long as the account is in trouble.
    var warning: String? {
        switch self.machine.standing {
        case .good, .static: nil
        case .retrying, .inDoubt, .needsAuthorization, .misconfigured:
            self.failure.map { "\(self.machine.standing.rawValue): \($0.message)" } ?? self.machine.standing.rawValue
        }
    }
}

/// What a page of the store becomes, and back.
extension AccountRecord {
    /// Reads a row of the store; `utcShift` is the clock's, and is taken from every moment.
    init(_ row: StoredAccount, client: ClientID, utcShift: Duration) {
        self.account = row.account
        self.client = client
        self.profile = row.profile
        self.machine = AccountMachine(
            standing: row.standing,
            isPaused: row.isPaused,
            failures: row.failure?.count ?? 0,
            doubt: row.doubt.map { Doubt(unknowns: $0.unknowns, since: $0.since - utcShift) }
        )
        self.generation = row.generation
        self.facts = row.facts.shifted(by: .zero - utcShift)
        self.dueAt = row.dueAt.map { $0 - utcShift }
        self.failure = row.failure?.shifted(by: .zero - utcShift)
        self.deliveries = row.deliveries
    }
}
