/* src/store/optuna_renew.c - a database gets a new inode; the contract is in optuna.h.
 *
 * While the file is copied it is read by SQLite, too, so that no writer changes it meanwhile. Who holds it for writing
 * and does not let go is frozen in a transaction: then what lies there does not change either, and the journal that is
 * beside it makes the copy whole when it is opened, as after any crash. May touch: the database. */
#include "store/optuna.h"

#include <sqlite3.h>

#include "store/file_cut.h"

enum { BUSY_MS = 2000 };

ht_status ht_optuna_renew(const char *path, const ht_file_guard *guard, ht_error *err)
{
    sqlite3 *db = NULL;
    if (!ht_file_look(path).exists)
        return HT_OK;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK) {
        sqlite3_busy_timeout(db, BUSY_MS);
        sqlite3_exec(db, "BEGIN; SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
    }
    ht_status st = ht_file_cut(path, UINT64_MAX, true, guard, NULL, err);
    sqlite3_close(db);
    return st;
}
