import CLinux
import Logging
import RefreshCore
import Synchronization

/// Store → wheel and table, by pages, at the start.
///
/// A start is bound by the processor, so no core waits for another's step:
///
/// ```
/// store     | read 1 | read 2 | read 3 |
/// all cores          | open 1 | open 2 | open 3 |
/// state                       | adopt 1| adopt 2| adopt 3
/// ```
struct Loader {
    let engine: Engine

    /// Accounts of one page; two are in memory beside what is made of them.
    ///
    /// Not much shorter: on a busy host every change of threads has to wait, and there are some for each page.
    static let pageSize = 4_000

    var pageSize = Self.pageSize

    /// Accounts that one child task opens: few enough that all cores end together.
    private var partSize: Int { Swift.max(self.pageSize / 8, 1) }

    /// Reads every account in, then lets the schedule begin.
    ///
    /// A row that cannot be read is set aside, and the others go on (facts B10). While this runs a token may be
    /// served as soon as it is in the table; nothing is refreshed.
    ///
    /// - Throws: `StoreError`, when a page cannot be read: a daemon that knows only some of its accounts would look
    ///   healthy and let the others die. `CancellationError` between two pages.
    func run() async throws {
        let begin = self.engine.clock.now
        var page = try await self.page(at: Cursor(limit: self.pageSize))
        while let present = page {
            try Task.checkCancellation()
            async let next = self.page(at: present.next)
            self.adopt(await self.open(present.rows))
            page = try await next
        }
        self.engine.forgetLivesIfBehind(since: begin)
        await self.engine.deliverWhatIsMissing(refusedToo: false)
        // What the pages occupied would stay with the process for its life, and it will not need as much again.
        clinux_return_freed_memory()
        self.engine.loaded()
    }

    /// Takes in accounts whose next try must not wait until everything is loaded, and starts it.
    func begin(with rows: [StoredAccount]) {
        let soon = self.engine.clock.now + .seconds(3)
        self.adopt(self.open(rows[...]))
        self.engine.state.withLock { state in
            for row in rows {
                guard let dueAt = state.record(of: row.account)?.dueAt, dueAt <= soon else { continue }
                _ = state.ask(row.account)
            }
        }
        self.engine.pump()
    }

    /// Takes over a row that is newer than what is known: of an edit that was told as failed, and yet is on disk.
    ///
    /// Where it can be, it is refreshed at once: that makes a token of which everything is known.
    func takeOver(_ row: StoredAccount) {
        for var opened in self.open([row][...]) {
            let isRefreshed = opened.record.machine.standing == .good
            if isRefreshed { opened.record.dueAt = self.engine.clock.now }
            let taken = opened.record
            let waiters = self.engine.state.withLock { state -> [EngineState.Waiter]? in
                let present = state.record(of: row.account)
                guard present.map({ $0.generation < row.generation }) ?? true else { return nil }
                return state.adopt(taken)
            }
            guard let waiters else { continue }
            if !isRefreshed { self.tell([opened]) }
            for waiter in waiters { waiter.resume() }
        }
        self.engine.pump()
    }
}

// MARK: - Reading

extension Loader {
    /// Where the next page begins.
    private struct Cursor {
        var last: AccountID?
        var limit: Int
    }

    private struct Page {
        var rows: [StoredAccount]
        /// Nil after the last page.
        var next: Cursor?
    }

    /// - Returns: Nil when there is no more.
    private func page(at cursor: Cursor?) async throws(StoreError) -> Page? {
        guard var cursor else { return nil }
        while true {
            do throws(StoreError) {
                let rows = try await self.engine.store.accounts(after: cursor.last, limit: cursor.limit)
                let isLast = rows.count < cursor.limit
                cursor.last = rows.last?.account ?? cursor.last
                return Page(rows: rows, next: isLast ? nil : cursor)
            } catch .corrupt(let account?, let detail) {
                // By halves up to the row that cannot be read: what lies before it fits into ever smaller pages.
                guard cursor.limit == 1 else {
                    cursor.limit /= 2
                    continue
                }
                self.engine.logger.error(
                    "a stored account cannot be read and is left out",
                    metadata: [LogKeys.account: "\(account)", LogKeys.reason: "\(detail)"]
                )
                cursor = Cursor(last: account, limit: self.pageSize)
            }
        }
    }
}

// MARK: - Opening

extension Loader {
    /// A row that has been opened, and that nobody knows of yet.
    private struct Opened: Sendable {
        var record: AccountRecord
        /// Nil for a token that does not open, and for a grant that came without one.
        var token: RenderedToken?
    }

    /// Opens the tokens of a page on all cores.
    ///
    /// - Returns: The accounts, in the order of the rows.
    private func open(_ rows: [StoredAccount]) async -> [Opened] {
        let starts = Array(stride(from: 0, to: rows.count, by: self.partSize))
        return await withTaskGroup(of: (part: Int, accounts: [Opened]).self) { group in
            for (part, start) in starts.enumerated() {
                group.addTask { (part, self.open(rows[start..<Swift.min(start + self.partSize, rows.count)])) }
            }
            var parts = [[Opened]](repeating: [], count: starts.count)
            for await opened in group { parts[opened.part] = opened.accounts }
            return Array(parts.joined())
        }
    }

    private func open(_ rows: ArraySlice<StoredAccount>) -> [Opened] {
        let utcShift = self.engine.clock.utcShift
        var accounts: [Opened] = []
        accounts.reserveCapacity(rows.count)
        // In the order of names a client's accounts follow each other: its name is checked, and kept, once for many.
        var client: ClientID?
        for row in rows {
            if client.map({ row.account.client != $0.name[...] }) ?? true {
                client = try? ClientID(String(row.account.client))
            }
            // The account's name was checked, so its first half is a client's.
            guard let client else { continue }
            var record = AccountRecord(row, client: client, utcShift: utcShift)
            let accessToken = self.accessToken(row)
            if accessToken == nil { record.lostKey(at: self.engine.clock.now) }
            let token = accessToken.flatMap { self.token($0, row, record, utcShift: utcShift) }
            accounts.append(Opened(record: record, token: token))
        }
        return accounts
    }

    private func accessToken(_ row: StoredAccount) -> Secret? {
        let engine = self.engine
        let place = SealingPlace(
            store: engine.storeID,
            account: row.account,
            column: .accessToken,
            generation: row.generation
        )
        guard let accessToken = try? engine.sealer.open(row.sealedToken, at: place) else {
            engine.logger.error(
                "the stored token does not open under any key that is here",
                metadata: [LogKeys.account: "\(row.account)", LogKeys.cause: "\(Cause.keyLost.rawValue)"]
            )
            return nil
        }
        return accessToken
    }

    private func token(
        _ accessToken: Secret,
        _ row: StoredAccount,
        _ record: AccountRecord,
        utcShift: Duration
    ) -> RenderedToken? {
        guard !accessToken.isEmpty else { return nil }
        return RenderedToken(
            account: row.account,
            token: Token(accessToken: accessToken, facts: record.facts, generation: row.generation),
            utcShift: utcShift,
            warning: record.warning
        )
    }
}

// MARK: - Adopting

extension Loader {
    /// Hands the accounts of a page to the schedule, under one lock, and then to the table.
    private func adopt(_ accounts: [Opened]) {
        let now = self.engine.clock.now
        let shift = self.engine.clock.utcShift
        let adopted = self.engine.state.withLock { state in
            var client: ClientID?
            var settings: ClientSettings?
            return accounts.filter { opened in
                var record = opened.record
                state.unknownLives.saw(record.facts.issuedAt + shift)
                // Computed anew, for the window may be another one than when the row was written; and here, by the
                // settings that are in force as the account becomes known, for they may be changed while pages are read.
                if record.machine.standing == .good {
                    if record.client != client {
                        client = record.client
                        settings = state.settings.clients[record.client]
                    }
                    if let settings { record.dueAt = settings.due(record.facts, of: record.account) }
                } else if record.machine.standing == .static {
                    // Looked at when its token ends, so that its owner is told.
                    record.dueAt = record.facts.expiresAt
                } else if let dueAt = record.dueAt {
                    // No retry waits for longer than this: one that seems to was written before the clock was set back.
                    record.dueAt = min(dueAt, now + .seconds(4_000))
                }
                // Nobody waits yet for whom nobody has read in.
                return state.adoptLoaded(record)
            }
        }
        self.tell(adopted)
    }

    /// Hands what has been adopted to the table and the deliverer.
    private func tell(_ adopted: [Opened]) {
        for opened in adopted {
            if let token = opened.token { self.engine.table.publish(token) }
            for delivery in opened.record.deliveries where delivery.state == .pending || delivery.state == .retrying {
                self.engine.deliverer.wake(opened.record.account, delivery.sink)
            }
        }
    }
}
