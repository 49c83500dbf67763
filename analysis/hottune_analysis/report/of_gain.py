"""Figures of the gain: where it came from, whether it is real, and runs side by side."""

from __future__ import annotations

import numpy as np

from .chart import Chart
from .colours import CHAMPION, PALE, SERIES, SOFT
from .data import Told
from .text import count, esc, label, number, plain

PARTS = {
    "race": "race over starts",
    "trend": "training alone",
    "selection": "luck of the best",
    "mutation": "mutations",
    "averaging": "averaging",
    "last_epochs": "best epoch",
}
COLOURS = {
    "race": "@c0",
    "trend": "@c7",
    "selection": "@c7",
    "mutation": "@c1",
    "averaging": "@c3",
    "last_epochs": "@c6",
}
HALF = {
    "type": "line",
    "yref": "paper",
    "x0": 0.5,
    "x1": 0.5,
    "y0": 0,
    "y1": 1,
    "line": {"dash": "dot", "width": 1.6, "color": "@text"},
}
OF_RACE = ("epochs of the race", "better start values")
ABOUT_PARTS = {
    "race": (
        "start values and epochs of the race: what the winner was better by when the race was over than the"
        " recipe's start values after their first epochs"
    ),
    "trend": "what unchanged replicas (controls) gained: the training would have had that anyhow",
    "selection": "what taking the best of several equal replicas gives by chance",
    "mutation": "what the best had beyond that: small changes of knobs after the race",
    "averaging": "what means of several replicas' weights added",
    "last_epochs": (
        "the champion is one reading inside of the segment that it was found in: what it is better by than the"
        " weights that its island took up last (training, changes, and partly luck: the best of many readings)"
    ),
}


def parts(told: Told) -> list[tuple[str, str, float, float, float]]:
    """What the gain is made of, in its order: part, name, gain, lo, hi. The race is two of them where it can be split."""
    out = []
    for r in told.gain[np.isfinite(told.gain["gain"].astype(float))].to_dict("records") if len(told.gain) else []:
        split = told.race_split() if r["part"] == "race" else None
        if r["part"] == "last_epochs" and r["gain"] == 0:
            continue
        if split is not None:
            out += [("race", name, g, g, g) for name, g in zip(OF_RACE, split)]
        else:
            out.append((r["part"], PARTS.get(r["part"], plain(r["part"])), r["gain"], r["lo"], r["hi"]))
    return out


def about_parts(told: Told) -> str:
    """The parts in words, as HTML."""
    said = []
    for part, name, *_ in parts(told):
        if name == OF_RACE[0]:
            about = "what the recipe's own start values gained while the race went on (training)"
        elif name == OF_RACE[1]:
            about = "what the champion's start values were better by than those, after as many epochs"
        else:
            about = ABOUT_PARTS.get(part, "")
        said.append(f"<b>{esc(name)}</b>: {about}" if about else f"<b>{esc(name)}</b>")
    return "; ".join(said)


def waterfall(told: Told) -> Chart | None:
    found, start = parts(told), told.first_value()
    if not found or not np.isfinite(start):
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
        [f"{number(start)}: the recipe's start values"],
    )
    for part, name, gain, part_lo, part_hi in found:
        step = down * gain
        has = np.isfinite(part_lo) and part_hi > part_lo
        ends = sorted([down * (part_lo - gain), down * (part_hi - gain)]) if has else [0.0, 0.0]
        names.append(label(name))
        base.append(at)
        high.append(step)
        minus.append(-float(ends[0]))
        plus.append(float(ends[1]))
        colours.append(COLOURS["trend" if name == OF_RACE[0] else part] if part in COLOURS else SOFT)
        notes.append(
            f"gain {number(gain, 4)}"
            + (f" (95 %: {number(part_lo, 3)} .. {number(part_hi, 3)})" if has else "")
        )
        at += step
    names.append("champion")
    base.append(0.0)
    high.append(told.champion_value())
    plus.append(0.0)
    minus.append(0.0)
    colours.append(CHAMPION)
    notes.append(f"{number(told.champion_value())}: the best weights of the run")
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
        }
    ]
    if any(caps):
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "y": [n for n, c in zip(names, caps) if c],
                "x": [float(e) for e, c in zip(ends, caps) if c],
                "name": "95 % interval",
                "marker": {"size": 1, "color": "@text"},
                "hoverinfo": "skip",
                "showlegend": False,
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [p for p, c in zip(plus, caps) if c],
                    "arrayminus": [m for m, c in zip(minus, caps) if c],
                    "color": "@text",
                    "thickness": 1.6,
                    "width": 6,
                },
            }
        )
    layout = {
        "yaxis": {"type": "category", "autorange": "reversed"},
        "xaxis": {"title": {"text": label(told.objective)}, "range": [low - pad, top + 4 * pad]},
        "bargap": 0.25,
        "annotations": [
            {"y": n, "x": max(b, b + h) + p, "text": t, "showarrow": False, "xanchor": "left", "xshift": 6}
            for n, b, h, p, t in zip(names, base, high, plus, shown)
        ],
    }
    return Chart(
        "gain",
        "From the start to the champion",
        f"{about_parts(told)}. Lines at the end of a bar: 95 %"
        " interval. The axis does not begin at 0.",
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
        if of == "mutants" or told.nulls() is not None
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
        "Share of replicas that ended a segment (a few epochs) better than the unchanged ones beside them,"
        " with 95 % intervals (Wilson, 1927). "
    )
    if told.nulls() is not None:
        about += (
            "In the second row nothing was changed: what wins there wins by chance. Changes helped if the first"
            " lies clearly to the right of the second."
        )
    else:
        about += (
            "Changes without any effect would win in about half of the cases (the dotted line). Too few"
            " controls trained side by side to be judged in the same way: of two, one is always the better."
        )
    return Chart(
        "shares",
        "How often did changed replicas win?",
        about,
        traces,
        {
            "xaxis": {
                "title": {"text": "share that ended better"},
                "tickformat": ".0%",
                "range": [-0.02, 1.02],
            },
            "shapes": [] if told.nulls() is not None else [HALF],
            "yaxis": {"type": "category", "autorange": "reversed", "range": [-0.6, len(rows) - 0.4]},
        },
        height=180 + 25 * len(rows),
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
    null = null[np.isfinite(null)].to_numpy(float) if told.nulls() is not None else np.empty(0)
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
                "hovertemplate": (
                    f"{name}<br>score about %{{x:.3g}}<br>%{{customdata}} of {len(values)}<extra></extra>"
                ),
            }
        )
    about = (
        "The <b>score</b> is how much better a replica ended a segment than the unchanged ones beside it;"
        " right of 0 is better. "
    )
    noise = told.real("noise")
    if len(null):
        about += "The grey bars are how far unchanged replicas differ from each other: that is the noise."
    elif np.isfinite(noise):
        about += f"Two replicas in which nothing is changed differ by about {number(1.4 * noise, 2)}."
    return Chart(
        "scores",
        "What changes were worth, beside the noise" if len(null) else "What changes were worth",
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
                "hovertemplate": (
                    f"{label(run)}<br>wall epoch %{{x:.1f}}<br>best so far %{{y:.5g}}<extra></extra>"
                ),
            }
        )
    worth = np.concatenate([t["y"] for t in traces]) if traces else np.array([0.0, 1.0])
    span = np.quantile(worth, [0, 0.95] if told.less_is_better else [0.05, 1])
    pad = 0.05 * (span[1] - span[0] or 1)
    charts = [
        Chart(
            "runs",
            "Best value so far, run by run",
            f"The run that this page tells of ({esc(told.label)}) is the thick line. Runs are named in the"
            " order in which they started.",
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
        colours = {**COLOURS, "selection": "@idle"}  # beside training
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
