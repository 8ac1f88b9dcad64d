import GRDB
import RefreshCore

/// The writes of one transaction, in their order; later ones see what earlier ones wrote.
struct Batch {
    private let db: Database
    private var revision: Revision

    /// Runs the writes, then writes down how many revisions they used.
    ///
    /// The counter is a column of its own: a revision is not used twice when the account that had it is removed.
    static func write(_ db: Database, _ body: (inout Batch) throws -> [CommitOutcome]) throws -> [CommitOutcome] {
        let select = try db.cachedStatement(sql: "SELECT revision FROM meta WHERE one = 1")
        guard let number = try Int64.fetchOne(select) else {
            throw StoreError.corrupt(nil, detail: "the store's identity is missing")
        }
        var batch = Batch(db: db, revision: Revision(number))
        let outcomes = try body(&batch)
        if batch.revision.number != number {
            try db.cachedStatement(sql: "UPDATE meta SET revision = ? WHERE one = 1")
                .execute(arguments: [batch.revision.number])
        }
        return outcomes
    }

    /// A new account, of generation 1.
    mutating func add(
        _ id: AccountID,
        _ profile: String,
        _ renewal: Renewal,
        dueAt: Timestamp?
    ) throws -> CommitOutcome {
        if let current = try self.generation(of: id) { return .conflict(current: current) }
        let revision = self.nextRevision()
        var arguments = Arguments()
        arguments.add(renewal)
        arguments.add(id.name)
        arguments.add(profile)
        arguments.add(renewal.standing.rawValue)
        arguments.add(Generation.first.number)
        arguments.add(revision.number)
        arguments.add(dueAt)
        try self.execute(
            """
            INSERT INTO account (
                token_type, scope, issued_at, expires_at, grant_expires_at, sealed_token, sealed_grant,
                name, profile, standing, generation, revision, due_at
            ) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            arguments
        )
        try self.enqueue(id, renewal.sinks, .first, at: renewal.facts.issuedAt)
        return .committed(.first, revision)
    }

    /// The next generation of an account; without a `profile` it keeps the one it has.
    mutating func renew(
        _ id: AccountID,
        _ generation: Generation,
        _ renewal: Renewal,
        profile: String? = nil,
        dueAt: Timestamp?
    ) throws -> CommitOutcome {
        let revision = self.nextRevision()
        var arguments = Arguments()
        arguments.add(renewal)
        arguments.add(renewal.standing.rawValue)
        arguments.add(profile)
        arguments.add(revision.number)
        arguments.add(dueAt)
        arguments.add(id.name)
        arguments.add(generation.number)
        try self.execute(
            """
            UPDATE account SET
                token_type = ?, scope = ?, issued_at = ?, expires_at = ?, grant_expires_at = ?,
                sealed_token = ?, sealed_grant = ?,
                standing = ?, profile = coalesce(?, profile), revision = ?, due_at = ?,
                generation = generation + 1,
                failure_cause = NULL, failure_message = NULL, failure_at = NULL, failure_retry_at = NULL,
                failure_count = NULL, unknowns = 0, unknown_since = NULL
            WHERE name = ? AND generation = ?
            """,
            arguments
        )
        guard self.db.changesCount == 1 else { return try self.refusal(of: id) }
        try self.enqueue(id, renewal.sinks, generation.next, at: renewal.facts.issuedAt)
        return .committed(generation.next, revision)
    }

    /// Another standing of the same generation.
    mutating func mark(
        _ id: AccountID,
        _ generation: Generation,
        _ standing: Standing,
        _ failure: Failure?,
        doubt: Doubt?,
        dueAt: Timestamp?
    ) throws -> CommitOutcome {
        let revision = self.nextRevision()
        var arguments = Arguments()
        arguments.add(failure)
        arguments.add(doubt)
        arguments.add(standing.rawValue)
        arguments.add(revision.number)
        arguments.add(dueAt)
        arguments.add(id.name)
        arguments.add(generation.number)
        try self.execute(
            """
            UPDATE account SET
                failure_cause = ?, failure_message = ?, failure_at = ?, failure_retry_at = ?, failure_count = ?,
                unknowns = ?, unknown_since = ?,
                standing = ?, revision = ?, due_at = ?
            WHERE name = ? AND generation = ?
            """,
            arguments
        )
        guard self.db.changesCount == 1 else { return try self.refusal(of: id) }
        return .committed(generation, revision)
    }

    mutating func remove(_ id: AccountID) throws -> CommitOutcome {
        guard let generation = try self.generation(of: id) else { return .notFound }
        var arguments = Arguments()
        arguments.add(id.name)
        // Sessions that were opened for it are closed later.
        try self.execute(
            """
            INSERT INTO farewell (account, public_key, storage_key, sealed_cookies)
            SELECT account, public_key, storage_key, sealed_cookies FROM jar WHERE account = ?
            """,
            arguments
        )
        // Its deliveries and jars go with it, by the foreign keys.
        try self.execute("DELETE FROM account WHERE name = ?", arguments)
        return .committed(generation, self.nextRevision())
    }

    mutating func pause(_ id: AccountID, _ isPaused: Bool) throws -> CommitOutcome {
        guard let generation = try self.generation(of: id) else { return .notFound }
        let revision = self.nextRevision()
        var arguments = Arguments()
        arguments.add(isPaused)
        arguments.add(revision.number)
        arguments.add(id.name)
        try self.execute("UPDATE account SET paused = ?, revision = ? WHERE name = ?", arguments)
        return .committed(generation, revision)
    }

    /// Another delivery of what the account has now.
    mutating func deliver(_ id: AccountID, _ sinks: [SinkID]) throws -> CommitOutcome {
        let select = try self.db.cachedStatement(sql: "SELECT generation, issued_at FROM account WHERE name = ?")
        guard let row = try Row.fetchOne(select, arguments: [id.name]) else { return .notFound }
        let generation = Generation(try row.value(0, of: id))
        let revision = self.nextRevision()
        let issuedAt = Timestamp(milliseconds: try row.value(1, of: id))
        try self.enqueue(id, sinks, generation, at: issuedAt)
        var arguments = Arguments()
        arguments.add(revision.number)
        arguments.add(id.name)
        try self.execute("UPDATE account SET revision = ? WHERE name = ?", arguments)
        return .committed(generation, revision)
    }
}

extension Batch {
    /// One row for each sink: what was not delivered yet is replaced, what was accepted last is kept.
    private func enqueue(
        _ id: AccountID,
        _ sinks: [SinkID],
        _ generation: Generation,
        at moment: Timestamp
    ) throws {
        for sink in sinks {
            var arguments = Arguments()
            arguments.add(id.name)
            arguments.add(sink.name)
            arguments.add(Delivery.State.pending.rawValue)
            arguments.add(generation.number)
            arguments.add(moment)
            try self.execute(
                """
                INSERT INTO outbox (account, sink, state, generation, at) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (account, sink) DO UPDATE SET
                    state = excluded.state, generation = excluded.generation, at = excluded.at,
                    failure_cause = NULL, failure_message = NULL, failure_at = NULL, failure_retry_at = NULL,
                    failure_count = NULL
                """,
                arguments
            )
        }
    }

    /// Why a compare-and-set did not find its row; the revision taken for it is given back.
    private mutating func refusal(of id: AccountID) throws -> CommitOutcome {
        self.revision.number -= 1
        guard let current = try self.generation(of: id) else { return .notFound }
        return .conflict(current: current)
    }

    private func generation(of id: AccountID) throws -> Generation? {
        let select = try self.db.cachedStatement(sql: "SELECT generation FROM account WHERE name = ?")
        return try Int64.fetchOne(select, arguments: [id.name]).map { Generation($0) }
    }

    private func execute(_ sql: String, _ arguments: Arguments) throws {
        try self.db.cachedStatement(sql: sql).execute(arguments: arguments.statementArguments)
    }

    private mutating func nextRevision() -> Revision {
        self.revision.number += 1
        return self.revision
    }
}
