import CSQLite
import GRDB
import KillPoints

/// How the library is told to open the file: what differs from its defaults, and why.
enum Connection {
    /// How many 4 KiB pages the log may have before a commit moves them into the file.
    ///
    /// Sixteen times the default: a checkpoint inside a commit is what its slowest times are made of (p99 2.5 ms
    /// instead of 20 ms for batches of 64). The log then grows to 64 MiB.
    private static let checkpointPages = 16_384

    /// Opens the one connection.
    ///
    /// Nothing is written but, if there is none, an empty log. The file exists already, so that its permissions are
    /// ours.
    static func open(_ file: StoreFile) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "refreshd.store"
        // Nobody else is let in, so there is nobody to wait for: what is locked now stays locked.
        configuration.busyMode = .immediateError
        configuration.prepareDatabase { db in
            let code = unsafe csqlite_forbid_checkpoint_on_close(UnsafeMutableRawPointer(db.sqliteConnection))
            guard code == 0 else { throw DatabaseError(resultCode: ResultCode(rawValue: code)) }
            // Exclusive, before the first read: no shared memory appears beside the file, and no second connection
            // can write, which corrupts the log of SQLite before 3.51.3. FULL: with NORMAL, acknowledged commits
            // are lost with the power (facts, section 4). secure_delete overwrites what is freed (facts T6).
            try db.execute(
                sql: """
                    PRAGMA locking_mode = EXCLUSIVE;
                    PRAGMA synchronous = FULL;
                    PRAGMA secure_delete = ON;
                    PRAGMA temp_store = MEMORY;
                    PRAGMA mmap_size = 0;
                    PRAGMA trusted_schema = OFF;
                    PRAGMA cell_size_check = ON;
                    PRAGMA cache_size = -8192;
                    PRAGMA wal_autocheckpoint = \(Self.checkpointPages);
                    """
            )
        }
        return try DatabaseQueue(path: file.path, configuration: configuration)
    }

    /// Turns the log on, and looks whether it is.
    static func useLog(_ queue: DatabaseQueue) throws {
        let mode = try queue.writeWithoutTransaction { db in
            try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        }
        guard mode == "wal" else { throw DatabaseError(message: "the write-ahead log cannot be turned on") }
    }

    /// Moves the whole log into the file and empties it.
    static func checkpoint(_ queue: DatabaseQueue) throws { try queue.writeWithoutTransaction(self.checkpoint) }

    static func checkpoint(_ db: Database) throws {
        // In two steps, so that a test can stop between them.
        _ = try db.checkpoint(.passive)
        KillPoint.inCheckpoint.pass()
        _ = try db.checkpoint(.truncate)
    }
}
