import GRDB
import Logging
package import RefreshCore

/// `TokenStore` over one SQLite file that this process has to itself.
///
/// One connection, on one queue: calls are done one after the other, in their order. A call is never given up half-way
/// when its task is cancelled, for a rotated grant must get to the disk (GRDB's asynchronous functions would
/// interrupt it).
package actor SQLiteStore: TokenStore {
    package nonisolated let identity: StoreIdentity

    private nonisolated let executor: DispatchQueueExecutor
    let file: StoreFile
    let logger: Logger
    // What SQLite has open; looked at before every commit.
    private let inodes: StoreFile.Inodes
    // Nil once closed.
    private var lock: StoreLock?
    // Held here so that it ends before the connection does.
    var backup: OnlineBackup?
    var isBackingUp = false
    // Whether what removed accounts left may still be in the log.
    var owesCheckpoint = false
    // Nil after a failure from which this connection does not recover; the next call opens another.
    private var connection: DatabaseQueue?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe self.executor.asUnownedSerialExecutor() }

    init(
        file: StoreFile,
        inodes: StoreFile.Inodes,
        lock: StoreLock,
        connection: DatabaseQueue,
        identity: StoreIdentity,
        logger: Logger
    ) {
        self.inodes = inodes
        self.executor = DispatchQueueExecutor(label: "refreshd.store")
        self.file = file
        self.lock = lock
        self.connection = connection
        self.identity = identity
        self.logger = logger
    }

    package func accounts(after: AccountID?, limit: Int) throws(StoreError) -> [StoredAccount] {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: "SELECT \(Self.shownColumns) FROM account WHERE name > ? ORDER BY name LIMIT ?"
            )
            // Every name is greater than the empty one.
            let rows = try Row.fetchCursor(statement, arguments: [after?.name ?? "", limit])
            var page: [StoredAccount] = []
            var scopes = ScopeTexts()
            while let row = try rows.next() { page.append(try StoredAccount(row, &scopes)) }
            try Self.addDeliveries(to: &page, db)
            return page
        }
    }

    package func account(_ account: AccountID) throws(StoreError) -> StoredAccount {
        try self.perform { db in
            let statement = try db.cachedStatement(sql: "SELECT \(Self.shownColumns) FROM account WHERE name = ?")
            guard let row = try Row.fetchOne(statement, arguments: [account.name]) else {
                throw StoreError.notFound(account)
            }
            var scopes = ScopeTexts()
            var page = [try StoredAccount(row, &scopes)]
            try Self.addDeliveries(to: &page, db)
            return page[0]
        }
    }

    /// In the order in which `StoredAccount` reads them.
    private static let shownColumns = """
        name, profile, standing, paused, generation, revision,
        token_type, scope, issued_at, expires_at, grant_expires_at, due_at,
        failure_cause, failure_message, failure_at, failure_retry_at, failure_count, sealed_token,
        unknowns, unknown_since
        """

    package func token(for account: AccountID) throws(StoreError) -> SealedToken {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT token_type, scope, issued_at, expires_at, grant_expires_at, generation, sealed_token
                    FROM account WHERE name = ?
                    """
            )
            guard let row = try Row.fetchOne(statement, arguments: [account.name]) else {
                throw StoreError.notFound(account)
            }
            var scopes = ScopeTexts()
            return SealedToken(
                sealed: try row.sealedBytes(6, of: account),
                facts: try TokenFacts(row, at: 0, of: account, &scopes),
                generation: Generation(try row.value(5, of: account))
            )
        }
    }

    package func grant(for account: AccountID) throws(StoreError) -> SealedGrant {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: "SELECT generation, sealed_grant FROM account WHERE name = ?"
            )
            guard let row = try Row.fetchOne(statement, arguments: [account.name]) else {
                throw StoreError.notFound(account)
            }
            return SealedGrant(
                sealed: try row.sealedBytes(1, of: account),
                generation: Generation(try row.value(0, of: account))
            )
        }
    }

    /// Grants all: the lock on the file keeps a second daemon out.
    ///
    /// Asks nobody, so it waits for no commit either. A store whose file is gone will take no commit: nothing is spent
    /// for it (facts B18).
    package nonisolated func claim(_ accounts: [AccountID], for time: Duration) throws(StoreError) -> [AccountID] {
        guard self.file.inodes == self.inodes else { throw Self.moved }
        return accounts
    }

    /// Moves the log into the file, for a moment in which nobody waits for a commit.
    package func checkpoint() throws(StoreError) {
        try self.perform(Connection.checkpoint)
        self.owesCheckpoint = false
    }

    /// Moves the log into the file and lets go of it.
    ///
    /// Whatever is asked of the store from now on is `unavailable`. If the log cannot be moved, it stays, and is read
    /// at the next start.
    package func close() {
        guard self.lock != nil else { return }
        do {
            try self.checkpoint()
        } catch {
            self.logger.warning("store closed with its log", metadata: ["error": "\(error.label)"])
        }
        self.disconnect()
        self.lock = nil
    }
}

extension SQLiteStore {
    /// Runs work on the connection, outside any transaction.
    func perform<T>(_ work: (Database) throws -> T) throws(StoreError) -> T {
        let connection = try self.connected()
        do {
            return try connection.writeWithoutTransaction(work)
        } catch {
            let failure = StoreError(error)
            if Self.endsConnection(error) {
                self.logger.error("store connection given up", metadata: ["error": "\(failure)"])
                self.disconnect()
            }
            throw failure
        }
    }

    /// Runs work as one transaction: all of it is durable when this returns.
    ///
    /// - Throws: `StoreError.unavailable` from a commit means that nobody knows whether it happened.
    func transaction<T>(_ work: (Database) throws -> T) throws(StoreError) -> T {
        guard self.lock != nil else { throw Self.closed }
        // A file without a name, or a name on another file: what is committed now would be gone with this process
        // (facts B18).
        guard self.file.inodes == self.inodes else { throw Self.moved }
        return try self.perform { db in
            var result: T?
            try db.inTransaction(.immediate) {
                result = try work(db)
                return .commit
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return result
        }
    }

    /// The connection, a new one if the last was given up.
    func connected() throws(StoreError) -> DatabaseQueue {
        guard self.lock != nil else { throw Self.closed }
        if let connection { return connection }
        // An older copy of this store would pass for it: its identity is the same.
        guard self.file.inodes == self.inodes else { throw Self.moved }
        do {
            let fresh = try Connection.open(self.file)
            guard try fresh.read(StoreIdentity.read) == self.identity else {
                throw StoreError.corrupt(nil, detail: "another store is in its place")
            }
            // What a failed sync left in the log may be in memory only, and a second sync would not say so. Moved into
            // the file it is written again, and the log starts anew (facts B06).
            try Connection.checkpoint(fresh)
            self.owesCheckpoint = false
            self.connection = fresh
            self.logger.notice("store opened again")
            return fresh
        } catch {
            throw StoreError(error)
        }
    }

    private static var closed: StoreError { .unavailable(detail: "the store is closed") }

    private static var moved: StoreError {
        .unavailable(detail: "the store's file or its log was moved or replaced while in use: put it back, or restart")
    }

    /// Closes the connection without a checkpoint: nothing is synced again on a descriptor that failed.
    func disconnect() {
        try? self.backup?.end()
        self.backup = nil
        // A connection that cannot be closed now is closed when the last reference to it goes.
        try? self.connection?.close()
        self.connection = nil
    }

    private static func addDeliveries(to page: inout [StoredAccount], _ db: Database) throws {
        guard let first = page.first, let last = page.last else { return }
        let statement = try db.cachedStatement(
            sql: """
                SELECT account, sink, state, generation, accepted, at,
                    failure_cause, failure_message, failure_at, failure_retry_at, failure_count
                FROM outbox WHERE account >= ? AND account <= ? ORDER BY account, sink
                """
        )
        let rows = try Row.fetchCursor(statement, arguments: [first.account.name, last.account.name])
        // Both are in the order of names, and no delivery is without its account.
        var index = page.startIndex
        while let row = try rows.next() {
            let name: String = try row.value(0, of: nil)
            while index < page.endIndex, page[index].account.name != name { index += 1 }
            guard index < page.endIndex else { throw StoreError.corrupt(nil, detail: "a delivery without its account") }
            page[index].deliveries.append(try Delivery(row, of: page[index].account))
        }
    }
}
