/* src/store/freeze.c - the freeze file, and commands as others send them; the contract is in run_dir.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sum.h"
#include "base/text.h"
#include "store/page.h"
#include "store/run_dir.h"

static bool copy_path(char to[512], const char *from)
{
    if (from != NULL && strlen(from) >= 512)
        return false;
    strcpy(to, from == NULL ? "" : from);
    return true;
}

/* Fill from the text of a freeze file. @return HT_EFORMAT: `out` is off, err says why */
static ht_status parse_freeze(const char *text, const char *path, ht_freeze *out, ht_error *err)
{
    ht_freeze f = {.mode = HT_FREEZE_OFF};
    *out = f;
    if (text[strspn(text, " \t\r\n")] == '\0')
        return HT_OK;
    cJSON *object = NULL;
    ht_status st = ht_page_parse(text, path, &object, err);
    if (st != HT_OK)
        return st;
    const char *mode = ht_json_text(object, "mode"), *policy = ht_json_text(object, "policy");
    double offset = ht_json_number(object, "step_offset", 0);
    if (!cJSON_IsObject(object))
        st = ht_fail(err, HT_EFORMAT, "an object is expected");
    else if (mode != NULL && !ht_freeze_mode_parse(mode, &f.mode))
        st = ht_fail(err, HT_EFORMAT, "mode: '%s' is not off, prod, replay or replay_adjusted", mode);
    else if (!(offset >= -1e15 && offset <= 1e15))
        st = ht_fail(err, HT_EFORMAT, "step_offset: %g is no step", offset);
    else if (!copy_path(f.recipe_path, ht_json_text(object, "recipe_path")) ||
             !copy_path(f.adjust_path, ht_json_text(object, "adjust_path")))
        st = ht_fail(err, HT_EFORMAT, "a path is longer than 511 bytes");
    else {
        f.strict = policy != NULL && strcmp(policy, "strict") == 0;
        f.step_offset = (long long)offset;
        *out = f;
    }
    cJSON_Delete(object);
    return st == HT_OK ? st : ht_fail_in(err, st, path);
}

ht_status ht_freeze_read(const char *dir, ht_freeze *out, ht_error *err)
{
    *out = (ht_freeze){.mode = HT_FREEZE_OFF};
    char *path = ht_path_join(dir, HT_FILE_FREEZE), *text = NULL;
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_FREEZE);
    size_t n = 0;
    ht_status st = ht_file_read(path, &text, &n, err);
    if (st == HT_OK)
        st = strlen(text) == n ? parse_freeze(text, path, out, err)
                               : ht_fail(err, HT_EFORMAT, "'%s' is damaged: it holds bytes that are 0", path);
    free(text);
    free(path);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

ht_status ht_freeze_write(const char *dir, const ht_freeze *f, const ht_file_guard *guard, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_FREEZE), *text = NULL;
    cJSON *o = cJSON_CreateObject();
    ht_json_put_text(o, "mode", ht_freeze_mode_text(f->mode));
    ht_json_put_text(o, "recipe_path", f->recipe_path[0] == '\0' ? NULL : f->recipe_path);
    ht_json_put_text(o, "adjust_path", f->adjust_path[0] == '\0' ? NULL : f->adjust_path);
    ht_json_put_text(o, "policy", f->strict ? "strict" : "best_effort");
    ht_json_put_int(o, "step_offset", (double)f->step_offset);
    ht_status st;
    if (path == NULL || o == NULL || (text = ht_sum_put(ht_json_page(o), 0)) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for '%s'", HT_FILE_FREEZE);
    else
        st = ht_file_replace_if(path, text, strlen(text), guard, err);
    cJSON_Delete(o);
    free(text);
    free(path);
    return st;
}

/* ---- commands ------------------------------------------------------------------------------- */

/* The text of one append: a line feed first when the file ends in a part of a line. */
static char *append_text(int fd, const cJSON *command)
{
    ht_string text = {0};
    char last = '\n', *line = ht_sum_put(ht_json_line(command), 0);
    off_t end = lseek(fd, 0, SEEK_END);
    if (end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n')
        ht_string_add(&text, "\n");
    if (line == NULL) {
        ht_string_release(&text);
        return NULL;
    }
    ht_string_add(&text, "%s\n", line);
    free(line);
    return ht_string_take(&text);
}

ht_status ht_command_send(const char *dir, const cJSON *command, ht_error *err)
{
    ht_status st = HT_OK;
    char *text = NULL, *path = ht_path_join(dir, HT_FILE_COMMANDS);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_COMMANDS);
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = ht_fail(err, HT_EIO, "cannot open '%s': %s", path, strerror(errno));
        goto done;
    }
    /* Where the file system has no locks, one write to an append file is as whole as it gets. The lock
     * ends with close. */
    fcntl(fd, F_SETLKW, &(struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET});
    text = append_text(fd, command);
    if (text == NULL) {
        st = ht_fail(err, HT_ENOMEM, "no memory for a command");
        goto done;
    }
    ssize_t put = write(fd, text, strlen(text));
    if (put != (ssize_t)strlen(text))
        st = ht_fail(err, HT_EIO, "cannot write '%s': %s", path, strerror(put < 0 ? errno : ENOSPC));
done:
    if (fd >= 0)
        close(fd);
    free(text);
    free(path);
    return st;
}
