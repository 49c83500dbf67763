"""Figures of one run over time: learning curves, values of the knobs, the champion's schedule, who was busy when.

Whatever the size of the run, a figure holds some ten thousand points at most: many replicas are drawn as bands of
quantiles, and as single lines as far as they fit."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .chart import Chart, Views
from .colours import BAND, CHAMPION, PALE, TEXT
from .data import Told
from .text import esc, label, template

FEW = 24  # replicas that are drawn one by one at first
POINTS = 20_000  # of all single lines of a figure
BEST = 5
WORDS = {
    "race": "race over start values",
    "fresh": "race, drawn freely",
    "rung": "rung of the race",
    "control": "control (unchanged)",
    "mutant": "mutant (knobs changed)",
    "mean": "mean of states",
    "exploit": "copied from a better one",
    "member": "training",
    "run": "training",
}


def broken_lines(groups: pd.core.groupby.DataFrameGroupBy, columns: list[str]) -> list[np.ndarray]:
    """Columns of all groups one behind the other, with a gap between two."""
    out: list[list[np.ndarray]] = [[] for _ in columns]
    for _, g in groups:
        for kept, c in zip(out, columns):
            kept += [g[c].to_numpy(float), np.array([np.nan])]
    return [np.concatenate(k) if k else np.empty(0) for k in out]


def thinned(f: pd.DataFrame, most: int) -> tuple[pd.DataFrame, int, int]:
    """Rows of as many replicas as fit into `most` rows, spread over all, each with all of its points or every n-th."""
    names = np.sort(f["replica"].unique())
    step = max(1, math.ceil(len(f) / most))
    every = min(step, 4)
    if every > 1:
        keep = f.groupby("replica").cumcount() % every == 0
        f = f[keep | ~f["replica"].duplicated(keep="last")]
    shown = names[:: max(1, math.ceil(len(f) / most))]
    return f[f["replica"].isin(shown)], len(shown), len(names)


def _bands(t: np.ndarray, value: np.ndarray, bins: int = 120) -> dict[str, np.ndarray]:
    """Quantiles of the values in equal parts of time."""
    edges = np.linspace(t.min(), t.max() + 1e-9, min(bins, max(2, len(np.unique(t)))) + 1)
    at = np.clip(np.searchsorted(edges, t, side="right") - 1, 0, len(edges) - 2)
    q = (
        pd.DataFrame({"at": at, "v": value})
        .groupby("at")["v"]
        .quantile([0.05, 0.25, 0.5, 0.75, 0.95])
        .unstack()
    )
    x = pd.Series(t).groupby(at).mean().reindex(q.index).to_numpy()
    return {"t": x, **{f"q{int(100 * k):02d}": q[k].to_numpy() for k in q.columns}}


def band_traces(
    b: dict[str, np.ndarray], axis: str, group: str, hover: str, shape: str = "linear"
) -> list[dict]:
    common = {
        "type": "scatter",
        "mode": "lines",
        "x": b["t"],
        "yaxis": axis,
        "group": group,
        "legendgroup": "band" + axis,
    }
    line = {"width": 0, "shape": shape}
    return [
        {**common, "y": b["q05"], "line": line, "hoverinfo": "skip", "showlegend": False, "name": "5 %"},
        {
            **common,
            "y": b["q95"],
            "line": line,
            "fill": "tonexty",
            "fillcolor": BAND,
            "hoverinfo": "skip",
            "name": "nine of ten replicas",
            "showlegend": axis == "y",
        },
        {
            **common,
            "y": b["q50"],
            "line": {"width": 1.5, "color": PALE, "shape": shape},
            "name": "middle replica",
            "hovertemplate": hover,
            "showlegend": axis == "y",
        },
    ]


def way_of_champion(told: Told) -> pd.DataFrame:
    """t, value, replica: the ends of the pieces of the champion's way, and after the race the validations between them."""
    p = told.path[np.isfinite(told.path["loss"].astype(float))] if len(told.path) else told.path
    if not len(p):
        return pd.DataFrame({"t": [], "value": [], "replica": []})
    ends = pd.DataFrame(
        {"t": p["t1"].astype(float), "value": p["loss"].astype(float), "replica": p["replica"]}
    )
    later = p.loc[~p["what"].isin(("race", "fresh", "rung")), "t0"]
    c = told.curves[told.curves["on_path"].astype(bool) & np.isfinite(told.curves["value"])]
    c = c[c["t"] > later.min() + 0.25] if len(later) else c.iloc[:0]
    both = pd.concat([c[["t", "value", "replica"]], ends], ignore_index=True).sort_values("t", kind="stable")
    return both[~both["t"].round(3).duplicated(keep="last")]


def _waits(told: Told) -> tuple[list[float], list[float]]:
    """Times between two pieces of the champion's way, in which its weights waited: lines with gaps between them."""
    x, y = [], []
    p = told.path
    for i in range(1, len(p)):
        before, t0 = p.iloc[i - 1], float(p["t0"].iloc[i])
        if t0 > before["t1"] + 0.01 and np.isfinite(before["loss"]):
            x += [float(before["t1"]), t0, np.nan]
            y += [float(before["loss"])] * 2 + [np.nan]
    return x, y


def learning_curves(told: Told) -> Chart | None:
    c = told.curves[np.isfinite(told.curves["value"])]
    if not len(c):
        return None
    c = c.sort_values(["replica", "t", "step"], kind="stable")
    objective, n = label(told.objective), c["replica"].nunique()
    hover = (
        f"replica %{{customdata}}<br>wall epoch %{{x:.1f}}<br>{template(told.objective)}"
        " %{y:.5g}<extra></extra>"
    )

    def lines(f: pd.DataFrame, group: str, name: str, color: str, width: float) -> dict:
        x, y, r = broken_lines(f.groupby("replica"), ["t", "value", "replica"])
        return {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": x,
            "y": y,
            "customdata": r,
            "connectgaps": False,
            "line": {"width": width, "color": color},
            "group": group,
            "hovertemplate": hover,
            "opacity": 0.85,
        }

    few, shown, of = thinned(c, POINTS)
    ends = (
        c.groupby("replica")["value"].min() if told.less_is_better else -c.groupby("replica")["value"].max()
    )
    best = ends.nsmallest(BEST).index
    traces = []
    if n > FEW:
        traces += band_traces(
            _bands(c["t"].to_numpy(float), c["value"].to_numpy(float)),
            "y",
            "bands",
            "middle replica<br>wall epoch %{x:.1f}<br>%{y:.5g}<extra></extra>",
        )
    traces.append(
        lines(few, "all", f"all {n} replicas" if shown == of else f"{shown} of {of} replicas", PALE, 1)
    )
    traces.append(lines(c[c["replica"].isin(best)], "best", f"the best {min(BEST, n)} replicas", "@c0", 1.3))
    on = way_of_champion(told)
    if len(on):
        wait_x, wait_y = _waits(told)
        line_x, line_y, line_r = (on[c].to_numpy(float) for c in ("t", "value", "replica"))
        for t0, value in zip(wait_x[1::3], wait_y[1::3]):  # the line breaks off, and goes on where the wait ends
            at = np.searchsorted(line_x, t0 - 1e-9)
            line_x = np.insert(line_x, at, [np.nan, t0])
            line_y, line_r = np.insert(line_y, at, [np.nan, value]), np.insert(line_r, at, [np.nan, np.nan])
            line_x[at] = t0  # sorted; its value is the gap
        if wait_x:
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "name": "its weights waited",
                    "x": np.array(wait_x),
                    "y": np.array(wait_y),
                    "group": "line",
                    "line": {"width": 1.8, "color": CHAMPION, "dash": "dash"},
                    "hoverinfo": "skip",
                }
            )
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers" if len(on) <= 120 else "lines",
                "name": "the champion's lineage",
                "x": line_x,
                "y": line_y,
                "customdata": line_r,
                "group": "line",
                "hovertemplate": hover,
                "connectgaps": False,
                "line": {"width": 2.6, "color": CHAMPION},
                "marker": {"size": 5, "color": CHAMPION},
            }
        )
    if len(told.best):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "best of all so far",
                "x": told.best["t"].to_numpy(float),
                "y": told.best["best"].to_numpy(float),
                "group": "line",
                "line": {"width": 1.4, "color": TEXT, "dash": "dot", "shape": "hv"},
                "hovertemplate": "best so far<br>wall epoch %{x:.1f}<br>%{y:.5g}<extra></extra>",
            }
        )
    views = [
        ("all", ["all", "line"]),
        ("champion's lineage only", ["line"]),
        (f"the best {min(BEST, n)}", ["best", "line"]),
    ]
    if n > FEW:
        views.insert(0, ("bands", ["bands", "line"]))
    v = c["value"].to_numpy(float)
    span = np.quantile(v, [0, 0.85] if told.less_is_better else [0.15, 1])
    if len(on):
        span = np.array([min(span[0], on["value"].min()), max(span[1], on["value"].max())])
    pad = 0.04 * (span[1] - span[0] or 1)
    about = (
        f"{esc(told.objective)} at every validation. A <b>wall epoch</b> is the time in which one replica"
        " (one training of the population) trains one epoch. "
    )
    about += (
        "The <b>champion's lineage</b> is the way of the weights that won, back to their start: replicas copy"
        " weights from each other, so it leads through several of them. "
        if told.pooled
        else "The replica with the best value is drawn among the best. "
    )
    about += "The first view leaves out the worst early values; double click shows all."
    return Chart(
        "learning-curves",
        "Learning curves of all replicas",
        about,
        traces,
        {
            "xaxis": {"title": {"text": "wall epochs"}},
            "yaxis": {"title": {"text": objective}},
            "hovermode": "closest",
        },
        height=430,
        views=Views("Replicas:", views),
        log=False,
        extra={"range": [float(span[0] - pad), float(span[1] + pad)]},
    )
