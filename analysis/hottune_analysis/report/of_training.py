"""Figures of one run over time: learning curves, values of the knobs, the champion's schedule, who was busy when.

Whatever the size of the run, a figure holds some ten thousand points at most: many replicas are drawn as bands of
quantiles, and as single lines as far as they fit."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from .chart import Chart, Views
from .colours import BAND, CHAMPION, PALE, TEXT, WHAT
from .data import Told
from .text import esc, label, template

FEW = 24  # replicas that are drawn one by one at first
POINTS = 30_000  # of all single lines of a figure
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


def in_turn(f: pd.DataFrame) -> pd.DataFrame:
    """Pieces of training with the time at which their replica did them: those of a rung of the race all have the time at
    which the rung began, and a replica does one after the other."""
    f = f.sort_values(["replica", "t0", "node"], kind="stable")
    r, t0, long = f["replica"].to_numpy(), f["t0"].to_numpy(float).copy(), (f["t1"] - f["t0"]).to_numpy(float)
    race = f["what"].isin(("race", "fresh", "rung")).to_numpy()
    for i in range(1, len(f)):
        if r[i] == r[i - 1] and race[i]:
            t0[i] = max(t0[i], t0[i - 1] + long[i - 1])
    return f.assign(t0=t0, t1=t0 + long)


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


def learning_curves(told: Told) -> Chart | None:
    c = told.curves[np.isfinite(told.curves["value"])]
    if not len(c):
        return None
    c = c.sort_values(["replica", "t", "step"], kind="stable")
    objective, n = label(told.objective), c["replica"].nunique()
    hover = f"replica %{{customdata}}<br>wall epoch %{{x:.1f}}<br>{template(told.objective)} %{{y:.5g}}<extra></extra>"

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
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": "the champion's lineage",
                "x": on["t"].to_numpy(float),
                "y": on["value"].to_numpy(float),
                "customdata": on["replica"].to_numpy(),
                "group": "line",
                "hovertemplate": hover,
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
        f"{esc(told.objective)} at every validation. A <b>wall epoch</b> is the time in which one replica (one training of the "
        "population) trains one epoch. "
    )
    about += (
        "The <b>champion's lineage</b> is the way of the weights that won, back to their start: replicas copy weights from each "
        "other, so it leads through several of them. "
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


def _stacked(names: list[str], titles: list[str], logs: list[bool]) -> dict:
    """Axes of one small figure a knob, one above the other, over one time axis."""
    n, gap = len(names), 0.045 if len(names) < 9 else 0.02
    high = (1 - gap * (n - 1)) / n
    layout: dict = {
        "xaxis": {"title": {"text": "wall epochs"}, "anchor": "y" if n == 1 else f"y{n}"},
        "hovermode": "closest",
    }
    for i in range(n):
        top = 1 - i * (high + gap)
        layout["yaxis" if i == 0 else f"yaxis{i + 1}"] = {
            "title": {"text": titles[i]},
            "domain": [max(0.0, top - high), top],
            "type": "log" if logs[i] else "linear",
            "nticks": 5,
            "exponentformat": "power" if logs[i] else "none",
        }
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


MOST_KNOBS = 12


def shown_knobs(told: Told) -> list[str]:
    """Those that mattered most first, as many as fit into a figure."""
    order = list(told.mattered["knob"]) if len(told.mattered) else []
    known = [k for k in order if k in set(told.knob_names)]
    return (known + [k for k in told.knob_names if k not in set(known)])[:MOST_KNOBS]


def knob_trajectories(told: Told) -> Chart | None:
    f = told.knobs[np.isfinite(told.knobs["value"].astype(float))] if len(told.knobs) else told.knobs
    if told.pooled and len(f):
        turns = in_turn(f.drop_duplicates("node"))
        f = f.drop(columns=["t0", "t1"]).merge(turns[["node", "t0", "t1"]], on="node", how="left")
    names = [k for k in shown_knobs(told) if len(f) and (f["knob"] == k).any()]
    if not names:
        return None
    n = f["replica"].nunique()
    logs = [told.study.is_log(told.label, k) for k in names]
    traces: list[dict] = []
    for i, knob in enumerate(names):
        axis, mine = ("y" if i == 0 else f"y{i + 1}"), f[f["knob"] == knob].sort_values(
            ["replica", "t0"], kind="stable"
        )
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
    titles = [label(k, 22) for k in names]
    left = (
        f" The {len(names)} knobs that mattered most of {len(told.knob_names)} are drawn."
        if len(told.knob_names) > len(names)
        else ""
    )
    about = (
        "A <b>knob</b> is a setting that hottune may change while the training runs. Each line is what one replica trained with; the "
        f"thick line is what the winning weights were trained with.{left}"
    )
    return Chart(
        "knob-trajectories",
        "Values of the knobs over the run",
        about,
        traces,
        _stacked(names, titles, logs),
        height=90 + 130 * len(names),
        views=Views("Replicas:", views),
    )


def schedule_figure(told: Told) -> Chart | None:
    p = told.path[told.path["epochs"] > 0] if len(told.path) else told.path
    names = [k for k in shown_knobs(told) if k in p.columns]
    if not len(p) or not names:
        return None
    logs = [bool((p[k].astype(float) > 0).all() and p[k].max() > 3 * p[k].min()) for k in names]
    begin = np.r_[0, p["age"].to_numpy(float)[:-1]]
    x = np.stack([begin, p["age"].to_numpy(float)], axis=1).ravel()
    text = np.repeat([label(WORDS.get(w, w)) for w in p["what"]], 2)
    traces = []
    for i, knob in enumerate(names):
        axis = "y" if i == 0 else f"y{i + 1}"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": np.repeat(p[knob].to_numpy(float), 2),
                "text": text,
                "yaxis": axis,
                "name": label(knob),
                "showlegend": False,
                "line": {"width": 2.8, "color": CHAMPION},
                "hovertemplate": f"{template(knob)} %{{y:.4g}}<br>epoch %{{x:.0f}} of the weights<br>%{{text}}<extra></extra>",
            }
        )
    layout = _stacked(names, [label(k, 22) for k in names], logs)
    layout["xaxis"]["title"] = {"text": "epochs that these weights have trained"}
    about = "Each step is one setting of the knob for some epochs. This is the schedule that a single training would have to follow."
    return Chart(
        "champion-schedule", "The champion's schedule", about, traces, layout, height=90 + 105 * len(names)
    )


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
            "Share of the run's time in which a replica trained or validated (busy), and waited for others or for weights (idle). "
            + (
                "From the time of each validation in the run's log."
                if measured
                else "From the epochs that each replica trained and the mean of the run: a directory with logs (--dir) would say it of each."
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
    f = told.lineage[told.lineage["epochs"] > 0] if len(told.lineage) else told.lineage
    if len(f):
        charts.append(_timetable(in_turn(f)))
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
        "What each replica trained when. <b>Controls</b> train on with unchanged knobs, <b>mutants</b> with slightly changed ones; what a change "
        "is worth is the difference between the two."
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
