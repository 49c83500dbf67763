/* src/cli/job_watch.c - how the run of a batch job stands; the contract is in job_watch.h.
 *
 * May touch: the run directory (reads), the environment (which job of Slurm this is). */
#include "cli/job_watch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/commit.h"
#include "store/run_dir.h"
#include "store/run_lock.h"
#include "store/sweep_log.h"

static const double silent_s = 120;

/* A sweep has no lock: each trial that ends is a sign of it. */
static double last_trial(const char *dir)
{
    char *path = ht_path_join(dir, HT_FILE_TRIALS);
    ht_file_stamp log = path != NULL ? ht_file_look(path) : (ht_file_stamp){.exists = false};
    free(path);
    return log.exists ? (double)log.modified.tv_sec + 1e-9 * (double)log.modified.tv_nsec : 0;
}

ht_job_standing ht_job_look(const char *dir)
{
    ht_run_sign sign = {HT_RUN_NONE};
    ht_commit c = {0};
    ht_job_standing s = {0};
    char *folder = ht_path_join(dir, HT_DIR_CHECKPOINT);
    bool known = ht_run_lock_look(dir, &sign, NULL) == HT_OK;
    s.started = sign.life != HT_RUN_NONE ? sign.started : last_trial(dir);
    s.seen = sign.life != HT_RUN_NONE ? sign.seen : 0;
    s.silence_s = fmax(silent_s, 4 * sign.silence_s);
    s.unfinished = ht_commit_is_there(dir);
    s.finished = known && sign.life == HT_RUN_ENDED && !s.unfinished;
    s.is_ours = sign.slurm.job[0] != '\0' && strcmp(sign.slurm.job, ht_slurm_start_here().job) == 0;
    if (s.unfinished && folder != NULL && ht_commit_read(folder, &c, NULL, NULL) == HT_OK) {
        s.checkpoint = c.number;
        s.written = c.wall_time;
        ht_commit_release(&c);
    }
    free(folder);
    return s;
}

ht_job_watch ht_job_watch_begin(const char *dir, double grace_s)
{
    const ht_job_standing s = ht_job_look(dir);
    return (ht_job_watch){.dir = dir, .grace_s = grace_s, .before = s, .now = s};
}

const char *ht_job_watch_look(ht_job_watch *w)
{
    const double seen = w->now.seen;
    w->now = ht_job_look(w->dir);
    const bool began = w->now.started != w->before.started;
    w->silent = began && w->now.unfinished && seen > 0 && w->now.seen == seen ? w->silent + 1 : 0;
    w->over = w->now.finished && (began || !w->before.finished) ? w->over + 1 : 0;
    if (w->over > w->grace_s)
        return "the run is over, its launcher is not";
    return w->silent > w->now.silence_s ? "the run shows no sign of life any more" : NULL;
}
