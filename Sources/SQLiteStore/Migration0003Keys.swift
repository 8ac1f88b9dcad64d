import GRDB
import KillPoints

/// Under which keys something may be sealed: a start that lacks one of them is refused before anything is written.
enum Migration0003Keys {
    static let statements = [
        "CREATE TABLE sealing_key (id BLOB NOT NULL PRIMARY KEY) STRICT, WITHOUT ROWID",
        // There was only one so far, that of the key check.
        "INSERT INTO sealing_key (id) SELECT substr(key_check, 1, 8) FROM meta",
    ]

    static func migrate(_ db: Database) throws {
        for statement in self.statements {
            try db.execute(sql: statement)
            KillPoint.inMigration.pass()
        }
    }
}
