#pragma once

// What SQLite has and the library around it does not give: a variadic function, and copies step by step.

/// Keeps a connection from checkpointing when it closes: what is closed unchanged, or after a failed sync, must stay
/// as it is.
///
/// Takes a `sqlite3 *`. Returns SQLite's result code.
int csqlite_forbid_checkpoint_on_close(void *connection);

/// Begins a copy of one database into another; both are `sqlite3 *`.
///
/// Returns the copy, or NULL with the error in `to`. GRDB has this only as one call that keeps its queue to the end.
void *csqlite_backup_begin(void *to, void *from);

/// Copies some pages.
///
/// Returns SQLITE_OK when there are more, SQLITE_DONE when there are none, or another of SQLite's result codes.
int csqlite_backup_step(void *backup, int pages);

/// Ends a copy, complete or not, and frees it.
///
/// Returns SQLITE_OK, or the error for which it is not complete.
int csqlite_backup_end(void *backup);
