/* tests/kernel/test_resume.c - a coordinator that outlives its process: two replicas that decide for
 * themselves, a journal, checkpoints, and what is left of them after a crash. */
#include "cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel/chronicle.h"
#include "population/samples.h"
#include "store/folder.h"
#include "store/images.h"

static const char recipe_text[] =
    "{\"version\": 1, \"objective\": {\"primary\": \"val/loss\", \"mode\": \"min\"},"
    " \"actuators\": {\"opt\": {\"mutations\": {\"lr_mult\": {\"bounds\": [0.5, 1.5]}}}},"
    " \"search\": {\"seed\": 7, \"startup_trials\": 2}, \"population\": {\"sync\": \"%s\"}}";
static const char start_text[] = "{\"how\": \"it began\"}";

typedef struct {
    folder f;
    char dir[300];              /* of the checkpoints */
    ht_chronicle_options o;
    ht_chronicle *h;
    ht_coordinator *c;
    double now;
    unsigned long decision[2];
    ht_string said;             /* bytes of all messages in hexadecimal */
    int images;                 /* written so far: no two are alike */
} life;

/* ---- a coordinator and its chronicle ----------------------------------------------------------- */

static ht_coordinator *coordinator_of(const char *sync, ht_mode mode)
{
    char text[512];
    ht_recipe *recipe = NULL;
    ht_coordinator *c = NULL;
    snprintf(text, sizeof text, recipe_text, sync);
    CU_ASSERT_EQUAL_FATAL(ht_recipe_parse(text, "test", &recipe, NULL), HT_OK);
    const ht_coordinator_options o = {.n_replicas = 2, .recipe = recipe, .mode = mode, .silence_s = 10};
    CU_ASSERT_EQUAL_FATAL(ht_coordinator_create(&o, &c, NULL), HT_OK);
    ht_recipe_destroy(recipe);
    return c;
}

static void take_all(void *ctx)
{
    life *l = ctx;
    ht_bytes bytes;
    ht_record record;
    int replica;
    while (ht_coordinator_next_message(l->c, &replica, &bytes)) {
        ht_string_add(&l->said, "%d:", replica);
        for (size_t i = 0; i < bytes.n; i++)
            ht_string_add(&l->said, "%02x", bytes.data[i]);
        ht_chronicle_said(l->h, replica, &bytes);
        free(bytes.data);
    }
    while (ht_coordinator_next_record(l->c, &record))
        ht_record_release(&record);
}

static life *begin(void)
{
    life *l = calloc(1, sizeof *l);
    folder_make(&l->f);
    folder_write(&l->f, "a.log", "line");
    snprintf(l->dir, sizeof l->dir, "%s/" HT_DIR_CHECKPOINT, l->f.path);
    l->o = (ht_chronicle_options){.dir = l->f.path, .n_replicas = 2};
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&l->o, start_text, &l->h, NULL), HT_OK);
    l->c = coordinator_of("elastic", HT_MODE_ACTIVE);
    take_all(l);
    return l;
}

/* The process dies: only files are left. */
static void crash(life *l)
{
    ht_chronicle_destroy(l->h);
    ht_coordinator_destroy(l->c);
    ht_string_release(&l->said);
    l->said = (ht_string){0};
    l->h = NULL;
    l->c = NULL;
}

static void end(life *l)
{
    crash(l);
    folder_remove(&l->f);
    free(l);
}

static void input(life *l, ht_packet *m, int replica)
{
    ht_bytes bytes;
    l->now += 1;
    CU_ASSERT_EQUAL_FATAL(ht_packet_encode(m, &bytes), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_input(l->h, HT_INPUT_MESSAGE, l->now, replica, bytes.data, bytes.n, NULL),
                    HT_OK);
    CU_ASSERT_EQUAL(ht_feed(l->c, HT_INPUT_MESSAGE, l->now, replica, bytes.data, bytes.n, NULL), HT_OK);
    free(bytes.data);
    take_all(l);
}

static void join(life *l, int replica)
{
    static ht_packet m;
    static char controls[] = "[]";
    m.kind = HT_MESSAGE_HELLO;
    m.as.hello = (ht_hello){.actuators = "opt", .controls = controls};
    input(l, &m, replica);
}

static void decide(life *l, int replica, double loss)
{
    static ht_packet m;
    unsigned long n = ++l->decision[replica];
    m.kind = HT_MESSAGE_REPORT;
    m.as.report = (ht_report){.decision = n, .step = 100 * (long long)n, .epoch = (long long)n,
                              .total_steps = 1000, .readings = sample_readings(loss), .mode = HT_MODE_ACTIVE,
                              .asks = true, .ask = sample_ask()};
    input(l, &m, replica);
}

static life *begin_well(void)
{
    life *l = begin();
    join(l, 0);
    join(l, 1);
    for (int i = 0; i < 3; i++) {
        decide(l, 0, 3 - i);
        decide(l, 1, 4 - i);
    }
    return l;
}

/* ---- checkpoints ------------------------------------------------------------------------------- */

static uint64_t cut(life *l)
{
    const bool lives[2] = {true, true};
    ht_commit_log *logs = calloc(1, sizeof *logs);
    logs[0] = (ht_commit_log){strdup("a.log"), 4};
    return ht_chronicle_cut(l->h, l->now, lives, 1, logs);
}

/* A replica writes an image and says SAVED. @return its name, borrowed until the next call */
static const char *write_image(life *l)
{
    static char name[HT_IMAGE_NAME];
    char content[64];
    snprintf(content, sizeof content, "what replica holds, %d", ++l->images);
    const ht_image_part part = {content, sizeof content};
    memset(content + strlen(content), 0, sizeof content - strlen(content));
    CU_ASSERT_EQUAL_FATAL(ht_image_write(l->dir, 1, &part, name, NULL, NULL), HT_OK);
    return name;
}

static ht_status saved(life *l, int replica, uint64_t number, ht_error *err)
{
    char manifest[256];
    ht_saved_message m = {.number = (unsigned long)number, .manifest = manifest, .seconds = .01};
    snprintf(manifest, sizeof manifest, "{\"training\": {\"live\": \"%s\"}, \"of\": %d}", write_image(l),
             replica);
    CU_ASSERT_EQUAL(ht_chronicle_input(l->h, HT_INPUT_SAVED, l->now, replica, &number, sizeof number, NULL),
                    HT_OK);
    return ht_chronicle_saved(l->h, l->now, replica, &m, err);
}

static void checkpoint(life *l)
{
    uint64_t number = cut(l);
    CU_ASSERT_EQUAL(saved(l, 0, number, NULL), HT_OK);
    CU_ASSERT_EQUAL(saved(l, 1, number, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), number);
}

/* ---- another process --------------------------------------------------------------------------- */

static ht_status open_again(life *l, ht_error *notice, ht_error *err)
{
    crash(l);
    return ht_chronicle_open(&l->o, &l->h, notice, err);
}

static ht_status tell(life *l, ht_error *err)
{
    l->c = coordinator_of("elastic", HT_MODE_ACTIVE);
    ht_status st = ht_chronicle_tell(l->h, l->c, take_all, l, err);
    return st == HT_OK ? ht_chronicle_reopen(l->h, err) : st;
}

static char *said(const life *l)
{
    return strdup(ht_string_peek(&l->said));
}

static void expect_said(const life *l, const char *expected)
{
    CU_ASSERT_STRING_EQUAL(ht_string_peek(&l->said), expected);
}

static void go_on(life *l, bool second)
{
    const bool present[2] = {true, second};
    ht_error notice = {""}, err = {""};
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(notice.text, "");
    CU_ASSERT_EQUAL_FATAL(tell(l, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_resume(l->h, &err), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_hand_over(l->h, l->c, present, take_all, l, &err), HT_OK);
    CU_ASSERT_STRING_EQUAL(err.text, "");
}

/* A checkpoint that 0 comes to after one more decision, 1 after none. @return what was said when it counts as
 * the coordinator's own, and with 0's decision handed over; to be freed */
static void checkpoint_with_pending(life *l, char **at_cut, char **with_pending)
{
    uint64_t number = cut(l);
    *at_cut = said(l);
    CU_ASSERT_EQUAL(saved(l, 1, number, NULL), HT_OK);
    decide(l, 0, .5);
    *with_pending = said(l);
    decide(l, 1, .7);           /* after its SAVED: it did not happen */
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 0);
    CU_ASSERT_TRUE(ht_chronicle_is_cutting(l->h));
    CU_ASSERT_EQUAL(saved(l, 0, number, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), number);
    CU_ASSERT_FALSE(ht_chronicle_is_cutting(l->h));
    decide(l, 0, .3);
}

static void a_run_goes_on_where_its_checkpoint_has_it(void)
{
    life *l = begin_well();
    char *at_cut, *with_pending, *start = NULL;
    ht_error notice = {""};
    double cut_at = l->now;
    checkpoint_with_pending(l, &at_cut, &with_pending);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(notice.text, "");
    CU_ASSERT_EQUAL(ht_chronicle_start(l->f.path, &start, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(start, start_text);
    const ht_commit *c = ht_chronicle_commit(l->h);
    CU_ASSERT_TRUE(c->number == 1 && c->time == cut_at && c->n_logs == 1 && c->logs[0].bytes == 4);
    CU_ASSERT_EQUAL(ht_json_number(c->replicas[1].manifest, "of", -1), 1);
    CU_ASSERT_EQUAL(ht_chronicle_time(l->h), cut_at + 1);       /* of what is pending */
    CU_ASSERT_EQUAL_FATAL(tell(l, NULL), HT_OK);
    expect_said(l, at_cut);
    const bool both[2] = {true, true};
    CU_ASSERT_EQUAL(ht_chronicle_resume(l->h, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_hand_over(l->h, l->c, both, take_all, l, NULL), HT_OK);
    expect_said(l, with_pending);
    free(start);
    free(at_cut);
    free(with_pending);
    end(l);
}

static void what_was_pending_of_who_did_not_come_back_is_dropped(void)
{
    life *l = begin_well();
    char *at_cut, *with_pending;
    const bool second[2] = {false, true};
    ht_error notice;
    checkpoint_with_pending(l, &at_cut, &with_pending);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(tell(l, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_resume(l->h, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_hand_over(l->h, l->c, second, take_all, l, NULL), HT_OK);
    expect_said(l, at_cut);
    free(at_cut);
    free(with_pending);
    end(l);
}

static void it_may_go_on_from_one_checkpoint_again_and_again(void)
{
    life *l = begin_well();
    char *at_cut, *with_pending;
    checkpoint_with_pending(l, &at_cut, &with_pending);
    for (int i = 0; i < 3; i++) {
        go_on(l, true);
        expect_said(l, with_pending);
        l->now = 50 + 10 * i;
        decide(l, i % 2, 9 - i);        /* another way each time, and no checkpoint of it */
    }
    free(at_cut);
    free(with_pending);
    end(l);
}

static void a_checkpoint_after_one_has_gone_on_counts_only_what_happened(void)
{
    life *l = begin_well();
    char *at_cut, *with_pending;
    checkpoint_with_pending(l, &at_cut, &with_pending);
    go_on(l, true);
    l->now = 60;
    decide(l, 1, 8);
    checkpoint(l);
    char *second = said(l);
    go_on(l, true);
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 2);
    expect_said(l, second);
    free(second);
    free(at_cut);
    free(with_pending);
    end(l);
}

/* ---- cuts that come to nothing ----------------------------------------------------------------- */

static void a_cut_that_is_given_up_leaves_no_checkpoint(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    uint64_t first = cut(l);
    CU_ASSERT_EQUAL(saved(l, 0, first, NULL), HT_OK);
    ht_chronicle_give_up(l->h, l->now);
    CU_ASSERT_FALSE(ht_chronicle_is_cutting(l->h));
    CU_ASSERT_EQUAL(saved(l, 1, first, NULL), HT_OK);   /* too late */
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 0);
    uint64_t second = cut(l);
    CU_ASSERT(second > first);
    CU_ASSERT_EQUAL(saved(l, 0, second, NULL), HT_OK);
    CU_ASSERT_EQUAL(saved(l, 1, first, NULL), HT_OK);   /* of the other one: not what is waited for */
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 0);
    CU_ASSERT_EQUAL(saved(l, 1, second, NULL), HT_OK);
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), second);
    CU_ASSERT_EQUAL(open_again(l, &notice, &err), HT_OK);
    CU_ASSERT_EQUAL(tell(l, &err), HT_OK);
    end(l);
}

static void a_replica_that_cannot_write_ends_the_cut(void)
{
    life *l = begin_well();
    ht_error err = {""};
    uint64_t number = cut(l);
    const ht_saved_message m = {.number = (unsigned long)number, .error = "the disk is full"};
    CU_ASSERT_EQUAL(ht_chronicle_saved(l->h, l->now, 1, &m, &err), HT_EFAILED);
    CU_ASSERT_STRING_EQUAL(err.text, "replica 1 could not write a checkpoint: the disk is full");
    CU_ASSERT_FALSE(ht_chronicle_is_cutting(l->h));
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 0);
    end(l);
}

static void a_checkpoint_that_is_too_large_does_not_count(void)
{
    life *l = begin_well();
    ht_error err = {""}, notice = {""};
    crash(l);
    l->o.most_bytes = 600;      /* two images and a short journal, not four */
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&l->o, start_text, &l->h, NULL), HT_OK);
    l->c = coordinator_of("elastic", HT_MODE_ACTIVE);
    take_all(l);
    join(l, 0);
    join(l, 1);
    checkpoint(l);
    decide(l, 0, 2);
    uint64_t number = cut(l);
    CU_ASSERT_EQUAL(saved(l, 0, number, &err), HT_OK);
    CU_ASSERT_EQUAL(saved(l, 1, number, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the limit is"));
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 1);
    CU_ASSERT_EQUAL(open_again(l, &notice, &err), HT_OK);       /* the first one is whole still */
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 1);
    CU_ASSERT_EQUAL(tell(l, &err), HT_OK);
    end(l);
}

static void without_a_checkpoint_there_is_nothing_to_open(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    char *start = NULL;
    CU_ASSERT_EQUAL(open_again(l, &notice, &err), HT_ENOTFOUND);
    CU_ASSERT_EQUAL(ht_chronicle_start(l->f.path, &start, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(start, start_text);
    free(start);
    end(l);
}

/* ---- damage ------------------------------------------------------------------------------------ */

static void flip(life *l, const char *name, long at)
{
    char path[700];
    snprintf(path, sizeof path, "%s/%s", l->dir, name);
    FILE *f = fopen(path, "r+");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
    int c = fgetc(f);
    fseek(f, -1, SEEK_CUR);
    fputc(c ^ 1, f);
    fclose(f);
}

/* Two checkpoints; what was said at the first one, to be freed. */
static char *two_checkpoints(life *l)
{
    checkpoint(l);
    char *first = said(l);
    decide(l, 0, 1.5);
    decide(l, 1, 1.25);
    checkpoint(l);
    return first;
}

static void a_damaged_commit_falls_back_to_the_one_before(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    char *first = two_checkpoints(l);
    flip(l, HT_FILE_COMMIT, 20);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, &err), HT_OK);
    CU_ASSERT(notice.text[0] != '\0');
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 1);
    CU_ASSERT_EQUAL(tell(l, &err), HT_OK);
    expect_said(l, first);
    free(first);
    end(l);
}

static void so_does_a_damaged_image(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    char *first = two_checkpoints(l);
    const cJSON *training = ht_json_member(ht_chronicle_commit(l->h)->replicas[1].manifest, "training");
    flip(l, ht_json_text(training, "live"), -3);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, &err), HT_OK);
    CU_ASSERT_PTR_NOT_NULL(strstr(notice.text, "the checkpoint before it is taken"));
    CU_ASSERT_EQUAL(ht_chronicle_last(l->h), 1);
    CU_ASSERT_EQUAL(tell(l, &err), HT_OK);
    expect_said(l, first);
    free(first);
    end(l);
}

static void if_both_are_damaged_it_says_so(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    free(two_checkpoints(l));
    flip(l, HT_FILE_COMMIT, 20);
    flip(l, HT_FILE_COMMIT_BEFORE, 20);
    CU_ASSERT_EQUAL(open_again(l, &notice, &err), HT_EFORMAT);
    CU_ASSERT(err.text[0] != '\0');
    end(l);
}

static void a_torn_tail_of_the_journal_is_cut_off(void)
{
    life *l = begin_well();
    char *at_cut, *with_pending;
    checkpoint_with_pending(l, &at_cut, &with_pending);
    crash(l);
    folder_append(&l->f, HT_DIR_CHECKPOINT "/" HT_FILE_INPUTS, "half a rec");
    go_on(l, true);
    expect_said(l, with_pending);
    decide(l, 1, 6);
    checkpoint(l);
    char *second = said(l);
    go_on(l, true);
    expect_said(l, second);
    free(second);
    free(at_cut);
    free(with_pending);
    end(l);
}

static void a_journal_that_ends_too_early_is_refused(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    checkpoint(l);
    crash(l);
    CU_ASSERT_EQUAL(truncate(folder_file(&l->f, HT_DIR_CHECKPOINT "/" HT_FILE_INPUTS), 600), 0);
    CU_ASSERT_EQUAL(open_again(l, &notice, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "the checkpoint needs"));
    end(l);
}

static void a_coordinator_that_decides_otherwise_is_refused(void)
{
    life *l = begin_well();
    ht_error notice = {""}, err = {""};
    decide(l, 0, 1);
    checkpoint(l);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, &err), HT_OK);
    l->c = coordinator_of("barrier", HT_MODE_ACTIVE);   /* it waits for the other one */
    CU_ASSERT_EQUAL(ht_chronicle_tell(l->h, l->c, take_all, l, &err), HT_EREFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "decides otherwise"));
    end(l);
}

static void the_journal_of_another_run_is_refused(void)
{
    life *l = begin_well(), *other = begin_well();
    char from[700], to[700];
    ht_error notice = {""}, err = {""};
    checkpoint(l);
    decide(other, 0, 77);
    decide(other, 0, 77);
    checkpoint(other);
    crash(l);
    snprintf(from, sizeof from, "%s/" HT_FILE_INPUTS, other->dir);
    snprintf(to, sizeof to, "%s/" HT_FILE_INPUTS, l->dir);
    /* the same records up to the checkpoint but for the first one */
    crash(other);
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&other->o, "{\"how\": \"else\"}", &other->h, NULL), HT_OK);
    other->c = coordinator_of("elastic", HT_MODE_ACTIVE);
    take_all(other);
    other->now = 0;
    other->decision[0] = other->decision[1] = 0;
    join(other, 0);
    join(other, 1);
    for (int i = 0; i < 4; i++) {
        decide(other, 0, 3 - i);
        decide(other, 1, 4 - i);
    }
    crash(other);
    CU_ASSERT_EQUAL_FATAL(rename(from, to), 0);
    CU_ASSERT_EQUAL_FATAL(open_again(l, &notice, &err), HT_OK);
    CU_ASSERT_EQUAL(tell(l, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is not the journal of this checkpoint"));
    end(l);
    end(other);
}

/* ---- when, and the end -------------------------------------------------------------------------- */

static void checkpoints_are_due_when_they_were_asked_for(void)
{
    life *l = begin_well();
    crash(l);
    l->o.every_s = 60;
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&l->o, start_text, &l->h, NULL), HT_OK);
    l->c = coordinator_of("elastic", HT_MODE_ACTIVE);
    l->now = 100;
    CU_ASSERT_TRUE(ht_chronicle_is_due(l->h, 100, false));
    uint64_t number = cut(l);
    CU_ASSERT_FALSE(ht_chronicle_is_due(l->h, 500, true));      /* one is on its way */
    CU_ASSERT_EQUAL(saved(l, 0, number, NULL), HT_OK);
    CU_ASSERT_EQUAL(saved(l, 1, number, NULL), HT_OK);
    CU_ASSERT_FALSE(ht_chronicle_is_due(l->h, 159, false));
    CU_ASSERT_TRUE(ht_chronicle_is_due(l->h, 159, true));
    CU_ASSERT_TRUE(ht_chronicle_is_due(l->h, 160, false));
    end(l);
}

static void the_end_removes_everything_and_a_new_run_begins_anew(void)
{
    life *l = begin_well();
    struct stat s;
    ht_error notice = {""};
    free(two_checkpoints(l));
    ht_chronicle_end(l->h);
    CU_ASSERT_NOT_EQUAL(stat(l->dir, &s), 0);
    crash(l);
    CU_ASSERT_EQUAL(ht_chronicle_open(&l->o, &l->h, &notice, NULL), HT_ENOTFOUND);
    end(l);
    l = begin_well();
    checkpoint(l);
    crash(l);
    CU_ASSERT_EQUAL_FATAL(ht_chronicle_begin(&l->o, start_text, &l->h, NULL), HT_OK);
    CU_ASSERT_EQUAL(open_again(l, &notice, NULL), HT_ENOTFOUND);
    end(l);
}

CASES("resume", CASE(a_run_goes_on_where_its_checkpoint_has_it),
      CASE(what_was_pending_of_who_did_not_come_back_is_dropped),
      CASE(it_may_go_on_from_one_checkpoint_again_and_again),
      CASE(a_checkpoint_after_one_has_gone_on_counts_only_what_happened),
      CASE(a_cut_that_is_given_up_leaves_no_checkpoint), CASE(a_replica_that_cannot_write_ends_the_cut),
      CASE(a_checkpoint_that_is_too_large_does_not_count),
      CASE(without_a_checkpoint_there_is_nothing_to_open),
      CASE(a_damaged_commit_falls_back_to_the_one_before), CASE(so_does_a_damaged_image),
      CASE(if_both_are_damaged_it_says_so), CASE(a_torn_tail_of_the_journal_is_cut_off),
      CASE(a_journal_that_ends_too_early_is_refused),
      CASE(a_coordinator_that_decides_otherwise_is_refused),
      CASE(the_journal_of_another_run_is_refused), CASE(checkpoints_are_due_when_they_were_asked_for),
      CASE(the_end_removes_everything_and_a_new_run_begins_anew))
