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
        oldKeys: [OldKey],
        storePath: String,
        isThere: (String) -> Bool,
        logger: Logger
    ) throws -> KeyRing {
        let ring = KeyRing(
            writing: try Self.writingKey(source, storePath: storePath, isThere: isThere, logger: logger),
            opening: try oldKeys.map { try MasterKey(file: $0.key.revealBytes()) }
        )
        if !ring.lockInMemory() {
            logger.warning("the store's key cannot be locked in memory: where there is swap, it may get there")
        }
        return ring
    }

    private static func writingKey(
        _ source: KeySource,
        storePath: String,
        isThere: (String) -> Bool,
        logger: Logger
    ) throws -> MasterKey {
        switch source {
        case .given(_, let key):
            return try MasterKey(file: key.revealBytes())
        case .besideStore(let path):
            if isThere(path) { return try KeyFile.read(path) }
            guard !isThere(storePath) else { throw StartError.keyMissing(path: path, store: storePath) }
            let key = try KeyFile.make(path)
            logger.event(
                .keyMade,
                .warning,
                "a new key was made beside the store: whoever copies the folder has both; better give one as a credential",
                ["key_file": "\(path)"]
            )
            return key
        }
    }

    /// Opens the store, and refuses one that was sealed with another key before anything is written.
    ///
    /// A store whose key check is under an old key gets one under the present one; the rest is `refreshctl rekey`'s.
    static func openStore(_ path: String, sealer: AEADSealer, logger: Logger) throws -> SQLiteStore {
        try SQLiteStore.open(path: path, logger: logger, isHere: sealer.opens) { existing in
            guard let existing else {
                let store = StoreID.random()
                return StoreIdentity(store: store, keyCheck: try sealer.keyCheck(of: store))
            }
            do {
                try sealer.verify(existing.keyCheck, of: existing.store)
            } catch {
                throw StartError.wrongKey(store: path)
            }
            guard existing.keyCheck.key != sealer.writingKey else { return existing }
            logger.notice("a new key seals the store from now on: 'refreshctl rekey' does it for what is in it already")
            return StoreIdentity(store: existing.store, keyCheck: try sealer.keyCheck(of: existing.store))
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
            "the key does not open the store \(store): name the key it was sealed with last in [store] key or old_keys; nothing was changed"
        }
    }
}
