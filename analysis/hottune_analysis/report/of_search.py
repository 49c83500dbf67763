"""Figures of what the search learned: where the gain came from, whether it is real, which knob and which changes
mattered, priors before and after, and runs side by side."""

from __future__ import annotations

import numpy as np
import pandas as pd

from .chart import Chart, Views
from .colours import CHAMPION, GOOD, PALE, SERIES, SOFT
from .data import Told
from .text import count, esc, label, number

PARTS = {
    "race": "better start (race)",
    "trend": "training alone",
    "selection": "luck of the best",
    "mutation": "mutations",
    "averaging": "averaging",
    "last_epochs": "last epochs",
}
ABOUT_PARTS = {
    "race": "what the winner's start values were better by when the race was over; the epochs trained until then are in it",
    "trend": "what unchanged replicas (controls) gained: the training would have had that anyhow",
    "selection": "what taking the best of several equal replicas gives by chance",
    "mutation": "what the best had beyond that: small changes of knobs in mid-run",
    "averaging": "what means of several weights added",
    "last_epochs": "what came after the last judged segment",
}
MOST_ROWS = 40


def waterfall(told: Told) -> Chart | None:
    g = told.gain[np.isfinite(told.gain["gain"].astype(float))] if len(told.gain) else told.gain
    start = told.first_value()
    if not len(g) or not np.isfinite(start):
        return None
    down = -1.0 if told.less_is_better else 1.0
    at, names, base, high, plus, minus, colours, notes = (
        start,
        ["start"],
        [0.0],
        [start],
        [0.0],
        [0.0],
        [SOFT],
        ["the recipe's start values"],
    )
    for _, r in g.iterrows():
        if r["part"] == "last_epochs" and r["gain"] == 0:
            continue
        step = down * float(r["gain"])
        has = np.isfinite(r["lo"]) and r["hi"] > r["lo"]
        ends = sorted([down * (r["lo"] - r["gain"]), down * (r["hi"] - r["gain"])]) if has else [0.0, 0.0]
        names.append(PARTS.get(r["part"], label(r["part"])))
        base.append(at)
        high.append(step)
        minus.append(-float(ends[0]))
        plus.append(float(ends[1]))
        colours.append(
            {"trend": "@c7", "selection": "@c7", "mutation": "@c1", "race": "@c0", "averaging": "@c3"}.get(
                r["part"], SOFT
            )
        )
        notes.append(
            f"gain {number(r['gain'], 4)}"
            + (f" (95 %: {number(r['lo'], 3)} .. {number(r['hi'], 3)})" if has else "")
        )
        at += step
    names.append("champion")
    base.append(0.0)
    high.append(told.champion_value())
    plus.append(0.0)
    minus.append(0.0)
    colours.append(CHAMPION)
    notes.append("the best weights of the run")
    ends = np.array(base) + np.array(high)
    low, top = min(ends.min(), min(base[1:-1], default=start)), max(ends.max(), max(base))
    pad = 0.1 * (top - low or 1)
    shown = [
        number(h, 4) if i in (0, len(high) - 1) else ("\u2212" if h < 0 else "+") + number(abs(h), 3)
        for i, h in enumerate(high)
    ]
    caps = [p > 0 or m > 0 for p, m in zip(plus, minus)]
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": high,
            "base": base,
            "marker": {"color": colours},
            "name": "gain",
            "text": shown,
            "textposition": "none",
            "customdata": notes,
            "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
            "showlegend": False,
            "error_x": {
                "type": "data",
                "array": [p if c else None for p, c in zip(plus, caps)],
                "arrayminus": [m if c else None for m, c in zip(minus, caps)],
                "symmetric": False,
                "color": "@text",
                "thickness": 1.6,
                "width": 6,
            },
        }
    ]
    layout = {
        "yaxis": {"type": "category", "autorange": "reversed"},
        "xaxis": {"title": {"text": label(told.objective)}, "range": [low - pad, top + 2.5 * pad]},
        "bargap": 0.25,
        "annotations": [
            {"y": n, "x": max(b, b + h) + p, "text": t, "showarrow": False, "xanchor": "left", "xshift": 6}
            for n, b, h, p, t in zip(names, base, high, plus, shown)
        ],
    }
    words = "; ".join(
        f"<b>{esc(PARTS[p])}</b>: {ABOUT_PARTS[p]}"
        for p in g["part"]
        if p in PARTS and not (p == "last_epochs" and g.set_index("part").loc[p, "gain"] == 0)
    )
    return Chart(
        "gain",
        "From the start to the champion",
        f"{words}. Lines at the end of a bar: 95 % interval. The axis does not begin at 0.",
        traces,
        layout,
        height=110 + 42 * len(names),
    )


def _of_chance(told: Told) -> Chart | None:
    """Shares of winners among changed and unchanged replicas."""
    rows = [
        (name, told.share(of), colour)
        for of, name, colour in (
            ("mutants", "changed (mutants)", "@c1"),
            ("nulls", "unchanged (controls)", "@c7"),
        )
    ]
    rows = [(n, s, c) for n, s, c in rows if s is not None]
    if not rows:
        return None
    names = [n for n, _, _ in rows]
    shares = [s[2] for _, s, _ in rows if s]
    traces = [
        {
            "type": "scatter",
            "mode": "markers",
            "x": shares,
            "y": names,
            "name": "share that ended better",
            "showlegend": False,
            "marker": {"size": 13, "color": [c for _, _, c in rows]},
            "text": [f"{s[0]} of {s[1]}" for _, s, _ in rows if s],
            "hovertemplate": "%{y}: %{text} (%{x:.0%})<extra></extra>",
            "error_x": {
                "type": "data",
                "symmetric": False,
                "color": SOFT,
                "thickness": 2,
                "width": 7,
                "array": [s[4] - s[2] for _, s, _ in rows if s],
                "arrayminus": [s[2] - s[3] for _, s, _ in rows if s],
            },
        }
    ]
    about = (
        "Share of replicas that ended a segment (a few epochs) better than the unchanged ones beside them, with 95 % intervals (Wilson, 1927). In the second row nothing was "
        "changed: what wins there wins by chance. Changes helped if the first lies clearly to the right of the second."
    )
    return Chart(
        "shares",
        "Did changed replicas win more often than unchanged ones?",
        about,
        traces,
        {
            "xaxis": {
                "title": {"text": "share that ended better"},
                "tickformat": ".0%",
                "range": [-0.02, 1.02],
            },
            "yaxis": {"type": "category", "autorange": "reversed", "range": [-0.6, len(rows) - 0.4]},
        },
        height=230,
    )


def _scores(told: Told) -> Chart | None:
    s = told.segments
    if not told.pooled or not len(s):
        return None
    m = s[(s["role"] == "mutant") & np.isfinite(s["score"].astype(float))]
    c = s[(s["role"] == "control") & s["finite"].astype(bool)]
    alone = c.groupby("segment")["loss"].transform("size")
    null = (
        -told.study.sign
        * (c["loss"] - c.groupby("segment")["loss"].transform("mean"))
        * np.sqrt(alone / (alone - 1).where(alone > 1))
    )
    null = null[np.isfinite(null)].to_numpy(float)
    score = m["score"].to_numpy(float)
    if len(score) < 2:
        return None
    both = np.r_[score, null]
    lo, hi = np.quantile(both, [0.01, 0.99]) if len(both) > 200 else (both.min(), both.max())
    edges = np.linspace(lo, hi + 1e-12, 25 if len(score) > 60 else 15)
    traces = []
    for name, values, colour in (("changed (mutants)", score, "@c1"), ("unchanged (controls)", null, "@c7")):
        if not len(values):
            continue
        n, _ = np.histogram(np.clip(values, lo, hi), edges)
        traces.append(
            {
                "type": "bar",
                "x": (edges[1:] + edges[:-1]) / 2,
                "y": n / len(values),
                "width": [float(edges[1] - edges[0]) * 0.96] * len(n),
                "name": f"{name}, {len(values)}",
                "marker": {"color": colour},
                "opacity": 0.62,
                "customdata": n,
                "hovertemplate": f"{name}<br>score about %{{x:.3g}}<br>%{{customdata}} of {len(values)}<extra></extra>",
            }
        )
    about = (
        "The <b>score</b> is how much better a replica ended a segment than the unchanged ones beside it; right of 0 is better. The grey bars are how far "
        "unchanged replicas differ from each other: that is the noise."
    )
    return Chart(
        "scores",
        "What changes were worth, beside the noise",
        about,
        traces,
        {
            "barmode": "overlay",
            "xaxis": {
                "title": {"text": "score (gain over unchanged replicas)"},
                "zeroline": True,
                "zerolinewidth": 2,
            },
            "yaxis": {"title": {"text": "share"}, "tickformat": ".0%"},
        },
        height=300,
    )


def is_it_real(told: Told) -> list[Chart]:
    return [c for c in (_of_chance(told), _scores(told)) if c is not None]


def importance(told: Told, race: pd.DataFrame) -> list[Chart]:
    charts = []
    for id_, title, f, about in (
        (
            "knobs-start",
            "At the start: what differences between start values are due to",
            race,
            "How much of the differences in rank between start values, after their first epochs, one knob explains alone (a parabola in its logarithm). "
            "Left of the mark: chance does as well in 19 of 20 cases.",
        ),
        (
            "knobs-run",
            "In mid-run: what differences between changes are due to",
            told.mattered,
            "How much of the differences between scores each knob explains (the score fitted by all of them together); the lines are 95 % intervals. Left of the mark: "
            "chance does as well in 19 of 20 cases. It says nothing of values outside the bounds of a single change.",
        ),
    ):
        f = f[f["share"].notna()].head(MOST_ROWS) if len(f) else f
        if not len(f):
            continue
        share, chance = f["share"].to_numpy(float), f["chance"].to_numpy(float)
        names = [label(k, 28) for k in f["knob"]]
        bar = {
            "type": "bar",
            "orientation": "h",
            "y": names,
            "x": np.maximum(share, 0),
            "name": "explained by the knob",
            "showlegend": False,
            "marker": {"color": [GOOD if s > c else PALE for s, c in zip(share, chance)]},
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


def paid(told: Told) -> Chart | None:
    """Mean score with its interval, by family, phase and direction."""
    p = told.paid[np.isfinite(told.paid["mean_score"].astype(float))] if len(told.paid) else told.paid
    if not len(p):
        return None
    ways = {"up": "raised", "down": "lowered", "any": "changed"}
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
        rows = [f"{label(fam, 26)} {ways.get(d, label(d))}" for fam, d in zip(f["family"], f["direction"])]
        lo, hi, mean = (f[c].to_numpy(float) for c in ("lo", "hi", "mean_score"))
        has = np.isfinite(lo) & np.isfinite(hi)
        text = [
            f"{w} of {n} won; mean {number(m, 3)}"
            + (f" (95 %: {number(a, 3)} .. {number(b, 3)})" if k else "")
            for w, n, m, a, b, k in zip(f["wins"], f["n"], mean, lo, hi, has)
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
    rows_of = sum(1 for fam in order for d in ways if ((p["family"] == fam) & (p["direction"] == d)).any())
    against = (
        "than the unchanged replicas beside it"
        if told.pooled
        else "than before the change; the training's own progress is in it"
    )
    about = (
        f"A <b>family</b> is one knob's kind of change, a <b>phase</b> a stretch of the run (as the recipe divides it). The dot is the mean score (how much better {against}), the line its 95 % interval. "
        "Green: the interval lies above 0, this change paid; red: below 0, it did harm; grey: not shown."
    )
    if told.pooled:
        about += " Changed replicas have all knobs changed at once, so each row is of those in which this knob went that way."
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
            Views("Phase:", [(n.replace("phase ", ""), [f"g{i}"]) for i, (n, _) in enumerate(groups)])
            if len(groups) > 1
            else None
        ),
    )


def priors(told: Told) -> Chart | None:
    f = told.study.priors()
    f = f[np.isfinite(f["q50"].astype(float))] if len(f) else f
    if not len(f):
        return None
    order = list(dict.fromkeys(zip(f["family"], f["phase"])))[:MOST_ROWS]
    rows = {k: f"{label(k[0], 26)}" + (f" \u00b7 {label(k[1], 14)}" if k[1] else "") for k in order}
    traces = []
    for when, name, colour, size in (("before", "before", PALE, 9), ("after", "after", "@c0", 10)):
        g = f[(f["when"] == when) & [k in rows for k in zip(f["family"], f["phase"])]]
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
        "A <b>prior</b> is where the search leans before it knows more: the value that a change tends to (1 = as it is, for factors), for each family and phase. "
        "Before: as the recipe had it; after: moved towards what won. Lines hold nine of ten proposals. The next run with this study begins with the second."
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
            views.append(("changes in mid-run (factors)", wide, -score, score, "score"))
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
        "Each line is one set of values, from axis to axis; the last axis is what it was worth. The best fifth is thick: where its lines come together, the value of that knob matters. "
        "Knobs are on logarithmic axes as far as they are above 0."
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


def runs(told: Told) -> list[Chart]:
    s = told.study
    c = s.compare()
    if len(c) < 2:
        return []
    many = len(c) > 40
    traces = []
    for i, run in enumerate(c["run"]):
        b = s.best_so_far(run)
        if not len(b):
            continue
        own = run == told.label
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": b["t"].to_numpy(float),
                "y": b["best"].to_numpy(float),
                "name": label(run),
                "showlegend": len(c) <= 12,
                "line": {
                    "shape": "hv",
                    "width": 3 if own else 1.5,
                    "color": CHAMPION if own else PALE if many else SERIES[i % len(SERIES)],
                },
                "hovertemplate": f"{label(run)}<br>wall epoch %{{x:.1f}}<br>best so far %{{y:.5g}}<extra></extra>",
            }
        )
    worth = np.concatenate([t["y"] for t in traces]) if traces else np.array([0.0, 1.0])
    span = np.quantile(worth, [0, 0.95] if told.less_is_better else [0.05, 1])
    pad = 0.05 * (span[1] - span[0] or 1)
    charts = [
        Chart(
            "runs",
            "Best value so far, run by run",
            f"The run that this page tells of ({esc(told.label)}) is the thick line. Runs are named in the order in which they started.",
            traces,
            {
                "xaxis": {"title": {"text": "wall epochs"}},
                "yaxis": {"title": {"text": label(told.objective)}},
                "hovermode": "closest",
            },
            height=360,
            log=False,
            extra={"range": [float(span[0] - pad), float(span[1] + pad)]},
        )
    ]
    parts = [p for p in PARTS if p in c.columns and c[p].notna().any() and (c[p].fillna(0) != 0).any()]
    if parts:
        colours = {
            "race": "@c0",
            "trend": "@c7",
            "selection": "@idle",
            "mutation": "@c1",
            "averaging": "@c3",
            "last_epochs": "@c6",
        }
        bars = [
            {
                "type": "bar",
                "x": [label(r) for r in c["run"]],
                "y": c[p].to_numpy(float),
                "name": PARTS[p],
                "marker": {"color": colours[p]},
                "hovertemplate": f"%{{x}}: {PARTS[p]} %{{y:.4g}}<extra></extra>",
            }
            for p in parts
        ]
        charts.append(
            Chart(
                "runs-gain",
                "Where the gain of each run came from",
                f"The parts are explained above. {count(len(c), 'run')}.",
                bars,
                {
                    "barmode": "relative",
                    "xaxis": {"type": "category"},
                    "yaxis": {"title": {"text": "gain, more is better"}},
                },
                height=360,
            )
        )
    return charts
