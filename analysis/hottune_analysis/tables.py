"""Tables of one run, made of what a study file has of it. Their columns: see `columns`."""
from __future__ import annotations

from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import pandas as pd

from .columns import CURVES, KNOBS, LINEAGE, MUTATIONS, OBSERVATIONS, PATH, SEGMENTS, frame
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


def _with_knobs(f: pd.DataFrame, run: RunData, name: str) -> pd.DataFrame:
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
    return _with_knobs(f, run, "lineage_knobs")


def champion_path(run: RunData) -> pd.DataFrame:
    t = run.table("schedule", ("node", "parent", "replica", "members", "epochs", "wall", "loss", "what"))
    if t is None or len(t["node"]) == 0:
        return frame(PATH)
    n, t0 = len(t["node"]), t["wall"].astype(np.float64)
    gain = np.r_[np.nan, run.sign * (t["loss"][:-1] - t["loss"][1:])]
    f = frame(
        PATH,
        dict(run=run.label,
             position=np.arange(n),
             t0=t0,
             t1=t0 + t["epochs"],
             age=np.cumsum(t["epochs"]),
             gain=gain,
             **{c: t[c] for c in ("node", "parent", "replica", "members", "what", "epochs", "loss")}), n)
    return _with_knobs(f, run, "schedule_knobs")


def _rows_by(replica: np.ndarray) -> Dict[int, np.ndarray]:
    """The rows of each replica, in their order."""
    order = np.argsort(replica, kind="stable")
    distinct, first = np.unique(replica[order], return_index=True)
    return dict(zip(distinct.tolist(), np.split(order, first[1:])))


def _anchors(run: RunData) -> Tuple[np.ndarray, np.ndarray]:
    """Replicas, and [n x 2] steps with the wall epochs at which these were: the ends of segments; of policies
    without segments the ends of pieces of training, one after the other."""
    s, l = run.made(segments), run.made(lineage)
    if len(s):
        ends = [s[["start_step", "t0"]].to_numpy(float), s[["end_step", "t1"]].to_numpy(float)]
        return np.tile(s["replica"].to_numpy(), 2), np.concatenate(ends)
    l = l[l["epochs"] > 0].sort_values(["replica", "t0", "node"], kind="stable")
    after = l.groupby("replica")["epochs"].cumsum().to_numpy(float)
    ends = [np.c_[after - l["epochs"], l["t0"]], np.c_[after, l["t1"]]]
    return np.tile(l["replica"].to_numpy(), 2), np.concatenate(ends) * [steps_of_epoch(run), 1]


def wall_of_steps(run: RunData, replica: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Wall epochs of steps of replicas, interpolated between those that are known; of independent replicas,
    and of those of which nothing is known, step / steps of an epoch."""
    epoch = steps_of_epoch(run)
    t = step / epoch
    of, ends = _anchors(run) if run.pooled else (np.empty(0, np.int64), np.empty((0, 2)))
    if len(of) == 0:
        return t
    anchors = _rows_by(of)
    for r, mine in _rows_by(replica).items():
        known = ends[anchors.get(r, [])]
        known = known[np.isfinite(known).all(axis=1)]
        known = np.concatenate([[[0, 0]], known[np.lexsort(known.T[::-1])]])
        after = np.maximum(step[mine] - known[-1, 0], 0) / epoch
        t[mine] = np.interp(step[mine], known[:, 0], known[:, 1]) + after
    return t


def on_path(run: RunData, replica: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Whether the champion's way led through a replica at the end of an epoch."""
    out, way = np.zeros(len(t), bool), run.made(champion_path)
    rows = _rows_by(replica) if len(way) else {}
    for r, t0, t1 in way.loc[way["epochs"] > 0, ["replica", "t0", "t1"]].itertuples(index=False):
        mine = rows.get(int(r), np.empty(0, np.int64))
        out[mine] |= (t[mine] > t0 + .25) & (t[mine] < t1 + .75)
    return out


def curves(run: RunData) -> pd.DataFrame:
    t = run.table("curves", ("replica", "step", "epoch", "value"))
    if t is None or len(t["step"]) == 0:
        return frame(CURVES)
    replica, value = t["replica"].astype(np.int64), t["value"]
    wall = wall_of_steps(run, replica, t["step"].astype(np.float64))
    order = np.argsort(wall, kind="stable")
    best = np.empty(len(value))
    best[order] = run.sign * np.fmin.accumulate(
        run.sign * np.where(np.isfinite(value[order]), value[order], np.nan))
    through = on_path(run, replica, wall)
    if not run.pooled and np.isfinite(value).any():
        through = replica == replica[np.nanargmin(np.where(np.isfinite(value), run.sign * value, np.nan))]
    return frame(
        CURVES,
        dict(run=run.label,
             replica=replica,
             step=t["step"],
             epoch=t["epoch"],
             t=wall,
             value=value,
             best=best,
             on_path=through), len(value))


def knobs(run: RunData) -> pd.DataFrame:
    return _knobs_pooled(run) if run.pooled else _knobs_independent(run)


def _knobs_pooled(run: RunData) -> pd.DataFrame:
    f = run.made(lineage)
    names = [c for c in f.columns if c not in LINEAGE]
    f = f[f["epochs"] > 0]
    if len(f) == 0 or not names:
        return frame(KNOBS)
    n = len(names)
    return frame(
        KNOBS,
        dict(run=run.label,
             knob=np.tile(np.array(names, object), len(f)),
             value=f[names].to_numpy().ravel(),
             **{c: np.repeat(f[c].to_numpy(), n)
                for c in ("replica", "t0", "t1", "what", "node", "on_path")}), n * len(f))


def _knobs_independent(run: RunData) -> pd.DataFrame:
    """Pieces between mutations of a knob; the last one lasts until the replica's last reading."""
    m, c = run.made(mutations), run.made(curves)
    if len(m) == 0:
        return frame(KNOBS)
    end = c.groupby("replica")["t"].max() if len(c) else pd.Series(dtype=float)
    undone = m["decision"].eq("rolled_back")
    pieces = [
        pd.DataFrame({
            "replica": m["replica"],
            "knob": m["knob"],
            "t0": m["t0"],
            "value": m["value"],
            "what": "mutant"
        }),
        pd.DataFrame({
            "replica": m["replica"],
            "knob": m["knob"],
            "t0": m["t1"],
            "value": m["value_before"],
            "what": "rolled_back"
        })[undone]
    ]
    first = m.sort_values("t0").groupby(["replica", "knob"], as_index=False).first()
    pieces.insert(0, pd.DataFrame({"replica": first["replica"], "knob": first["knob"], "t0": 0.0,
                                   "value": first["value_before"], "what": "start"}))
    f = pd.concat(pieces, ignore_index=True).sort_values(["replica", "knob", "t0"],
                                                         kind="stable").reset_index(drop=True)
    following = f.groupby(["replica", "knob"])["t0"].shift(-1)
    best = set(c.loc[c["on_path"], "replica"])
    return frame(
        KNOBS,
        dict(run=run.label,
             t1=following.fillna(f["replica"].map(end)).to_numpy(),
             node=-1,
             on_path=f["replica"].isin(best).to_numpy(),
             **{k: f[k].to_numpy()
                for k in ("replica", "t0", "knob", "value", "what")}), len(f))


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
