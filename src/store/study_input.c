/* src/store/study_input.c - what a study needs of a run; the contract is in study_input.h.
 *
 * May touch: the heap, the environment (Slurm), the host's name and process number (for the run's id). */
#include "store/study_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/run_tables.h"
#include "store/study_format.h"

struct ht_study_input {
    char id[HT_NAME_MAX], host[256];
    char *name, *mpi_version, *slurm_job, *nodes, *base_recipe;     /* owned */
    double started, opened;
    unsigned long long seed;
    int n_replicas, ranks_per_replica;
    bool has_result;
    double val, test;
    ht_places places;           /* owned */
    ht_run_tables *tables;      /* owned */
};

static char *copy_or_empty(const char *text)
{
    return strdup(text == NULL ? "" : text);
}

/* Unique among the runs of a study: host, process, second, number in its directory. */
static void make_id(ht_study_input *in, unsigned long run)
{
    if (gethostname(in->host, sizeof in->host - 1) != 0)
        strcpy(in->host, "unknown");
    snprintf(in->id, sizeof in->id, "%.16s-%ld-%lld-r%lu", in->host, (long)getpid(), (long long)in->started,
             run);
}

ht_status ht_study_input_create(const ht_recorder_options *o, unsigned long run, double started,
                                ht_study_input **out, ht_error *err)
{
    ht_study_input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for the study");
    const char *nodes = getenv("SLURM_JOB_NODELIST");
    in->started = started;
    in->seed = o->seed;
    in->n_replicas = o->n_replicas;
    in->ranks_per_replica = o->ranks_per_replica;
    in->opened = ht_study_now();
    if (o->resumes > 0 && o->study_run != NULL)
        ht_name_copy(in->id, o->study_run);
    else
        make_id(in, run);
    in->name = copy_or_empty(o->name);
    in->mpi_version = copy_or_empty(o->mpi_version);
    in->slurm_job = copy_or_empty(getenv("SLURM_JOB_ID"));
    in->nodes = copy_or_empty(nodes != NULL ? nodes : in->host);
    in->base_recipe = ht_study_recipe_text(o->base != NULL ? o->base : o->recipe);
    if (in->name == NULL || in->mpi_version == NULL || in->slurm_job == NULL || in->nodes == NULL ||
        in->base_recipe == NULL ||
        (o->places != NULL && ht_places_copy(o->places, &in->places, NULL) != HT_OK) || ht_run_tables_create(&in->tables, NULL) != HT_OK) {
        ht_study_input_destroy(in);
        return ht_fail(err, HT_ENOMEM, "no memory for the study");
    }
    *out = in;
    return HT_OK;
}

const char *ht_study_input_id(const ht_study_input *in)
{
    return in->id;
}

void ht_study_input_destroy(ht_study_input *in)
{
    if (in == NULL)
        return;
    free(in->name);
    free(in->mpi_version);
    free(in->slurm_job);
    free(in->nodes);
    free(in->base_recipe);
    ht_places_release(&in->places);
    ht_run_tables_destroy(in->tables);
    free(in);
}

ht_status ht_study_input_segment(ht_study_input *in, const ht_closed *closed, const ht_coordinator_view *view,
                                 ht_error *err)
{
    if (view->pool != NULL)
        return HT_OK;
    return ht_run_tables_segment(in->tables, &closed->segment, &closed->mutation, view->recipe->objective.primary, err);
}

ht_status ht_study_input_verdict(ht_study_input *in, const ht_pool_verdict *v, ht_error *err)
{
    return ht_run_tables_verdict(in->tables, v, err);
}

ht_status ht_study_input_point(ht_study_input *in, const ht_curve_point *p, ht_error *err)
{
    return ht_run_tables_point(in->tables, p, err);
}

void ht_study_input_result(ht_study_input *in, double val, double test)
{
    in->has_result = true;
    in->val = val;
    in->test = test;
}

ht_status ht_study_input_publish(const ht_study_input *in, const char *study, const ht_coordinator_view *view,
                                 double ended, const ht_file_guard *guard, ht_error *err)
{
    bool known = view->has_result;
    int seats = view->alive + view->lost + view->done;     /* also of those that did not come back with a resume */
    ht_study_run run = {.name = in->name,
                        .started = in->started,
                        .ended = ended,
                        .seed = in->seed,
                        .n_replicas = seats > in->n_replicas ? seats : in->n_replicas,
                        .ranks_per_replica = in->ranks_per_replica,
                        .opened = in->opened,
                        .host = in->host,
                        .mpi_version = in->mpi_version,
                        .slurm_job = in->slurm_job,
                        .nodes = in->nodes,
                        .places = &in->places,
                        .recipe = view->recipe,
                        .base_recipe = in->base_recipe,
                        .has_result = known || in->has_result,
                        .result_val = known ? view->result_val : in->val,
                        .result_test = known ? view->result_test : in->test,
                        .tables = in->tables,
                        .statistics = view->statistics,
                        .posterior = view->posterior,
                        .pool = view->pool,
                        .tuned = view->tuned,
                        .learned = view->learned,
                        .guard = guard};
    memcpy(run.id, in->id, sizeof run.id);
    return ht_study_publish(study, &run, err);
}
