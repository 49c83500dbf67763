/* src/store/study_meaning.c - what the attributes and objects of a study mean, as texts in the study itself,
 * so that a reader needs no other page. Columns of tables carry theirs beside them (h5.h).
 *
 * docs/study-format.md says the same; tests/store/study_layout.py holds both to what is in files. */
#include "store/study_format.h"

static const char *const of_root[] = {
    "format: hottune-study",
    "format_version: of this layout",
    "hottune_version, hdf5_version, compiler, commit: what wrote the file last; commit is empty where it is "
    "not known",
    "name: of the problem, as its oldest run calls it",
    "objective: name of the primary metric",
    "direction: minimize or maximize the objective",
    "created: when the first run began [s since 1970]",
    "modified: when a run was published last [s since 1970]",
    "runs: a group for each run",
    "recipe: the recipe for the next run",
    "space: families of the recipe",
    "priors: what is believed of each family in each phase",
    "posterior: observations of the run that was published last",
    NULL,
};

static const char *const of_runs[] = {
    "id, name: of the run; of the problem as this run called it",
    "mode: pooled or independent",
    "started, ended: [s since 1970]; ended 0 = it goes on, or was killed",
    "updated: when it was published last [s since 1970]",
    "opened: when the process began that published it; later than started if the run was resumed [s since "
    "1970]",
    "seed: of all random decisions",
    "replicas, ranks_per_replica: trainings side by side; MPI ranks of each",
    "host, nodes, slurm_job: where the coordinator ran; all nodes; number of the job; empty = unknown or "
    "none",
    "mpi_version, hottune_version, hdf5_version, compiler, commit: what the run was made with",
    "places: where each rank is, and what it may use",
    "base_recipe, base_recipe_hash: recipe before the study's evidence went in, and its fingerprint (FNV-1a, "
    "64 bit)",
    "recipe, recipe_hash: recipe in force at the end",
    "parents: runs whose outcomes went into the recipe",
    "result_val, result_test: what the best state is worth, as the training said [objective]; NaN = unknown",
    "total_mutations, applied_mutations, failed, suggested: mutations by what became of them",
    "accepted, rejected, rolled_back, inconclusive, lost: segments by decision (pooled: a segment for each "
    "changed knob)",
    "accept_rate: accepted / (accepted + rejected + rolled_back)",
    "segments: pooled: a row for each member of each segment; independent: for each closed segment",
    "mutations: independent: row by row the mutations of segments",
    "readings_pre, readings_post: independent: [segments x metrics] before and after each of segments; NaN = "
    "not read",
    "knobs: pooled: [segments x knobs] value of each knob in each of segments",
    "factors: pooled: [segments x knobs] log of the factor that was proposed; 0 = unchanged",
    "curves: the objective at each safe point",
    "evidence: what the run says of each family",
    "observations: what its search had learned; the posterior",
    "lessons, champion, champion_origin: pooled: what the next recipe evolves from; the champion's value "
    "[objective]; whether it "
    "descends from a start value drawn about the known one (known), anywhere (fresh), or that is unknown",
    "policy, stage, epochs, plan: pooled: who decides; how far it is; epochs of a replica; settings with "
    "reasons, a line each",
    "wall: pooled: how far the run is [epochs of one replica]",
    "utilisation: pooled: share of the replicas' time that was spent in training and validation",
    "lineage: pooled: where every training state came from",
    "schedule: pooled: the champion's way through the lineage, oldest first",
    "lineage_knobs, schedule_knobs: pooled: [rows x knobs] values with which each was trained",
    "gain, shares: pooled: what the champion's gain is made of; how many mutants and unchanged members were "
    "accepted",
    "start_loss, champion_loss: pooled: of the start values after the first rung; of the champion "
    "[objective]",
    "noise: pooled: standard deviation of members that differ in nothing [objective]; NaN = unknown",
    "judged_segments, rolled_back_segments: pooled: segments that were judged; of them, those whose island "
    "stayed with its root",
    NULL,
};

static const char *const of_recipe[] = {
    "base: recipe from which the study evolves [YAML]",
    "evolved: the same after the evidence of all runs [YAML]",
    "base_hash, evolved_hash: fingerprints (FNV-1a, 64 bit)",
    "generation: evolutions since a person wrote it",
    NULL,
};

static const char *const of_priors[] = {
    "parents: runs that went in",
    "<family>: a group for each family: family, its name; prior_center, value to which proposals lean; "
    "scale: linear, log, beta",
    "<family>/<phase>: a group for each phase of which something is known",
    "phase: its name",
    "center: value to which proposals lean in this phase",
    "spread: standard deviation of what won, on the scale of the family; 0 = unknown",
    "quantiles: 5, 25, 50, 75, 95 % of that normal distribution as values, moved into the bounds",
    "effective_sample_size: number of winning segments behind it, older runs discounted",
    NULL,
};

static const char *const of_posterior[] = {
    "run: id of the run",
    "observations: of that run",
    NULL,
};

bool ht_study_put_meaning(hid_t group, ht_meaning m)
{
    static const char *const *const all[] = {
        [HT_MEANING_ROOT] = of_root,           [HT_MEANING_RUNS] = of_runs,
        [HT_MEANING_RECIPE] = of_recipe,       [HT_MEANING_PRIORS] = of_priors,
        [HT_MEANING_POSTERIOR] = of_posterior,
    };
    size_t n = 0;
    while (all[m][n] != NULL)
        n++;
    return ht_h5_put_texts(group, "meaning", n, all[m]);
}
