import Synchronization

/// The judge's side: makes clients and grants, scripts faults, reads the records.
///
/// One implementation for both of its doors, the Swift interface of `PracticeServer` and the control endpoints.
struct Judge: Sendable {
    let state: PracticeState

    func addClient(_ client: PracticeClient) {
        self.state.ledger { ledger, _ in ledger.clients[client.id] = client }
    }

    func addGrants(_ order: GrantOrder) throws(PracticeError) -> [IssuedGrant] {
        try self.state.ledger { ledger, now in
            Result { () throws(PracticeError) in try ledger.issue(order, at: now) }
        }.get()
    }

    func addGrant(_ account: String, _ terms: GrantTerms) throws(PracticeError) -> IssuedGrant {
        try self.state.ledger { ledger, now in
            Result { () throws(PracticeError) in try ledger.issue(account: account, terms: terms, at: now) }
        }.get()
    }

    func script(_ faults: [Fault], on scope: FaultScope) throws(PracticeError) {
        try self.state.contents.withLock { contents in
            Result { () throws(PracticeError) in try contents.faults.append(faults, on: scope) }
        }.get()
    }

    func clearFaults() {
        self.state.contents.withLock { $0.faults.clear() }
    }

    func revoke(account: String) throws(PracticeError) {
        try self.state.ledger { ledger, _ in
            Result { () throws(PracticeError) in ledger.revoke(grant: try ledger.place(of: account), by: .judge) }
        }.get()
    }

    func revoke(client: String, user: String) throws(PracticeError) {
        try self.state.ledger { ledger, _ in
            Result { () throws(PracticeError) in
                guard ledger.clients[client] != nil else { throw .unknownClient(client) }
                ledger.revoke(client: client, user: user, by: .judge)
            }
        }.get()
    }

    func decide(userCode: String, _ decision: ConsentBook.Device.Decision) throws(PracticeError) {
        try self.state.ledger { ledger, _ in
            Result { () throws(PracticeError) in try ledger.decide(userCode: userCode, decision) }
        }.get()
    }

    func record(of account: String) throws(PracticeError) -> GrantRecord {
        try self.state.ledger { ledger, now in
            Result { () throws(PracticeError) in ledger.record(grant: try ledger.place(of: account), at: now) }
        }.get()
    }

    func records() -> [GrantRecord] {
        self.state.ledger { ledger, now in ledger.grants.indices.map { ledger.record(grant: $0, at: now) } }
    }

    func summary() -> PracticeSummary {
        var summary = self.state.contents.withLock { contents in
            var summary = contents.ledger.summary()
            summary.faultsWaiting = contents.faults.waiting
            return summary
        }
        summary.connections = self.state.connections.total
        summary.connectionsOpen = self.state.connections.open
        return summary
    }

    func deliveries() -> [DeliveryRecord] {
        self.state.ledger { ledger, _ in ledger.deliveryRecords() }
    }
}
