/* src/store/checkpoint_check.c - is a checkpoint whole; the contract is in checkpoint_check.h.
 *
 * May touch: the heap; reads the folder of checkpoints. */
#include "store/checkpoint_check.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/commit.h"
#include "store/images.h"
#include "store/input_log.h"
#include "store/run_dir.h"

typedef struct {
    const ht_check_sink *sink;
    size_t damaged;
} check;

static void say(check *c, ht_check_verdict verdict, const char *file, const char *what)
{
    char name[128];
    snprintf(name, sizeof name, "%s/%.100s", HT_DIR_CHECKPOINT, file);
    c->damaged += verdict == HT_CHECK_DAMAGED;
    c->sink->say(c->sink->ctx, verdict, name, what);
}

static void judge(check *c, ht_status st, const char *file, const char *fine, const ht_error *why)
{
    say(c, st == HT_OK ? HT_CHECK_WHOLE : HT_CHECK_DAMAGED, file, st == HT_OK ? fine : why->text);
}

static void check_images(check *c, const char *folder, const cJSON *item)
{
    const cJSON *child;
    if (cJSON_IsString(item) && ht_image_is_name(item->valuestring, NULL)) {
        ht_error why = {""};
        judge(c, ht_image_check(folder, item->valuestring, &why), item->valuestring, "a training state", &why);
        return;
    }
    cJSON_ArrayForEach(child, item)
        check_images(c, folder, child);
}

/* @param[out] newest  the commit that counts; number 0 = none */
static void check_commits(check *c, const char *folder, ht_commit *newest)
{
    ht_error notice = {""}, why = {""};
    ht_commit before = {0};
    ht_status st = ht_commit_read(folder, newest, &notice, &why);
    if (st == HT_OK && notice.text[0] != '\0')
        say(c, HT_CHECK_DAMAGED, HT_FILE_COMMIT, notice.text);
    else
        judge(c, st, HT_FILE_COMMIT, "the checkpoint that counts", &why);
    st = ht_commit_read_before(folder, &before, &why);
    if (st != HT_ENOTFOUND)
        judge(c, st, HT_FILE_COMMIT_BEFORE, "the one before", &why);
    ht_commit_release(&before);
}

static void check_journal(check *c, const char *folder, const ht_commit *commit)
{
    ht_error why = {""};
    ht_input_extent extent = {0};
    char *path = ht_path_join(folder, HT_FILE_INPUTS), text[96];
    ht_status st = path != NULL ? ht_input_log_read(path, UINT64_MAX, NULL, NULL, &extent, &why) : HT_ENOMEM;
    snprintf(text, sizeof text, "%llu inputs%s", (unsigned long long)extent.records,
             extent.torn > 0 ? ", and a torn one behind them" : "");
    if (st == HT_OK && extent.records < commit->inputs + commit->pending)
        say(c, HT_CHECK_DAMAGED, HT_FILE_INPUTS, "it ends before the checkpoint");
    else
        judge(c, st, HT_FILE_INPUTS, text, &why);
    free(path);
}

ht_status ht_checkpoint_check(const char *dir, const ht_check_sink *sink, ht_error *err)
{
    check c = {.sink = sink};
    ht_commit commit = {0};
    char *folder = ht_path_join(dir, HT_DIR_CHECKPOINT);
    if (folder == NULL)
        return ht_fail(err, HT_ENOMEM, "out of memory");
    if (ht_commit_is_there(dir)) {
        check_commits(&c, folder, &commit);
        for (size_t i = 0; i < commit.n_replicas; i++)
            check_images(&c, folder, commit.replicas[i].manifest);
        check_journal(&c, folder, &commit);
    }
    ht_commit_release(&commit);
    free(folder);
    return c.damaged == 0 ? HT_OK : ht_fail(err, HT_EFORMAT, "the checkpoint in '%s' is damaged", dir);
}
