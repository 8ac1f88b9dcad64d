import GRDB
import KillPoints
import Logging
package import RefreshCore

extension SQLiteStore {
    package func commit(_ results: [AttemptResult]) throws(StoreError) -> [CommitOutcome] {
        guard !results.isEmpty else { return [] }
        return try self.transaction { db in
            let outcomes = try Batch.write(db) { batch in
                try results.map { result in
                    switch result.outcome {
                    case .renewed(let renewal):
                        try batch.renew(result.account, result.generation, renewal, dueAt: result.dueAt)
                    case .failed(let failure, let standing, let doubt):
                        try batch.mark(
                            result.account,
                            result.generation,
                            standing,
                            failure,
                            doubt: doubt,
                            dueAt: result.dueAt
                        )
                    }
                }
            }
            for result in results { KillPoint.inCommit.pass(result.account.name) }
            return outcomes
        }
    }

    package func edit(_ edits: [AccountEdit]) throws(StoreError) -> [CommitOutcome] {
        guard !edits.isEmpty else { return [] }
        let outcomes = try self.transaction { db in
            try Batch.write(db) { batch in
                try edits.map { edit in
                    switch edit {
                    case .put(let id, let profile, .some(let generation), let renewal, let dueAt):
                        try batch.renew(id, generation, renewal, profile: profile, dueAt: dueAt)
                    case .put(let id, let profile, .none, let renewal, let dueAt):
                        try batch.add(id, profile, renewal, dueAt: dueAt)
                    case .remove(let id):
                        try batch.remove(id)
                    case .pause(let id, let isPaused):
                        try batch.pause(id, isPaused)
                    case .deliver(let id, let sinks):
                        try batch.deliver(id, sinks)
                    case .mark(let id, let generation, let standing, let failure, let doubt, let dueAt):
                        try batch.mark(id, generation, standing, failure, doubt: doubt, dueAt: dueAt)
                    }
                }
            }
        }
        self.forgetRemoved(edits)
        return outcomes
    }

    /// Empties the log of what removed accounts left in it; in the file it is overwritten already (facts T19).
    ///
    /// The removal stands if that fails: it is tried again with the next one, and when the store is closed or opened.
    private func forgetRemoved(_ edits: [AccountEdit]) {
        for edit in edits {
            if case .remove = edit { self.owesCheckpoint = true }
        }
        guard self.owesCheckpoint else { return }
        do throws(StoreError) {
            try self.checkpoint()
        } catch {
            self.logger.warning(
                "the log still has what a removed account left, for it could not be emptied",
                metadata: ["error": "\(error.label)"]
            )
        }
    }

    package func acknowledge(_ deliveries: [Delivery]) throws(StoreError) {
        guard !deliveries.isEmpty else { return }
        try self.transaction { db in
            // Every right-hand side sees the row as it was. A row of an older generation than the one acknowledged
            // belongs to another account of the same name, and is left alone.
            let statement = try db.cachedStatement(
                sql: """
                    UPDATE outbox SET
                        state = iif(generation = :generation, :state, state),
                        at = iif(generation = :generation, :at, at),
                        failure_cause = iif(generation = :generation, :failure_cause, failure_cause),
                        failure_message = iif(generation = :generation, :failure_message, failure_message),
                        failure_at = iif(generation = :generation, :failure_at, failure_at),
                        failure_retry_at = iif(generation = :generation, :failure_retry_at, failure_retry_at),
                        failure_count = iif(generation = :generation, :failure_count, failure_count),
                        accepted = nullif(max(coalesce(accepted, 0), coalesce(:accepted, 0)), 0)
                    WHERE account = :account AND sink = :sink AND generation >= :generation
                    """
            )
            for delivery in deliveries {
                try statement.execute(arguments: [
                    "generation": delivery.generation.number,
                    "state": delivery.state.rawValue,
                    "at": delivery.at.milliseconds,
                    "failure_cause": delivery.failure?.cause.rawValue,
                    "failure_message": delivery.failure?.message,
                    "failure_at": delivery.failure?.at.milliseconds,
                    "failure_retry_at": delivery.failure?.retryAt?.milliseconds,
                    "failure_count": delivery.failure?.count,
                    "accepted": delivery.accepted?.number,
                    "account": delivery.account.name,
                    "sink": delivery.sink.name,
                ])
            }
        }
    }
}
