/* tests/store/test_study_check.c - studies read by their own description, and what makes one damaged. */
#include <math.h>

#include "cases.h"
#include "folder.h"
#include "recipe/recipe.h"
#include "store/study_check.h"
#include "store/study_format.h"

typedef struct {
    long long number, mutation, replica, start_step, end_step;
    double score[2];
    char decision[16];
} segment_row;
static const ht_h5_column segment_columns[] = {
    HT_H5_COLUMN(segment_row, number, HT_H5_INT, "n"),
    HT_H5_COLUMN(segment_row, mutation, HT_H5_INT, "m"),
    HT_H5_COLUMN(segment_row, replica, HT_H5_INT, "r"),
    HT_H5_COLUMN(segment_row, start_step, HT_H5_INT, "s"),
    HT_H5_COLUMN(segment_row, end_step, HT_H5_INT, "e"),
    HT_H5_REALS(segment_row, score, "sc"),
    HT_H5_TEXTS(segment_row, decision, "d"),
};
static const ht_h5_table segments = HT_H5_TABLE(segment_row, segment_columns);

typedef struct {
    long long node, parent;
} node_row;
static const ht_h5_column node_columns[] = {HT_H5_COLUMN(node_row, node, HT_H5_INT, "n"),
                                            HT_H5_COLUMN(node_row, parent, HT_H5_INT, "p")};
static const ht_h5_table nodes = HT_H5_TABLE(node_row, node_columns);

/* A study of one run that is whole; cases spoil a member before it is written. */
typedef struct {
    long long version;
    const char *hash;            /* of the recipe; NULL = the right one */
    const char *without, *extra; /* an object of the run that is missing; one that nobody knows */
    size_t n_segments, n_mutations, n_nodes;
    segment_row segments[2];
    node_row nodes[3];
    double win_rate;
} content;

static content whole(void)
{
    return (content){
        .version = HT_STUDY_VERSION,
        .n_segments = 2,
        .n_mutations = 2,
        .n_nodes = 3,
        .segments = {{1, 1, 0, 10, 20, {.5, NAN}, "accepted"}, {2, 2, 1, 30, 30, {-1, 2}, "lost"}},
        .nodes = {{0, -1}, {1, 0}, {2, 0}},
        .win_rate = .5};
}

static bool wanted(const content *c, const char *name)
{
    return c->without == NULL || strcmp(c->without, name) != 0;
}

static bool write_run(const content *c, hid_t run)
{
    ht_recipe *r = NULL;
    char hash[17] = "";
    segment_row mutations[2] = {c->segments[0], c->segments[1]};
    ht_study_evidence_row e = {.actuator = "opt", .key = "lr", .win_rate = c->win_rate};
    bool fine =
        ht_recipe_parse("version: 1\n", "recipe", &r, NULL) == HT_OK && ht_recipe_hash(r, hash) == HT_OK;
    char *yaml = fine ? ht_study_recipe_text(r) : NULL;
    mutations[0].number = mutations[0].mutation;
    mutations[1].number = 2;
    fine = yaml != NULL && ht_h5_put_text(run, "id", "a-1-2-r1") && ht_h5_put_real(run, "started", 5) &&
           ht_h5_put_real(run, "ended", 6) && ht_h5_put_int(run, "replicas", 2) &&
           ht_h5_put_unsigned(run, "seed", 18446744073709551615u) &&
           ht_h5_put_text(run, "recipe_hash", c->hash != NULL ? c->hash : hash) &&
           ht_h5_write_text(run, "recipe", yaml) && ht_h5_write_text(run, "base_recipe", yaml) &&
           ht_h5_write_table(run, "segments", &segments, c->n_segments, c->segments) &&
           ht_h5_write_table(run, "mutations", &segments, c->n_mutations, mutations) &&
           ht_h5_write_table(run, "lineage", &nodes, c->n_nodes, c->nodes) &&
           (!wanted(c, "curves") || ht_h5_write_table(run, "curves", &segments, 0, NULL)) &&
           ht_h5_write_table(run, "evidence", &ht_study_evidence_table, 1, &e) &&
           (c->extra == NULL || ht_h5_write_text(run, c->extra, "x"));
    free(yaml);
    ht_recipe_destroy(r);
    return fine;
}

static void write_study(const content *c, const char *path)
{
    ht_h5_image image;
    hid_t file = ht_h5_create_in_memory(&image), runs = ht_h5_group(file, "runs"),
          run = ht_h5_group(runs, "a-1-2-r1");
    CU_ASSERT_TRUE_FATAL(file >= 0 && ht_study_put_versions(file, HT_STUDY_FORMAT, c->version) &&
                         write_run(c, run));
    ht_h5_close(run);
    ht_h5_close(runs);
    CU_ASSERT_TRUE_FATAL(ht_h5_finish(file, &image));
    CU_ASSERT_EQUAL_FATAL(ht_file_replace(path, image.bytes, image.n, NULL), HT_OK);
    free(image.bytes);
}

typedef struct {
    size_t damaged, notes, whole;
    char object[256], what[256]; /* of the last finding that is not whole */
} findings;

static void take(void *ctx, ht_check_verdict verdict, const char *object, const char *what)
{
    findings *f = ctx;
    f->damaged += verdict == HT_CHECK_DAMAGED;
    f->notes += verdict == HT_CHECK_NOTE;
    f->whole += verdict == HT_CHECK_WHOLE;
    if (verdict == HT_CHECK_WHOLE)
        return;
    snprintf(f->object, sizeof f->object, "%s", object);
    snprintf(f->what, sizeof f->what, "%s", what);
}

/* Write it, check it, and see one finding; NULL = none. */
static void expect(const content *c, ht_check_verdict verdict, const char *object, const char *what)
{
    folder dir;
    findings f = {0};
    const ht_check_sink sink = {take, NULL, &f};
    folder_make(&dir);
    write_study(c, folder_file(&dir, "study.h5"));
    ht_status st = ht_study_check(dir.last, &sink, NULL);
    CU_ASSERT_EQUAL(st, verdict == HT_CHECK_DAMAGED ? HT_EFORMAT : HT_OK);
    CU_ASSERT_EQUAL(f.damaged, verdict == HT_CHECK_DAMAGED);
    CU_ASSERT_EQUAL(f.notes, verdict == HT_CHECK_NOTE);
    CU_ASSERT_STRING_EQUAL(f.object, object);
    CU_ASSERT_PTR_NOT_NULL(strstr(f.what, what));
    folder_remove(&dir);
}

#define RUN "/runs/a-1-2-r1"

static void a_study_that_is_whole_has_no_findings(void)
{
    content c = whole();
    expect(&c, HT_CHECK_WHOLE, "", "");
}

static void an_object_that_nobody_knows_is_named_and_no_damage(void)
{
    content c = whole();
    c.extra = "what_is_this";
    expect(&c, HT_CHECK_NOTE, RUN "/what_is_this", "is not known");
}

static void an_object_that_is_missing_is_damage(void)
{
    content c = whole();
    c.without = "curves";
    expect(&c, HT_CHECK_DAMAGED, RUN "/curves", "is missing");
}

static void tables_that_go_row_by_row_have_as_many_rows(void)
{
    content c = whole();
    c.n_mutations = 1;
    expect(&c, HT_CHECK_DAMAGED, RUN, "'segments' has 2 rows, 'mutations' has 1");
}

static void a_segment_has_the_mutation_of_its_row(void)
{
    content c = whole();
    c.segments[1].mutation = 7;
    expect(&c, HT_CHECK_DAMAGED, RUN "/segments", "row 1: its mutation is another one");
}

static void a_segment_does_not_end_before_it_starts(void)
{
    content c = whole();
    c.segments[0].end_step = 9;
    expect(&c, HT_CHECK_DAMAGED, RUN "/segments", "row 0: it ends before it starts");
}

static void a_parent_is_older_than_its_child(void)
{
    content c = whole();
    c.nodes[1].parent = 1;
    expect(&c, HT_CHECK_DAMAGED, RUN "/lineage", "row 1: its number or that of its parent");
}

static void evidence_is_finite(void)
{
    content c = whole();
    c.win_rate = NAN;
    expect(&c, HT_CHECK_DAMAGED, RUN "/evidence", "row 0: a number is not finite");
}

static void a_recipe_without_the_fingerprint_beside_it_is_noted(void)
{
    content c = whole();
    c.hash = "0123456789abcdef";
    expect(&c, HT_CHECK_NOTE, RUN "/recipe", "another fingerprint");
}

static void a_newer_format_is_not_read(void)
{
    content c = whole();
    c.version = HT_STUDY_VERSION + 1;
    expect(&c, HT_CHECK_DAMAGED, "", "use a newer hottune");
}

static void a_table_is_read_by_its_own_description_and_in_parts(void)
{
    folder dir;
    ht_study_file *f = NULL;
    ht_study_table t;
    ht_error err = {""};
    cJSON *a = NULL;
    content c = whole();
    folder_make(&dir);
    write_study(&c, folder_file(&dir, "study.h5"));
    CU_ASSERT_EQUAL_FATAL(ht_study_file_open(dir.last, &f, NULL), HT_OK);
    CU_ASSERT_EQUAL_FATAL(ht_study_table_read(f, RUN "/segments", 1, 5, &t, NULL), HT_OK);
    CU_ASSERT_EQUAL(t.n_all, 2);
    CU_ASSERT_EQUAL(t.n_rows, 1);
    CU_ASSERT_EQUAL(t.n_columns, 7);
    CU_ASSERT_EQUAL(ht_table_real(&t, 0, ht_table_find(&t, "number"), 0), 2);
    CU_ASSERT_EQUAL(ht_table_find(&t, "score")->n, 2);
    CU_ASSERT_EQUAL(ht_table_real(&t, 0, ht_table_find(&t, "score"), 1), 2);
    CU_ASSERT_STRING_EQUAL(ht_table_text(&t, 0, ht_table_find(&t, "decision")), "lost");
    CU_ASSERT_PTR_NULL(ht_table_find(&t, "nothing"));
    ht_study_table_release(&t);
    CU_ASSERT_EQUAL_FATAL(ht_study_attributes(f, RUN, &a, NULL), HT_OK);
    CU_ASSERT_STRING_EQUAL(ht_json_text(a, "seed"), "18446744073709551615"); /* no double holds it */
    CU_ASSERT_EQUAL(ht_json_number(a, "replicas", 0), 2);
    cJSON_Delete(a);
    CU_ASSERT_EQUAL(ht_study_table_read(f, RUN "/recipe", 0, 1, &t, &err), HT_EFORMAT);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, RUN "/recipe"));
    CU_ASSERT_EQUAL(ht_study_look(f, "/nowhere/at/all"), HT_OBJECT_NONE);
    ht_study_file_close(f);
    folder_remove(&dir);
}

CASES("study_check", CASE(a_study_that_is_whole_has_no_findings),
      CASE(an_object_that_nobody_knows_is_named_and_no_damage), CASE(an_object_that_is_missing_is_damage),
      CASE(tables_that_go_row_by_row_have_as_many_rows), CASE(a_segment_has_the_mutation_of_its_row),
      CASE(a_segment_does_not_end_before_it_starts), CASE(a_parent_is_older_than_its_child),
      CASE(evidence_is_finite), CASE(a_recipe_without_the_fingerprint_beside_it_is_noted),
      CASE(a_newer_format_is_not_read), CASE(a_table_is_read_by_its_own_description_and_in_parts))
