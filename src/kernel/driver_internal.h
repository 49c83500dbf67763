/* src/kernel/driver_internal.h - what the files of the driver share; nobody else includes it.
 *
 *     driver.c             one step: messages in, messages and records out
 *     driver_opening.c     the first lines of a run: who runs where, what was found in the study
 *     driver_start.c       what is found out before the run, and the making of coordinator and recorder
 *     driver_resume.c      how a run was made is written into its journal, and it is made again from that
 *     driver_restart.c     what a start that goes on says of itself: what is resumed, what was lost
 *     driver_checkpoint.c  checkpoints, leaving, and coming back
 *     driver_deadline.c    the run knows when its job ends */
#ifndef HT_KERNEL_DRIVER_INTERNAL_H
#define HT_KERNEL_DRIVER_INTERNAL_H

#include <signal.h>

#include "kernel/chronicle.h"
#include "kernel/deadline.h"
#include "kernel/driver.h"
#include "store/recorder.h"

/* A message that waits until the replicas of a resumed run are back. */
typedef struct ht_early {
    struct ht_early *next;
    int replica;
    ht_bytes bytes;             /* owned */
} ht_early;

/* The replicas of a resumed run come back. */
typedef struct {
    bool on;
    double since;
    bool *expected, *here;      /* [n_replicas]; owned */
    ht_bytes *hello;            /* [n_replicas]; owned */
    ht_early *first, *last;     /* owned */
} ht_comeback;

struct ht_driver {
    ht_comm *comm;
    ht_coordinator *coordinator;
    ht_run_lock *lock;          /* of the run directory */
    ht_recorder *recorder;
    ht_inbox *inbox;            /* NULL until the replicas of a resumed run are back */
    char *run_dir;              /* owned */
    int ranks_per_replica;
    int n_replicas, n_here;     /* that there is room for; in this job */
    double poll_s, patience_s, started, polled, shown;
    double ticked;              /* when time was told last */
    double looked, slept;       /* when it looked last; time in which it did not run itself */
    double ahead;               /* of a resumed run: what its clock is ahead of ours */
    bool mode_was_given;        /* by ht_options: hotcb.yaml does not override it at the start */
    bool first_poll;
    bool resumed;               /* what hotcb.yaml says was taken before */
    bool writing_fails;
    ht_error complaint;         /* last one about a file of the run directory: said once */
    bool finished;
    ht_run_sign former;         /* of the run before in the directory */
    void (*warning)(void *ctx, const char *text);
    void *warning_ctx;
    void (*progress)(void *ctx, const ht_progress *p);
    void *progress_ctx;
    void (*event)(void *ctx, const char *text);
    void *event_ctx;
    void (*plan)(void *ctx, const char *text);
    void *plan_ctx;

    ht_chronicle *chronicle;    /* NULL: this run makes no checkpoints */
    cJSON *start;               /* what this start says of itself, for the summary; owned */
    int epochs;                 /* of one replica; 0 = not known */
    bool recalls;               /* the coordinator is told again what happened: nothing is sent or written */
    ht_comeback comeback;
    ht_deadline deadline;
    double *safe_points;        /* [n_replicas] when each was at its last one; 0 = not yet. Owned */
    double leaves_at;           /* that was told: seconds since 1970; 0 = nothing to tell */
    bool told_measured;
    const volatile sig_atomic_t *leave_asked;   /* by the program; NULL = never */
    enum { HT_STAYS, HT_WANTS_TO_LEAVE, HT_CANNOT_LEAVE, HT_LEAVES } leaving;
    double leaves_since;
    bool leaves_for_time;       /* the job ends: nobody asked */
    bool sent_off;              /* replicas leave when they have answered the checkpoint that is being made */
    uint64_t leaves_after;      /* checkpoint that must be made first */
    bool overtaken;             /* it leaves because the directory is another start's */
    bool *gone;                 /* [n_replicas] while it leaves: said BYE, or was not there; owned */
    ht_error checkpoint_fault;  /* last one that was told */
    ht_error journal_fault;     /* the same, of the journal */
};

/* Everything that is found out before the run; released when the driver stands. */
typedef struct {
    ht_run_history history;
    ht_recipe *base;        /* as given or found */
    ht_recipe *recipe;      /* the same, evolved by the study */
    ht_mode mode;
    char *study;        /* path */
    char *recipe_name;  /* path of the recipe that was found; NULL = the program's own; owned */
    ht_string opening;  /* lines that were told before there was a log for them */
    int epochs;         /* of one replica */
    double silence_s;
    unsigned long long seed;
    int replicas;       /* when the run began */
    int ranks_per_replica;  /* of a run that goes on */
    unsigned long run;  /* its number; 0 = a new one begins */
    double began;       /* seconds since 1970 */
    char study_run[HT_NAME_MAX];    /* its id in the study */
    size_t n_logs;      /* the logs and their sizes when it began */
    ht_commit_log *logs;    /* owned */
    char *replay;       /* text of a mutation log, or NULL */
    ht_run_sign before; /* of the run before this one in the directory */
    size_t salvaged;    /* segments of that run which the study had not */
} ht_start;

/* ---- driver_progress.c ---------------------------------------------------------------------- */

/* Now and then: tell the program how the run stands. */
void ht_driver_show_progress(ht_driver *d, double now);

/* ---- driver.c ------------------------------------------------------------------------------- */

void ht_driver_warn(ht_driver *d, const char *text);
/* A line into events.log. */
void ht_driver_note_event(ht_driver *d, const char *text);
/* A line for people: into events.log, and to who listens to plans. */
void ht_driver_say(ht_driver *d, const char *text);
/* Time as the coordinator sees it. */
double ht_driver_time(ht_driver *d);
/* Sends and writes what the coordinator has to say. */
void ht_driver_drain(ht_driver *d);
/* A message of a replica goes to the coordinator. */
void ht_driver_hand_in(ht_driver *d, int replica, const ht_bytes *bytes);

/* ---- driver_start.c ------------------------------------------------------------------------- */

/* Coordinator, recorder, journal and inbox of a run as `s` says. */
ht_status ht_driver_assemble(const ht_driver_options *o, ht_start *s, ht_driver *d, ht_error *err);
/* The same without journal and inbox. */
ht_status ht_driver_make(const ht_driver_options *o, const ht_start *s, ht_driver *d, ht_error *err);
ht_chronicle_options ht_driver_chronicle(const ht_driver_options *o, const ht_driver *d);
ht_status ht_driver_name_study(const ht_options *o, ht_start *s, ht_error *err);

/* ---- driver_opening.c ----------------------------------------------------------------------- */

/* Before anything is read or written: the map of the ranks. */
void ht_driver_tell_places(ht_driver *d, ht_start *s, const ht_places *places);
/* What n runs of the study say, and what follows for this one. */
void ht_driver_tell_study(ht_driver *d, ht_start *s, size_t n, const ht_run_evidence *runs);
/* When everything stands: the same into events.log; warns of places that cost time. */
void ht_driver_note_opening(ht_driver *d, const ht_start *s, const ht_places *places);

/* ---- driver_resume.c ------------------------------------------------------------------------ */

/* How the coordinator and the recorder are made, as the journal keeps it. Owned by the caller; NULL: no memory. */
char *ht_start_to_text(const ht_driver_options *o, const ht_start *s);
/* Cut the logs to what they were at a checkpoint [n]; n = 0: they stay. Where the former owner may wake up, all files that
 * are appended to get new inodes. */
ht_status ht_driver_take_files(ht_driver *d, size_t n, const ht_commit_log *logs, ht_error *err);
/* The replicas are back and can go on: from here on files are changed. */
ht_status ht_driver_go_on(ht_driver *d, ht_error *err);
/* The unfinished run of the directory is told to the coordinator. No file is changed: what is refused here, or when the
 * replicas come back, leaves the directory as it was. @param text  as above */
ht_status ht_driver_resume(const ht_driver_options *o, const char *text, ht_start *s, ht_driver *d, ht_error *err);

/* ---- driver_restart.c ----------------------------------------------------------------------- */

/* Of the logs behind the checkpoint, before they are cut. */
void ht_driver_count_repeated(ht_driver *d, const ht_commit *c);
/* The run goes on from there: what was lost. */
void ht_driver_tell_restart(ht_driver *d);
/* The run begins again: there was no checkpoint. */
void ht_driver_tell_beginning(ht_driver *d);
/* The replicas are back. */
void ht_driver_tell_back(ht_driver *d, const bool *expected, const bool *here);

/* ---- driver_checkpoint.c -------------------------------------------------------------------- */

/* Write an input down before the coordinator gets it; without a chronicle nothing happens. */
void ht_driver_note(ht_driver *d, ht_input_kind kind, double now, int replica, const void *bytes, size_t n);
/* @return true: the message was for the driver, or waits for its turn */
bool ht_driver_intercepts(ht_driver *d, int replica, const ht_bytes *bytes);
/* Begin or give up checkpoints, let replicas come back, leave: what time brings. */
void ht_driver_checkpoint(ht_driver *d);
/* Another start took over: the replicas are told to go, nothing more is written. */
void ht_driver_give_way(ht_driver *d);
/* Nobody is waited for any more: the run goes on in another job. */
bool ht_driver_has_left(const ht_driver *d);
/* The coordinator was told all: expect the replicas of the checkpoint. */
ht_status ht_driver_expect_back(ht_driver *d, ht_error *err);
void ht_driver_checkpoint_release(ht_driver *d);

/* ---- driver_deadline.c ---------------------------------------------------------------------- */

/* When everything stands: finds out when the job ends, and tells it. */
ht_status ht_driver_deadline_begin(ht_driver *d, const ht_options *o, ht_error *err);
/* A message of a replica: from some follows how long its epochs take. */
void ht_driver_deadline_hear(ht_driver *d, int replica, const ht_bytes *bytes);
/* It is time to leave, if the run is to be written down before its job ends. */
bool ht_driver_deadline_is_near(ht_driver *d);
/* The job ends at once: nobody is waited for. */
bool ht_driver_deadline_is_here(const ht_driver *d);
/* How long leaving takes, as far as that is known; seconds. */
double ht_driver_deadline_margin(const ht_driver *d);
void ht_driver_deadline_release(ht_driver *d);

#endif
