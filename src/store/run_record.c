/* src/store/run_record.c - the line of JSON in hottune.lock; the contract is in run_record.h.
 *
 * May touch: the lock file (reads only). */
#include "store/run_record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/sum.h"
#include "store/run_dir.h"

static void put_slurm(cJSON *to, const ht_slurm_start *s)
{
    cJSON *o = cJSON_CreateObject();
    if (s->job[0] == '\0') {
        cJSON_Delete(o);
        return;
    }
    ht_json_put_text(o, "job", s->job);
    ht_json_put_text(o, "component", s->component);
    ht_json_put_int(o, "restart", (double)s->restart);
    ht_json_put_int(o, "step", (double)s->step);
    ht_json_put(to, "slurm", o);
}

static void get_slurm(const cJSON *o, ht_slurm_start *out)
{
    const char *job = ht_json_text(o, "job"), *component = ht_json_text(o, "component");
    *out = (ht_slurm_start){.step = -1};
    if (job == NULL || component == NULL)
        return;
    snprintf(out->job, sizeof out->job, "%s", job);
    snprintf(out->component, sizeof out->component, "%s", component);
    out->restart = (long)ht_json_number(o, "restart", 0);
    out->step = (long)ht_json_number(o, "step", -1);
}

bool ht_run_record_print(const ht_run_sign *s, bool closed, char bytes[HT_RUN_RECORD_LENGTH + 1])
{
    char run[32];
    cJSON *o = cJSON_CreateObject();
    snprintf(run, sizeof run, "r%lu", s->run);
    ht_json_put_text(o, "host", s->host);
    ht_json_put_int(o, "pid", (double)s->pid);
    ht_json_put_real(o, "started", s->started);
    put_slurm(o, &s->slurm);
    ht_json_put_real(o, "seen", s->seen);
    ht_json_put_real(o, "silence_s", s->silence_s);
    ht_json_put_bool(o, "closed", closed);
    ht_json_put_text(o, "run", s->run > 0 ? run : NULL);
    ht_json_put_text(o, "study_run", s->study_run[0] != '\0' ? s->study_run : NULL);
    if (s->former_pid > 0)
        ht_json_put_int(o, "former_pid", (double)s->former_pid);
    char *line = o != NULL ? ht_sum_put(ht_json_line(o), 0) : NULL;
    cJSON_Delete(o);
    bool fits = line != NULL && snprintf(bytes, HT_RUN_RECORD_LENGTH + 1, "%-*s\n", HT_RUN_RECORD_LENGTH - 1, line) ==
                                    HT_RUN_RECORD_LENGTH;
    free(line);
    return fits;
}

bool ht_run_record_read(const char *text, ht_run_sign *out, bool *closed)
{
    cJSON *o = NULL;
    *out = (ht_run_sign){.life = HT_RUN_NONE};
    if (ht_json_parse(text, &o, NULL, NULL) != HT_OK || ht_json_text(o, "host") == NULL ||
        ht_sum_take(text, strlen(text), o, NULL) == HT_SUM_WRONG) {
        cJSON_Delete(o);
        return false;
    }
    const char *run = ht_json_text(o, "run"), *id = ht_json_text(o, "study_run");
    snprintf(out->host, sizeof out->host, "%s", ht_json_text(o, "host"));
    out->pid = (long)ht_json_number(o, "pid", 0);
    out->former_pid = (long)ht_json_number(o, "former_pid", 0);
    out->started = ht_json_number(o, "started", 0);
    out->seen = ht_json_number(o, "seen", 0);
    out->silence_s = ht_json_number(o, "silence_s", HT_RUN_LEAST_SILENCE_S);
    out->run = run != NULL && run[0] == 'r' ? strtoul(run + 1, NULL, 10) : 0;
    if (id != NULL)
        ht_name_copy(out->study_run, id);
    get_slurm(ht_json_member(o, "slurm"), &out->slurm);
    *closed = ht_json_true(o, "closed");
    cJSON_Delete(o);
    return true;
}

/* ---- whose it is -------------------------------------------------------------------------------- */

ht_run_owner ht_run_record_owner(const char *record)
{
    ht_run_owner owner = {""};
    const char *end = strstr(record, "\"seen\":");
    if (end != NULL && (size_t)(end - record) < sizeof owner.mark)
        memcpy(owner.mark, record, (size_t)(end - record));
    return owner;
}

static ht_status tell_owner(const char *record, ht_error *err)
{
    ht_run_sign s;
    bool closed;
    char since[64] = "", slurm[96] = "";
    struct tm tm;
    if (!ht_run_record_read(record, &s, &closed))
        return ht_fail(err, HT_EFAILED, "another start of this run took over");
    time_t started = (time_t)s.started;
    strftime(since, sizeof since, "%Y-%m-%d %H:%M:%S UTC", gmtime_r(&started, &tm));
    if (s.slurm.job[0] != '\0')
        snprintf(slurm, sizeof slurm, ", Slurm job %s, restart %ld", s.slurm.job, s.slurm.restart);
    return ht_fail(err, HT_EFAILED, "another start of this run took over: process %ld on host %.64s, since %s%s; this one "
                   "ends and writes nothing more", s.pid, s.host, since, slurm);
}

/* By its name: on file systems of clusters that asks the server, where a look at the inode may be answered by what was
 * seen a minute ago. No file: nobody took it. One without a record: somebody begins, and we cannot tell. */
ht_status ht_run_record_check(const char *path, const ht_run_owner *o, ht_error *err)
{
    char text[HT_RUN_RECORD_LENGTH + 1];
    int fd = o->mark[0] != '\0' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd >= 0 ? pread(fd, text, HT_RUN_RECORD_LENGTH, 0) : -1;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return HT_OK;
    text[n] = '\0';
    const ht_run_owner now = ht_run_record_owner(text);
    return now.mark[0] == '\0' || strcmp(now.mark, o->mark) == 0 ? HT_OK : tell_owner(text, err);
}

ht_status ht_run_owner_check(const char *dir, const ht_run_owner *o, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_LOCK);
    ht_status st = path != NULL ? ht_run_record_check(path, o, err) : HT_OK;
    free(path);
    return st;
}

