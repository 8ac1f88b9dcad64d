import GRDB

/// The ordered list of what has been done to the schema; entries are added and never changed.
enum Migrations {
    static var all: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("0001-initial", migrate: Migration0001Initial.migrate)
        migrator.registerMigration("0002-attempts", migrate: Migration0002Attempts.migrate)
        migrator.registerMigration("0003-keys", migrate: Migration0003Keys.migrate)
        migrator.registerMigration("0004-handoff", migrate: Migration0004Handoff.migrate)
        return migrator
    }

    /// The name of a migration in the database that this program does not know: a newer one was here.
    static func unknown(in db: Database) throws -> String? {
        let migrator = Self.all
        return try migrator.appliedIdentifiers(db).subtracting(migrator.migrations).sorted().last
    }
}
