"""The columns of all tables; an empty table has them, too.

Conventions. `run` is the label `r1`, `r2`, .. (oldest first). `t`, `t0`, `t1` are wall epochs: epochs that
one replica has trained since the start of the run. Values of the objective are as the program reports them;
`score` and `gain` are differences of it, more is better whatever the direction. A `family` is `actuator:key`,
a `knob` `actuator.name`.

RUNS          one row a run, oldest first: run, id, name, mode (pooled/independent), policy, stage, state
    (ended/open), generation (0 = no parents in the study), parents (list of labels, ids of runs that are not
    here), seed, replicas, ranks_per_replica, epochs, wall [wall epochs], started, ended (UTC timestamps, NaT
    = not ended), seconds (ended, else updated, less started), result_val, result_test, start_loss,
    champion_loss, champion_origin, noise, utilisation (0..1), segments (rows of the table), mutations,
    accepted, rejected, rolled_back, inconclusive, lost, failed, suggested, accept_rate, judged_segments,
    rolled_back_segments, host, nodes, slurm_job, mpi_version, hottune_version, hdf5_version, compiler,
    commit, recipe_hash, base_recipe_hash
SEGMENTS      one row for each member of each segment (pooled), each closed segment (independent): run, row
    (in the file's table), segment (number), mode, replica, island (-1: independent), phase, family (empty:
    all knobs at once, see MUTATIONS), role (control/mutant), decision (accepted, rejected, control,
    diverged; independent: as the file says), accepted, score, score_error, gain (before less loss, turned
    so that more is better), before, loss, control, in_root, finite, t0, t1, start_step, end_step, reason
MUTATIONS     one row for each knob of each mutant: run, row, segment, replica, phase, family, knob, factor,
    log_factor, value_before, value, score, score_error, accepted, decision, source, t0, t1
CURVES        run, replica, step, epoch, t, value, best (of all replicas so far), on_path (the champion's way
    led through it)
KNOBS         what each member trained with: run, replica, t0, t1, knob, value, what, node, on_path
LINEAGE       run, node, parent, replica, members, epochs, t0, t1, loss, what, depth, on_path, then a column
    for each knob
PATH          the champion's way, oldest first, to the epoch at which it was validated: run, position, node,
    parent, replica, members, what, epochs, t0, t1, age (epochs its state has trained at the end of the
    piece), loss, gain (on the piece before), then a column for each knob
GAIN          run, part (race, trend, selection, mutation, averaging, last_epochs), label, gain, lo, hi (95
    %), recomputed (from the rows), difference (recomputed less stored), agrees
PRIORS        when (before: recipe that the study evolves from; after: evolved), family, phase (empty: all),
    center, spread (on the scale), q05, q25, q50, q75, q95 (values), scale, effective_n, low, high (bounds),
    start, sigma (of the knob; empty phase)
OBSERVATIONS  run, phase, family, x0, x1, x2, x3 (on the family's scale), y (score)
EVIDENCE      run, family, phase, win_rate, mean_score, win_center, win_spread, wins
LESSONS       run, family, phase, mean, factor, spread, n, wins, fresh, fresh_wins
SHARES        run, of (mutants/nulls), accepted, judged, share, lo, hi
PLACES        run, rank, replica (-1: it coordinates), node, cores, devices
SPACE         family, actuator, key, mode, scale, risk, enabled, keyed, elements, cooldown, low, high (first
    element), prior_center, max_step_mult
UTILISATION   run, replica, node, epochs, share (of the epochs of the busiest), busy, idle (shares of the
    run's time), source (steps/log)
"""
from __future__ import annotations

from typing import Any, Dict, Optional, Sequence

import numpy as np
import pandas as pd

RUNS = """
    run id name mode policy stage state generation parents seed replicas ranks_per_replica epochs wall
    started ended seconds result_val result_test start_loss champion_loss champion_origin noise utilisation
    segments mutations accepted rejected rolled_back inconclusive lost failed suggested accept_rate
    judged_segments rolled_back_segments host nodes slurm_job mpi_version hottune_version hdf5_version
    compiler commit recipe_hash base_recipe_hash
    """.split()
SEGMENTS = """
    run row segment mode replica island phase family role decision accepted score score_error gain before
    loss control in_root finite t0 t1 start_step end_step reason
    """.split()
MUTATIONS = """
    run row segment replica phase family knob factor log_factor value_before value score score_error
    accepted decision source t0 t1
    """.split()
CURVES = """
    run replica step epoch t value best on_path
    """.split()
KNOBS = """
    run replica t0 t1 knob value what node on_path
    """.split()
LINEAGE = """
    run node parent replica members epochs t0 t1 loss what depth on_path
    """.split()
PATH = """
    run position node parent replica members what epochs t0 t1 age loss gain
    """.split()
GAIN = """
    run part label gain lo hi recomputed difference agrees
    """.split()
PRIORS = """
    when family phase center spread q05 q25 q50 q75 q95 scale effective_n low high start sigma
    """.split()
OBSERVATIONS = """
    run phase family x0 x1 x2 x3 y
    """.split()
EVIDENCE = """
    run family phase win_rate mean_score win_center win_spread wins
    """.split()
LESSONS = """
    run family phase mean factor spread n wins fresh fresh_wins
    """.split()
SHARES = ["run", "of", "accepted", "judged", "share", "lo", "hi"]
PLACES = ["run", "rank", "replica", "node", "cores", "devices"]
SPACE = """
    family actuator key mode scale risk enabled keyed elements cooldown low high prior_center max_step_mult
    """.split()
UTILISATION = """
    run replica node epochs share busy idle source
    """.split()


# Types of columns of empty tables; all others are numbers.
TEXTS = set("""
    run id name mode policy stage state parents champion_origin host nodes slurm_job mpi_version
    hottune_version hdf5_version compiler commit recipe_hash base_recipe_hash phase family role decision
    reason knob source what part label when scale of node cores devices actuator key risk direction against
    """.split())
FLAGS = {"accepted", "in_root", "finite", "on_path", "agrees", "enabled", "keyed"}


def frame(columns: Sequence[str], data: Optional[Dict[str, Any]] = None, length: int = 0) -> pd.DataFrame:
    """A table with exactly these columns; scalars are repeated, what is not given is NaN."""
    data = data or {}
    if length == 0:
        empty = {c: np.empty(0, object if c in TEXTS else bool if c in FLAGS else float) for c in columns}
        return pd.DataFrame(empty, columns=list(columns))
    return pd.DataFrame({c: data.get(c, np.nan)
                         for c in columns},
                        index=pd.RangeIndex(length),
                        columns=list(columns))
