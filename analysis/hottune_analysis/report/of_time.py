"""Figures of the replicas' time: who was busy, and who trained what when."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .chart import Chart
from .colours import WHAT
from .data import Told
from .of_training import WORDS
from .text import label


def who_was_busy(told: Told) -> list[Chart]:
    charts = []
    u = told.utilisation
    if len(u):
        many = len(u) > 48
        order = u.sort_values("busy", kind="stable") if many else u
        x = np.arange(len(order)) if many else order["replica"].to_numpy()
        where = [label(w) for w in order["node"]]
        note = np.array(
            [
                f"replica {r}{', ' + w if w else ''}<br>{e:.0f} epochs"
                for r, w, e in zip(order["replica"], where, order["epochs"])
            ],
            object,
        )
        traces = [
            {
                "type": "bar",
                "x": x,
                "y": order[c].to_numpy(float),
                "name": name,
                "marker": {"color": color},
                "text": note if c == "busy" else None,
                "textposition": "none",
                "hovertemplate": (
                    f"%{{text}}<br>{name} %{{y:.0%}}<extra></extra>"
                    if c == "busy"
                    else f"{name} %{{y:.0%}}<extra></extra>"
                ),
            }
            for c, name, color in (("busy", "busy", "@c2"), ("idle", "idle", "@idle"))
        ]
        measured = str(order["source"].iloc[0]) == "log"
        about = (
            "Share of the run's time in which a replica trained or validated (busy), and waited for others or"
            " for weights (idle). "
            + (
                "From the time of each validation in the run's log."
                if measured
                else (
                    "From the epochs that each replica trained and the mean of the run: a directory with logs"
                    " (--dir) would say it of each."
                )
            )
        )
        charts.append(
            Chart(
                "utilisation",
                "Busy and idle time of each replica",
                about,
                traces,
                {
                    "barmode": "stack",
                    "bargap": 0.15 if not many else 0,
                    "xaxis": {
                        "title": {"text": "replicas, from least to most busy" if many else "replica"},
                        **({} if many else {"dtick": max(1, len(u) // 16)}),
                    },
                    "yaxis": {"title": {"text": "share of the time"}, "tickformat": ".0%", "range": [0, 1]},
                },
                height=330,
            )
        )
    if len(told.trained):
        charts.append(_timetable(told.trained))
    return charts


def _timetable(f: pd.DataFrame) -> Chart:
    """Who trained what when, as cells of replica and wall epoch."""
    end = max(1.0, float(f["t1"].max()))
    bins = int(min(240, math.ceil(end)))
    replicas = np.arange(int(f["replica"].max()) + 1)
    kinds = [k for k in WORDS if (f["what"] == k).any()] + sorted(set(f["what"]) - set(WORDS))
    code = {k: i + 1 for i, k in enumerate(kinds)}
    cells = np.zeros((len(replicas), bins), np.int8)
    at = (np.arange(bins) + 0.5) * end / bins
    r, t0, t1 = f["replica"].to_numpy(int), f["t0"].to_numpy(float), f["t1"].to_numpy(float)
    c = np.array([code[w] for w in f["what"]])
    lo, hi = np.searchsorted(at, t0), np.searchsorted(at, t1)
    for i in np.flatnonzero((hi > lo) & (r >= 0)):
        cells[r[i], lo[i] : hi[i]] = c[i]
    n = len(kinds) + 1
    colours = ["@idle"] + [WHAT.get(k, "@c6") for k in kinds]
    scale = [[v, colours[i]] for i in range(n) for v in (i / n, (i + 1) / n)]
    traces = [
        {
            "type": "heatmap",
            "z": cells,
            "x": at,
            "y": replicas,
            "colorscale": scale,
            "zmin": -0.5,
            "zmax": n - 0.5,
            "showscale": False,
            "name": "0 = idle" + "".join(f", {i} = {label(k)}" for k, i in code.items()),
            "xgap": 0,
            "ygap": 1 if len(replicas) <= 48 else 0,
            "hovertemplate": "replica %{y}<br>wall epoch %{x:.1f}<br>kind %{z}<extra></extra>",
        }
    ]
    for i, k in enumerate(["idle"] + [WORDS.get(k, k) for k in kinds]):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [None],
                "y": [None],
                "name": f"{i} {label(k)}",
                "marker": {"color": colours[i], "size": 10, "symbol": "square"},
            }
        )
    about = (
        "What each replica trained when. <b>Controls</b> train on with unchanged knobs, <b>mutants</b> with"
        " slightly changed ones; what a change is worth is the difference between the two."
    )
    return Chart(
        "timetable",
        "Who trained what when",
        about,
        traces,
        {
            "xaxis": {"title": {"text": "wall epochs"}},
            "yaxis": {"title": {"text": "replica"}, "autorange": "reversed"},
        },
        height=int(min(620, 150 + max(9 if len(replicas) <= 48 else 1.0, 1) * len(replicas) + 60)),
    )
