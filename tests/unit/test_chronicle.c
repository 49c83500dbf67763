/* tests/unit/test_chronicle.c - what a coordinator remembers: whose answers make a checkpoint, and what it stands. */
#include <sys/stat.h>

#include "cases.h"
#include "kernel/chronicle.h"
#include "store/folder.h"
#include "store/images.h"

enum { REPLICAS = 2 };
static const bool both[REPLICAS] = {true, true};

typedef struct {
    folder f;
    ht_chronicle *h;
} book;

static ht_chronicle_options options_of(const book *b)
{
    return (ht_chronicle_options){.dir = b->f.path, .every_s = 1, .n_replicas = REPLICAS};
}

static void begin(book *b)
{
    folder_make(&b->f);
    const ht_chronicle_options o = options_of(b);
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&o, "{}", &b->h, NULL), HT_OK);
}

static void end(book *b)
{
    ht_chronicle_destroy(b->h);
    folder_remove(&b->f);
}

static void add_input(book *b, const char *text)
{
    CU_ASSERT_EQUAL(ht_chronicle_input(b->h, HT_INPUT_MESSAGE, 1, 0, text, strlen(text), NULL), HT_OK);
}

static uint64_t cut(book *b)
{
    return ht_chronicle_cut(b->h, 1, both, 0, NULL);
}

/* A replica answers with a manifest that names one image of this content. */
static ht_status save(book *b, uint64_t number, int replica, const char *content)
{
    char path[512], name[HT_IMAGE_NAME], manifest[HT_IMAGE_NAME + 32];
    const ht_image_part part = {(void *)(uintptr_t)content, strlen(content)};
    snprintf(path, sizeof path, "%s", folder_file(&b->f, HT_DIR_CHECKPOINT));
    CU_ASSERT_EQUAL_FATAL(ht_image_write(path, 1, &part, name, NULL, NULL), HT_OK);
    snprintf(manifest, sizeof manifest, "{\"live\":\"%s\"}", name);
    const ht_saved_message s = {.number = number, .manifest = manifest};
    return ht_chronicle_saved(b->h, 1, replica, &s, NULL);
}

static void checkpoint(book *b, const char *content)
{
    uint64_t number = cut(b);
    CU_ASSERT_EQUAL(save(b, number, 0, content), HT_OK);
    CU_ASSERT_EQUAL(save(b, number, 1, content), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(b->h), number);
}

static ht_status open_again(book *b, ht_error *notice, ht_error *err)
{
    const ht_chronicle_options o = options_of(b);
    ht_chronicle_destroy(b->h);
    b->h = NULL;
    return ht_chronicle_open(&o, &b->h, notice, err);
}

static void an_answer_to_a_checkpoint_that_was_given_up_is_none_to_the_next(void)
{
    book b;
    begin(&b);
    uint64_t first = cut(&b);
    CU_ASSERT_EQUAL(save(&b, first, 0, "old"), HT_OK);
    ht_chronicle_give_up(b.h, 2);
    uint64_t second = cut(&b);
    CU_ASSERT_NOT_EQUAL(first, second);
    CU_ASSERT_EQUAL(save(&b, second, 0, "new"), HT_OK);
    CU_ASSERT_EQUAL(save(&b, first, 1, "old"), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(b.h), 0);
    CU_ASSERT_EQUAL(save(&b, second, 1, "new"), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(b.h), second);
    end(&b);
}

static void one_that_cannot_be_written_is_not_tried_again_at_once(void)
{
    book b;
    ht_error err = {""};
    begin(&b);
    CU_ASSERT_TRUE(ht_chronicle_is_due(b.h, 1, false));
    const ht_saved_message failed = {.number = cut(&b), .error = "cannot write: No space left on device"};
    CU_ASSERT_EQUAL(ht_chronicle_saved(b.h, 1, 1, &failed, &err), HT_EFAILED);
    CU_ASSERT_FALSE(ht_chronicle_is_due(b.h, 20, false));
    CU_ASSERT_FALSE(ht_chronicle_is_due(b.h, 1.5, true));
    CU_ASSERT_TRUE(ht_chronicle_is_due(b.h, 2.5, true));
    CU_ASSERT_TRUE(ht_chronicle_is_due(b.h, 40, false));
    end(&b);
}

static void damage_behind_the_checkpoint_is_told_and_does_no_harm(void)
{
    book b;
    ht_error notice, err = {""};
    begin(&b);
    add_input(&b, "before");
    checkpoint(&b, "state");
    add_input(&b, "behind");
    ht_chronicle_destroy(b.h);
    b.h = NULL;
    folder_append(&b.f, HT_DIR_CHECKPOINT "/" HT_FILE_INPUTS, "this was never written by a journal");
    CU_ASSERT_EQUAL(open_again(&b, &notice, &err), HT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(notice.text, HT_FILE_INPUTS));
    end(&b);
}

static void damage_before_the_checkpoint_is_refused(void)
{
    book b;
    ht_error notice, err = {""};
    begin(&b);
    add_input(&b, "before");
    checkpoint(&b, "state");
    ht_chronicle_destroy(b.h);
    b.h = NULL;
    FILE *file = fopen(folder_file(&b.f, HT_DIR_CHECKPOINT "/" HT_FILE_INPUTS), "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    fseek(file, 24 + 21, SEEK_SET);     /* the bytes of record 0 */
    fputc('?', file);
    fclose(file);
    CU_ASSERT_EQUAL(open_again(&b, &notice, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, HT_FILE_INPUTS));
    end(&b);
}

static void remove_image(book *b, const ht_commit *c)
{
    char path[512];
    const char *name = ht_json_text(c->replicas[0].manifest, "live");
    snprintf(path, sizeof path, HT_DIR_CHECKPOINT "/%s", name != NULL ? name : "");
    CU_ASSERT_EQUAL(unlink(folder_file(&b->f, path)), 0);
}

/* HT_ENOTFOUND would say that there is no checkpoint, and the run would begin again. */
static void a_missing_image_of_both_checkpoints_is_damage(void)
{
    book b;
    ht_error notice, err = {""};
    begin(&b);
    checkpoint(&b, "first");
    remove_image(&b, ht_chronicle_commit(b.h));
    checkpoint(&b, "second");
    remove_image(&b, ht_chronicle_commit(b.h));
    CU_ASSERT_EQUAL(open_again(&b, &notice, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, ".image"));
    end(&b);
}

static void a_checkpoint_without_its_journal_is_damage(void)
{
    book b;
    char *start = NULL;
    ht_error err = {""};
    begin(&b);
    CU_ASSERT_EQUAL(ht_chronicle_start(b.f.path, &start, &err), HT_OK);
    free(start);
    checkpoint(&b, "state");
    CU_ASSERT_EQUAL(unlink(folder_file(&b.f, HT_DIR_CHECKPOINT "/" HT_FILE_INPUTS)), 0);
    CU_ASSERT_EQUAL(ht_chronicle_start(b.f.path, &start, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, HT_FILE_INPUTS));
    end(&b);
}

CASES("chronicle", CASE(an_answer_to_a_checkpoint_that_was_given_up_is_none_to_the_next),
      CASE(one_that_cannot_be_written_is_not_tried_again_at_once),
      CASE(damage_behind_the_checkpoint_is_told_and_does_no_harm), CASE(damage_before_the_checkpoint_is_refused),
      CASE(a_missing_image_of_both_checkpoints_is_damage), CASE(a_checkpoint_without_its_journal_is_damage))
