"""Figures of the knobs over time: what every replica trained with, and the champion's schedule."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .chart import Chart, Views
from .colours import CHAMPION, PALE
from .data import Told
from .of_training import FEW, POINTS, WORDS, band_traces, thinned
from .text import label, number, template

MOST_KNOBS = 12


def shown_knobs(told: Told) -> list[str]:
    """Those that mattered most first, as many as fit into a figure."""
    order = list(told.mattered["knob"]) if len(told.mattered) else []
    known = [k for k in order if k in set(told.knob_names)]
    return (known + [k for k in told.knob_names if k not in set(known)])[:MOST_KNOBS]


def _log_ticks(ends: tuple[float, float]) -> dict:
    """Few ticks, since these axes are low: powers of ten, or some round values where there are none."""
    low, high = ends
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for round_ones in ((1,), (1, 2, 5), (1, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
        inside = [t for e in powers for t in (float(f"{m}e{e}") for m in round_ones) if low <= t <= high]
        if len(inside) > 2:
            break
    wanted = low * (high / low) ** np.array([0.08, 0.5, 0.92])
    ticks = sorted({min(inside, key=lambda s: abs(math.log(s / w))) for w in wanted}) if inside else [low, high]
    return {"tickvals": ticks, "ticktext": [number(t, 2) for t in ticks]}


def _ends(values: np.ndarray) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def _stacked(titles: list[str], logs: list[bool], ranges: list[tuple[float, float]]) -> dict:
    """Axes of one small figure a knob, one above the other, over one time axis. Titles lie above, where they have room."""
    n = len(titles)
    gap = 0.2 / n
    high = (1 - gap * n) / n
    layout: dict = {
        "xaxis": {"title": {"text": "wall epochs"}, "anchor": "y" if n == 1 else f"y{n}"},
        "hovermode": "closest",
        "annotations": [],
    }
    for i in range(n):
        top = 1 - i * (high + gap) - gap
        layout["yaxis" if i == 0 else f"yaxis{i + 1}"] = {
            "domain": [max(0.0, top - high), top],
            "type": "log" if logs[i] else "linear",
            "exponentformat": "power" if logs[i] else "none",
            **(_log_ticks(ranges[i]) if logs[i] else {"nticks": 5}),
        }
        title = {"text": f"<b>{titles[i]}</b>", "x": 0, "y": top, "xref": "paper", "yref": "paper", "showarrow": False}
        layout["annotations"].append({**title, "xanchor": "left", "yanchor": "bottom"})
    return layout


def _steps(f: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """t, value, replica: two points for each piece, and a gap where the next one is of another replica or begins later."""
    t0, t1, r = (f[c].to_numpy(float) for c in ("t0", "t1", "replica"))
    breaks = np.r_[(r[1:] != r[:-1]) | (np.abs(t0[1:] - t1[:-1]) > 0.01), True]
    gap = np.where(breaks, np.nan, t1)
    value = f["value"].to_numpy(float)
    t = np.stack([t0, t1, gap], axis=1).ravel()
    v = np.stack([value, value, np.where(breaks, np.nan, value)], axis=1).ravel()
    keep = ~(np.tile([False, False, True], len(f)) & ~np.isnan(t))  # no third point where there is no gap
    return t[keep], v[keep], np.repeat(r, 3)[keep]


def _way(f: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same along the champion's way, which leads from replica to replica without gaps."""
    t = np.stack([f["t0"].to_numpy(float), f["t1"].to_numpy(float)], axis=1).ravel()
    return t, np.repeat(f["value"].to_numpy(float), 2), np.repeat(f["replica"].to_numpy(float), 2)


def _band_of_pieces(f: pd.DataFrame) -> dict[str, np.ndarray]:
    t0, t1, v = f["t0"].to_numpy(float), f["t1"].to_numpy(float), f["value"].to_numpy(float)
    at = np.linspace(np.nanmin(t0), np.nanmax(t1), 81)
    at = (at[1:] + at[:-1]) / 2
    some = [v[(t0 <= t) & (t < t1)] for t in at]
    keep = [i for i, s in enumerate(some) if len(s)]
    q = np.array([np.quantile(some[i], [0.05, 0.5, 0.95]) for i in keep]).reshape(-1, 3)
    return {"t": at[keep], "q05": q[:, 0], "q50": q[:, 1], "q95": q[:, 2]}


def _wide(f: pd.DataFrame) -> pd.DataFrame:
    """Pieces with a column for each knob; a piece is of one knob, the others are empty."""
    if not len(f):
        return f
    wide = f[["replica", "t0", "t1", "on_path"]].copy()
    for knob in f["knob"].unique():
        wide[knob] = f["value"].where(f["knob"] == knob)
    return wide.sort_values(["replica", "t0"], kind="stable")


def knob_trajectories(told: Told) -> Chart | None:
    f = told.trained if told.pooled else _wide(told.knobs)
    names = [k for k in shown_knobs(told) if k in f.columns and np.isfinite(f[k].to_numpy(float)).any()]
    if not names or not len(f):
        return None
    n = f["replica"].nunique()
    logs = [told.is_log(k, f[k].to_numpy(float)) for k in names]
    traces: list[dict] = []
    for i, knob in enumerate(names):
        axis = "y" if i == 0 else f"y{i + 1}"
        mine = f[["replica", "t0", "t1", "on_path"]].assign(value=f[knob])
        mine = mine[np.isfinite(mine["value"].to_numpy(float))]
        hover = (
            f"{template(knob)} %{{y:.4g}}<br>replica %{{customdata}}<br>wall epoch %{{x:.1f}}<extra></extra>"
        )
        if n > FEW:
            traces += band_traces(
                _band_of_pieces(mine),
                axis,
                "bands",
                f"{template(knob)} %{{y:.4g}} (middle)<extra></extra>",
                "hv",
            )
        few, shown, of = thinned(mine, POINTS // (3 * len(names)))
        x, y, r = _steps(few)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": y,
                "customdata": r,
                "yaxis": axis,
                "group": "all",
                "name": f"all {n} replicas" if shown == of else f"{shown} of {of} replicas",
                "legendgroup": "all",
                "showlegend": i == 0,
                "line": {"width": 1, "color": PALE},
                "hovertemplate": hover,
            }
        )
        on = mine[mine["on_path"].astype(bool)].sort_values("t0", kind="stable")
        if len(on):
            if len(told.path):  # the last piece trained on after the champion was kept
                on = on.assign(t1=np.minimum(on["t1"], max(on["t0"].iloc[-1], told.path["t1"].iloc[-1])))
            t, v, who = _way(on)
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": t,
                    "y": v,
                    "customdata": who,
                    "yaxis": axis,
                    "group": "line",
                    "legendgroup": "line",
                    "name": "the champion's lineage" if told.pooled else "the best replica",
                    "showlegend": i == 0,
                    "line": {"width": 2.8, "color": CHAMPION},
                    "hovertemplate": hover,
                }
            )
    views = [("all", ["all", "line"]), ("champion's lineage only", ["line"])]
    if n > FEW:
        views.insert(0, ("bands", ["bands", "line"]))
    left = (
        f" The {len(names)} knobs that mattered most of {len(told.knob_names)} are drawn."
        if len(told.knob_names) > len(names)
        else ""
    )
    about = (
        "A <b>knob</b> is a setting that hottune may change while the training runs. Each line is what one"
        f" replica trained with; the thick line is what the winning weights were trained with.{left}"
    )
    return Chart(
        "knob-trajectories",
        "Values of the knobs over the run",
        about,
        traces,
        _stacked([label(k, 22) for k in names], logs, [_ends(f[k].to_numpy(float)) for k in names]),
        height=90 + 130 * len(names),
        views=Views("Replicas:", views),
    )


def schedule_figure(told: Told, f: pd.DataFrame, single_training: str) -> Chart | None:
    """@param f  stretches and averagings, of schedule.pieces  @param single_training  HTML: what of it can be repeated"""
    p, means = f[f["to"] > f["from"]], f[f["to"] == f["from"]]
    names = [k for k in shown_knobs(told) if k in f.columns]
    if not len(p) or not names:
        return None
    logs = [bool((p[k].astype(float) > 0).all() and p[k].max() > 3 * p[k].min()) for k in names]
    # a point for each epoch (of long stretches some), so that there is something to point at
    epochs = [np.unique(np.linspace(a, b, min(b - a + 1, 12)).round()) for a, b in zip(p["from"], p["to"])]
    x, long = np.concatenate(epochs), [len(e) for e in epochs]
    text = np.repeat([label(", ".join(WORDS.get(w, w) for w in what)) for what in p["what"]], long)
    at = means["to"].to_numpy(float)
    before = np.searchsorted(p["to"].to_numpy(float), at)  # the stretch that ends there
    notes = [
        f"mean of {m} replicas: {number(a)} \u2192 {number(b)}"
        for m, a, b in zip(means["members"], means["before"], means["loss"])
    ]
    traces = []
    for i, knob in enumerate(names):
        axis, v = "y" if i == 0 else f"y{i + 1}", p[knob].to_numpy(float)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": np.repeat(v, long),
                "text": text,
                "yaxis": axis,
                "name": label(knob),
                "showlegend": False,
                "line": {"width": 2.8, "color": CHAMPION},
                "hovertemplate": (
                    f"{template(knob)} %{{y:.4g}}<br>epoch %{{x:.0f}} of the"
                    " weights<br>%{text}<extra></extra>"
                ),
            }
        )
        if len(at):
            traces.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": at,
                    "y": v[np.minimum(before, len(v) - 1)],
                    "text": notes,
                    "yaxis": axis,
                    "name": "weights averaged",
                    "legendgroup": "averaged",
                    "showlegend": i == 0,
                    "marker": {"size": 9, "symbol": "diamond", "color": "@c3"},
                    "hovertemplate": "after epoch %{x:.0f}: %{text}<extra></extra>",
                }
            )
    layout = _stacked([label(k, 22) for k in names], logs, [_ends(p[k].to_numpy(float)) for k in names])
    layout["xaxis"]["title"] = {"text": "epochs that these weights have trained"}
    about = f"Each step is one setting of the knob for some epochs; the line ends with the champion. {single_training}"
    return Chart(
        "champion-schedule", "The champion's schedule", about, traces, layout, height=110 + 120 * len(names)
    )
