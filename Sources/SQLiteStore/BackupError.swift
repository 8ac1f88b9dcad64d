/// Why there is no backup; the store is as it was, and there is nothing at the path that was not there before.
///
/// One case, and one sentence, for each thing a person does about it.
package enum BackupError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The daemon writes it, and its working directory is not the caller's.
    case notAbsolute(String)
    case exists(String)
    /// A name that belongs to the store itself, or to a file that SQLite keeps beside it.
    case reserved(String)
    /// With the folder that the daemon can always write to.
    case unwritable(String, why: String, suggestion: String)
    case alreadyRunning
    case storeUnavailable(detail: String)

    package var description: String {
        switch self {
        case .notAbsolute(let path): "the path of a backup must be absolute, and \(path) is not"
        case .exists(let path): "\(path) exists already: a backup does not replace anything, so name another path"
        case .reserved(let path): "\(path) is a name that the store itself uses: name another path"
        case .unwritable(let path, let why, let suggestion):
            "\(path) cannot be written by the daemon (\(why)): name a path in \(suggestion), which it may write to"
        case .alreadyRunning: "another backup is being made: wait for it to end"
        case .storeUnavailable(let detail): "the store could not be copied (\(detail)): see the journal"
        }
    }
}
