/* src/store/study.c - put a run into a study; the contract is in study.h.
 *
 * The run is published as a study of its own, its part, which nobody else writes. Then all parts and the
 * study are merged into a new study (study_parts.c, study_merge.c). ht_file_replace puts both where the old
 * ones were, so whatever happens a reader sees the old or the new file. HDF5 writes to no disk. May touch:
 * the study and its parts, the heap, the clock (for `modified`). */
#include "store/study.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "store/file.h"
#include "store/study_format.h"
#include "store/study_merge.h"
#include "store/study_parts.h"

static ht_status cannot_build(const char *path, ht_error *err)
{
    return ht_fail(err, HT_EIO, "cannot build '%s'", path);
}

/* The study at `path` is about the same problem, or missing. */
static ht_status check_objective(const char *path, const ht_recipe *r, ht_error *err)
{
    hid_t file;
    ht_study_root root;
    const char *ours = ht_study_direction_text(r->objective.mode);
    ht_status st = ht_study_open(path, &file, err);
    if (st != HT_OK)
        return st == HT_ENOTFOUND ? HT_OK : st;
    st = ht_study_get_root(file, path, &root, err);
    ht_h5_close(file);
    if (st == HT_OK &&
        (strcmp(root.objective, r->objective.primary) != 0 || strcmp(root.direction, ours) != 0))
        return ht_fail(err, HT_EREFUSED,
                       "study '%s' is about '%s' (%s), this run about '%s' (%s): use another study", path,
                       root.objective, root.direction, r->objective.primary, ours);
    return st;
}

ht_status ht_study_fits(const char *path, const ht_recipe *recipe, ht_error *err)
{
    ht_h5_quiet quiet;
    ht_h5_quiet_begin(&quiet);
    ht_status st = check_objective(path, recipe, err);
    ht_h5_quiet_end(&quiet);
    return st;
}

/* ---- the part ----------------------------------------------------------------------------------- */

static bool fill(hid_t file, const ht_study_run *run)
{
    ht_study_root root = {.created = run->started, .modified = ht_study_now()};
    char *link = ht_h5_link_name(run->id);
    hid_t runs = ht_h5_group(file, "runs"),
          group = link != NULL && runs >= 0 ? ht_h5_group(runs, link) : runs;
    HT_H5_COPY(root.name, run->name != NULL ? run->name : "");
    HT_H5_COPY(root.objective, run->recipe->objective.primary);
    HT_H5_COPY(root.direction, ht_study_direction_text(run->recipe->objective.mode));
    bool fine = link != NULL && runs >= 0 && group >= 0 && ht_study_put_root(file, &root) &&
                ht_study_write_run(group, run);
    if (group != runs)
        ht_h5_close(group);
    ht_h5_close(runs);
    free(link);
    return fine;
}

/* Make the part of a run out of what is under /runs of `file`, which is closed.
 * @param filled  false: something went wrong before */
static ht_status finish_part(hid_t file, bool filled, ht_h5_image *image, const char *path, const ht_file_guard *guard,
                             ht_error *err)
{
    ht_status st = filled ? ht_study_complete(file, path, err) : cannot_build(path, err);
    if (st != HT_OK)
        ht_h5_close(file);
    else if (!ht_h5_finish(file, image))
        st = ht_fail(err, HT_ENOMEM, "no memory for study '%s'", path);
    if (st == HT_OK)
        st = ht_file_replace_if(path, image->bytes, image->n, guard, err);
    free(image->bytes);
    return st;
}

static ht_status publish_part(const char *study, const ht_study_run *run, ht_error *err)
{
    ht_h5_image image;
    char *path = NULL;
    HT_TRY(ht_study_part_path(study, run->id, true, &path, err));
    hid_t file = ht_h5_create_in_memory(&image);
    ht_status st = file >= 0 ? finish_part(file, fill(file, run), &image, path, run->guard, err)
                             : cannot_build(path, err);
    free(path);
    return st;
}

ht_status ht_study_publish(const char *path, const ht_study_run *run, ht_error *err)
{
    ht_h5_quiet quiet;
    ht_h5_quiet_begin(&quiet);
    ht_status st = check_objective(path, run->recipe, err);
    if (st == HT_OK)
        st = publish_part(path, run, err);
    if (st == HT_OK)
        st = ht_study_pool_parts(path, run->ended > 0, run->guard, err);
    ht_h5_quiet_end(&quiet);
    return st;
}

/* ---- a run that was killed ---------------------------------------------------------------------- */

/* The run as the study has it, with other counts, evidence, and end. */
static bool fill_amended(hid_t file, hid_t study, const char *path, const char *link, const ht_statistics *s,
                         double ended)
{
    static const char *const anew[] = {"ended",  HT_STUDY_UPDATED, "total_mutations", "applied_mutations",
                                       "failed", "suggested",      "accept_rate"};
    ht_study_root root;
    hid_t from = H5Gopen2(study, "runs", H5P_DEFAULT), runs = ht_h5_group(file, "runs"),
          run = H5I_INVALID_HID;
    bool fine = ht_study_get_root(study, path, &root, NULL) == HT_OK && ht_study_put_root(file, &root) &&
                from >= 0 && runs >= 0 && H5Ocopy(from, link, runs, link, H5P_DEFAULT, H5P_DEFAULT) >= 0 &&
                (run = H5Gopen2(runs, link, H5P_DEFAULT)) >= 0;
    for (size_t i = 0; fine && i < sizeof anew / sizeof *anew; i++)
        fine = H5Adelete(run, anew[i]) >= 0;
    for (int d = 0; fine && d <= HT_DECISION_LOST; d++)
        fine = H5Adelete(run, ht_decision_text((ht_decision)d)) >= 0;
    fine = fine && H5Ldelete(run, "evidence", H5P_DEFAULT) >= 0 && ht_study_put_outcome(run, s) &&
           ht_h5_put_real(run, "ended", ended) && ht_h5_put_real(run, HT_STUDY_UPDATED, ht_study_now());
    ht_h5_close(run);
    ht_h5_close(runs);
    ht_h5_close(from);
    return fine;
}

static ht_status amend(const char *path, const char *id, const ht_statistics *s, double ended, ht_error *err)
{
    hid_t study, file = H5I_INVALID_HID;
    ht_h5_image image;
    char *part = NULL, *link = ht_h5_link_name(id);
    ht_status st = link != NULL ? ht_study_part_path(path, id, true, &part, err)
                                : ht_fail(err, HT_ENOMEM, "no memory for study '%s'", path);
    if (st != HT_OK || (st = ht_study_open(path, &study, err)) != HT_OK)
        goto done;
    if ((file = ht_h5_create_in_memory(&image)) < 0)
        st = cannot_build(part, err);
    else
        st = finish_part(file, fill_amended(file, study, path, link, s, ended), &image, part, NULL, err);
    ht_h5_close(study);
done:
    free(link);
    free(part);
    return st;
}

ht_status ht_study_amend(const char *path, const char *id, const ht_statistics *statistics, double ended,
                         ht_error *err)
{
    ht_h5_quiet quiet;
    ht_h5_quiet_begin(&quiet);
    ht_status st = amend(path, id, statistics, ended, err);
    if (st == HT_OK)
        st = ht_study_pool_parts(path, false, NULL, err);
    ht_h5_quiet_end(&quiet);
    return st;
}
