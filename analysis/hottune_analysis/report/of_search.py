"""Figures of what the search learned: which knob and which changes mattered, priors before and after, all values at a glance."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..insight import ALL_KNOBS
from .chart import Chart, Views
from .colours import GOOD, PALE, SOFT
from .data import Told
from .tables_html import table
from .text import count, esc, interval, label, number, plain

MOST_ROWS = 40
MARK = "Chance alone stays left of the mark in 19 of 20 cases; a bar beyond it is more than chance."


def importance(told: Told, race: pd.DataFrame) -> list[Chart]:
    charts = []
    for id_, title, f, about in (
        (
            "knobs-start",
            "At the start: what tells start values apart",
            race,
            (
                "How much of the differences in rank between start values, after their first epochs, one knob"
                f" explains alone (a parabola in its logarithm). {MARK}"
            ),
        ),
        (
            "knobs-run",
            f"{'After the race' if told.pooled else 'In the run'}: what tells changes apart",
            told.mattered,
            (
                "How much of the differences between scores each knob explains (the score fitted by all of"
                f" them together); the lines are 95 % intervals. {MARK} Pale: no more than chance, or an interval"
                " with 0 in it. It says nothing of values outside the bounds of a single change."
            ),
        ),
    ):
        f = f[f["share"].notna()].head(MOST_ROWS) if len(f) else f
        if not len(f):
            continue
        share, chance = f["share"].to_numpy(float), f["chance"].to_numpy(float)
        names = [label(k, 28) for k in f["knob"]]
        sure = (share > chance) & (f["share_lo"].to_numpy(float) > 0 if "share_lo" in f.columns else True)
        bar = {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": np.maximum(share, 0),
            "name": "explained by the knob",
            "showlegend": False,
            "marker": {"color": [GOOD if s else PALE for s in sure]},
            "hovertemplate": "%{y}: %{x:.0%}<extra></extra>",
        }
        if "share_lo" in f.columns:
            lo, hi = f["share_lo"].to_numpy(float), f["share_hi"].to_numpy(float)
            bar["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": np.maximum(hi - share, 0),
                "arrayminus": np.clip(share - lo, 0, np.maximum(share, 0)),
                "color": SOFT,
                "thickness": 1.6,
                "width": 5,
            }
        mark = {
            "type": "scatter",
            "mode": "markers",
            "x": chance,
            "y": names,
            "name": "as far as chance goes",
            "hovertemplate": "%{y}: chance up to %{x:.0%}<extra></extra>",
            "marker": {"symbol": "line-ns-open", "size": 16, "color": "@text", "line": {"width": 2.5}},
        }
        charts.append(
            Chart(
                id_,
                title,
                about,
                [bar, mark],
                {
                    "xaxis": {
                        "title": {"text": "share of the differences"},
                        "tickformat": ".0%",
                        "rangemode": "tozero",
                    },
                    "yaxis": {"type": "category", "autorange": "reversed"},
                },
                height=130 + 34 * len(f),
            )
        )
    return charts


WAYS = {"up": "raised", "down": "lowered", "any": "changed"}


def paid_table(told: Told) -> str:
    """The numbers of the figure, with how many changes and segments stand behind each."""
    rows = [
        [
            esc(told.knob_of(r["family"])),
            esc(WAYS.get(r["direction"], r["direction"])),
            esc(r["phase"]) or "all",
            *(f"{int(r[c])}" for c in ("n", "segments", "wins")),
            number(r["mean_score"], 3) + (f" ({interval(r['lo'], r['hi'])})" if np.isfinite(r["lo"]) else ""),
        ]
        for r in told.paid.head(2 * MOST_ROWS).to_dict("records")
    ]
    head = ["knob", "way", "phase", "changes", "segments", "won", "mean score (95 %)"]
    made = table("What kinds of changes were worth", head, rows, texts=(0, 1, 2))
    return f"<details><summary>As a table, with numbers of changes</summary>{made}</details>\n"


def paid(told: Told) -> Chart | None:
    """Mean score with its interval, by family, phase and direction."""
    p = told.paid[np.isfinite(told.paid["mean_score"].astype(float))] if len(told.paid) else told.paid
    if not len(p):
        return None
    groups = [("over all phases", p[p["phase"] == ""])] + [
        (f"phase {ph}", p[p["phase"] == ph]) for ph in p["phase"].unique() if ph != ""
    ]
    order = list(dict.fromkeys(p["family"]))
    if len(order) * 2 > MOST_ROWS:
        by = (
            p[p["phase"] == ""]
            .assign(size=lambda f: f["mean_score"].abs())
            .sort_values("size", ascending=False)
        )
        order = list(dict.fromkeys(by["family"]))[: MOST_ROWS // 2]
    traces = []
    for i, (name, f) in enumerate(groups):
        f = f[f["family"].isin(order)]
        rows = [f"{label(told.knob_of(fam), 26)} {WAYS.get(d, label(d))}" for fam, d in zip(f["family"], f["direction"])]
        lo, hi, mean = (f[c].to_numpy(float) for c in ("lo", "hi", "mean_score"))
        has = np.isfinite(lo) & np.isfinite(hi)
        text = [
            f"{w} of {n} won, in {s}; mean {number(m, 3)}"
            + (f" (95 %: {number(a, 3)} .. {number(b, 3)})" if k else "")
            for w, n, s, m, a, b, k in zip(
                f["wins"], f["n"], (count(int(s), "segment") for s in f["segments"]), mean, lo, hi, has
            )
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": mean,
                "y": rows,
                "text": text,
                "name": label(name),
                "group": f"g{i}",
                "hovertemplate": "%{y}<br>%{text}<extra></extra>",
                "showlegend": True,
                "marker": {
                    "size": 9,
                    "color": [
                        GOOD if k and a > 0 else "@bad" if k and b < 0 else SOFT
                        for a, b, k in zip(lo, hi, has)
                    ],
                },
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.where(has, hi - mean, 0),
                    "arrayminus": np.where(has, mean - lo, 0),
                    "color": SOFT,
                    "thickness": 1.6,
                    "width": 5,
                },
            }
        )
    rows_of = sum(1 for fam in order for d in WAYS if ((p["family"] == fam) & (p["direction"] == d)).any())
    against = (
        "than the unchanged replicas beside it"
        if told.pooled
        else "than before the change; the training's own progress is in it"
    )
    about = (
        "A row is one knob and the way that it was changed, a <b>phase</b> a stretch of the run (as the recipe"
        f" divides it). The dot is the mean score (how much better {against}), the line its 95 % interval."
        " Green: the interval lies above 0; red: below 0; grey: it has 0 in it."
    )
    looked = int((np.isfinite(p["lo"].astype(float)) & (p["phase"] == "") & (p["family"] != ALL_KNOBS)).sum())
    if looked > 1 and told.pooled:
        about += f" Of {looked} useless kinds of change about {number(0.05 * looked, 1)} would be coloured by chance."
    if told.pooled:
        about += (
            " Changed replicas have all knobs changed at once, so each row is of those in which this knob"
            " went that way. Changes of one segment share their controls, so a mean is one over segments, each"
            " counted once however many changes it has: the mean over all phases weighs a phase by its segments,"
            " and a segment with changes both ways is in both rows."
        )
    return Chart(
        "paid",
        "What kinds of changes were worth",
        about,
        traces,
        {
            "xaxis": {"title": {"text": "mean score"}, "zeroline": True, "zerolinewidth": 2},
            "showlegend": False,
            "yaxis": {"type": "category", "autorange": "reversed"},
        },
        height=130 + 30 * rows_of,
        views=(
            Views("Phase:", [(plain(n).replace("phase ", ""), [f"g{i}"]) for i, (n, _) in enumerate(groups)])
            if len(groups) > 1
            else None
        ),
    )


def _by_phase(f: pd.DataFrame) -> pd.DataFrame:
    """Of a family with phases only these: the value without a phase is used where a phase has no prior, so it stands for
    the phases that had none before."""
    after = f[(f["when"] == "after") & (f["phase"] != "")]
    phased = f["family"].isin(set(after["family"]))
    before = f[(f["when"] == "before") & (f["phase"] != "")]
    had = set(zip(before["family"], before["phase"]))
    general = f[(f["when"] == "before") & (f["phase"] == "") & phased].drop(columns="phase")
    stand_in = general.merge(after[["family", "phase"]].drop_duplicates(), on="family")
    new = [k not in had for k in zip(stand_in["family"], stand_in["phase"])]
    return pd.concat([f[~phased | (f["phase"] != "")], stand_in[np.array(new, bool)]], ignore_index=True)


def priors(told: Told) -> Chart | None:
    f = told.study.priors()
    f = f[np.isfinite(f["q50"].astype(float))] if len(f) else f
    f = _by_phase(f) if len(f) else f
    if not len(f):
        return None
    order = list(dict.fromkeys(zip(f["family"], f["phase"])))[:MOST_ROWS]
    factors = all(k[0].endswith("_mult") for k in order)
    rows = {k: f"{label(told.knob_of(k[0]), 26)}" + (f" \u00b7 {label(k[1], 14)}" if k[1] else "") for k in order}
    traces = []
    for when, name, colour, size in (("before", "before", PALE, 9), ("after", "after", "@c0", 10)):
        g = f[(f["when"] == when) & np.array([k in rows for k in zip(f["family"], f["phase"])], bool)]
        if not len(g):
            continue
        mid, lo, hi = (g[c].to_numpy(float) for c in ("q50", "q05", "q95"))
        text = [
            f"{number(a, 3)} .. {number(m, 3)} .. {number(b, 3)}; weight of {number(n, 3)} winners"
            for a, m, b, n in zip(lo, mid, hi, g["effective_n"])
        ]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": mid,
                "y": [rows[k] for k in zip(g["family"], g["phase"])],
                "name": name,
                "text": text,
                "marker": {
                    "size": size,
                    "color": colour,
                    "symbol": "circle" if when == "after" else "diamond",
                },
                "hovertemplate": f"%{{y}}, {name}<br>%{{text}}<extra></extra>",
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": np.nan_to_num(hi - mid),
                    "arrayminus": np.nan_to_num(mid - lo),
                    "color": colour,
                    "thickness": 2.2,
                    "width": 4,
                },
            }
        )
    about = (
        "A <b>prior</b> is where the search leans before it knows more: the value that a change tends to"
        + (" (a factor of the knob; dotted: 1, as it is)" if factors else " (1 = as it is, for factors)")
        + ", for each knob and phase. Before: as the recipe had it; after: moved towards what won. Lines hold nine of"
        " ten proposals. The next run with this study begins with the second."
    )
    if factors:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": [1.0, 1.0],
                "y": [rows[order[0]], rows[order[-1]]],
                "name": "as it is",
                "showlegend": False,
                "hoverinfo": "skip",
                "line": {"dash": "dot", "width": 1.4, "color": "@text"},
            }
        )
    return Chart(
        "priors",
        "Priors before and after",
        about,
        traces,
        {"xaxis": {"title": {"text": "factor"}}, "yaxis": {"type": "category", "autorange": "reversed"}},
        height=130 + 28 * len(order),
    )


def parallel(told: Told) -> Chart | None:
    """Parallel coordinates of plain lines: they need no WebGL, and no code that a strict policy forbids."""
    views = []
    race = told.race_starts()
    if len(race) >= 8:
        views.append(
            (
                "start values",
                race[told.knob_names],
                told.study.sign * race["loss"].to_numpy(float),
                race["loss"].to_numpy(float),
                told.objective,
            )
        )
    m = told.mutations
    if len(m):
        wide = m.pivot_table(index="row", columns="knob", values="factor", aggfunc="first")
        score = m.drop_duplicates("row").set_index("row")["score"].reindex(wide.index).to_numpy(float)
        if wide.notna().all(axis=None) and len(wide) >= 8:
            views.append(("changes (factors)", wide, -score, score, "score"))
    if not views:
        return None
    traces, choices, layout = [], [], {}
    for v, (name, knobs, rank_by, shown, last) in enumerate(views):
        fine = np.isfinite(rank_by)
        order = np.flatnonzero(fine)[np.argsort(rank_by[fine], kind="stable")]
        if len(order) > 360:  # the best, and a spread of the rest
            order = np.r_[order[:120], order[120:][:: max(1, (len(order) - 120) // 240)]]
        names = [k for k in shown_first(told, list(knobs.columns))][:8]
        values = knobs[names].to_numpy(float)[order]
        columns = np.concatenate([values, shown[order][:, None]], axis=1)
        heights, ends = _heights(columns, [True] * len(names) + [False])
        axes = [f"{label(n, 16)}" for n in names] + [label(last, 16)]
        bins = 5
        place = np.arange(len(order)) * bins // max(1, len(order))
        for b in reversed(range(bins)):
            mine = np.flatnonzero(place == b)
            if not len(mine):
                continue
            x, y, text = [], [], []
            for i in mine:
                x += axes + [None]
                y += [float(h) for h in heights[i]] + [None]
                text += [number(c, 3) for c in columns[i]] + [""]
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines",
                    "x": x,
                    "y": np.array([np.nan if q is None else q for q in y]),
                    "text": text,
                    "group": f"v{v}",
                    "name": ["best fifth", "second", "third", "fourth", "worst fifth"][b],
                    "line": {
                        "width": 2.2 if b == 0 else 1,
                        "color": ["@champion", "@c0", "@c5", "@pale", "@idle"][b],
                    },
                    "opacity": 0.9 if b == 0 else 0.6,
                    "hovertemplate": "%{x}: %{text}<extra></extra>",
                }
            )
        for j, (low, high) in enumerate(ends):
            for y_, t in ((-0.06, low), (1.06, high)):
                traces.append(
                    {
                        "type": "scatter",
                        "mode": "text",
                        "x": [axes[j]],
                        "y": [y_],
                        "text": [number(t, 2)],
                        "group": f"v{v}",
                        "showlegend": False,
                        "hoverinfo": "skip",
                        "name": "end of the axis",
                        "textfont": {"color": "@soft", "size": 11},
                    }
                )
        choices.append((name, [f"v{v}"]))
    most = max(len(set(c for c in t["x"] if c)) for t in traces)
    layout = {
        "xaxis": {"type": "category", "range": [-0.4, most - 0.6]},
        "yaxis": {"visible": False, "range": [-0.14, 1.14]},
        "hovermode": "closest",
    }
    about = (
        "Each line is one set of values, from axis to axis; the last axis is what it was worth. The best"
        " fifth is thick: where its lines come together, the value of that knob matters. Knobs are on"
        " logarithmic axes as far as they are above 0."
    )
    return Chart(
        "parallel", "Parallel coordinates", about, traces, layout, height=430, views=Views("Of:", choices)
    )


def shown_first(told: Told, names: list[str]) -> list[str]:
    order = {k: i for i, k in enumerate(told.mattered["knob"])} if len(told.mattered) else {}
    return sorted(names, key=lambda k: order.get(k, len(order)))


def _heights(columns: np.ndarray, may_log: list[bool]) -> tuple[np.ndarray, list[tuple[float, float]]]:
    out, ends = np.empty_like(columns), []
    for j in range(columns.shape[1]):
        v = columns[:, j]
        positive = v[v > 0]
        low, high = float(np.nanmin(v)), float(np.nanmax(v))
        if may_log[j] and len(positive) > 0.5 * len(v):
            floor = positive.min()
            w = np.log(np.maximum(v, floor))
        else:
            w = v
        span = np.nanmax(w) - np.nanmin(w)
        out[:, j] = (w - np.nanmin(w)) / span if span > 0 else 0.5
        ends.append((low, high))
    return out, ends
