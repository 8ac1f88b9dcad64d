extension PracticeServer {
    /// Registers a client; the same id again replaces it.
    package func addClient(_ client: PracticeClient) {
        self.judge.addClient(client)
    }

    /// Makes the grants of an order, all or none.
    package func addGrants(_ order: GrantOrder) throws(PracticeError) -> [IssuedGrant] {
        try self.judge.addGrants(order)
    }

    /// Makes the grant `CLIENT/SUBJECT`.
    ///
    /// Its user is the subject.
    package func addGrant(_ account: String, _ terms: GrantTerms = GrantTerms()) throws(PracticeError) -> IssuedGrant {
        try self.judge.addGrant(account, terms)
    }

    /// Appends faults to a scope's queue.
    ///
    /// A request takes at most one fault, from the first queue that has one: of its account, its client or storage key,
    /// its endpoint.
    package func script(_ faults: Fault..., on scope: FaultScope = .token) throws(PracticeError) {
        try self.judge.script(faults, on: scope)
    }

    package func clearFaults() {
        self.judge.clearFaults()
    }

    /// Revokes a grant as its user would, on the provider's pages.
    package func revoke(account: String) throws(PracticeError) {
        try self.judge.revoke(account: account)
    }

    /// Revokes every grant of a user and a client.
    package func revoke(client: String, user: String) throws(PracticeError) {
        try self.judge.revoke(client: client, user: user)
    }

    /// Returns when every delivery that a client can have seen stands in the records.
    ///
    /// To be awaited before `answersDelivered`, `undelivered` or `lastDeliveredGeneration` are read: a client may hold
    /// the last byte a moment before it is noted here. All other counts are there before the answer is.
    package func settled() async {
        await self.judge.state.settle()
    }

    package func record(of account: String) throws(PracticeError) -> GrantRecord {
        try self.judge.record(of: account)
    }

    /// The records of all grants, in the order in which they were made.
    package func records() -> [GrantRecord] {
        self.judge.records()
    }

    package func summary() -> PracticeSummary {
        self.judge.summary()
    }

    /// What `set_keys` took, for each public key and storage key.
    package func deliveries() -> [DeliveryRecord] {
        self.judge.deliveries()
    }

    /// Whether an access token is good now.
    ///
    /// Asking is no use of it.
    package func isGood(accessToken: String) -> Bool {
        self.judge.state.ledger { ledger, now in
            guard let (place, generation) = ledger.find(accessToken: accessToken) else { return false }
            return ledger.grants[place].isGood(generation: generation, at: now)
        }
    }

    /// Whether a refresh token would be taken now.
    ///
    /// Asking spends nothing.
    package func isGood(refreshToken: String) -> Bool {
        self.judge.state.ledger { ledger, now in
            guard let (place, serial) = ledger.find(refreshToken: refreshToken) else { return false }
            return ledger.grants[place].isGood(refreshToken: serial, at: now)
        }
    }

    /// Lets every request go on that is held now (`Fault.held`, `Fault.heldBeforeCommit`).
    package func release() {
        self.judge.state.turnstile.release()
    }

    /// Returns once `count` requests are held.
    package func heldArrived(_ count: Int = 1) async {
        await self.judge.state.turnstile.arrived(count)
    }

    /// Cuts every open connection.
    package func dropConnections() {
        self.judge.state.connections.cutAll()
    }
}
