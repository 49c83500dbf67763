"""What the runs of a study teach: which mutations paid, which knob mattered, how runs compare.

Intervals say how sure the mean of what was tried is. They know nothing of other seeds, other data, or of what was not tried.
"""
from __future__ import annotations

import math
from typing import Dict, List

import numpy as np
import pandas as pd

from .stats import t_interval, t_quantile, wilson
from .tables import frame

PAID = ["run", "family", "phase", "direction", "n", "segments", "wins", "win_rate", "win_lo", "win_hi", "mean_score", "lo", "hi",
        "p_helped", "against"]
MATTERED = ["run", "family", "knob", "n", "slope", "slope_lo", "slope_hi", "share", "share_lo", "share_hi", "chance",
            "beyond_chance", "start_value", "end_value", "path_factor"]
ALL_KNOBS = "(all knobs)"
DIRECTIONS = ("any", "up", "down")
RESAMPLES, SEED = 400, 1


def _paid_row(of: pd.DataFrame, pooled: bool) -> Dict[str, float]:
    """One group of mutations. Mutants of one segment share their controls, so each segment counts as one difference."""
    scored = of[np.isfinite(of["score"])]
    if pooled:
        number = scored["run_segment"].to_numpy()
        _, at = np.unique(number, return_inverse=True)
        values = np.bincount(at, scored["score"]) / np.bincount(at) if len(number) else np.empty(0)
    else:
        values = scored["score"].to_numpy(float)
    wins = int(of["accepted"].sum())
    rate, win_lo, win_hi = wilson(wins, len(of))
    mean, lo, hi, p = t_interval(values)
    return dict(n=len(of), segments=len(values), wins=wins, win_rate=rate, win_lo=win_lo, win_hi=win_hi, mean_score=mean, lo=lo,
                hi=hi, p_helped=p if pooled else math.nan, against="controls" if pooled else "before")


def paid(mutations: pd.DataFrame, label: str, pooled: bool) -> pd.DataFrame:
    """Table PAID of mutations: per family, phase (empty: all) and direction (any, up: value raised, down: lowered)."""
    if len(mutations) == 0:
        return frame(PAID)
    m = mutations.assign(run_segment=pd.factorize(mutations["run"])[0] * (1 << 40) + mutations["segment"].astype("int64"))
    rows: List[Dict] = []
    x = m["log_factor"].to_numpy(float)
    sides = {"any": np.ones(len(m), bool), "up": x > 0, "down": x < 0}
    phases = [("", np.ones(len(m), bool))] + [(p, (m["phase"] == p).to_numpy()) for p in m["phase"].unique()]
    if pooled:      # a mutant changes all knobs: one row of each says all of them together
        once = ~m.duplicated(["run", "row"]).to_numpy()
        rows += [dict(family=ALL_KNOBS, phase=p, direction="any", **_paid_row(m[once & at], True)) for p, at in phases]
    for family in m["family"].unique():
        mine = (m["family"] == family).to_numpy()
        for phase, at in phases:
            for direction in DIRECTIONS[1:] if pooled else DIRECTIONS:
                of = m[mine & at & sides[direction]]
                if len(of):
                    rows.append(dict(family=family, phase=phase, direction=direction, **_paid_row(of, pooled)))
    return pd.DataFrame(rows).assign(run=label).reindex(columns=PAID)


def _design(x: np.ndarray) -> np.ndarray:
    """Columns 1, x_k, x_k^2 (centred and scaled by knob) of [n x K] logs of factors."""
    deviation = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return np.concatenate([np.ones((len(x), 1)), z, z * z], axis=1)


def _shares(gram: np.ndarray, moment: np.ndarray, y_sum: np.ndarray, squares: np.ndarray, n: np.ndarray) -> np.ndarray:
    """[B x K]: cov(f_k, y) / var(y) of the additive fit f = sum f_k, from sums over rows; they add up to R^2."""
    p = gram.shape[-1]
    beta = np.linalg.solve(gram + 1e-9 * np.trace(gram, axis1=-2, axis2=-1)[:, None, None] / p * np.eye(p), moment[..., None])[..., 0]
    mean = y_sum / n
    total = squares - n * mean ** 2
    k = (p - 1) // 2
    of_column = beta * (moment - gram[:, 0, :] * mean[:, None])
    with np.errstate(all="ignore"):
        return (of_column[:, 1:1 + k] + of_column[:, 1 + k:]) / total[:, None]


def _effects(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> Dict[str, np.ndarray]:
    """Shares and slopes with intervals by resampling whole segments; `chance`: 95 % of shares when y is shuffled."""
    rng = np.random.default_rng(SEED)
    k = x.shape[1]
    d = _design(x)
    _, at = np.unique(group, return_inverse=True)
    s, p = int(at.max()) + 1, d.shape[1]
    outer = np.empty((s, p * p + p + 3))
    for i in range(p):
        for j in range(p):
            outer[:, i * p + j] = np.bincount(at, d[:, i] * d[:, j], s)
        outer[:, p * p + i] = np.bincount(at, d[:, i] * y, s)
    outer[:, -3:] = np.stack([np.bincount(at, y, s), np.bincount(at, y * y, s), np.bincount(at, minlength=s)], axis=1)

    def shares_of(sums: np.ndarray) -> np.ndarray:
        return _shares(sums[:, :p * p].reshape(-1, p, p), sums[:, p * p:p * p + p], sums[:, -3], sums[:, -2], sums[:, -1])

    whole = outer.sum(axis=0, keepdims=True)
    weights = rng.multinomial(s, np.full(s, 1 / s), RESAMPLES).astype(float)
    resampled = shares_of(weights @ outer)
    shuffled = np.repeat(whole, RESAMPLES, axis=0)
    for b in range(RESAMPLES):
        shuffled[b, p * p:p * p + p] = rng.permutation(y) @ d
    # linear slopes, per e-fold of the factor, with errors that allow for segments (Liang and Zeger, 1986)
    a = np.concatenate([np.ones((len(x), 1)), x - x.mean(axis=0)], axis=1)
    inverse = np.linalg.pinv(a.T @ a)
    beta = inverse @ (a.T @ y)
    e = (y - a @ beta)[:, None] * a
    scores = np.stack([np.bincount(at, e[:, i], s) for i in range(k + 1)], axis=1)
    error = np.sqrt(np.maximum(np.diag(inverse @ (scores.T @ scores) @ inverse), 0) * s / max(s - 1, 1))
    half = t_quantile(.975, max(s - 1, 1)) * error
    return dict(share=shares_of(whole)[0], share_lo=np.nanquantile(resampled, .025, axis=0),
                share_hi=np.nanquantile(resampled, .975, axis=0), chance=np.nanquantile(shares_of(shuffled), .95, axis=0),
                slope=beta[1:], slope_lo=(beta - half)[1:], slope_hi=(beta + half)[1:])


def _mattered_pooled(m: pd.DataFrame) -> List[Dict]:
    knobs = m["knob"].unique()
    by = m.pivot_table(index=["run", "row"], columns="knob", values="log_factor", aggfunc="first", sort=False)[list(knobs)]
    one = m.drop_duplicates(["run", "row"]).set_index(["run", "row"]).loc[by.index]
    fine = np.isfinite(one["score"].to_numpy()) & np.isfinite(by.to_numpy()).all(axis=1)
    x, y = by.to_numpy()[fine], one["score"].to_numpy()[fine]
    family = m.drop_duplicates("knob").set_index("knob")["family"]
    group = pd.factorize(pd.MultiIndex.from_arrays([one.index.get_level_values(0)[fine], one["segment"].to_numpy()[fine]]))[0]
    base = [dict(family=family[k], knob=k, n=len(y)) for k in knobs]
    if len(y) < 4 * len(knobs) + 4 or len(np.unique(group)) < 4 or not np.ptp(y) > 0:
        return base             # too few to tell
    effects = _effects(x, y, group)
    return [dict(b, **{name: float(v[i]) for name, v in effects.items()}) for i, b in enumerate(base)]


def _mattered_independent(m: pd.DataFrame) -> List[Dict]:
    """Each segment changed one family: its share is how much of the variance of scores the families' own curves explain."""
    rows = []
    for family, of in m.groupby("family", sort=False):
        x, y = of["log_factor"].to_numpy(float), of["score"].to_numpy(float)
        fine = np.isfinite(x) & np.isfinite(y)
        row = dict(family=family, knob=of["knob"].iloc[0], n=int(fine.sum()))
        if fine.sum() >= 8 and np.ptp(y[fine]) > 0 and np.ptp(x[fine]) > 0:
            effects = _effects(x[fine][:, None], y[fine], np.arange(int(fine.sum())))
            row.update({name: float(v[0]) for name, v in effects.items()})
        rows.append(row)
    return rows


def mattered(m: pd.DataFrame, path: pd.DataFrame, label: str, pooled: bool) -> pd.DataFrame:
    """Table MATTERED; `path` (table PATH, may be empty) adds how the champion moved each knob, after the race."""
    if len(m) == 0:
        return frame(MATTERED)
    f = pd.DataFrame(_mattered_pooled(m) if pooled else _mattered_independent(m)).assign(run=label).reindex(columns=MATTERED)
    f["beyond_chance"] = (f["share"].astype(float) > f["chance"].astype(float)).astype(object).where(f["share"].notna(), None)
    if len(path):
        after = path[~path["what"].isin(("race", "fresh"))]
        for i, knob in enumerate(f["knob"]):
            if knob in after.columns and len(after):
                first, last = float(after[knob].iloc[0]), float(after[knob].iloc[-1])
                f.loc[i, ["start_value", "end_value"]] = [first, last]
                f.loc[i, "path_factor"] = last / first if first > 0 else math.nan
    return f.sort_values("share", ascending=False, kind="stable", na_position="last").reset_index(drop=True)
