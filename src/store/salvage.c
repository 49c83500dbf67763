/* src/store/salvage.c - what a killed run left in its logs; the contract is in salvage.h.
 *
 * The logs of that run are read whole, and the run is put into the study anew. What logs do not tell (seed,
 * name, nodes ..) is taken from the study, where a run is from its first second on. May touch: the run
 * directory (reads only), the study. */
#include "store/salvage.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "store/record_read.h"
#include "store/run_tables.h"
#include "store/run_dir.h"
#include "store/study_format.h"
#include "store/study_parts.h"

/* Everything that the logs tell of one run. */
typedef struct {
    unsigned long run;
    ht_recipe *recipe;              /* in force at the end; owned */
    size_t n_mutations, mutation_room;
    ht_mutation *mutations;         /* [n_mutations], the last state of each, by number; owned */
    ht_run_tables *tables;          /* segments and curves; owned */
    ht_statistics statistics;
    unsigned long long seed;
    int replicas;
    bool no_memory;
    ht_error damage;                /* of the curves' log, which nobody else reads; "" = none */
} harvest;

static void release(harvest *h)
{
    ht_recipe_destroy(h->recipe);
    ht_statistics_release(&h->statistics);
    free(h->mutations);
    ht_run_tables_destroy(h->tables);
}

/* Room for one more of `size` bytes behind *at. */
static bool grow(void **at, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return true;
    size_t wanted = 2 * *room + 64;
    void *grown = realloc(*at, wanted * size);
    if (grown == NULL)
        return false;
    *at = grown;
    *room = wanted;
    return true;
}

/* ---- the logs ----------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
    const ht_mutation *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static ht_mutation *find_mutation(const harvest *h, unsigned long number)
{
    const ht_mutation wanted = {.number = number};
    return h->n_mutations == 0 ? NULL
                               : bsearch(&wanted, h->mutations, h->n_mutations, sizeof wanted, by_number);
}

static void see_mutation(void *ctx, const cJSON *line)
{
    harvest *h = ctx;
    ht_mutation m;
    if (h->no_memory || ht_line_run(line) != h->run || !ht_mutation_from_json(line, h->recipe, &m))
        return;
    ht_statistics_mutation(&h->statistics, &m);
    ht_mutation *known = find_mutation(h, m.number);
    if (known != NULL) {
        *known = m;
        return;
    }
    if (h->n_mutations > 0 && m.number < h->mutations[h->n_mutations - 1].number)
        return;     /* numbers rise: no run writes such a log */
    void *at = h->mutations;
    h->no_memory = !grow(&at, h->n_mutations, &h->mutation_room, sizeof *h->mutations);
    h->mutations = at;
    if (!h->no_memory)
        h->mutations[h->n_mutations++] = m;
}

static void see_segment(void *ctx, const cJSON *line)
{
    harvest *h = ctx;
    ht_segment g;
    if (h->no_memory || ht_line_run(line) != h->run || !ht_segment_from_json(line, &g))
        return;
    const ht_mutation *m = find_mutation(h, g.mutation);
    if (m == NULL)
        return;
    h->no_memory = ht_statistics_segment(&h->statistics, &g, m) != HT_OK ||
                   ht_run_tables_segment(h->tables, &g, m, h->recipe->objective.primary, NULL) != HT_OK;
}

static void see_window(void *ctx, const cJSON *line)
{
    harvest *h = ctx;
    const cJSON *value = ht_json_member(ht_json_member(line, "metrics"), h->recipe->objective.primary);
    if (h->no_memory || ht_line_run(line) != h->run || !cJSON_IsNumber(value))
        return;
    const ht_curve_point point = {.replica = (int)ht_line_int(line, "replica", INT_MAX),
                                  .step = ht_line_int(line, "step", LLONG_MAX),
                                  .epoch = ht_line_int(line, "epoch", LLONG_MAX),
                                  .value = value->valuedouble};
    h->no_memory = ht_run_tables_point(h->tables, &point, NULL) != HT_OK;
}

/* Its first line of a run says how it began. */
static void see_arrival(void *ctx, const cJSON *line)
{
    harvest *h = ctx;
    if (ht_line_run(line) != h->run)
        return;
    double seed = ht_json_number(line, "seed", 0);
    h->seed = seed >= 0 && seed < 1.8e19 ? (unsigned long long)seed : 0;
    h->replicas = (int)ht_line_int(line, "replicas", INT_MAX);
}

static ht_status see_lines(const char *dir, const char *name, void (*visit)(void *, const cJSON *),
                           harvest *h, ht_error *err)
{
    ht_lines_account account;
    HT_TRY(ht_run_dir_log(dir, name, visit, h, &account, err));
    account.torn = false;       /* the run was killed */
    if (strcmp(name, HT_FILE_METRICS) == 0)
        ht_lines_tell(name, &account, &h->damage);
    return HT_OK;
}

static ht_status load_recipe(const char *dir, ht_recipe **out, ht_error *err)
{
    char *path = ht_path_join(dir, HT_FILE_EFFECTIVE);
    if (path == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the name of '%s'", HT_FILE_EFFECTIVE);
    ht_status st = ht_recipe_load(path, out, err);
    free(path);
    return st;
}

/* *h is released by the caller, also after a failure. */
static ht_status read_logs(const char *dir, unsigned long run, harvest *h, ht_error *err)
{
    *h = (harvest){.run = run};
    ht_statistics_init(&h->statistics);
    HT_TRY(load_recipe(dir, &h->recipe, err));
    HT_TRY(ht_run_tables_create(&h->tables, err));
    HT_TRY(see_lines(dir, HT_FILE_MUTATIONS, see_mutation, h, err));
    HT_TRY(see_lines(dir, HT_FILE_SEGMENTS, see_segment, h, err));
    HT_TRY(see_lines(dir, HT_FILE_METRICS, see_window, h, err));
    HT_TRY(see_lines(dir, HT_FILE_ARRIVAL, see_arrival, h, err));
    return h->no_memory ? ht_fail(err, HT_ENOMEM, "no memory for the logs in '%s'", dir) : HT_OK;
}

/* ---- the study ---------------------------------------------------------------------------------- */

/* What the study says of the run. */
typedef struct {
    bool known, ended, pooled;
    char name[256], mpi_version[256], slurm_job[128], nodes[1024];
    long long replicas, ranks, seed;
    double started, opened;
    ht_places places;               /* owned */
    char *base_recipe;              /* owned */
    size_t n_segments;
} entry;

static size_t count_segments(hid_t run)
{
    hid_t set = H5Dopen2(run, "segments", H5P_DEFAULT),
          space = set >= 0 ? H5Dget_space(set) : H5I_INVALID_HID;
    hssize_t n = space >= 0 ? H5Sget_simple_extent_npoints(space) : 0;
    ht_h5_close(space);
    ht_h5_close(set);
    return n > 0 ? (size_t)n : 0;
}

static void read_entry(hid_t run, entry *e)
{
    double ended = 0;
    char mode[16] = "";
    e->known = true;
    e->pooled = ht_h5_get_text(run, HT_STUDY_MODE, mode, sizeof mode) && strcmp(mode, "pooled") == 0;
    ht_h5_get_text(run, "name", e->name, sizeof e->name);
    ht_h5_get_text(run, "mpi_version", e->mpi_version, sizeof e->mpi_version);
    ht_h5_get_text(run, "slurm_job", e->slurm_job, sizeof e->slurm_job);
    ht_h5_get_text(run, "nodes", e->nodes, sizeof e->nodes);
    ht_study_read_places(run, &e->places);
    ht_h5_get_int(run, "replicas", &e->replicas);
    ht_h5_get_int(run, "ranks_per_replica", &e->ranks);
    ht_h5_get_real(run, HT_STUDY_OPENED, &e->opened);
    ht_h5_get_real(run, "started", &e->started);
    e->ended = ht_h5_get_real(run, "ended", &ended) && ended > 0;
    if (!ht_h5_read_text(run, "base_recipe", &e->base_recipe))
        e->base_recipe = NULL;
    e->n_segments = count_segments(run);
}

/* A study that is missing, or does not know the run, gives an entry that is not known. */
static ht_status look_up(const char *study, const char *id, entry *e, ht_error *err)
{
    ht_h5_quiet quiet;
    hid_t file, runs = H5I_INVALID_HID, run = H5I_INVALID_HID;
    char *link = ht_h5_link_name(id);
    if (link == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for study '%s'", study);
    ht_h5_quiet_begin(&quiet);
    ht_status st = ht_study_open(study, &file, err);
    if (st == HT_OK) {
        if (H5Lexists(file, "runs", H5P_DEFAULT) > 0)
            runs = H5Gopen2(file, "runs", H5P_DEFAULT);
        if (runs >= 0 && H5Lexists(runs, link, H5P_DEFAULT) > 0)
            run = H5Gopen2(runs, link, H5P_DEFAULT);
        if (run >= 0)
            read_entry(run, e);
        ht_h5_close(run);
        ht_h5_close(runs);
        ht_h5_close(file);
    }
    ht_h5_quiet_end(&quiet);
    free(link);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

static ht_status publish(const harvest *h, const entry *e, const ht_run_sign *dead, const char *study,
                         ht_error *err)
{
    ht_study_run run = {.name = e->name,
                        .started = e->known ? e->started : dead->started,
                        .ended = dead->seen,
                        .seed = h->seed,
                        .n_replicas = e->known ? (int)e->replicas : h->replicas,
                        .ranks_per_replica = e->known ? (int)e->ranks : 1,
                        .mpi_version = e->mpi_version,
                        .slurm_job = e->slurm_job,
                        .opened = e->opened,
                        .host = dead->host,
                        .nodes = e->known ? e->nodes : dead->host,
                        .places = &e->places,
                        .recipe = h->recipe,
                        .base_recipe = e->base_recipe,
                        .tables = h->tables,
                        .statistics = &h->statistics};
    ht_name_copy(run.id, dead->study_run);
    return ht_study_publish(study, &run, err);
}

/* What the run left of replacing its part when it was killed. */
static void clear_aside(const ht_run_sign *dead, const char *study)
{
    char *part = NULL;
    if (ht_study_part_path(study, dead->study_run, false, &part, NULL) == HT_OK)
        ht_file_clear_aside(part, dead->pid);
    free(part);
}

ht_status ht_salvage_study(const char *dir, const ht_run_sign *dead, const char *study, size_t *segments,
                           ht_error *damage, ht_error *err)
{
    entry e = {.known = false};
    harvest h;
    *segments = 0;
    damage->text[0] = '\0';
    if (dead->life != HT_RUN_KILLED || dead->run == 0 || dead->study_run[0] == '\0')
        return HT_OK;
    clear_aside(dead, study);
    ht_status st = ht_study_pool_parts(study, false, NULL, err);
    if (st == HT_OK)
        st = look_up(study, dead->study_run, &e, err);
    if (st != HT_OK || e.ended)
        goto done;
    st = read_logs(dir, dead->run, &h, err);
    size_t found = st == HT_OK ? ht_run_tables_segments(h.tables) : 0;
    if (st == HT_OK && e.pooled) {
        st = ht_study_amend(study, dead->study_run, &h.statistics, dead->seen, err);
    } else if (st == HT_OK && found >= e.n_segments) {  /* else the logs were removed */
        st = publish(&h, &e, dead, study, err);
        *segments = st == HT_OK ? found - e.n_segments : 0;
    }
    *damage = h.damage;
    release(&h);
done:
    ht_places_release(&e.places);
    free(e.base_recipe);
    return st;
}

/* ---- evidence ----------------------------------------------------------------------------------- */

ht_status ht_salvage_evidence(const char *dir, const ht_run_sign *dead, ht_run_evidence *out, ht_error *err)
{
    harvest h;
    ht_evidence *all = NULL;
    *out = (ht_run_evidence){.n = 0};
    ht_status st = read_logs(dir, dead->run, &h, err);
    if (st == HT_OK && (all = calloc(h.statistics.n_families + 1, sizeof *all)) == NULL)
        st = ht_fail(err, HT_ENOMEM, "no memory for the evidence in '%s'", dir);
    if (st == HT_OK) {
        ht_statistics_evidence(&h.statistics, all);
        for (size_t i = 0; i < h.statistics.n_families; i++)
            if (h.statistics.families[i].decided > 0)
                all[out->n++] = all[i];
        memcpy(out->source, dead->study_run, sizeof dead->study_run);
        out->evidence = all;
    }
    release(&h);
    return st;
}
