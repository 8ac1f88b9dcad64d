import Logging
import RefreshCore
import RefreshEngine
import Sealing
import SQLiteStore

/// From the configuration's key to a sealer, and to the store that is sealed with it.
enum Keys {
    /// The key ring that the configuration names.
    ///
    /// Where it names none, the key lives beside the store: read if it is there, made with a warning if there is no
    /// store either. A store without its key is never given a new one.
    static func ring(
        _ source: KeySource,
        storePath: String,
        isThere: (String) -> Bool,
        logger: Logger
    ) throws -> KeyRing {
        switch source {
        case .given(_, let key):
            return try KeyRing(bytes: key.revealBytes())
        case .besideStore(let path):
            if isThere(path) { return KeyRing(writing: try KeyFile.read(path)) }
            guard !isThere(storePath) else { throw StartError.keyMissing(path: path, store: storePath) }
            let key = try KeyFile.make(path)
            logger.event(
                .keyMade,
                .warning,
                "a new key was made beside the store: whoever copies the folder has both; better give one as a credential",
                ["key_file": "\(path)"]
            )
            return KeyRing(writing: key)
        }
    }

    /// Opens the store, and refuses one that was sealed with another key before anything is written.
    static func openStore(_ path: String, sealer: AEADSealer, logger: Logger) throws -> SQLiteStore {
        try SQLiteStore.open(path: path, logger: logger) { existing in
            guard let existing else {
                let store = StoreID.random()
                return StoreIdentity(store: store, keyCheck: try sealer.keyCheck(of: store))
            }
            do {
                try sealer.verify(existing.keyCheck, of: existing.store)
            } catch {
                throw StartError.wrongKey(store: path)
            }
            return existing
        }
    }
}

/// Why the daemon does not start, besides its configuration: one sentence each, with what to do.
enum StartError: Error, Hashable, CustomStringConvertible {
    case keyMissing(path: String, store: String)
    case wrongKey(store: String)
    case journalMissing(path: String)

    var description: String {
        switch self {
        case .keyMissing(let path, let store):
            "the store \(store) is there but its key \(path) is not: bring the key back, or name it in [store] key"
        case .journalMissing(let path):
            "the attempt journal \(path) is gone, and the last stop was not a clean one, so answers may have been in it: bring it back, or run `refreshd run --accept-journal-loss` once, which sends no refresh token that might have been used before a person says so"
        case .wrongKey(let store):
            "the key does not open the store \(store): name the key it was made with in [store] key; nothing was changed"
        }
    }
}
