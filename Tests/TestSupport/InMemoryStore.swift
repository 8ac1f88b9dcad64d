package import RefreshCore

/// The honest fake: a store in memory that passes the suite which the databases pass.
package actor InMemoryStore: TokenStore, LaneArchive {
    private struct Row {
        var account: StoredAccount
        var sealedGrant: SealedBytes
        var deliveries: [SinkID: Delivery] = [:]
    }

    private var rows: [AccountID: Row] = [:]
    private var revision = Revision(0)
    // The names in the order of pages; nil after a row came or went.
    private var order: [AccountID]?
    private var keptLanes: [String: [UInt8]] = [:]

    package func lanes() -> [String: [UInt8]] { self.keptLanes }

    package func saveLanes(_ lanes: [String: [UInt8]]) { self.keptLanes = lanes }

    package init() {}

    package func accounts(after: AccountID?, limit: Int) -> [StoredAccount] {
        let order = self.order ?? self.rows.keys.sorted(by: Self.precedes)
        self.order = order
        let page = order[Self.firstIndex(in: order, after: after)...].prefix(limit)
        return page.compactMap { self.shown($0) }
    }

    package func account(_ account: AccountID) throws(StoreError) -> StoredAccount {
        guard let shown = self.shown(account) else { throw .notFound(account) }
        return shown
    }

    private func shown(_ id: AccountID) -> StoredAccount? {
        guard let row = self.rows[id] else { return nil }
        var account = row.account
        account.deliveries = row.deliveries.values.sorted { $0.sink < $1.sink }
        return account
    }

    package func token(for account: AccountID) throws(StoreError) -> SealedToken {
        guard let row = self.rows[account]?.account else { throw .notFound(account) }
        return SealedToken(sealed: row.sealedToken, facts: row.facts, generation: row.generation)
    }

    package func grant(for account: AccountID) throws(StoreError) -> SealedGrant {
        guard let row = self.rows[account] else { throw .notFound(account) }
        return SealedGrant(sealed: row.sealedGrant, generation: row.account.generation)
    }

    package nonisolated func claim(_ accounts: [AccountID], for time: Duration) -> [AccountID] { accounts }

    package func commit(_ results: [AttemptResult]) -> [CommitOutcome] {
        results.map { result in
            guard let row = self.rows[result.account] else { return .notFound }
            guard row.account.generation == result.generation else {
                return .conflict(current: row.account.generation)
            }
            switch result.outcome {
            case .renewed(let renewal):
                return self.renew(row, renewal, dueAt: result.dueAt)
            case .failed(let failure, let standing, let doubt):
                return self.mark(row, standing, failure, doubt, dueAt: result.dueAt)
            }
        }
    }

    package func edit(_ edits: [AccountEdit]) -> [CommitOutcome] { edits.map(self.apply) }

    package func acknowledge(_ deliveries: [Delivery]) {
        for delivery in deliveries {
            guard var row = self.rows[delivery.account]?.deliveries[delivery.sink],
                delivery.generation <= row.generation
            else { continue }
            if delivery.generation == row.generation {
                row.state = delivery.state
                row.at = delivery.at
                row.failure = delivery.failure
            }
            row.accepted = [row.accepted, delivery.accepted].compactMap(\.self).max()
            self.rows[delivery.account]?.deliveries[delivery.sink] = row
        }
    }
}

extension InMemoryStore {
    private func apply(_ edit: AccountEdit) -> CommitOutcome {
        let existing = self.rows[edit.account]
        switch edit {
        case .put(let id, let profile, let replaced, let renewal, let dueAt):
            guard existing?.account.generation == replaced else {
                return existing.map { .conflict(current: $0.account.generation) } ?? .notFound
            }
            var row = existing ?? Self.newRow(id, renewal)
            row.account.profile = profile
            return self.renew(row, renewal, dueAt: dueAt)
        case .remove(let id):
            guard let existing else { return .notFound }
            self.rows[id] = nil
            self.order = nil
            return .committed(existing.account.generation, self.nextRevision())
        case .pause(_, let isPaused):
            guard var row = existing else { return .notFound }
            row.account.isPaused = isPaused
            return self.write(row)
        case .deliver(let id, let sinks):
            guard var row = existing else { return .notFound }
            Self.enqueue(sinks, of: id, &row)
            return self.write(row)
        case .mark(_, let generation, let standing, let failure, let doubt, let dueAt):
            guard let existing else { return .notFound }
            guard existing.account.generation == generation else {
                return .conflict(current: existing.account.generation)
            }
            return self.mark(existing, standing, failure, doubt, dueAt: dueAt)
        }
    }

    private func renew(_ row: Row, _ renewal: Renewal, dueAt: Timestamp?) -> CommitOutcome {
        var row = row
        row.account.generation = row.account.generation.next
        row.account.facts = renewal.facts
        row.account.sealedToken = renewal.sealedToken
        row.account.standing = renewal.standing
        row.account.failure = nil
        row.account.doubt = nil
        row.account.dueAt = dueAt
        row.sealedGrant = renewal.sealedGrant
        Self.enqueue(renewal.sinks, of: row.account.account, &row)
        return self.write(row)
    }

    private func mark(
        _ row: Row,
        _ standing: Standing,
        _ failure: Failure?,
        _ doubt: Doubt?,
        dueAt: Timestamp?
    ) -> CommitOutcome {
        var row = row
        row.account.doubt = doubt
        row.account.standing = standing
        row.account.failure = failure
        row.account.dueAt = dueAt
        return self.write(row)
    }

    private func write(_ row: Row) -> CommitOutcome {
        var row = row
        row.account.revision = self.nextRevision()
        let id = row.account.account
        if self.rows.updateValue(row, forKey: id) == nil { self.order = nil }
        return .committed(row.account.generation, row.account.revision)
    }

    private func nextRevision() -> Revision {
        self.revision.number += 1
        return self.revision
    }

    private static func enqueue(_ sinks: [SinkID], of account: AccountID, _ row: inout Row) {
        for sink in sinks {
            row.deliveries[sink] = Delivery(
                account: account,
                sink: sink,
                state: .pending,
                generation: row.account.generation,
                accepted: row.deliveries[sink]?.accepted,
                at: row.account.facts.issuedAt,
                failure: nil
            )
        }
    }

    private static func newRow(_ id: AccountID, _ renewal: Renewal) -> Row {
        let account = StoredAccount(
            account: id,
            profile: "",
            standing: renewal.standing,
            isPaused: false,
            generation: Generation(0),
            revision: Revision(0),
            facts: renewal.facts,
            sealedToken: renewal.sealedToken,
            dueAt: nil,
            failure: nil,
            doubt: nil,
            deliveries: []
        )
        return Row(account: account, sealedGrant: renewal.sealedGrant)
    }

    /// The order of a database, which is by bytes.
    ///
    /// Swift's own order of strings treats texts that look alike as one.
    private static func precedes(_ left: AccountID, _ right: AccountID) -> Bool {
        left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
    }

    private static func firstIndex(in order: [AccountID], after name: AccountID?) -> Int {
        guard let name else { return 0 }
        var range = order.startIndex..<order.endIndex
        while !range.isEmpty {
            let middle = range.lowerBound + range.count / 2
            if Self.precedes(name, order[middle]) {
                range = range.lowerBound..<middle
            } else {
                range = (middle + 1)..<range.upperBound
            }
        }
        return range.lowerBound
    }
}
