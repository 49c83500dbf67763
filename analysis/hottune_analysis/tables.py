"""Tables of one run, made of what a study file has of it. Their columns: see `columns`."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import pandas as pd

from .columns import LINEAGE, MUTATIONS, OBSERVATIONS, SEGMENTS, frame
from .files import Path, StudyFile, join


class RunData:
    """What a study has of one run, read when it is asked for.

    @param at    group in the file, label as users call the run
    @param sign  1 if the objective is minimised, -1 if it is maximised
    """

    def __init__(self, file: StudyFile, at: Path, label: str, sign: float) -> None:
        self.file, self.at, self.label, self.sign = file, at, label, sign
        self.attributes = file.attributes(at)
        self.pooled = self.attributes.get("mode") == "pooled"
        self._made: Dict[str, Any] = {}

    def table(self, name: str, needed: Sequence[str] = ()) -> Optional[Dict[str, np.ndarray]]:
        return self.file.table(join(self.at, name), needed)

    def matrix(self, name: str) -> Tuple[np.ndarray, List[str]]:
        return self.file.matrix(join(self.at, name))

    def made(self, maker: Any) -> Any:
        """Makes a table of this run once."""
        if maker.__name__ not in self._made:
            self._made[maker.__name__] = maker(self)
        return self._made[maker.__name__]


def texts_of(codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Names by their codes; a code that no name has is `?N`."""
    codes = np.asarray(codes, np.int64)
    highest = int(codes.max()) if len(codes) else -1
    table = np.array(list(names) + [f"?{i}" for i in range(len(names), highest + 1)] + ["?"], object)
    return table[np.where(codes < 0, len(table) - 1, codes)]


def families_of(actuator: np.ndarray, key: np.ndarray) -> np.ndarray:
    """`actuator:key`, each distinct pair joined once."""
    if len(actuator) == 0:
        return np.empty(0, object)
    a, an = pd.factorize(actuator)
    k, kn = pd.factorize(key)
    pair, distinct = pd.factorize(a * len(kn) + k)
    names = np.empty(len(distinct), object)
    names[:] = [f"{an[d // len(kn)]}:{kn[d % len(kn)]}" for d in distinct]
    return names[pair]


def steps_of_epoch(run: RunData) -> float:
    """Optimiser steps of an epoch, as the curves have it; NaN = unknown."""
    t = run.table("curves", ("step", "epoch"))
    if t is None or not (t["epoch"] > 0).any():
        return np.nan
    some = t["epoch"] > 0
    return float(np.median(t["step"][some] / t["epoch"][some]))


def family_of_knob(run: RunData, knobs: Sequence[str]) -> List[str]:
    """The family that moves each knob of a pooled run, by the library's rule (`src/population/tuned.h`)."""
    t = run.table("evidence", ("actuator", "key"))
    known = set(families_of(t["actuator"], t["key"])) if t is not None else set()
    space = run.file.table("/space/families", ("actuator", "key"))
    if space is not None:
        known |= set(families_of(space["actuator"], space["key"]))
    out = []
    for knob in knobs:
        actuator, _, name = knob.partition(".")
        tried = [f"{actuator}:{name}_mult", f"{actuator}:{name}"]
        if name == "weight_decay":
            tried.insert(1, f"{actuator}:wd_mult")
        out.append(next((f for f in tried if f in known), tried[-1]))
    return out


def segments(run: RunData) -> pd.DataFrame:
    t = run.table("segments", ("replica", "phase", "start_step", "end_step", "score"))
    if t is None or len(t["replica"]) == 0:
        return frame(SEGMENTS)
    n, epoch = len(t["replica"]), steps_of_epoch(run)
    common = dict(run=run.label,
                  row=np.arange(n),
                  replica=t["replica"],
                  score=t["score"],
                  start_step=t["start_step"],
                  end_step=t["end_step"])
    if run.pooled:
        names = run.file.attributes(join(run.at, "segments")).get("phases", [])
        mutant, finite, accepted = (t[c].astype(bool) for c in ("mutant", "finite", "accepted"))
        t0 = t["wall"].astype(np.float64)
        decision = np.select([~finite, ~mutant, accepted], ["diverged", "control", "accepted"], "rejected")
        return frame(
            SEGMENTS,
            dict(common,
                 segment=t["segment"],
                 mode="pooled",
                 island=t["island"],
                 phase=texts_of(t["phase"], names),
                 family="",
                 role=np.where(mutant, "mutant", "control").astype(object),
                 decision=decision.astype(object),
                 accepted=accepted,
                 score_error=t["score_error"].astype(np.float64),
                 gain=run.sign * (t["before"] - t["loss"]),
                 before=t["before"],
                 loss=t["loss"],
                 control=t["control"],
                 in_root=t["in_root"].astype(bool),
                 finite=finite,
                 t0=t0,
                 t1=t0 + (t["end_step"] - t["start_step"]) / epoch,
                 reason=""), n)
    return frame(
        SEGMENTS,
        dict(common,
             segment=t["number"],
             mode="independent",
             island=-1,
             phase=t["phase"],
             family=families_of(t["actuator"], t["key"]),
             role="mutant",
             decision=t["decision"],
             accepted=t["decision"] == "accepted",
             gain=run.sign * (t["pre"] - t["post"]),
             before=t["pre"],
             loss=t["post"],
             in_root=t["decision"] == "accepted",
             finite=~t["nan"].astype(bool),
             t0=t["start_step"] / epoch,
             t1=t["end_step"] / epoch,
             reason=t["reason"]), n)


def _mutations_pooled(run: RunData, s: pd.DataFrame) -> pd.DataFrame:
    factors, knobs = run.matrix("factors")
    values, _ = run.matrix("knobs")
    if len(s) == 0 or len(factors) != len(s) or len(values) != len(s):
        return frame(MUTATIONS)
    mutant = (s["role"] == "mutant").to_numpy()
    rows, n = np.flatnonzero(mutant), len(knobs)
    control = np.flatnonzero(~mutant)
    number = s["segment"].to_numpy()
    place = pd.Series(control, index=number[control])
    place = place[~place.index.duplicated()].reindex(number[rows]).to_numpy()
    before = np.where(np.isnan(place)[:, None], values[rows] / np.exp(factors[rows]),
                      values[np.nan_to_num(place).astype(np.int64)])
    families = np.array(family_of_knob(run, knobs), object)

    def each(column: str) -> np.ndarray:
        return np.repeat(s[column].to_numpy()[rows], n)

    x = factors[rows].ravel()
    return frame(
        MUTATIONS,
        dict(run=run.label,
             family=np.tile(families, len(rows)),
             knob=np.tile(np.array(knobs, object), len(rows)),
             factor=np.exp(x),
             log_factor=x,
             value_before=before.ravel(),
             value=values[rows].ravel(),
             source="",
             **{
                 c: each(c)
                 for c in ("row", "segment", "replica", "phase", "score", "score_error", "accepted",
                           "decision", "t0", "t1")
             }), len(x))


def mutations(run: RunData) -> pd.DataFrame:
    s = run.made(segments)
    if run.pooled:
        return _mutations_pooled(run, s)
    m = run.table("mutations", ("actuator", "param", "before", "after", "source"))
    if m is None or len(s) == 0 or len(m["param"]) != len(s):
        return frame(MUTATIONS)
    before, after = m["before"][:, 0], m["after"][:, 0]
    with np.errstate(all="ignore"):
        factor = np.where(before > 0, after / before, np.nan)
        log_factor = np.log(np.where(factor > 0, factor, np.nan))
    knob = np.char.add(np.char.add(m["actuator"].astype(str), "."), m["param"].astype(str)).astype(object)
    return frame(
        MUTATIONS,
        dict(
            {
                c: s[c].to_numpy()
                for c in ("row", "segment", "replica", "phase", "family", "score", "score_error", "accepted",
                          "decision", "t0", "t1")
            },
            run=run.label,
            knob=knob,
            factor=factor,
            log_factor=log_factor,
            value_before=before,
            value=after,
            source=m["source"]), len(s))


def _depths(parent: np.ndarray) -> np.ndarray:
    """How many nodes lie before each; parents come before their children."""
    depth = np.full(len(parent), -1, np.int64)
    known = parent < 0
    depth[known] = 0
    while not known.all():
        now = ~known & known[np.maximum(parent, 0)]
        if not now.any():
            break               # a circle: damaged, left at -1
        depth[now] = depth[parent[now]] + 1
        known |= now
    return depth


def with_knobs(f: pd.DataFrame, run: RunData, name: str) -> pd.DataFrame:
    values, knobs = run.matrix(name)
    if len(values) != len(f):
        values = np.full((len(f), len(knobs)), np.nan)
    return pd.concat([f, pd.DataFrame(values, columns=knobs, index=f.index)], axis=1)


def lineage(run: RunData) -> pd.DataFrame:
    t = run.table("lineage", ("node", "parent", "replica", "members", "epochs", "wall", "loss", "what"))
    if t is None or len(t["node"]) == 0:
        return frame(LINEAGE)
    n = len(t["node"])
    t0 = t["wall"].astype(np.float64)
    parent = np.where(t["parent"] < n, t["parent"], -1)
    way = run.table("schedule", ("node", ))
    on_path = np.isin(t["node"], way["node"]) if way is not None else np.zeros(n, bool)
    f = frame(
        LINEAGE,
        dict(run=run.label,
             t0=t0,
             t1=t0 + t["epochs"],
             depth=_depths(parent),
             on_path=on_path,
             **{c: t[c] for c in ("node", "parent", "replica", "members", "epochs", "loss", "what")}), n)
    return with_knobs(f, run, "lineage_knobs")


def plain(columns: Sequence[str], run: RunData, name: str) -> pd.DataFrame:
    """A table of the file as it is, with the label of the run and, if it has one, the family."""
    t = run.table(name)
    if t is None:
        return frame(columns)
    n = len(next(iter(t.values()))) if t else 0
    data = {c: t[c] for c in columns if c in t}
    if "family" in columns and "actuator" in t and "key" in t:
        data["family"] = families_of(t["actuator"], t["key"])
    return frame(columns, dict(data, run=run.label), n)


def observations(run: RunData) -> pd.DataFrame:
    """Of a pooled run its factors, in log, and the scores."""
    if run.pooled:
        m = run.made(mutations)
        return frame(
            OBSERVATIONS,
            dict(run=run.label,
                 phase=m["phase"].to_numpy(),
                 family=m["family"].to_numpy(),
                 x0=m["log_factor"].to_numpy(),
                 y=m["score"].to_numpy()), len(m))
    t = run.table("observations", ("phase", "actuator", "key", "x", "y"))
    if t is None:
        return frame(OBSERVATIONS)
    return frame(
        OBSERVATIONS,
        dict(run=run.label,
             phase=t["phase"],
             family=families_of(t["actuator"], t["key"]),
             y=t["y"],
             **{f"x{i}": t["x"][:, i]
                for i in range(t["x"].shape[1])}), len(t["y"]))
