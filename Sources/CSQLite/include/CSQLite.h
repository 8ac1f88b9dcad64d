#pragma once

// What SQLite has and Swift cannot call: a variadic function.

/// Keeps a connection from checkpointing when it closes: what is closed unchanged, or after a failed sync, must stay
/// as it is.
///
/// Takes a `sqlite3 *`. Returns SQLite's result code.
int csqlite_forbid_checkpoint_on_close(void *connection);
