# A first look at a study. Cells begin with `# %%` (VS Code, Spyder, PyCharm, jupytext); as a program it prints what cells show:
#     STUDY=runs/exp1/study.h5 PYTHONPATH=analysis python3 analysis/first_look.py
# Tables and their columns: docs/analysis.md.

# %%
import os

import matplotlib.pyplot as plt     # in a notebook it makes figures appear below their cells
import numpy as np

from hottune_analysis import figures, open_study

STUDY = os.environ.get("STUDY", "study.h5")     # a study file or a run directory
study = open_study(STUDY)
runs = study.runs()
print(f"{study.name}: {study.direction} {study.objective}")
print(runs[["run", "mode", "policy", "seed", "replicas", "epochs", "result_val", "result_test", "generation"]])
figures.draw(study, "compare")

# %% The run to look at: the best one.
run = runs.loc[(study.sign * runs["result_val"]).idxmin(), "run"]
print(run, study.text(run, "plan"))
figures.draw(study, "learning", run)

# %% The schedule that the champion trained with: a value of each knob over its way.
way = study.champion_path(run)
print(way[["t0", "t1", "what", "replica", "loss"] + study.knob_names(run)] if len(way) else study.knobs(run))
figures.draw(study, "knobs", run)

# %% Who descends from whom.
figures.draw(study, "lineage", run)

# %% Where the gain came from. `recomputed` is made from the segments, `gain` is what the run said.
print(study.gain(run))
figures.draw(study, "gain", run)

# %% Which mutations paid? Controls judged as mutants ("nulls") say how often chance alone is accepted.
print(study.shares(run))
paid = study.paid(run)
print(paid[paid["phase"] == ""])
figures.draw(study, "paid", run)

# %% Which knob mattered, over all runs of the study?
print(study.which_knob_mattered())
figures.draw(study, "mattered")

# %% What is believed now, and where the next run would begin.
priors = study.priors()
print(priors[priors["when"] == "after"].pivot_table(index="family", columns="phase", values="center", sort=False))
figures.draw(study, "priors")

# %% A question of your own: how much better than their controls were mutants, epoch by epoch?
m = study.segments(run).query("role == 'mutant' and finite")
print(m.groupby(np.floor(m["t0"] / 5) * 5)["score"].describe())
figures.draw(study, "parallel", run)

# %% Were the replicas busy?
print(study.utilisation(run).describe())
figures.draw(study, "utilisation", run)
plt.close("all")
