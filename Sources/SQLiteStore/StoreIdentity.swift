import FoundationEssentials
import GRDB
package import RefreshCore

/// Which store this is, and which key it is sealed under.
package struct StoreIdentity: Hashable, Sendable {
    /// Part of the place of everything sealed in it.
    package var store: StoreID
    /// A fixed text, sealed: whether it opens tells whether the key is right.
    package var keyCheck: SealedBytes

    package init(store: StoreID, keyCheck: SealedBytes) {
        self.store = store
        self.keyCheck = keyCheck
    }
}

extension StoreIdentity {
    /// - Returns: Nil when the row is missing.
    static func read(_ db: Database) throws -> StoreIdentity? {
        guard let row = try Row.fetchOne(db, sql: "SELECT store, key_check FROM meta WHERE one = 1") else { return nil }
        let keyCheck = try row.decode(Data.self, atIndex: 1)
        return StoreIdentity(
            store: StoreID(try row.decode(String.self, atIndex: 0)),
            keyCheck: SealedBytes(Array(keyCheck))
        )
    }

    func write(_ db: Database) throws {
        try db.execute(
            sql: "INSERT INTO meta (one, store, key_check, revision) VALUES (1, ?, ?, 0)",
            arguments: [self.store.text, Data(self.keyCheck.bytes)]
        )
        try SealingKeys.add(self.keyCheck.key, db)
    }

    /// Puts the key check of another writing key in the place of the one there is.
    ///
    /// Before anything is sealed under that key: from here on a start without it is refused.
    func replace(_ old: StoreIdentity, _ db: Database) throws {
        guard self != old else { return }
        try db.execute(
            sql: "UPDATE meta SET key_check = ? WHERE one = 1",
            arguments: [Data(self.keyCheck.bytes)]
        )
        try SealingKeys.add(self.keyCheck.key, db)
    }
}
