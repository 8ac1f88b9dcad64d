import GRDB
import KillPoints

/// The sessions that deliveries have opened at third parties: cookie jars, and those of accounts that have gone.
enum Migration0004Handoff {
    static let statements = [
        """
        CREATE TABLE jar (
            account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
            public_key TEXT NOT NULL,
            storage_key TEXT NOT NULL,
            sealed_cookies BLOB NOT NULL,
            PRIMARY KEY (account, public_key, storage_key)
        ) STRICT, WITHOUT ROWID
        """,
        // An account that comes again under its old name has nothing to do with what is said to the one before.
        """
        CREATE TABLE farewell (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            account TEXT NOT NULL,
            public_key TEXT NOT NULL,
            storage_key TEXT NOT NULL,
            sealed_cookies BLOB NOT NULL
        ) STRICT
        """,
    ]

    static func migrate(_ db: Database) throws {
        for statement in self.statements {
            try db.execute(sql: statement)
            KillPoint.inMigration.pass()
        }
    }
}
