"""Tables of one run over time: the champion's way, curves, values of the knobs. Columns: see `columns`."""
from __future__ import annotations

from typing import Dict, Tuple

import numpy as np
import pandas as pd

from .columns import CURVES, KNOBS, LINEAGE, PATH, frame
from .tables import RunData, lineage, mutations, segments, steps_of_epoch, with_knobs


def champion_way(run: RunData) -> pd.DataFrame:
    """The pieces of training that the champion's way leads through, each to its end."""
    t = run.table("schedule", ("node", "parent", "replica", "members", "epochs", "wall", "loss", "what"))
    if t is None or len(t["node"]) == 0:
        return frame(PATH)
    n, t0 = len(t["node"]), t["wall"].astype(np.float64)
    f = frame(
        PATH,
        dict(run=run.label,
             position=np.arange(n),
             t0=t0,
             t1=t0 + t["epochs"],
             **{c: t[c] for c in ("node", "parent", "replica", "members", "what", "epochs", "loss")}), n)
    return _with_ages(with_knobs(f, run, "schedule_knobs"), run)


def _with_ages(way: pd.DataFrame, run: RunData) -> pd.DataFrame:
    loss = way["loss"].to_numpy(float)
    return way.assign(age=np.cumsum(way["epochs"]), gain=np.r_[np.nan, run.sign * (loss[:-1] - loss[1:])])


def champion_path(run: RunData) -> pd.DataFrame:
    """The champion's way up to the validation at which its weights were kept: that may lie inside of the last
    piece, which trained on. Where no reading of the curves has the champion's value the piece is whole."""
    way = run.made(champion_way)
    of = (float(run.attributes.get(name, np.nan)) for name in ("champion_loss", "result_val"))
    champion = next((value for value in of if np.isfinite(value)), np.nan)
    if len(way) == 0 or not np.isfinite(champion):
        return way
    last = way.iloc[-1]
    kept = _readings(run, last["replica"], last["t0"], last["t1"])
    kept = kept[np.isclose(kept["value"], champion, rtol=1e-9, atol=0)]
    trained = round(float(kept["t"].iloc[0] - last["t0"])) if len(kept) and last["loss"] != champion else 0
    if not 1 <= trained < last["epochs"]:
        return way
    at = way.index[-1]
    way = way.copy()
    way.loc[at, ["epochs", "loss", "t1"]] = [trained, champion, last["t0"] + trained]
    return _with_ages(way.astype({"epochs": np.int64}), run)


def _readings(run: RunData, replica: int, t0: float, t1: float) -> pd.DataFrame:
    """Validations (t, value) of a replica from t0 on to t1, in their order."""
    c = run.table("curves", ("replica", "step", "value"))
    if c is None:
        return pd.DataFrame({"t": [], "value": []})
    mine = c["replica"] == replica
    t = wall_of_steps(run, c["replica"][mine].astype(np.int64), c["step"][mine].astype(np.float64))
    f = pd.DataFrame({"t": t, "value": c["value"][mine]}).sort_values("t", kind="stable")
    return f[(f["t"] > t0 + .25) & (f["t"] < t1 + .75)]


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
