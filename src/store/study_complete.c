/* src/store/study_complete.c - what a study says of all its runs together: the evolved recipe, the families
 * and priors, the newest posterior. The contract is in study_format.h.
 *
 * May touch: the HDF5 file it is given, the heap. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/study_format.h"

/* How far the recipe moves with one run, and what older evidence is worth after one more. */
static const double alpha = 0.3, decay = 0.7;

static ht_status cannot_build(const char *path, const char *part, ht_error *err)
{
    return ht_fail(err, HT_EIO, "cannot build '%s' of study '%s'", part, path);
}

/* ---- the evolved recipe ------------------------------------------------------------------------- */

static bool is_among(const char *source, size_t n, const ht_run_evidence *runs)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(runs[i].source, source) == 0)
            return true;
    return false;
}

/* From which recipe to evolve: that of the newest run which began with a recipe that none of these runs had
 * gone into, so that a person's changes count and the evidence of each run counts once and whole (a run
 * that goes on may have gone into the recipe of a later one in part). Else that of the oldest run. */
static ht_status choose_base(size_t n, const ht_run_evidence *runs, const ht_recipe **out, ht_error *err)
{
    for (size_t i = n; i-- > 0;) {
        const ht_recipe *r = runs[i].space;
        if (r == NULL)
            return ht_fail(err, HT_EFORMAT, "'/runs/%s/base_recipe' cannot be read", runs[i].source);
        bool fresh = true;
        for (size_t k = 0; k < r->evolved.n_from; k++)
            fresh = fresh && !is_among(r->evolved.from[k], n, runs);
        if (fresh || i == 0) {
            *out = r;
            return HT_OK;
        }
    }
    return ht_fail(err, HT_EEMPTY, "there is no run");
}

static bool put_recipes(hid_t group, const ht_recipe *base, const ht_recipe *evolved)
{
    char base_hash[17], hash[17];
    char *base_text = ht_study_recipe_text(base), *text = ht_study_recipe_text(evolved);
    bool fine = base_text != NULL && text != NULL && ht_recipe_hash(base, base_hash) == HT_OK &&
                ht_recipe_hash(evolved, hash) == HT_OK && ht_h5_write_text(group, "base", base_text) &&
                ht_h5_write_text(group, "evolved", text) && ht_h5_put_text(group, "base_hash", base_hash) &&
                ht_h5_put_text(group, "evolved_hash", hash) &&
                ht_h5_put_int(group, "generation", evolved->evolved.generation) &&
                ht_study_put_meaning(group, HT_MEANING_RECIPE);
    free(base_text);
    free(text);
    return fine;
}

static ht_status put_evolved(hid_t file, const char *path, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    const ht_recipe *base = NULL;
    ht_recipe *evolved = NULL;
    hid_t group = H5I_INVALID_HID;
    ht_status st = ht_study_read_evidence(file, path, &n, &runs, err);
    if (st != HT_OK)
        return st;
    if ((st = choose_base(n, runs, &base, err)) != HT_OK ||
        (st = ht_recipe_evolve(base, n, runs, alpha, decay, &evolved, err)) != HT_OK) {
        ht_fail_in(err, st, path);
        goto done;
    }
    group = ht_h5_group(file, "recipe");
    if (group < 0 || !put_recipes(group, base, evolved))
        st = cannot_build(path, "recipe", err);
    else if (!ht_study_write_space(file, evolved))
        st = cannot_build(path, "space", err);
done:
    ht_h5_close(group);
    ht_recipe_destroy(evolved);
    ht_study_evidence_free(n, runs);
    return st;
}

/* ---- the newest posterior ----------------------------------------------------------------------- */

typedef struct {
    double updated;
    char *link; /* owned; NULL: none yet */
    char id[2 * HT_NAME_MAX];
} newest;

static bool look_at_run(void *ctx, hid_t group, const char *link)
{
    newest *n = ctx;
    double updated = 0;
    char id[2 * HT_NAME_MAX] = "";
    hid_t run = H5Gopen2(group, link, H5P_DEFAULT);
    ht_h5_get_real(run, HT_STUDY_UPDATED, &updated);
    bool has = run >= 0 && ht_h5_get_text(run, "id", id, sizeof id) &&
               H5Lexists(run, "observations", H5P_DEFAULT) > 0;
    ht_h5_close(run);
    if (!has || (n->link != NULL && !(updated > n->updated)))
        return true;
    free(n->link);
    n->updated = updated;
    n->link = strdup(link);
    HT_H5_COPY(n->id, id);
    return n->link != NULL;
}

/* The observations of the run that published last, under a second name. */
static bool put_posterior(hid_t file)
{
    newest n = {.link = NULL};
    hid_t runs = ht_h5_group(file, "runs"), group = ht_h5_group(file, "posterior"), run = H5I_INVALID_HID;
    bool fine = runs >= 0 && group >= 0 && ht_h5_each(runs, look_at_run, &n) &&
                ht_h5_put_text(group, "run", n.id) && ht_study_put_meaning(group, HT_MEANING_POSTERIOR);
    if (fine && n.link != NULL) {
        run = H5Gopen2(runs, n.link, H5P_DEFAULT);
        fine = run >= 0 &&
               H5Lcreate_hard(run, "observations", group, "observations", H5P_DEFAULT, H5P_DEFAULT) >= 0;
    }
    ht_h5_close(run);
    ht_h5_close(group);
    ht_h5_close(runs);
    free(n.link);
    return fine;
}

ht_status ht_study_complete(hid_t file, const char *path, ht_error *err)
{
    hid_t runs = ht_h5_group(file, "runs");
    bool fine = runs >= 0 && ht_study_put_meaning(runs, HT_MEANING_RUNS);
    ht_h5_close(runs);
    if (!fine)
        return cannot_build(path, "runs", err);
    HT_TRY(put_evolved(file, path, err));
    return put_posterior(file) ? HT_OK : cannot_build(path, "posterior", err);
}
