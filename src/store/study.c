/* src/store/study.c - put a run into a study; the contract is in study.h.
 *
 * The new study is built in memory: runs of others are copied over from the old file, the recipe is evolved
 * from the evidence of all runs. Then ht_file_replace puts it where the old one was, so whatever happens a
 * reader sees the old study or the new one. HDF5 writes to no disk.
 * May touch: the study file, the heap, the clock (for `modified`). */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <hottune/version.h>

#include "base/text.h"
#include "store/file.h"
#include "store/study_format.h"

enum { TRIES = 3 };     /* when somebody else replaces the study meanwhile */

/* How far the recipe moves with one run, and what older evidence is worth after one more. */
static const double alpha = 0.3, decay = 0.7;

static ht_status cannot_build(const char *path, const char *part, ht_error *err)
{
    return ht_fail(err, HT_EIO, "cannot build '%s' of study '%s'", part, path);
}

/* ---- the root ----------------------------------------------------------------------------------- */

/* The old study is about the same problem. */
static ht_status check_objective(hid_t old, const char *path, const ht_recipe *r, ht_error *err)
{
    char objective[HT_NAME_MAX] = "", direction[16] = "";
    const char *ours = ht_study_direction_text(r->objective.mode);
    if (!ht_h5_get_text(old, HT_STUDY_OBJECTIVE, objective, sizeof objective) ||
        !ht_h5_get_text(old, HT_STUDY_DIRECTION, direction, sizeof direction))
        return ht_fail(err, HT_EFORMAT, "study '%s' is damaged: its objective cannot be read", path);
    if (strcmp(objective, r->objective.primary) != 0 || strcmp(direction, ours) != 0)
        return ht_fail(err, HT_EREFUSED,
                       "study '%s' is about '%s' (%s), this run about '%s' (%s): use another study", path,
                       objective, direction, r->objective.primary, ours);
    return HT_OK;
}

static void hdf5_version(char text[64])
{
    unsigned major = 0, minor = 0, release = 0;
    H5get_libversion(&major, &minor, &release);
    snprintf(text, 64, "%u.%u.%u", major, minor, release);
}

static const char *compiler(void)
{
#if defined(__clang__)
    return __VERSION__;
#elif defined(__GNUC__)
    return "gcc " __VERSION__;
#else
    return "";
#endif
}

bool ht_study_put_versions(hid_t file, const char *format, long long version)
{
    char hdf5[64];
    hdf5_version(hdf5);
    return ht_h5_put_text(file, "format", format) && ht_h5_put_int(file, "format_version", version) &&
           ht_h5_put_text(file, "hottune_version", HT_VERSION) && ht_h5_put_text(file, "hdf5_version", hdf5) &&
           ht_h5_put_text(file, "compiler", compiler());
}

static bool put_root(hid_t file, hid_t old, const ht_study_run *run)
{
    char name[256] = "";
    double now = (double)time(NULL), created = now;
    if (old >= 0) {
        ht_h5_get_text(old, HT_STUDY_NAME, name, sizeof name);
        ht_h5_get_real(old, HT_STUDY_CREATED, &created);
    }
    return ht_study_put_versions(file, HT_STUDY_FORMAT, HT_STUDY_VERSION) &&
           ht_h5_put_text(file, HT_STUDY_NAME, name[0] != '\0' ? name : run->name) &&
           ht_h5_put_text(file, HT_STUDY_OBJECTIVE, run->recipe->objective.primary) &&
           ht_h5_put_text(file, HT_STUDY_DIRECTION, ht_study_direction_text(run->recipe->objective.mode)) &&
           ht_h5_put_real(file, HT_STUDY_CREATED, created) && ht_h5_put_real(file, "modified", now);
}

/* ---- runs --------------------------------------------------------------------------------------- */

typedef struct {
    hid_t to;
    const char *except;     /* link of the run that is written anew */
    char failed[HT_NAME_MAX * 3];
} copying;

static bool copy_run(void *ctx, hid_t group, const char *link)
{
    copying *c = ctx;
    if (strcmp(link, c->except) == 0 || H5Ocopy(group, link, c->to, link, H5P_DEFAULT, H5P_DEFAULT) >= 0)
        return true;
    HT_H5_COPY(c->failed, link);
    return false;
}

static ht_status copy_others(hid_t old, hid_t runs, const char *path, const char *except, ht_error *err)
{
    copying c = {.to = runs, .except = except};
    hid_t from = H5Gopen2(old, "runs", H5P_DEFAULT);
    bool fine = from >= 0 && ht_h5_each(from, copy_run, &c);
    ht_h5_close(from);
    return fine ? HT_OK
                : ht_fail(err, HT_EFORMAT,
                          "study '%s' is damaged: '/runs/%s' cannot be read; it was left as it is", path,
                          c.failed);
}

static ht_status put_runs(hid_t file, hid_t old, const char *path, const ht_study_run *run, ht_error *err)
{
    char *link = ht_h5_link_name(run->id);
    if (link == NULL)
        return ht_fail(err, HT_ENOMEM, "no memory for study '%s'", path);
    hid_t runs = ht_h5_group(file, "runs"), group = H5I_INVALID_HID;
    ht_status st = runs >= 0 ? HT_OK : cannot_build(path, "runs", err);
    if (st == HT_OK && old >= 0)
        st = copy_others(old, runs, path, link, err);
    if (st == HT_OK && ((group = ht_h5_group(runs, link)) < 0 || !ht_study_write_run(group, run)))
        st = cannot_build(path, link, err);
    ht_h5_close(group);
    ht_h5_close(runs);
    free(link);
    return st;
}

/* ---- the evolved recipe ------------------------------------------------------------------------- */

static bool is_among(const char *source, size_t n, const ht_run_evidence *runs)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(runs[i].source, source) == 0)
            return true;
    return false;
}

/* The recipe at the start of a run. NULL *out: it cannot be read */
static ht_status read_base(hid_t file, const char *id, ht_recipe **out, ht_error *err)
{
    char *link = ht_h5_link_name(id), *text = NULL;
    hid_t runs = ht_h5_group(file, "runs"), run = H5I_INVALID_HID;
    ht_status st = HT_EFORMAT;
    if (link != NULL && runs >= 0)
        run = H5Gopen2(runs, link, H5P_DEFAULT);
    if (run >= 0 && ht_h5_read_text(run, "base_recipe", &text))
        st = ht_recipe_parse(text, "base_recipe", out, err);
    else
        ht_fail(err, st, "'/runs/%s/base_recipe' cannot be read", id);
    free(text);
    free(link);
    ht_h5_close(run);
    ht_h5_close(runs);
    return st;
}

/* From which recipe to evolve: that of the newest run which began with a recipe that none of these runs had
 * gone into, so that a person's changes count and the evidence of each run counts once and whole (a run
 * that goes on may have gone into the recipe of a later one in part). Else that of the oldest run. */
static ht_status choose_base(hid_t file, size_t n, const ht_run_evidence *runs, ht_recipe **out,
                             ht_error *err)
{
    for (size_t i = n; i-- > 0;) {
        ht_recipe *r = NULL;
        HT_TRY(read_base(file, runs[i].source, &r, err));
        bool fresh = true;
        for (size_t k = 0; k < r->evolved.n_from; k++)
            fresh = fresh && !is_among(r->evolved.from[k], n, runs);
        if (fresh || i == 0) {
            *out = r;
            return HT_OK;
        }
        ht_recipe_destroy(r);
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
                ht_h5_put_int(group, "generation", evolved->evolved.generation);
    free(base_text);
    free(text);
    return fine;
}

static ht_status put_evolved(hid_t file, const char *path, ht_error *err)
{
    size_t n = 0;
    ht_run_evidence *runs = NULL;
    ht_recipe *base = NULL, *evolved = NULL;
    hid_t group = H5I_INVALID_HID;
    ht_status st = ht_study_read_evidence(file, path, &n, &runs, err);
    if (st != HT_OK)
        return st;
    if ((st = choose_base(file, n, runs, &base, err)) != HT_OK ||
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
    ht_recipe_destroy(base);
    ht_study_evidence_free(n, runs);
    return st;
}

/* ---- publishing --------------------------------------------------------------------------------- */

static bool put_posterior(hid_t file, const ht_study_run *run)
{
    hid_t group = ht_h5_group(file, "posterior");
    bool fine = group >= 0 && ht_study_write_posterior(group, run->posterior, run->id);
    ht_h5_close(group);
    return fine;
}

/* Everything but the bytes. @param old  the study as it is, or < 0 */
static ht_status fill(hid_t file, hid_t old, const char *path, const ht_study_run *run, ht_error *err)
{
    if (!put_root(file, old, run))
        return cannot_build(path, "/", err);
    HT_TRY(put_runs(file, old, path, run, err));
    HT_TRY(put_evolved(file, path, err));
    return put_posterior(file, run) ? HT_OK : cannot_build(path, "posterior", err);
}

/* The study with `run` in it. @param[out] image  its bytes are owned by the caller, also after a failure */
static ht_status build(hid_t old, const char *path, const ht_study_run *run, ht_h5_image *image,
                       ht_error *err)
{
    hid_t file = ht_h5_create_in_memory(image);
    if (file < 0)
        return cannot_build(path, "/", err);
    ht_status st = fill(file, old, path, run, err);
    if (st != HT_OK)
        ht_h5_close(file);
    else if (!ht_h5_finish(file, image))
        st = ht_fail(err, HT_ENOMEM, "no memory for study '%s'", path);
    return st;
}

static ht_status build_from(const char *path, const ht_study_run *run, ht_h5_image *image, ht_error *err)
{
    hid_t old = H5I_INVALID_HID;
    ht_status st = ht_study_open(path, &old, err);
    if (st == HT_ENOTFOUND)
        st = HT_OK;
    else if (st == HT_OK)
        st = check_objective(old, path, run->recipe, err);
    if (st == HT_OK)
        st = build(old, path, run, image, err);
    ht_h5_close(old);
    return st;
}

ht_status ht_study_fits(const char *path, const ht_recipe *recipe, ht_error *err)
{
    ht_h5_quiet quiet;
    hid_t old = H5I_INVALID_HID;
    ht_h5_quiet_begin(&quiet);
    ht_status st = ht_study_open(path, &old, err);
    if (st == HT_OK)
        st = check_objective(old, path, recipe, err);
    ht_h5_close(old);
    ht_h5_quiet_end(&quiet);
    return st == HT_ENOTFOUND ? HT_OK : st;
}

ht_status ht_study_publish(const char *path, const ht_study_run *run, ht_error *err)
{
    ht_status st = HT_OK;
    ht_h5_quiet quiet;
    ht_h5_quiet_begin(&quiet);
    for (int i = 1; i <= TRIES; i++) {
        ht_h5_image image = {NULL, 0, 0};
        ht_file_stamp before = ht_file_look(path);
        st = build_from(path, run, &image, err);
        ht_file_stamp after = ht_file_look(path);
        bool fresh = ht_file_same(&before, &after) || i == TRIES;
        if (st == HT_OK && fresh)
            st = ht_file_replace(path, image.bytes, image.n, err);
        free(image.bytes);
        if (st != HT_OK || fresh)
            break;
    }
    ht_h5_quiet_end(&quiet);
    return st;
}
