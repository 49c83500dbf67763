/* tests/cli/test_slurm.c - durations and time stamps as Slurm writes them; the end of a job, asked of a squeue of our own. */
#define _GNU_SOURCE /* setenv, mkdtemp */
#include "cli/slurm.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cases.h"

/* ---- durations -------------------------------------------------------------------------------- */

static double duration(const char *text)
{
    double s = -7;
    return ht_slurm_duration(text, &s, NULL) == HT_OK ? s : -1;
}

static void a_duration_is_read_in_every_form(void)
{
    CU_ASSERT_EQUAL(duration("90"), 90);
    CU_ASSERT_EQUAL(duration("2.5"), 2.5);
    CU_ASSERT_EQUAL(duration("1:30"), 90);
    CU_ASSERT_EQUAL(duration("100:00"), 6000);
    CU_ASSERT_EQUAL(duration("2:00:00"), 7200);
    CU_ASSERT_EQUAL(duration("1-0"), 86400);
    CU_ASSERT_EQUAL(duration("2-12"), 216000);
    CU_ASSERT_EQUAL(duration("2-12:30"), 217800);
    CU_ASSERT_EQUAL(duration("2-12:30:05"), 217805);
}

static void a_text_that_is_no_duration_is_refused_and_changes_nothing(void)
{
    static const char *const none[] = {"", "0", "-5", "1:2:3:4", "1:60", "1:00:60", "1-24", "1-", "-1:00", "1:", ":1", "1::2",
                                       "UNLIMITED", "nan", "inf", "1e12", "2 h", "1-2-3", " 5", "1:30 ", "99999999999:00", "0:00"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        double s = 7;
        ht_error err = {""};
        CU_ASSERT_EQUAL(ht_slurm_duration(none[i], &s, &err), HT_EFORMAT);
        CU_ASSERT_EQUAL(s, 7);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, none[i]));
    }
}

/* ---- points in time --------------------------------------------------------------------------- */

static double stamp(const char *text)
{
    double t = -7;
    return ht_slurm_stamp(text, &t) ? t : -1;
}

static void in_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

static void a_time_stamp_is_local_time(void)
{
    in_zone("UTC");
    CU_ASSERT_EQUAL(stamp("2026-11-26T14:03:10"), 1795701790);
    CU_ASSERT_EQUAL(stamp("  2026-11-26T14:03:10\n"), 1795701790);
    in_zone("XST-2");       /* two hours east of Greenwich */
    CU_ASSERT_EQUAL(stamp("2026-11-26T14:03:10"), 1795701790 - 7200);
    in_zone("UTC");
}

static void a_time_stamp_may_be_in_seconds(void)
{
    CU_ASSERT_EQUAL(stamp("1795701790"), 1795701790);
}

static void what_is_no_time_stamp_is_refused(void)
{
    static const char *const none[] = {"", "NONE", "N/A", "Unknown", "INVALID", "0", "2026-11-26", "2026-11-26T14:03",
                                       "2026-11-26T14:03:10Z", "2026-11-26T14:03:10 x", "14:03:10", "-5", "1.5"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CU_ASSERT_EQUAL(stamp(none[i]), -1);
}

/* ---- the end of the job ----------------------------------------------------------------------- */

typedef struct {
    char dir[64], path[80], before[4096];
} scene;

/* A program `squeue` that does what `script` says is the first that is found. */
static scene with_squeue(const char *script)
{
    scene s = {"/tmp/ht-slurm.XXXXXX"};
    char path[4200];
    CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(s.dir));
    snprintf(s.path, sizeof s.path, "%s/squeue", s.dir);
    FILE *f = fopen(s.path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    fprintf(f, "#!/bin/sh\n%s\n", script);
    fclose(f);
    chmod(s.path, 0700);
    snprintf(s.before, sizeof s.before, "%s", getenv("PATH"));
    snprintf(path, sizeof path, "%s:%s", s.dir, s.before);
    setenv("PATH", path, 1);
    unsetenv("SLURM_JOB_END_TIME");
    setenv("SLURM_JOB_ID", "4711", 1);
    return s;
}

static void end(const scene *s)
{
    setenv("PATH", s->before, 1);
    unsetenv("SLURM_JOB_ID");
    unsetenv("SLURM_JOB_END_TIME");
    unlink(s->path);
    rmdir(s->dir);
}

static void the_environment_is_believed_before_squeue(void)
{
    scene s = with_squeue("echo 4711 5");
    setenv("SLURM_JOB_END_TIME", "4102444800", 1);      /* the year 2100 */
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 4102444800);
    end(&s);
}

static void an_end_that_is_left_over_from_another_job_is_not_believed(void)
{
    scene s = with_squeue("echo 4711 4102444800");
    setenv("SLURM_JOB_END_TIME", "1000000000", 1);      /* 2001 */
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 4102444800);
    unsetenv("SLURM_JOB_ID");
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 0);
    end(&s);
}

static void squeue_is_asked_for_seconds_and_with_its_own_defaults(void)
{
    setenv("SQUEUE_STATES", "PD", 1);
    setenv("SLURM_TIME_FORMAT", "relative", 1);
    scene s = with_squeue("[ \"$*\" = '-h -j 4711 -o %A %e' ] && [ -z \"$SQUEUE_STATES\" ] && "
                          "[ \"$SLURM_TIME_FORMAT\" = %s ] && echo 4711 1795701790");
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 1795701790);
    CU_ASSERT_STRING_EQUAL(getenv("SLURM_TIME_FORMAT"), "relative");     /* ours stays */
    unsetenv("SQUEUE_STATES");
    unsetenv("SLURM_TIME_FORMAT");
    end(&s);
}

static void of_an_array_only_the_own_element_counts(void)
{
    scene s = with_squeue("echo 4712 1; echo 4711 1795701790; echo 47110 2; echo 471 3");
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 1795701790);
    end(&s);
}

static void without_an_answer_the_end_is_unknown(void)
{
    static const char *const scripts[] = {"exit 1", "echo 4711 NONE", "echo 'slurm_load_jobs error' >&2; exit 1", "echo"};
    for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
        scene s = with_squeue(scripts[i]);
        CU_ASSERT_EQUAL(ht_slurm_end_time(5), 0);
        end(&s);
    }
}

static void a_squeue_that_hangs_is_ended(void)
{
    scene s = with_squeue("exec sleep 1000");
    CU_ASSERT_EQUAL(ht_slurm_end_time(0.05), 0);
    end(&s);
}

static void without_a_job_nobody_is_asked(void)
{
    scene s = with_squeue("echo 4711 1795701790");
    unsetenv("SLURM_JOB_ID");
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 0);
    setenv("SLURM_JOB_ID", "47 11; rm", 1);     /* no number: not ours to ask with */
    CU_ASSERT_EQUAL(ht_slurm_end_time(5), 0);
    end(&s);
}

CASES("slurm", CASE(a_duration_is_read_in_every_form), CASE(a_text_that_is_no_duration_is_refused_and_changes_nothing),
      CASE(a_time_stamp_is_local_time), CASE(a_time_stamp_may_be_in_seconds), CASE(what_is_no_time_stamp_is_refused),
      CASE(the_environment_is_believed_before_squeue),
      CASE(an_end_that_is_left_over_from_another_job_is_not_believed),
      CASE(squeue_is_asked_for_seconds_and_with_its_own_defaults),
      CASE(of_an_array_only_the_own_element_counts), CASE(without_an_answer_the_end_is_unknown),
      CASE(a_squeue_that_hangs_is_ended), CASE(without_a_job_nobody_is_asked))
