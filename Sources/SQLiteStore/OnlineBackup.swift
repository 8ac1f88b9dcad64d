import CSQLite
import GRDB

/// SQLite's copy of a store page by page, between whose steps the store goes on.
///
/// What the source's own connection writes meanwhile is written into the copy as well; there is no other connection,
/// so the copy is done after one pass over the pages and shows the store at its end.
///
/// Safe: the handle is used on the source's queue only, and not after `end`.
@safe final class OnlineBackup {
    private let copy: DatabaseQueue
    // Nil once ended.
    private var handle: OpaquePointer?

    /// Begins, into an empty file; to be called on the source's queue, as everything here.
    init(of source: Database, to path: String) throws {
        var configuration = Configuration()
        configuration.label = "refreshd.backup"
        // A draft: what is on the disk when counts only once it is complete, and then it is synced as a whole.
        configuration.prepareDatabase { db in
            try db.execute(
                sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF"
            )
        }
        self.copy = try DatabaseQueue(path: path, configuration: configuration)
        let from = unsafe UnsafeMutableRawPointer(source.sqliteConnection)
        unsafe self.handle = try self.copy.writeWithoutTransaction { db in
            guard let handle = unsafe csqlite_backup_begin(UnsafeMutableRawPointer(db.sqliteConnection), from) else {
                throw DatabaseError(resultCode: db.lastErrorCode)
            }
            return OpaquePointer(handle)
        }
    }

    deinit { try? self.end() }

    /// Copies some pages more.
    ///
    /// - Returns: Whether that was all.
    func step(pages: Int32) throws -> Bool {
        guard let handle = unsafe self.handle else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
        let code = ResultCode(rawValue: unsafe csqlite_backup_step(UnsafeMutableRawPointer(handle), pages))
        switch code {
        case .SQLITE_DONE: return true
        case .SQLITE_OK: return false
        default: throw DatabaseError(resultCode: code)
        }
    }

    /// Lets go of both databases; what is not complete stays so.
    func end() throws {
        guard let handle = unsafe self.handle else { return }
        unsafe self.handle = nil
        let code = ResultCode(rawValue: unsafe csqlite_backup_end(UnsafeMutableRawPointer(handle)))
        try self.copy.close()
        guard code == .SQLITE_OK else { throw DatabaseError(resultCode: code) }
    }
}
