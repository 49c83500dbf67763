/* tests/cli/test_top_files.c - a run directory, read as it grows (src/cli/top_files.h). */
#include <sys/stat.h>

#include "../store/folder.h"
#include "base/sum.h"
#include "cases.h"
#include "cli/top_files.h"
#include "top_case.h"

typedef struct {
    folder at;
    ht_top_files files;
    ht_top_model model;
} watched;

static void begin(watched *w)
{
    folder_make(&w->at);
    CU_ASSERT_EQUAL_FATAL(ht_top_files_init(&w->files, w->at.path, NULL), HT_OK);
    ht_top_model_init(&w->model);
    folder_write(&w->at, HT_FILE_EFFECTIVE, "{\"objective\":{\"primary\":\"val/loss\",\"mode\":\"min\"}}");
}

static void end(watched *w)
{
    ht_top_model_release(&w->model);
    ht_top_files_release(&w->files);
    folder_remove(&w->at);
}

/* A line of the metrics; number 0: without a checksum. */
static char *line_of(int replica, int epoch_number, double loss, unsigned long number)
{
    char text[256];
    snprintf(text, sizeof text, "{\"run\":\"r1\",\"replica\":%d,\"epoch\":%d,\"metrics\":{\"val/loss\":%g}}",
             replica, epoch_number, loss);
    char *line = number > 0 ? ht_sum_put(strdup(text), number) : strdup(text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(line);
    return line;
}

static void append_line(watched *w, int replica, int epoch_number, double loss, unsigned long number)
{
    char *line = line_of(replica, epoch_number, loss, number);
    folder_append(&w->at, HT_FILE_METRICS, line);
    folder_append(&w->at, HT_FILE_METRICS, "\n");
    free(line);
}

static void lines_count_once_and_a_torn_one_when_it_is_whole(void)
{
    watched w;
    begin(&w);
    append_line(&w, 0, 1, 3, 1);
    char *line = line_of(0, 2, 2, 2);
    folder_append(&w.at, HT_FILE_METRICS, (char[]){line[0], line[1], line[2], line[3], '\0'});
    CU_ASSERT_TRUE(ht_top_files_look(&w.files, &w.model));
    CU_ASSERT_TRUE(ht_top_files_look(&w.files, &w.model));
    CU_ASSERT_EQUAL(w.model.lines, 1);
    folder_append(&w.at, HT_FILE_METRICS, line + 4);
    folder_append(&w.at, HT_FILE_METRICS, "\n");
    free(line);
    CU_ASSERT_TRUE(ht_top_files_look(&w.files, &w.model));
    CU_ASSERT_EQUAL(w.model.lines, 2);
    CU_ASSERT_EQUAL(w.model.replicas[0].value, 2);
    CU_ASSERT_EQUAL(ht_top_files_share(&w.files), 1);
    end(&w);
}

static void damaged_lines_and_those_that_are_there_twice_are_not_used(void)
{
    watched w;
    begin(&w);
    append_line(&w, 0, 1, 3, 1);
    append_line(&w, 0, 1, 2, 1);
    char *line = line_of(0, 2, 1, 2);
    *strstr(line, "1}") = '0';
    folder_append(&w.at, HT_FILE_METRICS, line);
    free(line);
    folder_append(&w.at, HT_FILE_METRICS, "\nno JSON\n[1]\n\n");
    append_line(&w, 0, 4, 2.5, 4);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 2);
    CU_ASSERT_EQUAL(w.model.replicas[0].best, 2.5);
    CU_ASSERT_EQUAL(w.files.bad, 3);
    end(&w);
}

static void a_log_that_was_cut_or_replaced_is_read_anew(void)
{
    watched w;
    begin(&w);
    for (int i = 1; i <= 3; i++)
        append_line(&w, i, i, 3, (unsigned long)i);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 3);
    remove(folder_file(&w.at, HT_FILE_METRICS));
    append_line(&w, 1, 1, 3, 1);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 1);
    CU_ASSERT_EQUAL(w.model.n_replicas, 2);
    remove(folder_file(&w.at, HT_FILE_METRICS));
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 0);
    append_line(&w, 0, 1, 3, 1);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 1);
    end(&w);
}

static void a_page_that_is_damaged_is_told_until_it_is_whole(void)
{
    watched w;
    begin(&w);
    folder_write(&w.at, HT_FILE_SUMMARY, "{\"mode\":\"active\",");
    for (int i = 0; i < 2; i++) {
        ht_top_files_look(&w.files, &w.model);
        CU_ASSERT_PTR_NOT_NULL(strstr(w.files.trouble.text, HT_FILE_SUMMARY));
        CU_ASSERT_STRING_EQUAL(w.model.mode, "");
    }
    folder_write(&w.at, HT_FILE_SUMMARY, "{\"mode\":\"active\"}");
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_STRING_EQUAL(w.files.trouble.text, "");
    CU_ASSERT_STRING_EQUAL(w.model.mode, "active");
    end(&w);
}

static void another_objective_makes_it_read_the_metrics_again(void)
{
    watched w;
    begin(&w);
    append_line(&w, 0, 1, 3, 1);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.replicas[0].value, 3);
    folder_write(&w.at, HT_FILE_EFFECTIVE, "{\"objective\":{\"primary\":\"val/other\",\"mode\":\"max\"}}");
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(w.model.lines, 1);
    CU_ASSERT_TRUE(isnan(w.model.replicas[0].value));
    end(&w);
}

static void a_long_log_is_read_in_pieces_and_a_line_without_end_is_passed_over(void)
{
    watched w;
    begin(&w);
    FILE *f = fopen(folder_file(&w.at, HT_FILE_METRICS), "a");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    for (int i = 0; i < 6 << 20; i++)
        fputc('x', f);
    fputc('\n', f);
    for (int i = 1; i <= 40000; i++)
        fprintf(f, "{\"run\":\"r1\",\"replica\":0,\"epoch\":%d,\"metrics\":{\"val/loss\":%d.5}}\n", i,
                50000 - i);
    fclose(f);
    CU_ASSERT_FALSE(ht_top_files_look(&w.files, &w.model));
    CU_ASSERT_TRUE(ht_top_files_share(&w.files) < 1);
    int looks = 1;
    while (!ht_top_files_look(&w.files, &w.model) && looks < 100)
        looks++;
    CU_ASSERT_EQUAL(looks, 2);
    CU_ASSERT_EQUAL(w.model.lines, 40000);
    CU_ASSERT_EQUAL(w.model.replicas[0].epoch, 40000);
    CU_ASSERT_EQUAL(ht_top_files_share(&w.files), 1);
    end(&w);
}

static void looking_leaves_nothing_and_changes_nothing(void)
{
    watched w;
    struct stat before, after;
    begin(&w);
    append_line(&w, 0, 1, 3, 1);
    CU_ASSERT_EQUAL(stat(w.at.path, &before), 0);
    ht_top_files_look(&w.files, &w.model);
    CU_ASSERT_EQUAL(stat(w.at.path, &after), 0);
    CU_ASSERT_TRUE(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
                   before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
    end(&w);
}

CASES("top_files", CASE(lines_count_once_and_a_torn_one_when_it_is_whole),
      CASE(damaged_lines_and_those_that_are_there_twice_are_not_used),
      CASE(a_log_that_was_cut_or_replaced_is_read_anew),
      CASE(a_page_that_is_damaged_is_told_until_it_is_whole),
      CASE(another_objective_makes_it_read_the_metrics_again),
      CASE(a_long_log_is_read_in_pieces_and_a_line_without_end_is_passed_over),
      CASE(looking_leaves_nothing_and_changes_nothing))
