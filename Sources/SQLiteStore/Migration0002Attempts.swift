import GRDB
import KillPoints

/// What a start has to know of the attempts before it: doubts, the journal, and the state of the lanes.
enum Migration0002Attempts {
    /// No CHECK on the new columns, though each would deserve one: SQLite would read the whole table for it.
    static let statements = [
        "ALTER TABLE account ADD COLUMN unknowns INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE account ADD COLUMN unknown_since INTEGER",
        // The journal in use, and whether it may be missing: an older program has left no attempt open.
        "ALTER TABLE meta ADD COLUMN journal TEXT",
        "ALTER TABLE meta ADD COLUMN settled INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE meta ADD COLUMN machine TEXT",
        "CREATE TABLE lane (endpoint_client TEXT NOT NULL PRIMARY KEY, memory BLOB NOT NULL) STRICT, WITHOUT ROWID",
    ]

    static func migrate(_ db: Database) throws {
        for statement in self.statements {
            try db.execute(sql: statement)
            KillPoint.inMigration.pass()
        }
    }
}
