import GRDB

/// Accounts, what is to be delivered of them, and the one row about the store itself.
///
/// Moments are milliseconds since 1970 UTC. `sealed_` columns hold nothing but sealed bytes. Names of tables and columns
/// are the same in every database; the SQL differs.
enum Migration0001Initial {
    static func migrate(_ db: Database) throws {
        // A table with row ids, and the name in an index: clustered by name, a row of 1 to 4 KiB would not fit its page,
        // and every refresh would write two pages or more instead of one.
        try db.execute(
            sql: """
                CREATE TABLE account (
                    name TEXT NOT NULL PRIMARY KEY,
                    profile TEXT NOT NULL,
                    standing TEXT NOT NULL,
                    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
                    generation INTEGER NOT NULL CHECK (generation >= 1),
                    revision INTEGER NOT NULL,
                    token_type TEXT NOT NULL,
                    scope TEXT NOT NULL,
                    issued_at INTEGER NOT NULL,
                    expires_at INTEGER,
                    grant_expires_at INTEGER,
                    due_at INTEGER,
                    failure_cause TEXT,
                    failure_message TEXT,
                    failure_at INTEGER,
                    failure_retry_at INTEGER,
                    failure_count INTEGER,
                    sealed_token BLOB NOT NULL,
                    sealed_grant BLOB NOT NULL
                ) STRICT;

                CREATE TABLE outbox (
                    account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
                    sink TEXT NOT NULL,
                    state TEXT NOT NULL,
                    generation INTEGER NOT NULL CHECK (generation >= 1),
                    accepted INTEGER,
                    at INTEGER NOT NULL,
                    failure_cause TEXT,
                    failure_message TEXT,
                    failure_at INTEGER,
                    failure_retry_at INTEGER,
                    failure_count INTEGER,
                    PRIMARY KEY (account, sink)
                ) STRICT, WITHOUT ROWID;

                CREATE TABLE meta (
                    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
                    store TEXT NOT NULL,
                    key_check BLOB NOT NULL,
                    revision INTEGER NOT NULL
                ) STRICT;
                """
        )
    }
}
