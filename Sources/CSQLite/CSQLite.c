#include "CSQLite.h"

#include <sqlite3.h>
#include <stddef.h>

int csqlite_forbid_checkpoint_on_close(void *connection) {
    return sqlite3_db_config((sqlite3 *)connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

void *csqlite_backup_begin(void *to, void *from) {
    return sqlite3_backup_init((sqlite3 *)to, "main", (sqlite3 *)from, "main");
}

int csqlite_backup_step(void *backup, int pages) { return sqlite3_backup_step((sqlite3_backup *)backup, pages); }

int csqlite_backup_end(void *backup) { return sqlite3_backup_finish((sqlite3_backup *)backup); }
