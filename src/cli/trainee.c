/* src/cli/trainee.c - makes the training that `run` tunes; the contract is in trainee.h. May touch: MPI, stderr. */
#include "cli/trainee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/child_hello.h"
#include "cli/child_training.h"
#include "recipe/recipe.h"

/* ---- a built-in workload --------------------------------------------------------------------- */

static ht_status offer_workload(void *self, ht_kernel *k, ht_error *err)
{
    return ht_training_offer(self, k, err);
}

static ht_status run_workload(void *self, ht_kernel *k, ht_outcome *out, ht_error *err)
{
    return ht_training_run(self, k, out, err);
}

static void destroy_workload(void *self)
{
    ht_training_destroy(self);
}

static int make_workload(const ht_run_job *j, ht_trainee *out)
{
    ht_error err = {""};
    ht_status st = HT_OK;
    ht_training *t = NULL;
    if (j->replica >= 0)
        st = ht_training_create(&(ht_workload_options){.name = j->workload->name,
                                                       .seed = (unsigned long long)j->seed,
                                                       .replica = j->replica,
                                                       .data_dir = j->data,
                                                       .comm = j->comm,
                                                       .cosine_epochs = j->cosine ? (int)j->epochs : 0,
                                                       .slow = j->faults.slow,
                                                       .nan_at = j->faults.nan_at},
                                (int)j->epochs, &t, &err);
    if (st == HT_OK && t != NULL && j->set != NULL)
        st = ht_training_set(t, j->set, &err);
    *out = (ht_trainee){t, offer_workload, run_workload, destroy_workload};
    return ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
}

/* ---- a child program ------------------------------------------------------------------------- */

/* What a rank has after its child was greeted. */
typedef struct {
    int length;         /* of the hello; 0: none, or it coordinates */
    ht_error err;       /* why there is none */
} greeting;

/* The first replica whose child answered speaks for all. @return its rank; -1: nobody's did */
static int find_speaker(const ht_run_job *j, const greeting *mine, int *length, ht_error *why)
{
    greeting *all = NULL;
    int speaker[2] = {-1, 0};
    if (j->ranks.rank == 0 && (all = calloc((size_t)j->ranks.size, sizeof *all)) == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    ht_ranks_gather(&j->ranks, mine, sizeof *mine, all);
    for (int i = j->ranks.size - 1; all != NULL && i >= 0; i--) {
        if (all[i].length > 0) {
            speaker[0] = i;
            speaker[1] = all[i].length;
        } else if (all[i].err.text[0] != '\0')
            *why = all[i].err;
    }
    free(all);
    ht_ranks_share(&j->ranks, speaker, sizeof speaker);
    *length = speaker[1];
    return speaker[0];
}

/* What the command says of itself counts where nothing was asked. */
static ht_status adopt(ht_run_job *j, const char *hello, ht_error *err)
{
    cJSON *o = NULL;
    ht_child_hello h = {0};
    HT_TRY(ht_json_parse(hello, &o, NULL, err));
    ht_status st = ht_child_hello_read(o, &h, err);
    cJSON_Delete(o);
    if (st != HT_OK)
        return ht_fail_in(err, HT_EINVAL, j->command[0]);
    if (h.name[0] != '\0')
        ht_name_copy(j->name, h.name);
    j->steps_per_epoch = h.steps_per_epoch;
    if (j->epochs == 0)
        j->epochs = h.epochs;
    if (j->own_recipe == NULL)
        j->own_recipe = h.recipe != NULL ? strdup(h.recipe) : ht_child_hello_recipe(&h);
    if (j->epochs == 0 || j->epochs > 1000000)
        st = ht_fail(err, HT_EINVAL, "%s does not say how many epochs to train (at most a million): give --epochs", j->command[0]);
    else if (h.n_knobs == 0)
        st = ht_fail(err, HT_EINVAL, "%s has no knobs: there is nothing to tune", j->command[0]);
    ht_child_hello_release(&h);
    return st;
}

/* Which results are better, by the recipe that the run will have. One that is refused is told of when the run begins.
 * **Collective.** */
static void find_direction(ht_run_job *j)
{
    ht_recipe *r = NULL;
    ht_error err = {""};
    if (j->ranks.rank == 0 && (j->recipe != NULL || j->own_recipe != NULL)) {
        ht_status st = j->recipe != NULL ? ht_recipe_load(j->recipe, &r, &err) : ht_recipe_parse(j->own_recipe, "recipe", &r, &err);
        j->maximises = st == HT_OK && ht_recipe_set_words(r, j->recipe_set, true, &err) == HT_OK &&
                       r->objective.mode == HT_MAXIMIZE;
        ht_recipe_destroy(r);
    }
    ht_ranks_share(&j->ranks, &j->maximises, sizeof j->maximises);
}

static ht_status settle(const ht_run_job *j, ht_child_training *t, const char *hello, ht_error *err)
{
    HT_TRY(ht_child_training_settle(t, hello, (int)j->epochs, j->maximises, err));
    return j->set != NULL ? ht_child_training_set(t, j->set, err) : HT_OK;
}

/* The hello that counts, on every rank; owned by the caller. */
static char *share_hello(const ht_run_job *j, int speaker, int length, const char *own)
{
    char *hello = calloc(1, (size_t)length + 1);
    if (hello == NULL)
        MPI_Abort(MPI_COMM_WORLD, HT_EXIT_FAILED);
    if (j->ranks.rank == speaker)
        memcpy(hello, own, (size_t)length);
    MPI_Bcast(hello, length, MPI_BYTE, speaker, MPI_COMM_WORLD);
    return hello;
}

/* A replica whose child cannot be used says so; the others go on. All children of a run must be alike.
 * @param own  NULL: it did not answer, why */
static void leave_out(const ht_run_job *j, ht_child_training *t, const char *hello, const char *own, const ht_error *why)
{
    if (own != NULL && ht_child_hello_alike(hello, own))
        return;
    ht_cli_note("hottune: replica %d takes no part: %s: %s\n", j->replica, j->command[0],
            own == NULL ? why->text : "its hello is another one than that of the first replica: all must have the same "
                                      "knobs, state and abilities");
    ht_child_training_give_up(t);
}

static int make_command(ht_run_job *j, ht_trainee *out)
{
    ht_child_training *t = NULL;
    char *own = NULL;
    greeting mine = {0};
    ht_error err = {""}, why = {""};
    ht_status st = HT_OK;
    if (j->replica >= 0)
        st = ht_child_training_create(&(ht_child_options){.argv = j->command, .dir = j->dir, .replica = j->replica,
                                                          .replicas = j->replicas, .seed = (unsigned long long)j->seed,
                                                          .reply_s = j->reply_s, .epoch_s = j->epoch_s,
                                                          .restarts = (int)j->restarts}, &t, &own, &mine.err);
    *out = (ht_trainee){t, ht_child_training_offer, ht_child_training_run, ht_child_training_destroy};
    int length, code = ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), mine.err.text);
    if (code != HT_EXIT_DONE) {
        free(own);
        return code;
    }
    mine.length = own != NULL ? (int)strlen(own) : 0;
    int speaker = find_speaker(j, &mine, &length, &why);
    if (speaker < 0) {
        ht_fail(&err, HT_EINVAL, "%s: %s", j->command[0], why.text);
        free(own);
        return ht_ranks_agree(j->cli, &j->ranks, j->ranks.rank == 0 ? HT_EXIT_FAILED : HT_EXIT_DONE, err.text);
    }
    char *hello = share_hello(j, speaker, length, own);
    st = adopt(j, hello, &err);
    find_direction(j);
    if (st == HT_OK && t != NULL && (st = settle(j, t, hello, &err)) == HT_OK)
        leave_out(j, t, hello, own, &mine.err);
    code = ht_ranks_agree(j->cli, &j->ranks, ht_exit_of(st), err.text);
    free(hello);
    free(own);
    return code;
}

/* ---- for who runs it ------------------------------------------------------------------------- */

int ht_trainee_make(ht_run_job *j, ht_trainee *out)
{
    *out = (ht_trainee){0};
    return j->command != NULL ? make_command(j, out) : make_workload(j, out);
}

void ht_trainee_destroy(ht_trainee *t)
{
    if (t->destroy != NULL)
        t->destroy(t->self);
    *t = (ht_trainee){0};
}

ht_status ht_trainee_offer(const ht_trainee *t, ht_kernel *k, ht_error *err)
{
    return t->self != NULL ? t->offer(t->self, k, err) : HT_OK;
}

ht_status ht_trainee_run(const ht_trainee *t, ht_kernel *k, ht_outcome *out, ht_error *err)
{
    return t->self != NULL ? t->run(t->self, k, out, err) : HT_OK;
}

void ht_trainee_listen(const ht_trainee *t, void (*told)(void *ctx, int epoch, double val), void *ctx)
{
    if (t->self != NULL && t->run == run_workload)
        ht_training_listen(t->self, told, ctx);
}
