"""Where the champion's gain came from: the numbers that the run stored, and the same made again from its
rows.

The split is the one of `src/population/gain.h`. A segment on the champion's way brought its island from the
root's value `before` to the new root's `after`; with the mean of its controls C, its best member B and noise
s of members that differ in nothing:

    trend      before - C                    what training alone gives
    selection  S = s * E[max of n normals]   what taking the best of n equals gives by chance, in [0, C - B]
    mutation   C - B - S                     what the best member has beyond that
    averaging  B - after                     what the mean of states adds

The race is what lies before the first of these segments, the last epochs what comes after the last root on
the way: the champion may be a reading inside of a segment.

"""
from __future__ import annotations

from typing import Dict

import numpy as np
import pandas as pd

from .columns import GAIN, frame
from .stats import best_of
from .over_time import champion_way
from .tables import RunData, segments

PARTS = {
    "race": "race over start values",
    "trend": "training",
    "selection": "selection",
    "mutation": "mutation",
    "averaging": "averaging",
    "last_epochs": "last epochs"
}


FEWEST_CONTROLS = 10  # independent ones: with fewer their share says nothing
BY_SEGMENT = "run segment t0 trend selection mutation averaging".split()


def independent_controls(s: pd.DataFrame) -> int:
    """Controls whose being better says something, of a table of segments: of those of one segment, which are
    compared with each other, one less than there are; of two none, since one of them is always the better."""
    n = s[(s["role"] == "control") & s["finite"].astype(bool)].groupby("segment").size()
    return int((n[n > 2] - 1).sum())


def noise_of_controls(s: pd.DataFrame) -> float:
    """Standard deviation of controls of one segment about their mean, pooled over segments; NaN = there are
    none."""
    c = s[(s["role"] == "control") & s["finite"].astype(bool)]
    if len(c) == 0:
        return np.nan
    by = c.groupby("segment")["loss"]
    n, squares = by.size(), by.var(ddof=0) * by.size()
    freedom = (n[n > 1] - 1).sum()
    return float(np.sqrt(squares[n > 1].sum() / freedom)) if freedom > 0 else np.nan


def _is_root(s: pd.DataFrame, piece: pd.Series) -> bool:
    """Whether the state at the end of a piece, and no mean of several, became its island's root."""
    mine = s[(s["replica"] == piece["replica"]) & (s["t0"] == piece["t0"])]
    of = s[s["segment"].isin(mine["segment"])]
    return int(of["in_root"].sum()) == 1 and bool(mine["in_root"].any())


def _pieces(run: RunData) -> pd.DataFrame:
    """Segments on the champion's way: before, control, best, after (all turned so that less is better), n,
    time."""
    way, s = run.made(champion_way), run.made(segments)
    columns = ["segment", "t0", "before", "control", "best", "after", "n"]
    if len(way) == 0 or len(s) == 0:
        return pd.DataFrame(columns=columns)
    mean = (way["what"] == "mean").to_numpy()
    after = way["loss"].to_numpy().copy()
    after[:-1] = np.where(mean[1:], after[1:], after[:-1])
    trained = way.assign(after=after)[~mean]
    key = ["replica", "t0", "loss"]
    at = trained[key + ["after"]].merge(s[key + ["segment"]], on=key, how="inner").drop_duplicates("segment")
    if len(at) and not mean[-1] and len(way) and not _is_root(s, trained.iloc[-1]):
        at = at[at["replica"].ne(trained["replica"].iloc[-1]) | at["t0"].ne(trained["t0"].iloc[-1])]
    of = s[s["segment"].isin(at["segment"]) & s["finite"].astype(bool)]
    by = of.assign(signed=run.sign * of["loss"]).groupby("segment")
    controls = run.sign * of[of["role"] == "control"].groupby("segment")["loss"].mean()
    out = pd.DataFrame({"before": run.sign * by["before"].first(), "best": by["signed"].min(), "n": by.size(),
                        "t0": by["t0"].first()})
    out["control"] = controls.reindex(out.index)
    out["after"] = run.sign * at.set_index("segment")["after"]
    return out.reset_index()[columns].sort_values("t0").reset_index(drop=True)


def gain_by_segment(run: RunData) -> pd.DataFrame:
    """The split of each segment on the champion's way: segment, t0, trend, selection, mutation, averaging."""
    p = run.made(_pieces)
    noise = run.attributes.get("noise", np.nan)
    noise = noise if np.isfinite(noise) else noise_of_controls(run.made(segments))
    noise = noise if np.isfinite(noise) else 0.0
    has = np.isfinite(p["control"].astype(float)) & np.isfinite(p["before"].astype(float))
    control = np.where(has, p["control"], p["best"]).astype(float)
    over = control - p["best"].to_numpy(float)
    chance = np.clip([noise * best_of(int(n))
                      for n in p["n"]], 0, np.maximum(over, 0)) if len(p) else np.empty(0)
    return pd.DataFrame({
        "run": run.label,
        "segment": p["segment"],
        "t0": p["t0"],
        "trend": np.where(np.isfinite(p["before"].astype(float)), p["before"].astype(float) - control, 0),
        "selection": chance,
        "mutation": over - chance,
        "averaging": p["best"].astype(float) - p["after"].astype(float)
    })


def _recomputed(run: RunData) -> Dict[str, float]:
    p, g = run.made(_pieces), run.made(gain_by_segment)
    start, champion = (run.sign * run.attributes.get(k, np.nan) for k in ("start_loss", "champion_loss"))
    if len(p) == 0 and len(run.made(champion_way)):    # it comes right from the race
        return dict({c: 0.0 for c in PARTS}, race=start - champion if np.isfinite(start) else 0.0)
    if len(p) == 0:
        return {}
    first, last = float(p["before"].iloc[0]), float(p["after"].iloc[-1])
    out = {c: float(g[c].sum()) for c in ("trend", "selection", "mutation", "averaging")}
    out["race"] = start - first if np.isfinite(start) and np.isfinite(first) else 0.0
    out["last_epochs"] = last - champion
    return out


def gain(run: RunData) -> pd.DataFrame:
    t = run.table("gain", ("part", "gain", "lo", "hi"))
    if t is None or len(t["part"]) == 0:
        return frame(GAIN)
    made = _recomputed(run)
    again = np.array([made.get(p, np.nan) for p in t["part"]])
    difference = again - t["gain"]
    scale = max(1e-9, float(np.nansum(np.abs(t["gain"]))))
    return frame(
        GAIN,
        dict(run=run.label,
             label=np.array([PARTS.get(p, p) for p in t["part"]], object),
             recomputed=again,
             difference=difference,
             agrees=np.abs(difference) <= 1e-5 * scale,
             **{c: t[c] for c in ("part", "gain", "lo", "hi")}), len(again))
