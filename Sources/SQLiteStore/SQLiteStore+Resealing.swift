import FoundationEssentials
import GRDB
package import RefreshCore

extension SQLiteStore: ResealableStore {
    package func records(after: AccountID?, limit: Int) throws(StoreError) -> [SealedRecord] {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT name, generation, sealed_token, sealed_grant
                    FROM account WHERE name > ? ORDER BY name LIMIT ?
                    """
            )
            let rows = try Row.fetchCursor(statement, arguments: [after?.name ?? "", limit])
            var page: [SealedRecord] = []
            while let row = try rows.next() {
                let account = try StoredAccount.name(row.value(0, of: nil))
                page.append(
                    SealedRecord(
                        account: account,
                        generation: Generation(try row.value(1, of: account)),
                        token: try row.sealedBytes(2, of: account),
                        grant: try row.sealedBytes(3, of: account)
                    )
                )
            }
            return page
        }
    }

    package func reseal(_ changes: [Resealing]) throws(StoreError) {
        guard !changes.isEmpty else { return }
        try self.transaction { db in
            // By its bytes, not by its generation: an account that was removed and came again begins with the same.
            let statement = try db.cachedStatement(
                sql: """
                    UPDATE account SET sealed_token = ?, sealed_grant = ?
                    WHERE name = ? AND sealed_token = ? AND sealed_grant = ?
                    """
            )
            for change in changes {
                var arguments = Arguments()
                arguments.add(change.token)
                arguments.add(change.grant)
                arguments.add(change.record.account.name)
                arguments.add(change.record.token)
                arguments.add(change.record.grant)
                try statement.execute(arguments: arguments.statementArguments)
            }
        }
    }

    package func retireKeys(except kept: Set<KeyID>) throws(StoreError) {
        try self.transaction { db in
            for key in try SealingKeys.read(db) where !kept.contains(key) {
                try db.execute(sql: "DELETE FROM sealing_key WHERE id = ?", arguments: [Data(key.bytes)])
            }
        }
    }
}

/// The list of keys under which something may be sealed.
enum SealingKeys {
    /// - Returns: The keys; that of the key check alone in a store from before there was a list.
    static func read(_ db: Database) throws -> [KeyID] {
        guard try db.tableExists("sealing_key") else {
            return try StoreIdentity.read(db).map { [$0.keyCheck.key] } ?? []
        }
        return try Data.fetchAll(db, sql: "SELECT id FROM sealing_key ORDER BY id").map { KeyID($0) }
    }

    static func add(_ key: KeyID, _ db: Database) throws {
        try db.execute(sql: "INSERT OR IGNORE INTO sealing_key (id) VALUES (?)", arguments: [Data(key.bytes)])
    }

    /// How many accounts have something under one of these keys.
    ///
    /// Reads every account: seconds for a million.
    static func countAccounts(under keys: [KeyID], _ db: Database) throws -> Int {
        let marks = keys.map { _ in "?" }.joined(separator: ", ")
        let values = keys.map { Data($0.bytes) }
        return try Int.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM account
                WHERE substr(sealed_token, 1, \(KeyID.count)) IN (\(marks))
                    OR substr(sealed_grant, 1, \(KeyID.count)) IN (\(marks))
                """,
            arguments: StatementArguments(values + values)
        ) ?? 0
    }
}
