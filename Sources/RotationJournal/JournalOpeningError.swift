/// Why a journal was not opened; nothing of it was changed.
///
/// One case, and one sentence, for each thing a person does about it.
package enum JournalOpeningError: Error, Hashable, Sendable, CustomStringConvertible {
    case folderMissing(String)
    /// Others could read the file, or put another in its place (facts T1, B24).
    case exposed(String)
    /// Not a journal at all.
    case notAJournal(String)
    /// Another store's (facts B19).
    case foreign(String)
    case tooShort(String)
    case newer(String, version: UInt32)
    case damaged(String)
    /// Sealed under a key that is not here; so many attempts are in it that cannot be read, or 0 if not even that is known.
    case key(String, attempts: Int)
    /// There are two, and neither grew out of the other.
    case twoJournals(String, String)
    case cannotBeMade(String, detail: String)
    /// The system said something else.
    case failed(String, detail: String)

    package var description: String {
        switch self {
        case .folderMissing(let folder):
            "the folder \(folder) does not exist: make it, owned by the user of the service, with mode 0700"
        case .exposed(let path):
            "other users can reach \(path): take their permissions away (chmod go= \(path))"
        case .notAJournal(let path):
            "\(path) is not a journal of refreshd: name another path, or move the file away"
        case .foreign(let path):
            "the journal \(path) belongs to another store: put the store's own journal back in its place"
        case .tooShort(let path):
            "the journal \(path) is shorter than it was made: restore it, together with its store, from a backup"
        case .newer(let path, let version):
            "the journal \(path) was written by a newer version (format \(version)): install that version"
        case .damaged(let path):
            "the journal \(path) is damaged: restore it, together with its store, from a backup"
        case .key(let path, 0):
            "the key does not open the journal \(path): give back the key that it was sealed with"
        case .key(let path, let attempts):
            "\(attempts) open attempts in the journal \(path) are sealed with a key that is not here: give it back until they are committed"
        case .twoJournals(let path, let other):
            "\(path) and \(other) are two different journals of one store: move away the one that was restored or copied"
        case .cannotBeMade(let path, let detail):
            "the journal \(path) could not be made (\(detail)): see that the folder can be written to and has space"
        case .failed(let path, let detail):
            "the journal \(path) could not be opened: \(detail)"
        }
    }

    init(_ refusal: Recovery.Refusal, at path: String) {
        self =
            switch refusal {
            case .notAJournal: .notAJournal(path)
            case .tooShort: .tooShort(path)
            case .newer(let version): .newer(path, version: version)
            case .damaged: .damaged(path)
            case .foreign: .foreign(path)
            case .key: .key(path, attempts: 0)
            }
    }
}
