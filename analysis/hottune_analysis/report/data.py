"""What a report is about: one run of a study, its tables, and the study around it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import logs
from ..files import StudyError, decode
from ..gain import FEWEST_CONTROLS, independent_controls
from ..insight import ALL_KNOBS
from ..study import Study, open_study

RACE = ("race", "fresh", "rung")


def run_of_directory(directory: str) -> str | None:
    """Id in the study of the last run of a directory, as its summary or its lock says."""
    for name in ("hotcb.tune.summary.json", "hottune.lock"):
        try:
            with open(os.path.join(directory, name), "rb") as f:
                found = json.loads(decode(f.read())).get("study_run")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(found, str) and found:
            return found
    return None


def chosen_run(study: Study, directory: str | None, asked: str | None) -> str:
    """Label of the run to tell of: the one that was asked for, the directory's last, the best of the study."""
    if not study.labels:
        raise StudyError(f"{study.path!r}: there is no run in it")
    if asked is not None:
        return study.label(asked)
    own = run_of_directory(directory) if directory is not None else None
    if own is not None:
        return study.label(own)
    compared = study.compare()
    worth = study.sign * pd.to_numeric(compared["best"], errors="coerce").to_numpy(float)
    if directory is not None or not np.isfinite(worth).any():
        return study.labels[-1]
    return str(compared["run"].iloc[int(np.nanargmin(worth))])


def open_for_report(directory: str | None, study: str | None) -> Study:
    return open_study(study if study is not None else directory if directory is not None else ".")


def in_turn(f: pd.DataFrame) -> pd.DataFrame:
    """Pieces of training with the time at which their replica did them: those of a rung of the race all have the time at
    which the rung began, and a replica does one after the other."""
    f = f.sort_values(["replica", "t0", "node"], kind="stable")
    r, t0, long = f["replica"].to_numpy(), f["t0"].to_numpy(float).copy(), (f["t1"] - f["t0"]).to_numpy(float)
    race = f["what"].isin(RACE).to_numpy()
    for i in range(1, len(f)):
        if r[i] == r[i - 1] and race[i]:
            t0[i] = max(t0[i], t0[i - 1] + long[i - 1])
    return f.assign(t0=t0, t1=t0 + long)


@dataclass
class Told:
    """The run that the page tells of. Tables are those of the study for this run."""

    study: Study
    label: str
    whole_study: bool  # the page is about the study, this run is its example

    def __post_init__(self) -> None:
        s, r = self.study, self.label
        self.row: dict[str, Any] = s.runs().set_index("run", drop=False).loc[r].to_dict()
        self.pooled = self.row["mode"] == "pooled"
        self.less_is_better = s.sign > 0
        self.objective = s.objective or "objective"
        self.curves, self.segments, self.mutations = s.curves(r), s.segments(r), s.mutations(r)
        self.lineage, self.path = s.lineage(r), s.champion_path(r)
        self.knobs = s.knobs(r) if not self.pooled else None  #: of a pooled run `trained` has them
        self.gain, self.shares, self.paid = s.gain(r), s.shares(r), s.paid(r)
        self.mattered, self.utilisation, self.places = s.which_knob_mattered(r), s.utilisation(r), s.places(r)
        self.knob_names = s.knob_names(r)
        trained = self.lineage[self.lineage["epochs"] > 0] if len(self.lineage) else self.lineage
        self.trained = in_turn(trained) if len(trained) else trained
        self._scale = s.space().set_index("family")["scale"].to_dict()
        self._family = s.family_of(r)
        self.best = s.best_so_far(r)

    def is_log(self, knob: str, values: np.ndarray) -> bool:
        """Whether a knob is shown on a logarithmic axis: its family is learned on one, and all values are above 0."""
        finite = values[np.isfinite(values)]
        return self._scale.get(self._family.get(knob), "log") == "log" and bool((finite > 0).all())

    def knob_of(self, family: str) -> str:
        """The knob that a family of changes moves; the family where it moves several, or none is known."""
        knobs = [k for k, f in self._family.items() if f == family]
        return knobs[0] if len(knobs) == 1 else family

    def real(self, name: str) -> float:
        """A number of the run's row; NaN = it has none."""
        value = self.row.get(name)
        return float(value) if isinstance(value, (int, float, np.number)) else np.nan

    def part(self, name: str) -> tuple[float, float, float] | None:
        """gain, lo, hi of one part of the gain; None: the run does not split it."""
        row = self.gain[self.gain["part"] == name]
        return tuple(float(row[c].iloc[0]) for c in ("gain", "lo", "hi")) if len(row) else None  # type: ignore[return-value]

    def share(self, of: str) -> tuple[int, int, float, float, float] | None:
        """accepted, judged, share, lo, hi of mutants or nulls; None: none was judged."""
        row = self.shares[self.shares["of"] == of]
        if not len(row) or not row["judged"].iloc[0] > 0:
            return None
        f = row.iloc[0]
        return int(f["accepted"]), int(f["judged"]), float(f["share"]), float(f["lo"]), float(f["hi"])

    def other_metrics(self) -> dict[str, float]:
        """What else the champion's reading said, if the run's directory was opened; a mean of weights has no reading."""
        s, id_ = self.study, str(self.row["id"])
        c = self.curves[self.curves["on_path"].astype(bool) & (self.curves["value"] == self.champion_value())]
        if not s.directory or not len(c) or not logs.runs_here(s.directory, id_):
            return {}
        found = logs.reading(s.directory, id_, int(c["replica"].iloc[0]), int(c["step"].iloc[0]))
        same = found.get(self.objective) == self.champion_value()
        return {k: v for k, v in found.items() if k != self.objective} if same else {}

    def baseline(self) -> dict[str, float]:
        """What `hottune run --compare` trained before this run, if its directory was opened, it is the last one there, and the
        objective is the loss, which is what that record has."""
        directory = self.study.directory
        if not directory or self.objective != "val/loss" or run_of_directory(directory) != str(self.row["id"]):
            return {}
        return logs.baseline(directory)

    def mean_score(self) -> tuple[float, float, float, int, int] | None:
        """Mean score of all changes with its 95 % interval, changes, segments (each counts once); None: there are none."""
        p = self.paid
        row = p[(p["family"] == ALL_KNOBS) & (p["phase"] == "")] if len(p) else p
        if not len(row) or not np.isfinite(row["mean_score"].iloc[0]):
            return None
        f = row.iloc[0]
        return float(f["mean_score"]), float(f["lo"]), float(f["hi"]), int(f["n"]), int(f["segments"])

    def nulls(self) -> tuple[int, int, float, float, float] | None:
        """The share of nulls, where there are enough of them to say anything."""
        return self.share("nulls") if independent_controls(self.segments) >= FEWEST_CONTROLS else None

    def race_split(self) -> tuple[float, float] | None:
        """The race's part of the gain: what the recipe's own start values gained in its epochs, and what the champion's were
        better by at the same age. None: there is no such part, or the recipe's were not trained to its end."""
        race, start = self.part("race"), self.real("start_loss")
        of = self.path["what"].isin(RACE)
        if race is None or not np.isfinite(start) or not of.any() or not race[0]:
            return None
        l = self.lineage[self.lineage["what"].isin(RACE)]
        age = int(self.path.loc[of, "epochs"].sum())
        here = l[(l["parent"] < 0) & np.isclose(l["loss"].to_numpy(float), start, rtol=1e-12, atol=0)].head(1)
        trained = int(here["epochs"].sum())
        while len(here) and trained < age:
            here = l[l["parent"] == here["node"].iloc[0]].head(1)
            trained += int(here["epochs"].sum())
        if not len(here) or trained != age:
            return None
        alone = float(self.study.sign * (start - here["loss"].iloc[0]))
        return alone, race[0] - alone

    def ranks_and_cores(self) -> tuple[int, int]:
        """Ranks of the job, and distinct cores that they could run on; 0 = not known."""
        cores: set[tuple[str, int]] = set()
        for node, text in self.places[["node", "cores"]].itertuples(index=False) if len(self.places) else []:
            for piece in str(text).split(","):
                lo, _, hi = piece.partition("-")
                if not lo.isdecimal() or not (hi or lo).isdecimal():
                    return len(self.places), 0
                cores |= {(node, c) for c in range(int(lo), min(int(hi or lo), int(lo) + 4095) + 1)}
        return len(self.places), len(cores)

    def race_starts(self) -> pd.DataFrame:
        """Start values of the race with what each was worth after its first rung."""
        f = self.lineage
        if not len(f):
            return f
        return f[(f["parent"] < 0) & f["what"].isin(RACE) & (f["epochs"] > 0)]

    def champion_began_at_start(self) -> bool:
        """Whether the champion descends from the recipe's own start values: the candidate whose loss is the run's start."""
        if not len(self.path) or not np.isfinite(self.real("start_loss")):
            return False
        return bool(np.isclose(self.path["loss"].iloc[0], self.row["start_loss"], rtol=1e-6))

    def champion_value(self) -> float:
        value = self.real("champion_loss")
        if not np.isfinite(value) and len(self.best):
            value = float(self.best["best"].iloc[-1])
        return value

    def first_value(self) -> float:
        value = self.real("start_loss")
        if not np.isfinite(value) and len(self.curves):
            finite = self.curves[np.isfinite(self.curves["value"])].sort_values("t")
            value = float(finite["value"].iloc[0]) if len(finite) else np.nan
        return value
