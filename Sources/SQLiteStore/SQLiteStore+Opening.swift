import GRDB
package import Logging
package import RefreshCore

extension SQLiteStore {
    /// Opens the store, or makes it if there is none.
    ///
    /// Blocks; called once, at the start. Until `identity` has agreed, nothing is written: whatever is thrown, the file and its log are unchanged to the
    /// byte. A new store is made under another name and renamed, so it exists with its identity or not at all.
    ///
    /// - Parameters:
    ///   - path: The database file. Beside it appear `-wal`, its log, and `.lock`, the daemon's own lock.
    ///   - logger: Told of a folder that others may look into, and of connections given up.
    ///   - isHere: Whether this key can open what was sealed under it.
    ///   - identity: Given the identity of an existing store, checks it against the keys and throws if that is wrong. It
    ///     returns the same with a key check under the writing key. Given nil, makes the identity of a new store.
    /// - Returns: The store, which this process has to itself until it is closed.
    /// - Throws: `StoreOpeningError`, `keyMissing` of it when accounts are sealed under a key that is not here; or what
    ///   `identity` throws.
    package static func open(
        path: String,
        logger: Logger,
        isHere: (KeyID) -> Bool = { _ in true },
        identity: (StoreIdentity?) throws -> StoreIdentity
    ) throws -> SQLiteStore {
        let file = StoreFile(path: path)
        if try file.checkFolder() {
            logger.warning("other users may look into the store's folder", metadata: ["folder": "\(file.folder)"])
        }
        let lock = try StoreLock(store: path)
        let made = try file.exists() ? nil : Self.make(file, identity(nil))
        try file.check()

        let hadLog = try file.hasLog()
        let connection = try Self.connect(file, hadLog: hadLog)
        do {
            let found = try Self.inspect(file, connection)
            var present = found
            if made == nil {
                try Self.naming(file) { try Self.checkKeys(file, connection, isHere) }
                present = try identity(found)
            }
            try Self.naming(file) {
                try Connection.useLog(connection)
                try Migrations.all.migrate(connection)
                if present != found { try connection.write { db in try present.replace(found, db) } }
            }
            return SQLiteStore(
                file: file,
                inodes: file.inodes,
                lock: lock,
                connection: connection,
                identity: present,
                logger: logger
            )
        } catch {
            // Before the connection is closed: until then nobody else can have put anything into the log.
            if !hadLog { file.removeLog() }
            try? connection.close()
            throw error
        }
    }

    /// Makes a store with nothing in it but its identity.
    private static func make(_ file: StoreFile, _ identity: StoreIdentity) throws -> StoreIdentity {
        let draft = file.draft
        // What a start that was interrupted left.
        draft.remove()
        try draft.create()
        do {
            try Self.naming(file) {
                let connection = try Connection.open(draft)
                try Connection.useLog(connection)
                try Migrations.all.migrate(connection)
                try connection.write { db in
                    try db.execute(sql: "PRAGMA application_id = \(StoreFile.applicationID)")
                    try identity.write(db)
                }
                try Connection.checkpoint(connection)
                try connection.close()
            }
            draft.removeLog()
            try draft.rename(to: file)
        } catch {
            draft.remove()
            throw error
        }
        return identity
    }

    /// Opens the file; if that fails and it had no log, takes away the empty one that the look into it made.
    private static func connect(_ file: StoreFile, hadLog: Bool) throws -> DatabaseQueue {
        do {
            return try Connection.open(file)
        } catch let error as DatabaseError where [.SQLITE_BUSY, .SQLITE_LOCKED].contains(error.resultCode) {
            throw StoreOpeningError.heldByProgram(file.path, process: file.lockHolder())
        } catch let error as DatabaseError {
            if !hadLog { file.removeLog() }
            throw StoreOpeningError(error, at: file)
        }
    }

    /// Reads what has to be right before anything is written: the list of migrations, the identity, and the first page
    /// of each table.
    ///
    /// A damaged page further in is found by the read that needs it: to look at all of them takes minutes for a
    /// million accounts.
    private static func inspect(_ file: StoreFile, _ connection: DatabaseQueue) throws -> StoreIdentity {
        try Self.naming(file) {
            try connection.writeWithoutTransaction { db in
                if let migration = try Migrations.unknown(in: db) {
                    throw StoreOpeningError.newer(file.path, migration: migration)
                }
                for table in ["account", "outbox"] {
                    _ = try Row.fetchOne(db, sql: "SELECT * FROM \(table) LIMIT 1")
                }
                _ = try Row.fetchOne(db, sql: "SELECT name FROM account ORDER BY name LIMIT 1")
                guard let identity = try StoreIdentity.read(db) else {
                    throw StoreOpeningError.damaged(file.path, detail: "its identity is missing")
                }
                return identity
            }
        }
    }

    /// Refuses a store of which some keys are here and some are not (facts C04).
    ///
    /// If none is here, it is the wrong key altogether, and `identity` says so: at once, for nothing is counted.
    private static func checkKeys(_ file: StoreFile, _ connection: DatabaseQueue, _ isHere: (KeyID) -> Bool) throws {
        try connection.writeWithoutTransaction { db in
            let keys = try SealingKeys.read(db)
            let missing = keys.filter { !isHere($0) }
            guard !missing.isEmpty, missing.count < keys.count else { return }
            let count = try SealingKeys.countAccounts(under: missing, db)
            // None is left under it, and yet it was not retired: the last step of a rekey was cut off.
            if count > 0 { throw StoreOpeningError.keyMissing(file.path, accounts: count) }
        }
    }

    /// Gives errors of the library the store's name.
    private static func naming<T>(_ file: StoreFile, _ work: () throws -> T) throws -> T {
        do {
            return try work()
        } catch let error as DatabaseError {
            throw StoreOpeningError(error, at: file)
        }
    }
}

extension StoreOpeningError {
    init(_ error: DatabaseError, at file: StoreFile) {
        self =
            switch error.resultCode {
            case .SQLITE_BUSY, .SQLITE_LOCKED: .heldByProgram(file.path, process: nil)
            case .SQLITE_READONLY, .SQLITE_PERM: .readOnly(file.path)
            case .SQLITE_NOTADB: .notAStore(file.path)
            // A statement that does not fit the schema: tables or columns are not there.
            case .SQLITE_CORRUPT, .SQLITE_ERROR, .SQLITE_SCHEMA: .damaged(file.path, detail: error.codeText)
            default: .failed(file.path, detail: error.codeText)
            }
    }
}
