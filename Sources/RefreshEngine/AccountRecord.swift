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
    var deliveries: [Delivery]
    private var trouble: Trouble?

    /// In memory of its own: few accounts have one, and every account would keep the room for it.
    private final class Trouble: Sendable {
        let failure: Failure

        init(_ failure: Failure) { self.failure = failure }
    }

    init(
        account: AccountID,
        client: ClientID,
        profile: String,
        machine: AccountMachine,
        generation: Generation,
        facts: TokenFacts,
        dueAt: Timestamp?,
        failure: Failure?,
        deliveries: [Delivery]
    ) {
        self.account = account
        self.client = client
        self.profile = profile
        self.machine = machine
        self.generation = generation
        self.facts = facts
        self.dueAt = dueAt
        self.trouble = failure.map(Trouble.init)
        self.deliveries = deliveries
    }

    /// What went wrong last; nil since the last success.
    var failure: Failure? {
        get { self.trouble?.failure }
        set { self.trouble = newValue.map(Trouble.init) }
    }

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
        self.init(
            account: row.account,
            client: client,
            profile: row.profile,
            machine: AccountMachine(
                standing: row.standing,
                isPaused: row.isPaused,
                failures: row.failure?.count ?? 0,
                doubt: row.doubt.map { Doubt(unknowns: $0.unknowns, since: $0.since - utcShift) }
            ),
            generation: row.generation,
            facts: row.facts.shifted(by: .zero - utcShift),
            dueAt: row.dueAt.map { $0 - utcShift },
            failure: row.failure?.shifted(by: .zero - utcShift),
            deliveries: row.deliveries
        )
    }
}

extension AccountRecord {
    /// The stored token does not open under any key that is here: told of the account, and forgotten at the next start
    /// that has the key (facts C04).
    mutating func lostKey(at now: Timestamp) {
        self.machine.standing = .needsAuthorization
        self.dueAt = nil
        self.failure = Failure(
            cause: .keyLost,
            message:
                "the stored token does not open under any key that is here: bring the key back, or authorize again",
            at: now,
            retryAt: nil,
            count: (self.failure?.count ?? 0) + 1
        )
    }
}
