/// Why a store was not opened; its file and its log are unchanged to the byte.
///
/// One case, and one sentence, for each thing a person does about it.
package enum StoreOpeningError: Error, Hashable, Sendable, CustomStringConvertible {
    case folderMissing(String)
    /// Others could read the file, or put another in its place (facts T1).
    case exposed(String)
    case readOnly(String)
    /// Not a database, or one of another program.
    case notAStore(String)
    /// A log without its database: opened beside a new database, its pages would be taken for that one's.
    case logWithoutStore(String)
    /// What has to be readable at the start is not.
    case damaged(String, detail: String)
    /// It was changed by a newer version, by the migration of this name.
    case newer(String, migration: String)
    /// A key is not here under which this many accounts are sealed, 1 or more.
    case keyMissing(String, accounts: Int)
    /// Another daemon has it open; nil when it did not say which process it is.
    case heldByDaemon(String, process: Int32?)
    /// Some other program has it open.
    case heldByProgram(String, process: Int32?)
    /// The system or the database said something else.
    case failed(String, detail: String)

    package var description: String {
        switch self {
        case .folderMissing(let folder):
            "the folder \(folder) does not exist: make it, owned by the user of the service, with mode 0700"
        case .exposed(let path):
            "other users can reach \(path): take their permissions away (chmod go= \(path))"
        case .readOnly(let path):
            "\(path) cannot be written to: give it to the user of the service, on a file system that is not read-only"
        case .notAStore(let path):
            "\(path) is not a store of refreshd: name another path, or move the file away"
        case .logWithoutStore(let path):
            "\(path)-wal is here without its store: restore \(path), or move the log away"
        case .damaged(let path, let detail):
            "the store \(path) is damaged (\(detail)): restore it from a backup"
        case .newer(let path, let migration):
            "the store \(path) was written by a newer version (\(migration)): install that version"
        case .keyMissing(let path, let accounts):
            "\(accounts) accounts of the store \(path) are sealed under a key that is not here: "
                + "name it in [store] old_keys until 'refreshctl rekey' is done with them; nothing was changed"
        case .heldByDaemon(let path, let process):
            "the store \(path) is in use by another daemon\(Self.named(process)): stop that one first"
        case .heldByProgram(let path, let process):
            "the store \(path) is in use by another program\(Self.named(process)): close it there first"
        case .failed(let path, let detail):
            "the store \(path) could not be opened: \(detail)"
        }
    }

    private static func named(_ process: Int32?) -> String { process.map { " (process \($0))" } ?? "" }
}
