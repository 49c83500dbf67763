"""What the runs of a study teach: which mutations paid, and which knob mattered.

Intervals say how sure the mean of what was tried is. They know nothing of other seeds, of other data, or of
what was not tried.
"""
from __future__ import annotations

import math
from typing import Any, Dict, List

import numpy as np
import pandas as pd

from .columns import frame
from .stats import t_interval, t_quantile, wilson

PAID = """
    run family phase direction n segments wins win_rate win_lo win_hi mean_score lo hi p_helped against
    """.split()
MATTERED = """
    run family knob n slope slope_lo slope_hi share share_lo share_hi chance beyond_chance start_value
    end_value path_factor
    """.split()
ALL_KNOBS = "(all knobs)"
DIRECTIONS = ("any", "up", "down")
RESAMPLES, BLOCKS, SEED = 400, 2000, 1
CHI2_2_95 = 5.991  # 95 % of the chi-squared distribution of 2 degrees of freedom


def _numbers(m: pd.DataFrame, column: str) -> np.ndarray:
    """A number of the run and of what the column counts in it, unlike all others of the table."""
    return (pd.factorize(m["run"])[0].astype(np.int64) << 40) + m[column].to_numpy(np.int64)


# ---- which mutations paid


def _paid_row(score: np.ndarray, accepted: np.ndarray, segment: np.ndarray, pooled: bool) -> Dict[str, Any]:
    """One group of mutations. Mutants of one segment share their controls, so a segment is one difference."""
    finite = np.isfinite(score)
    values = score[finite]
    if pooled and len(values):
        at = pd.factorize(segment[finite])[0]
        values = np.bincount(at, values) / np.bincount(at)
    rate, win_lo, win_hi = wilson(int(accepted.sum()), len(score))
    mean, lo, hi, p = t_interval(values)
    return dict(n=len(score), segments=len(values), wins=int(accepted.sum()), win_rate=rate, win_lo=win_lo,
                win_hi=win_hi, mean_score=mean, lo=lo, hi=hi, p_helped=p if pooled else math.nan,
                against="controls" if pooled else "before")


def paid(m: pd.DataFrame, label: str, pooled: bool) -> pd.DataFrame:
    """Table PAID of mutations: by family, phase (empty: all) and direction (any, up: value raised, down)."""
    if len(m) == 0:
        return frame(PAID)
    score, x = m["score"].to_numpy(float), m["log_factor"].to_numpy(float)
    accepted, segment = m["accepted"].to_numpy(bool), _numbers(m, "segment")
    every = np.ones(len(m), bool)
    sides = {"any": every, "up": x > 0, "down": x < 0}
    code, names = pd.factorize(m["phase"])
    phases = [("", every)] + [(str(p), code == i) for i, p in enumerate(names)]
    of_family, families = pd.factorize(m["family"])
    rows: List[Dict[str, Any]] = []

    def add(family: str, phase: str, direction: str, at: np.ndarray) -> None:
        if at.any():
            rows.append(dict(run=label, family=family, phase=phase, direction=direction,
                             **_paid_row(score[at], accepted[at], segment[at], pooled)))

    if pooled:  # a mutant changes all knobs: one row of each stands for all of them together
        once = ~pd.Series(_numbers(m, "row")).duplicated().to_numpy()
        for phase, at in phases:
            add(ALL_KNOBS, phase, "any", once & at)
    for i, family in enumerate(families):
        for phase, at in phases:
            for direction in DIRECTIONS[1:] if pooled else DIRECTIONS:
                add(str(family), phase, direction, (of_family == i) & at & sides[direction])
    return pd.DataFrame(rows).reindex(columns=PAID)


# ---- which knob mattered


def _design(x: np.ndarray) -> np.ndarray:
    """Columns 1, x_k, x_k^2 (centred and scaled by knob) of [n x K] logs of factors."""
    deviation = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return np.concatenate([np.ones((len(x), 1)), z, z * z], axis=1)


def _sums_by(at: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """[groups x C]: sums of the columns over the rows of each group."""
    return np.stack([np.bincount(at, c) for c in columns.T], axis=1)


def _shares(sums: np.ndarray, p: int) -> np.ndarray:
    """[B x K]: cov(f_k, y) / var(y) of the additive fit f = sum f_k; together they are R^2.

    @param sums  [B x (p*p + p + 3)]: products of the p columns of the design, with y, then y, y^2, 1
    """
    gram, moment = sums[:, :p * p].reshape(-1, p, p), sums[:, p * p:p * p + p]
    ridge = 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] / p * np.eye(p)
    beta = np.linalg.solve(gram + ridge, moment[..., None])[..., 0]
    mean = sums[:, -3] / sums[:, -1]
    total = sums[:, -2] - sums[:, -1] * mean**2
    k = (p - 1) // 2
    of_column = beta * (moment - gram[:, 0, :] * mean[:, None])
    with np.errstate(all="ignore"):
        return (of_column[:, 1:1 + k] + of_column[:, 1 + k:]) / total[:, None]


def _effects(x: np.ndarray, y: np.ndarray, group: np.ndarray) -> Dict[str, np.ndarray]:
    """Shares and slopes with intervals by resampling whole segments.

    @param x  [n x K] logs of factors  @param y  [n] scores  @param group  [n] number of the segment, from 0
    `chance`: what a knob that does nothing reaches in 1 of 20 cases; n times the share that two useless
    columns explain is about chi-squared.
    """
    rng = np.random.default_rng(SEED)
    k, d = x.shape[1], _design(x)
    p = d.shape[1]
    if group.max() >= BLOCKS:  # blocks of segments instead of segments: as good, and quick
        group = rng.integers(0, BLOCKS, group.max() + 1)[group]
    group = pd.factorize(group)[0]
    s = int(group.max()) + 1
    products = (d[:, :, None] * d[:, None, :]).reshape(len(d), p * p)
    rest = np.stack([y, y * y, np.ones(len(y))], axis=1)
    sums = _sums_by(group, np.concatenate([products, d * y[:, None], rest], axis=1))
    weights = rng.multinomial(s, np.full(s, 1 / s), RESAMPLES).astype(float)
    resampled = _shares(weights @ sums, p)
    # linear slopes, per e-fold of the factor, with errors that allow for segments (Liang and Zeger, 1986)
    a = np.concatenate([np.ones((len(x), 1)), x - x.mean(axis=0)], axis=1)
    inverse = np.linalg.pinv(a.T @ a)
    beta = inverse @ (a.T @ y)
    scores = _sums_by(group, (y - a @ beta)[:, None] * a)
    variance = np.diag(inverse @ (scores.T @ scores) @ inverse) * s / max(s - 1, 1)
    half = t_quantile(.975, max(s - 1, 1)) * np.sqrt(np.maximum(variance, 0))
    return dict(share=_shares(sums.sum(axis=0, keepdims=True), p)[0],
                share_lo=np.nanquantile(resampled, .025, axis=0),
                share_hi=np.nanquantile(resampled, .975, axis=0),
                chance=np.full(k, min(1, CHI2_2_95 / len(y))),
                slope=beta[1:], slope_lo=(beta - half)[1:], slope_hi=(beta + half)[1:])


def _mattered_pooled(m: pd.DataFrame) -> List[Dict[str, Any]]:
    row, distinct = pd.factorize(_numbers(m, "row"))
    knob, knobs = pd.factorize(m["knob"])
    x = np.full((len(distinct), len(knobs)), np.nan)
    x[row, knob] = m["log_factor"]
    y, group = np.empty(len(distinct)), np.empty(len(distinct), np.int64)
    y[row], group[row] = m["score"], _numbers(m, "segment")
    fine = np.isfinite(y) & np.isfinite(x).all(axis=1)
    x, y, group = x[fine], y[fine], pd.factorize(group[fine])[0]
    family = m.drop_duplicates("knob").set_index("knob")["family"]
    rows: List[Dict[str, Any]] = [dict(family=family[k], knob=k, n=len(y)) for k in knobs]
    if len(y) >= 4 * len(knobs) + 4 and group.max() >= 3 and np.ptp(y) > 0:
        for name, values in _effects(x, y, group).items():
            for r, value in zip(rows, values):
                r[name] = float(value)
    return rows


def _mattered_independent(m: pd.DataFrame) -> List[Dict[str, Any]]:
    """A segment changes one family: how much of the variance of its own scores does its curve explain?"""
    rows = []
    for family, of in m.groupby("family", sort=False):
        x, y = of["log_factor"].to_numpy(float), of["score"].to_numpy(float)
        fine = np.isfinite(x) & np.isfinite(y)
        n = int(fine.sum())
        row: Dict[str, Any] = dict(family=family, knob=of["knob"].iloc[0], n=n)
        if n >= 8 and np.ptp(y[fine]) > 0 and np.ptp(x[fine]) > 0:
            row.update({c: float(v[0]) for c, v in _effects(x[fine][:, None], y[fine], np.arange(n)).items()})
        rows.append(row)
    return rows


def mattered(m: pd.DataFrame, path: pd.DataFrame, label: str, pooled: bool) -> pd.DataFrame:
    """Table MATTERED; `path` (table PATH, may be empty) adds how the champion moved knobs after the race."""
    if len(m) == 0:
        return frame(MATTERED)
    rows = _mattered_pooled(m) if pooled else _mattered_independent(m)
    after = path[~path["what"].isin(("race", "fresh"))]
    for row in rows:
        row["run"] = label
        row["beyond_chance"] = row["share"] > row["chance"] if "share" in row else None
        if row["knob"] in after.columns and len(after):
            first, last = (float(after[row["knob"]].iloc[i]) for i in (0, -1))
            row.update(start_value=first, end_value=last, path_factor=last / first if first > 0 else math.nan)
    f = pd.DataFrame(rows).reindex(columns=MATTERED)
    return f.sort_values("share", ascending=False, kind="stable", na_position="last").reset_index(drop=True)
