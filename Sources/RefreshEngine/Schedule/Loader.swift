import Logging
import RefreshCore
import Synchronization
import OAuth

/// Store → wheel and table, by pages, at the start.
struct Loader {
    let engine: Engine

    static let pageSize = 4_000

    /// Reads every account in, then lets the schedule begin.
    ///
    /// - Throws: `StoreError`, when a page cannot be read: a daemon that knows only some of its accounts would look
    ///   healthy and let the others die.
    func run() async throws {
        let engine = self.engine
        var last: AccountID?
        var limit = Self.pageSize
        while true {
            try Task.checkCancellation()
            let page: [StoredAccount]
            do throws(StoreError) {
                page = try await engine.store.accounts(after: last, limit: limit)
            } catch .corrupt(let account?, let detail) {
                // One by one up to the row that cannot be read; it is set aside, the others go on (facts B10).
                if limit == 1 {
                    engine.logger.error(
                        "a stored account cannot be read and is left out",
                        metadata: [LogKeys.account: "\(account)", LogKeys.reason: "\(detail)"]
                    )
                    last = account
                    limit = Self.pageSize
                } else {
                    limit = 1
                }
                continue
            }
            for row in page { self.adopt(row) }
            guard page.count == limit, let end = page.last else { break }
            last = end.account
        }
        await engine.deliverWhatIsMissing(refusedToo: false)
        engine.loaded()
    }

    /// Takes in accounts whose next try must not wait until everything is loaded, and starts it.
    func begin(with rows: [StoredAccount]) {
        let soon = self.engine.clock.now + .seconds(3)
        for row in rows {
            self.adopt(row)
            self.engine.state.withLock { state in
                guard let dueAt = state.record(of: row.account)?.dueAt, dueAt <= soon else { return }
                _ = state.ask(row.account)
            }
        }
        self.engine.pump()
    }

    private func adopt(_ row: StoredAccount) {
        let engine = self.engine
        // The name was checked when it was stored, so its first half is a client's.
        guard let client = try? ClientID(String(row.account.client)) else { return }
        var record = AccountRecord(row, client: client, utcShift: engine.clock.utcShift)
        // Computed anew: the window may be another one than when the row was written.
        if record.machine.standing == .good, let settings = engine.state.withLock({ $0.settings.clients[client] }) {
            record.dueAt = settings.due(record.facts, of: row.account)
        } else if let dueAt = record.dueAt {
            // No retry waits for longer than this: one that seems to was written down before the wall clock was set back.
            record.dueAt = min(dueAt, engine.clock.now + .seconds(4_000))
        }
        let loaded = record
        // Nobody waits yet for whom nobody has read in.
        guard engine.state.withLock({ $0.adoptLoaded(loaded) }) else { return }
        let place = SealingPlace(
            store: engine.storeID,
            account: row.account,
            column: .accessToken,
            generation: row.generation
        )
        if let accessToken = try? engine.sealer.open(row.sealedToken, at: place) {
            let token = Token(accessToken: accessToken, facts: record.facts, generation: row.generation)
            engine.table.publish(
                RenderedToken(
                    account: row.account,
                    token: token,
                    utcShift: engine.clock.utcShift,
                    warning: record.warning
                )
            )
        } else {
            engine.logger.error(
                "the stored token does not open under any key that is here",
                metadata: [LogKeys.account: "\(row.account)", LogKeys.cause: "\(Cause.keyLost.rawValue)"]
            )
        }
        for delivery in row.deliveries where delivery.state == .pending || delivery.state == .retrying {
            engine.deliverer.wake(row.account, delivery.sink)
        }
    }
}
