import GRDB
package import RefreshCore

extension SQLiteStore: JarStore {
    package func jar(_ key: JarKey) throws(StoreError) -> SealedBytes? {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: "SELECT sealed_cookies FROM jar WHERE account = ? AND public_key = ? AND storage_key = ?"
            )
            let row = try Row.fetchOne(statement, arguments: [key.account.name, key.publicKey, key.storageKey])
            return try row?.sealedBytes(0, of: key.account)
        }
    }

    package func keep(_ jar: SealedJar) throws(StoreError) {
        var arguments = Arguments()
        arguments.add(jar.key)
        arguments.add(jar.cookies)
        let values = arguments
        try self.transaction { db in
            let isThere = try Row.fetchOne(
                db.cachedStatement(sql: "SELECT 1 FROM account WHERE name = ?"),
                arguments: [jar.key.account.name]
            )
            let sql =
                isThere != nil
                ? "INSERT OR REPLACE INTO jar (account, public_key, storage_key, sealed_cookies) VALUES (?, ?, ?, ?)"
                : "INSERT INTO farewell (account, public_key, storage_key, sealed_cookies) VALUES (?, ?, ?, ?)"
            try db.cachedStatement(sql: sql).execute(arguments: values.statementArguments)
        }
    }

    package func farewells(after: Int64, limit: Int) throws(StoreError) -> [Farewell] {
        try self.perform { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT account, public_key, storage_key, sealed_cookies, number
                    FROM farewell WHERE number > ? ORDER BY number LIMIT ?
                    """
            )
            let rows = try Row.fetchCursor(statement, arguments: [after, limit])
            var page: [Farewell] = []
            while let row = try rows.next() {
                page.append(Farewell(number: try row.value(4, of: nil), jar: try SealedJar(row)))
            }
            return page
        }
    }

    package func forget(farewell number: Int64) throws(StoreError) {
        try self.transaction { db in
            try db.cachedStatement(sql: "DELETE FROM farewell WHERE number = ?").execute(arguments: [number])
        }
        // In the file it is overwritten already; out of the log it goes with the next removal, or the next close.
        self.owesCheckpoint = true
    }

    package func resealJars(_ change: @Sendable (SealedJar) -> SealedBytes?) throws(StoreError) {
        try self.transaction { db in
            for table in ["jar", "farewell"] {
                let rows = try Row.fetchAll(
                    db,
                    sql: "SELECT account, public_key, storage_key, sealed_cookies FROM \(table)"
                )
                for row in rows {
                    let jar = try SealedJar(row)
                    guard let cookies = change(jar) else { continue }
                    var arguments = Arguments()
                    arguments.add(cookies)
                    arguments.add(jar.key)
                    arguments.add(jar.cookies)
                    try db.cachedStatement(
                        sql: """
                            UPDATE \(table) SET sealed_cookies = ?
                            WHERE account = ? AND public_key = ? AND storage_key = ? AND sealed_cookies = ?
                            """
                    ).execute(arguments: arguments.statementArguments)
                }
            }
        }
    }
}

extension SealedJar {
    /// Reads four columns: `account, public_key, storage_key, sealed_cookies`.
    init(_ row: Row) throws(StoreError) {
        let account = try StoredAccount.name(row.value(0, of: nil))
        self.init(
            key: JarKey(
                account: account,
                publicKey: try row.value(1, of: account),
                storageKey: try row.value(2, of: account)
            ),
            cookies: try row.sealedBytes(3, of: account)
        )
    }
}

extension Arguments {
    /// Three values: `account, public_key, storage_key`.
    fileprivate mutating func add(_ key: JarKey) {
        self.add(key.account.name)
        self.add(key.publicKey)
        self.add(key.storageKey)
    }
}
