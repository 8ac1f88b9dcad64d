import GRDB
import RefreshCore

extension StoreError {
    /// What a caller can do about an error of the library.
    ///
    /// The detail names the result code and holds no statement and no value.
    init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            // The library reads rows, or the identity, and finds something else than a value in a column.
            self = .corrupt(nil, detail: "\(type(of: error))")
            return
        }
        let detail = error.codeText
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_NOMEM,
            .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_PROTOCOL, .SQLITE_INTERRUPT, .SQLITE_ABORT:
            self = .unavailable(detail: detail)
        default:
            // CORRUPT and NOTADB; a constraint or a schema that is not as this program made it is no better.
            self = .corrupt(nil, detail: detail)
        }
    }
}

extension DatabaseError {
    /// SQLite's number and sentence for the code, "1034 (disk I/O error)"; never the statement.
    var codeText: String { "\(self.extendedResultCode)" }
}

extension SQLiteStore {
    /// Whether the connection must not be used any more.
    ///
    /// After a failed write or sync nobody knows what is on the disk, and another sync on the same descriptor would
    /// succeed without telling (facts, section 4). A failed read harms nothing but itself.
    static func endsConnection(_ error: any Error) -> Bool {
        guard let error = error as? DatabaseError else { return false }
        switch error.extendedResultCode {
        case .SQLITE_IOERR_READ, .SQLITE_IOERR_SHORT_READ: return false
        case .SQLITE_READONLY_DBMOVED: return true
        default: break
        }
        return error.resultCode == .SQLITE_IOERR || error.resultCode == .SQLITE_CANTOPEN
    }
}
