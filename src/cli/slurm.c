/* src/cli/slurm.c - the time of a Slurm job; the contract is in slurm.h.
 *
 * squeue is asked for the time in seconds, which no time zone and no hour of daylight saving can bend. The number of one
 * element of an array names the whole array: each line comes with the job's own number, and only ours counts.
 * May touch: the environment, the clock, a child process. */
#define _GNU_SOURCE /* environ */
#include "cli/slurm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/child.h"
#include "comm/clock.h"

/* ---- durations -------------------------------------------------------------------------------- */

/* Digits alone. @return where they end; NULL: there are none, or too many */
static const char *digits(const char *text, double *value)
{
    size_t n = strspn(text, "0123456789");
    *value = 0;
    for (size_t i = 0; i < n; i++)
        *value = 10 * *value + (text[i] - '0');
    return n > 0 && n <= 9 ? text + n : NULL;
}

/* "A:B:C", at most `most` fields, each but the first below 60. @return their number; 0: malformed */
static int fields(const char *at, int most, double value[3])
{
    for (int n = 0; n < most; n++) {
        at = digits(at, &value[n]);
        if (at == NULL || (n > 0 && value[n] > 59))
            return 0;
        if (*at == '\0')
            return n + 1;
        if (*at++ != ':')
            return 0;
    }
    return 0;
}

/* @return seconds; < 0: malformed */
static double with_days(const char *at, double days)
{
    double v[3] = {0};
    if (fields(at, 3, v) == 0 || v[0] > 23)
        return -1;
    return 86400 * days + 3600 * v[0] + 60 * v[1] + v[2];
}

static double without_days(const char *text)
{
    double v[3] = {0};
    int n = fields(text, 3, v);
    if (n == 3)
        return 3600 * v[0] + 60 * v[1] + v[2];
    return n == 2 ? 60 * v[0] + v[1] : -1;
}

ht_status ht_slurm_duration(const char *text, double *seconds, ht_error *err)
{
    double s = -1, days;
    const char *dash = digits(text, &days);
    if (dash != NULL && *dash == '-')
        s = with_days(dash + 1, days);
    else if (strchr(text, ':') != NULL)
        s = without_days(text);
    else if (!ht_parse_number(text, &s, NULL))
        s = -1;
    if (!(s > 0 && s < 1e9))
        return ht_fail(err, HT_EFORMAT, "'%s' is no duration: write seconds, M:SS, H:MM:SS or D-HH:MM:SS", text);
    *seconds = s;
    return HT_OK;
}

/* ---- points in time --------------------------------------------------------------------------- */

bool ht_slurm_stamp(const char *text, double *when)
{
    struct tm t = {0};
    char copy[40];
    text += strspn(text, " \t\n");
    size_t n = strcspn(text, " \t\n");
    if (n == 0 || n >= sizeof copy || text[n + strspn(text + n, " \t\n")] != '\0')
        return false;
    memcpy(copy, text, n);
    copy[n] = '\0';
    if (strspn(copy, "0123456789") == n) {
        double seconds = ht_read_real(copy, NULL);
        if (seconds <= 0)
            return false;
        *when = seconds;
        return true;
    }
    const char *end = strptime(copy, "%Y-%m-%dT%H:%M:%S", &t);
    t.tm_isdst = -1;
    time_t seconds = end != NULL && *end == '\0' ? mktime(&t) : -1;
    if (seconds < 0)
        return false;
    *when = (double)seconds;
    return true;
}

/* ---- the end of this job ---------------------------------------------------------------------- */

/* Our environment without what bends answers of Slurm. The list is owned by the caller, its texts are not. */
static char **plain_environment(char *format)
{
    static const char *const without[] = {"SQUEUE_", "SLURM_TIME_FORMAT="};
    size_t n = 0, kept = 0;
    while (environ[n] != NULL)
        n++;
    char **list = calloc(n + 2, sizeof *list);
    for (size_t i = 0; list != NULL && i < n; i++)
        if (strncmp(environ[i], without[0], strlen(without[0])) != 0 &&
            strncmp(environ[i], without[1], strlen(without[1])) != 0)
            list[kept++] = environ[i];
    if (list != NULL)
        list[kept] = format;
    return list;
}

int ht_slurm_run(char *const *argv, double patience_s, void (*line)(void *ctx, const char *text), void *ctx, ht_error *err)
{
    char format[] = "SLURM_TIME_FORMAT=%s";
    char **env = plain_environment(format);
    int code = env != NULL ? ht_child_run(argv, env, patience_s, line, ctx, err) : HT_CHILD_NOT_STARTED;
    if (env == NULL)
        ht_fail(err, HT_ENOMEM, "no memory for an environment");
    free(env);
    return code;
}

typedef struct {
    const char *job;
    double end;
} answer;

/* "JOB TIME" */
static void take_line(void *ctx, const char *line)
{
    answer *a = ctx;
    size_t n = strlen(a->job);
    if (strncmp(line, a->job, n) == 0 && line[n] == ' ')
        ht_slurm_stamp(line + n, &a->end);
}

double ht_slurm_ask_end(const char *job, double patience_s)
{
    char *const argv[] = {"squeue", "-h", "-j", (char *)job, "-o", "%A %e", NULL};
    answer a = {.job = job};
    if (strspn(job, "0123456789") == strlen(job))
        ht_slurm_run(argv, patience_s, take_line, &a, NULL);
    return a.end;
}

double ht_slurm_end_time(double patience_s)
{
    const char *given = getenv("SLURM_JOB_END_TIME"), *job = getenv("SLURM_JOB_ID");
    double end = 0;
    if (given != NULL && ht_slurm_stamp(given, &end) && end > ht_clock_wall())
        return end;
    return job != NULL && job[0] != '\0' ? ht_slurm_ask_end(job, patience_s) : 0;
}
