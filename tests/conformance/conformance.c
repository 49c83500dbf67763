/* tests/conformance/conformance.c - `conformance [DIR]`: run the recorded cases of every file that is known.
 *
 * Knows suites, no cases: those are in DIR/<suite>.json. Prints the counts of each file, each difference on a
 * line, and as the last line the totals. Exit 0 iff nothing failed, 2 if there was nothing to run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "suite.h"

static const struct {
    const char *file;
    suite_case *run;
} suites[] = {
    {"recipe_roundtrip", run_recipe_roundtrip},
    {"set_override", run_set_override},
    {"cli_kv", run_cli_kv},
    {"phase_bin", run_phase_bin},
    {"score_segment", run_score_segment},
    {"evaluate_segment", run_evaluate_segment},
    {"safety_blockers", run_safety_blockers},
    {"constraints", run_constraints},
    {"cooldown_sequences", run_cooldown_sequences},
    {"actuator_validate_apply", run_actuator_validate_apply},
    {"controller_traces", run_controller_traces},
};

enum { N_SUITES = sizeof suites / sizeof suites[0] };

typedef struct {
    unsigned passed, failed, skipped;
} counts;

void differ(report *r, const char *step, const char *field, const char *expected, const char *got)
{
    r->differences++;
    printf("FAILED %s id %s%s%s field %s: expected %s, got %s\n", r->file, r->id,
           step[0] == '\0' ? "" : " step ", step, field, expected, got);
}

const cJSON *outcome(const cJSON *test, const char *name)
{
    return ht_json_member(ht_json_true(test, "defect") ? ht_json_member(test, "instead") : test, name);
}

static void run_case(size_t suite, const cJSON *test, counts *n)
{
    char *id = ht_json_line(ht_json_member(test, "id"));
    report r = {suites[suite].file, id == NULL ? "?" : id, 0};
    if (ht_json_true(test, "defect") && ht_json_member(test, "instead") == NULL) {
        n->skipped++;
    } else {
        suites[suite].run(&r, test);
        n->passed += r.differences == 0;
        n->failed += r.differences > 0;
    }
    free(id);
}

static char *read_text(const char *path)
{
    ht_string text = {0};
    char block[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return NULL;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        ht_string_add_bytes(&text, block, n);
    fclose(f);
    return ht_string_take(&text);
}

/* @return whether there was such a file */
static bool run_file(const char *dir, size_t suite, counts *total)
{
    ht_string path = {0};
    ht_string_add(&path, "%s/%s.json", dir, suites[suite].file);
    char *text = read_text(ht_string_peek(&path));
    cJSON *root = NULL;
    counts n = {0};
    ht_error err;
    const cJSON *test;
    if (text != NULL && ht_json_parse(text, &root, NULL, &err) != HT_OK) {
        printf("FAILED %s: %s\n", ht_string_peek(&path), err.text);
        n.failed++;
    }
    cJSON_ArrayForEach(test, ht_json_member(root, "cases"))
        run_case(suite, test, &n);
    if (text != NULL)
        printf("%s: %u passed, %u failed, %u skipped\n", suites[suite].file, n.passed, n.failed, n.skipped);
    total->passed += n.passed;
    total->failed += n.failed;
    total->skipped += n.skipped;
    bool there = text != NULL;
    cJSON_Delete(root);
    free(text);
    ht_string_release(&path);
    return there;
}

int main(int argc, char **argv)
{
    const char *dir = argc > 1 ? argv[1] : VECTORS_DIR;
    counts total = {0};
    unsigned files = 0;
    for (size_t i = 0; i < N_SUITES; i++)
        files += run_file(dir, i, &total);
    if (files == 0) {
        fprintf(stderr, "conformance: no file of a known name in '%s'\n", dir);
        return 2;
    }
    printf("%u passed, %u failed, %u skipped\n", total.passed, total.failed, total.skipped);
    return total.failed > 0;
}
