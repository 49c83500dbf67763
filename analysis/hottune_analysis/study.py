"""A study, as tables."""
from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional

import numpy as np
import pandas as pd

from . import gain as gains
from . import columns, insight, logs, over_time, priors, tables
from .columns import frame
from .files import StudyError, StudyFile, decode, join
from .tables import RunData

COMPARE = """
    run name mode policy seed generation replicas epochs best best_t result_val result_test gain race trend
    selection mutation averaging last_epochs mutants mutants_share nulls_share utilisation seconds
    """.split()
NAMES = ("runs", "segments", "mutations", "curves", "knobs", "lineage", "champion_path", "gain", "priors",
         "observations", "evidence", "lessons", "shares", "places", "utilisation", "space", "paid",
         "which_knob_mattered", "compare")


def open_study(path: "str | os.PathLike[str]") -> "Study":
    """Open a study file, or the `study.h5` of a run directory.

    @raise StudyError  what is wrong, naming file and object
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        inside = os.path.join(path, "study.h5")
        if not os.path.exists(inside):
            raise StudyError(
                f"{path!r}: the directory has no study.h5 (a run with --study keeps it elsewhere)")
        return Study(inside, path)
    folder = os.path.dirname(os.path.abspath(path))
    return Study(path, folder if os.path.exists(os.path.join(folder, "hotcb.metrics.jsonl")) else None)


class Study:
    """Tables of a study; each is made once, when it is first asked for. Callers must not change them in
    place.

    Methods with `run` take a label (`r2`), an id or a position from 0 (-1: the newest). Where it may be None
    the table is of all runs, one below the other.
    """

    def __init__(self, path: str, directory: Optional[str] = None) -> None:
        self._file = StudyFile(path)
        self.path, self.directory = path, directory
        root = self._file.attributes("/")
        self.attributes: Dict[str, Any] = root
        self.name: str = root.get("name", "")
        self.objective: str = root.get("objective", "")
        self.direction: str = root.get("direction", "minimize")
        self.sign = -1.0 if self.direction == "maximize" else 1.0  # times a value: less is better
        ids = self._file.names("/runs")
        starts = [(self._file.attributes(join("/runs", i)).get("started", 0.0), decode(i), i) for i in ids]
        self._runs: List[RunData] = [RunData(self._file, join("/runs", name), f"r{n}", self.sign)
                                     for n, (_, _, name) in enumerate(sorted(starts, key=lambda s: s[:2]), 1)]
        self._made: Dict[Any, pd.DataFrame] = {}

    def __enter__(self) -> "Study":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Tables that were made stay."""
        self._file.close()

    # ---- which run

    @property
    def labels(self) -> List[str]:
        """Labels of the runs, oldest first."""
        return [r.label for r in self._runs]

    def _run(self, run: Any) -> RunData:
        if isinstance(run, (int, np.integer)) and not isinstance(run, bool):
            if -len(self._runs) <= run < len(self._runs):
                return self._runs[run]
        for r in self._runs:
            if run == r.label or run == r.attributes.get("id"):
                return r
        raise StudyError(f"{self.path!r}: no run {run!r} (there are: {', '.join(self.labels) or 'none'})")

    def label(self, run: Any) -> str:
        """The label of a run, however it is named."""
        return self._run(run).label

    def _keep(self, key: Any, make: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        if key not in self._made:
            try:
                self._made[key] = make()
            except StudyError:
                raise
            except (KeyError, ValueError, TypeError, IndexError) as e:
                raise StudyError(f"{self.path!r}: object {key!r}: not as a study has it: {e!r}") from e
        return self._made[key]

    def _each(self, run: Any, maker: Callable[[RunData], pd.DataFrame], names: List[str]) -> pd.DataFrame:
        if run is not None:
            data = self._run(run)
            return self._keep((maker.__name__, data.label), lambda: data.made(maker))

        def all_runs() -> pd.DataFrame:
            parts = [f for f in (self._each(label, maker, names) for label in self.labels) if len(f)]
            return pd.concat(parts, ignore_index=True) if parts else frame(names)

        return self._keep((maker.__name__, None), all_runs)

    # ---- tables (see `columns`)

    def runs(self) -> pd.DataFrame:
        """Table RUNS."""
        return self._keep("runs", self._runs_table)

    def _runs_table(self) -> pd.DataFrame:
        label_of = {r.attributes.get("id"): r.label for r in self._runs}
        generation: Dict[str, int] = {}
        rows = []
        for r in self._runs:
            a = r.attributes
            parents = [p for p in np.atleast_1d(a.get("parents", [])).tolist() if p]
            generation[r.label] = 1 + max(
                (generation.get(label_of.get(p, ""), 0) for p in parents), default=-1)
            segments = r.table("segments")
            ended = a.get("ended", 0)
            row: Dict[str, Any] = {"policy": "", "stage": "", "champion_origin": ""}
            row.update({c: a[c] for c in columns.RUNS if c in a})
            row.update(run=r.label,
                       state="ended" if ended else "open",
                       generation=generation[r.label],
                       parents=[label_of.get(p, p) for p in parents],
                       started=pd.Timestamp(a.get("started", 0), unit="s", tz="UTC"),
                       ended=pd.Timestamp(ended, unit="s", tz="UTC") if ended else pd.NaT,
                       seconds=(ended or a.get("updated", np.nan)) - a.get("started", np.nan),
                       segments=len(next(iter(segments.values()))) if segments else 0,
                       mutations=a.get("total_mutations", 0))
            rows.append(row)
        if not rows:
            return frame(columns.RUNS)
        return pd.DataFrame(rows).reindex(columns=columns.RUNS)

    def segments(self, run: Any = None) -> pd.DataFrame:
        """Table SEGMENTS."""
        return self._each(run, tables.segments, columns.SEGMENTS)

    def mutations(self, run: Any = None) -> pd.DataFrame:
        """Table MUTATIONS: long, a row for each knob of each mutant."""
        return self._each(run, tables.mutations, columns.MUTATIONS)

    def curves(self, run: Any = None) -> pd.DataFrame:
        """Table CURVES."""
        return self._each(run, over_time.curves, columns.CURVES)

    def knobs(self, run: Any = None) -> pd.DataFrame:
        """Table KNOBS."""
        return self._each(run, over_time.knobs, columns.KNOBS)

    def knob_names(self, run: Any) -> List[str]:
        """Knobs of a run, as the columns of `lineage` and `champion_path` are called."""
        r = self._run(run)
        if r.pooled:
            return [c for c in self.lineage(run).columns if c not in columns.LINEAGE]
        return list(self.mutations(run)["knob"].unique())

    def family_of(self, run: Any) -> Dict[str, str]:
        """The family that moves each knob of a run."""
        r = self._run(run)
        if r.pooled:
            names = self.knob_names(run)
            return dict(zip(names, tables.family_of_knob(r, names)))
        return dict(self.mutations(run)[["knob", "family"]].drop_duplicates("knob").itertuples(index=False))

    def is_log(self, run: Any, knob: str) -> bool:
        """Whether a knob is shown on a log scale: its family's scale is, and all its values are above 0."""
        family = self.family_of(run).get(knob)
        scale = self.space().set_index("family")["scale"].to_dict().get(family, "log")
        k = self.knobs(run)
        values = k.loc[k["knob"] == knob, "value"]
        return scale == "log" and bool(len(values)) and bool((values > 0).all())

    def phases(self) -> List[str]:
        """Names of the phases, in the order in which they come in a run."""
        s = self.segments()
        return [str(p) for p in s.groupby("phase")["t0"].median().sort_values(kind="stable").index]

    def lineage(self, run: Any = None) -> pd.DataFrame:
        """Table LINEAGE."""
        return self._each(run, tables.lineage, columns.LINEAGE)

    def champion_path(self, run: Any = None) -> pd.DataFrame:
        """Table PATH: the champion's schedule, up to the epoch at which its weights were validated and kept.
        Empty for independent runs."""
        return self._each(run, over_time.champion_path, columns.PATH)

    def gain(self, run: Any = None) -> pd.DataFrame:
        """Table GAIN."""
        return self._each(run, gains.gain, columns.GAIN)

    def gain_by_segment(self, run: Any = None) -> pd.DataFrame:
        """The split of each segment on the champion's way: segment, t0, and the parts of `gain`."""
        return self._each(run, gains.gain_by_segment, gains.BY_SEGMENT)

    def priors(self) -> pd.DataFrame:
        """Table PRIORS."""
        return self._keep("priors", lambda: priors.priors(self._file))

    def space(self) -> pd.DataFrame:
        """Table SPACE."""
        return self._keep("space", lambda: priors.space(self._file))

    def observations(self, run: Any = None) -> pd.DataFrame:
        """Table OBSERVATIONS."""
        return self._each(run, tables.observations, columns.OBSERVATIONS)

    def _plain(self, run: Any, name: str, names: List[str]) -> pd.DataFrame:
        def maker(r: RunData) -> pd.DataFrame:
            return tables.plain(names, r, name)

        maker.__name__ = f"plain_{name}"
        return self._each(run, maker, names)

    def evidence(self, run: Any = None) -> pd.DataFrame:
        """Table EVIDENCE."""
        return self._plain(run, "evidence", columns.EVIDENCE)

    def lessons(self, run: Any = None) -> pd.DataFrame:
        """Table LESSONS."""
        return self._plain(run, "lessons", columns.LESSONS)

    def shares(self, run: Any = None) -> pd.DataFrame:
        """Table SHARES: accepted mutants, and controls judged as if they had been mutants."""
        return self._plain(run, "shares", columns.SHARES)

    def places(self, run: Any = None) -> pd.DataFrame:
        """Table PLACES."""
        return self._plain(run, "places", columns.PLACES)

    def text(self, run: Any, name: str) -> str:
        """A text of a run: `plan`, `recipe` or `base_recipe`. Empty if it has none."""
        return self._file.text(join(self._run(run).at, name))

    def recipe(self, which: str = "evolved") -> str:
        """The study's recipe, `base` or `evolved`, as YAML."""
        return self._file.text(f"/recipe/{which}")

    def utilisation(self, run: Any = None) -> pd.DataFrame:
        """Table UTILISATION. With the run's directory from its log, else from the epochs that each replica
        trained."""
        return self._each(run, self._utilisation, columns.UTILISATION)

    def _utilisation(self, r: RunData) -> pd.DataFrame:
        c, a = self.curves(r.label), r.attributes
        n = int(a.get("replicas", 0))
        if n <= 0 or len(c) == 0:
            return frame(columns.UTILISATION)
        replica = np.arange(max(n, int(c["replica"].max()) + 1))
        epochs = np.bincount(c["replica"], minlength=len(replica)).astype(float)
        p = self.places(r.label)
        node = p[p["replica"] >= 0].drop_duplicates("replica").set_index("replica")["node"].reindex(
            replica).fillna("")
        mean = float(a.get("utilisation", np.nan))
        busy, source = np.clip(mean * epochs / epochs.mean(), 0, 1), "steps"
        if self.directory and logs.runs_here(self.directory, str(a.get("id", ""))):
            m = logs.metrics(self.directory, str(a.get("id", "")))
            found = logs.busy_from_log(m, a.get("started", np.nan),
                                       a.get("ended") or a.get("updated", np.nan))
            if len(found):
                busy, source = found.reindex(replica).fillna(0).to_numpy(), "log"
                if np.isfinite(mean) and busy.mean() > 0:   # what the run measured, shared out by the log
                    busy = np.clip(busy * mean / busy.mean(), 0, 1)
        return frame(
            columns.UTILISATION,
            dict(run=r.label,
                 replica=replica,
                 node=node.to_numpy(),
                 epochs=epochs,
                 share=epochs / epochs.max(),
                 busy=busy,
                 idle=1 - busy,
                 source=source), len(replica))

    # ---- what they teach

    def paid(self, run: Any = None) -> pd.DataFrame:
        """Which mutations paid (`insight.PAID`): score by family, phase (empty: all) and direction (up, down,
        any).

        Mean and 95 % interval by Student's t over segments (mutants of one segment share its controls, so a
        segment is one difference); `p_helped`: probability that the true mean is above 0, under a flat prior;
        win rates with Wilson's interval. In pooled runs a mutant changes all knobs at once: the row of `(all
        knobs)` is the mutant's, those of families are of the mutants in which that knob went up or down. In
        independent runs scores are against the value before, so they count the training's own progress
        (`against`), and whether a mutation helped cannot be told: `p_helped` is NaN.
        """
        return self._insight("paid", run, lambda m, label, pooled: insight.paid(m, label, pooled))

    def which_knob_mattered(self, run: Any = None) -> pd.DataFrame:
        """How much of what mutants scored each knob explains (`insight.MATTERED`).

        `share`: cov(f_k, score) / var(score) of the additive fit of the score by x_k and x_k^2, x_k the log
        of the factor; the shares add up to R^2, the rest is noise and what knobs do together. It is the
        first-order part of a functional ANOVA (Hutter, Hoos, Leyton-Brown, ICML 2014) with the measure of
        Pratt (1987), which fits here since factors are drawn one by one. Interval: 95 %, whole segments
        resampled. `chance`: 95 % of the shares of shuffled scores. `slope`: score per e-fold. Limits: it is
        about factors within their bounds, about the places where the run was, and not about start values.
        """
        def make(m: pd.DataFrame, label: str, pooled: bool) -> pd.DataFrame:
            path = self.champion_path(label) if label else frame(columns.PATH)
            return insight.mattered(m, path, label, pooled)

        return self._insight("which_knob_mattered", run, make)

    def _insight(self, name: str, run: Any, make: Callable[[pd.DataFrame, str, bool],
                                                           pd.DataFrame]) -> pd.DataFrame:
        if run is not None:
            r = self._run(run)
            return self._keep((name, r.label), lambda: make(self.mutations(r.label), r.label, r.pooled))

        def all_runs() -> pd.DataFrame:
            parts = []
            for pooled in (True, False):
                own = [
                    m for m in (self.mutations(r.label) for r in self._runs if r.pooled == pooled) if len(m)
                ]
                if own:
                    parts.append(make(pd.concat(own, ignore_index=True), "", pooled))
            return pd.concat(parts, ignore_index=True) if parts else make(frame(columns.MUTATIONS), "", True)

        return self._keep((name, None), all_runs)

    def best_so_far(self, run: Any) -> pd.DataFrame:
        """How the best value went, means of states included (run, t, best): its improvements and its end."""
        label, c, states = self.label(run), self.curves(run), self.lineage(run)
        f = pd.DataFrame({
            "t": np.r_[c["t"], states["t1"]].astype(float),
            "best": np.r_[c["value"], states["loss"]].astype(float)
        })
        f = f[np.isfinite(f["best"]) & np.isfinite(f["t"])].sort_values("t", kind="stable")
        if len(f) == 0:
            return frame(["run", "t", "best"])
        f = f.assign(run=label, best=self.sign *
                     np.minimum.accumulate(self.sign * f["best"].to_numpy()))[["run", "t", "best"]]
        keep = f["best"].ne(f["best"].shift()).to_numpy(copy=True)
        keep[-1] = True
        return f[keep].reset_index(drop=True)

    def compare(self) -> pd.DataFrame:
        """Runs side by side: results, where the gain came from, what was accepted, what it took."""
        return self._keep("compare", self._compare)

    def _compare(self) -> pd.DataFrame:
        rows = []
        for r in self.runs().to_dict("records"):
            best = self.best_so_far(r["run"])
            parts = dict(self.gain(r["run"])[["part", "gain"]].itertuples(index=False))
            shares = self.shares(r["run"]).set_index("of")
            row = dict({c: r[c] for c in COMPARE if c in r}, **parts)
            if len(best):
                at = best[best["best"] == best["best"].iloc[-1]].iloc[0]
                row.update(best=at["best"], best_t=at["t"])
            row["gain"] = sum(parts.values()) if parts else np.nan
            for of in ("mutants", "nulls"):
                if of in shares.index:
                    row[f"{of}_share"] = shares.loc[of, "share"]
            if "mutants" in shares.index:
                row["mutants"] = shares.loc["mutants", "judged"]
            rows.append(row)
        return pd.DataFrame(rows).reindex(columns=COMPARE) if rows else frame(COMPARE)
