"""Figures of what was learned: which mutations paid, which knob mattered, priors, mutants, runs."""
from __future__ import annotations

from typing import List

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from .gain import PARTS
from .style import BLUE, FAINT, GREEN, GREY, INK, ORANGE, RED, SERIES, SKY, figure, label, nothing, number
from .style import log_ticks, robust_limits, spread_labels
from .study import Study

SIDES = {"any": INK, "up": BLUE, "down": ORANGE}
PLENTY = 2000  # lines; more are thinned out


def _whose(study: Study, run: "str | None") -> str:
    return run if run else f"all {len(study.labels)} runs of {label(study.name or 'the study', 24)}"


def paid(study: Study, run: "str | None" = None) -> Figure:
    """Mean score of mutants by family, phase and direction, with 95 % intervals."""
    p = study.paid(run)
    if len(p) == 0:
        return nothing("no mutation was judged")
    phases = [""] + [x for x in study.phases() if x in set(p["phase"])]
    families = list(p["family"].unique())
    f, axes = figure(2.0 + 1.9 * len(phases), 1.5 + .42 * len(families), 1, len(phases), sharey=True)
    against = "controls" if (p["against"]
                             == "controls").all() else "the value before (the training's own progress counts)"
    shown_values = p[["lo", "hi", "mean_score"]].to_numpy().ravel()
    wide = p.loc[p["segments"] >= 4, ["lo", "hi"]].to_numpy().ravel()
    limits = robust_limits(wide if np.isfinite(wide).any() else shown_values, [0.0], share=0)
    for ax, phase in zip(axes[0], phases):
        ax.axvline(0, color=GREY, lw=.8)
        for row in p[p["phase"] == phase].itertuples(index=False):
            y = families.index(row.family) + {"any": 0, "up": -.17, "down": .17}[row.direction]
            color = SIDES[row.direction]
            if np.isfinite(row.lo):
                ax.plot([row.lo, row.hi], [y, y], color=color, lw=1.4, solid_capstyle="butt")
            ax.plot(row.mean_score,
                    y,
                    "o",
                    color=color,
                    ms=4.5,
                    mfc=color if np.isfinite(row.lo) else "white")
        ax.set_xlim(*limits)
        ax.set_title(label(phase, 14) or "all phases", fontsize=9)
        ax.locator_params(axis="x", nbins=4)
        ax.tick_params(axis="y", length=0)
        for y in range(1, len(families)):
            ax.axhline(y - .5, color=FAINT, lw=.5)
    every = p[p["phase"] == ""]
    counts = every.groupby("family", sort=False)["n"].sum()
    counts.update(every[every["direction"] == "any"].set_index("family")["n"])
    axes[0, 0].set_yticks(range(len(families)))
    axes[0, 0].set_yticklabels([f"{label(x, 24)}\nn = {int(counts.get(x, 0))}" for x in families])
    axes[0, 0].set_ylim(len(families) - .5, -.5)
    f.supxlabel(f"mean score against {against} [{label(study.objective, 24)}]; more is better; bars: 95 %",
                fontsize=8.5)
    key = "black: all mutants, blue: value raised, orange: lowered, hollow: a single segment"
    f.suptitle(f"Which mutations paid: {_whose(study, run)}\n{key}", x=.01, ha="left", fontsize=10)
    return f


def mattered(study: Study, run: "str | None" = None) -> Figure:
    """Share of the variance of scores that each knob explains, and the slope of the score."""
    m = study.which_knob_mattered(run)
    m = m[m["share"].notna()] if len(m) else m
    if len(m) == 0:
        return nothing("too few mutants to tell which knob mattered")
    f, axes = figure(6.8, 1.7 + .34 * len(m), 1, 2, sharey=True)
    y = np.arange(len(m))
    for ax, columns, color, factor in ((axes[0, 0], ("share_lo", "share_hi", "share"), BLUE, 100.),
                                       (axes[0, 1], ("slope_lo", "slope_hi", "slope"), RED, 1.)):
        lo, hi, mid = (factor * m[c].to_numpy(float) for c in columns)
        ax.hlines(y, lo, hi, color=color, lw=1.6)
        ax.plot(mid, y, "o", color=color, ms=5)
        ax.axvline(0, color=GREY, lw=.8)
        ax.locator_params(axis="x", nbins=5)
    for i, chance in enumerate(m["chance"]):
        axes[0, 0].plot([100 * chance] * 2, [i - .3, i + .3], color=INK, lw=1)
    axes[0, 0].set_yticks(y)
    axes[0, 0].set_yticklabels([label(k, 24) for k in m["knob"]])
    axes[0, 0].set_ylim(len(m) - .5, -.5)
    axes[0, 0].set_xlabel("share of the scores' variance [%]\nblack tick: by chance in 1 of 20")
    axes[0, 1].set_xlabel(f"score for a factor of e [{label(study.objective, 20)}]")
    f.suptitle(f"Which knob mattered: {_whose(study, run)}, n = {int(m['n'].max())}; bars: 95 %",
               x=.01,
               ha="left",
               fontsize=10)
    return f


def priors(study: Study) -> Figure:
    """What is believed of each factor: before, and after the evidence of the runs."""
    p = study.priors()
    after = p[(p["when"] == "after") & (p["phase"] != "")]
    if len(after) == 0:
        return nothing("nothing is believed yet: no mutation has won")
    families = list(after["family"].unique())
    phases = [x for x in study.phases() if x in set(after["phase"])]
    phases += [x for x in after["phase"].unique() if x not in phases]
    f, axes = figure(6.8, 1.2 + len(families) * (.35 + .19 * len(phases)), len(families), 1)
    before = p[p["when"] == "before"].set_index(["family", "phase"])
    colors = dict(zip(phases, SERIES))
    for ax, family in zip(axes[:, 0], families):
        of = after[after["family"] == family].set_index("phase")
        if (of["scale"] == "log").all() and (of["q05"] > 0).all():
            ax.set_xscale("log")
        for y, phase in enumerate(phases):
            at = before["center"].get((family, phase), before["center"].get((family, ""), np.nan))
            ax.plot(at, y, "D", color="white", mec=INK, ms=5, zorder=2)
            if phase not in of.index:
                continue
            r = of.loc[phase]
            ax.plot([r["q05"], r["q95"]], [y, y], color=colors[phase], lw=1.2)
            ax.plot([r["q25"], r["q75"]], [y, y], color=colors[phase], lw=4, solid_capstyle="butt", alpha=.6)
            ax.plot(r["center"], y, "o", color=colors[phase], ms=5, zorder=3)
            ax.annotate(f"n = {r['effective_n']:.1f}", (1, y),
                        xycoords=("axes fraction", "data"),
                        xytext=(4, 0),
                        textcoords="offset points",
                        fontsize=7.5,
                        color=GREY,
                        va="center")
        low, high = of[["low", "q05"]].min().min(), of[["high", "q95"]].max().max()
        pad = (high / low)**.05 if ax.get_xscale() == "log" else .05 * (high - low)
        ax.set_xlim((low / pad, high * pad) if ax.get_xscale() == "log" else (low - pad, high + pad))
        ax.set_yticks(range(len(phases)))
        ax.set_yticklabels([label(x, 14) for x in phases])
        ax.set_ylim(len(phases) - .5, -.5)
        if ax.get_xscale() == "log":
            log_ticks(ax.xaxis, low, high)
        ax.set_title(label(family, 30), fontsize=9, pad=2)
    axes[-1, 0].set_xlabel(
        "factor (or value) proposed; band: 50 %, line: 90 % of what won; n: winning segments behind it"
    )
    f.suptitle(
        f"Priors: hollow before, filled after {_whose(study, None)}",
        x=.01,
        ha="left",
        fontsize=10)
    return f


def parallel(study: Study, run: "str | None" = None) -> Figure:
    """All mutants as lines through their knobs; the best tenth by score in colour."""
    m = study.mutations(run)
    m = m[np.isfinite(m["score"]) & np.isfinite(m["value"])]
    if len(m) == 0:
        return nothing("no mutant was judged")
    key, distinct = pd.factorize(m["run"].astype(str) + ":" +
                                 m["row"].astype(str)) if len(m) else (np.empty(0), [])
    knob, names = pd.factorize(m["knob"])
    x = np.full((len(distinct), len(names)), np.nan)
    x[key, knob] = m["value"]
    score = np.full(len(distinct), np.nan)
    score[key] = m["score"]
    full = np.isfinite(x).all(axis=1)
    if full.sum() < 2 or len(names) < 2:
        return nothing(
            "parallel coordinates need mutants that change several knobs; here each changes one"
        )
    x, score = x[full], score[full]
    logs = (x > 0).all(axis=0)
    z = np.where(logs, np.log10(np.where(logs, x, 1)), x)
    low, high = z.min(axis=0), z.max(axis=0)
    s_low, s_high = np.quantile(score, [.01, .99])
    span = np.where(high > low, high - low, 1)
    lines = np.c_[(z - low) / span, np.clip((score - s_low) / ((s_high - s_low) or 1), 0, 1)]
    best = score >= np.quantile(score, .9)
    rng = np.random.default_rng(1)
    f, axes = figure(1.6 + 1.35 * (len(names) + 1), 4)
    ax = axes[0, 0]
    at = np.arange(lines.shape[1])
    for chosen, color, width, alpha, z_order in ((~best, GREY, .5, .25, 1), (best, RED, .8, .5, 2)):
        rows = np.flatnonzero(chosen)
        rows = rng.choice(rows, min(len(rows), PLENTY // (1 if z_order == 1 else 10)), replace=False)
        xy = np.stack([np.broadcast_to(at, (len(rows), len(at))), lines[rows]], axis=2)
        few = min(1, (300 / max(len(rows), 1))**.5)
        ax.add_collection(LineCollection(xy, colors=color, linewidths=width, alpha=max(.03, alpha * few),
                                         zorder=z_order, rasterized=len(rows) > 500))
    middle = np.median(lines[best], axis=0)
    ax.plot(at, middle, color=INK, lw=1.8, zorder=3)
    for i in range(len(names)):
        for end, value in ((0, low[i]), (1, high[i])):
            ax.annotate(number(10**value if logs[i] else value), (i, end), xytext=(0, -9 if end == 0 else 3),
                        textcoords="offset points", ha="center", fontsize=7.5, color=GREY)
    for end, value in ((0, s_low), (1, s_high)):
        ax.annotate(number(value), (len(names), end),
                    xytext=(0, -9 if end == 0 else 3),
                    textcoords="offset points",
                    ha="center",
                    fontsize=7.5,
                    color=GREY)
    ax.vlines(at, 0, 1, color=GREY, lw=.8, zorder=0)
    ax.set_xlim(-.1, len(names) + .1)
    ax.set_ylim(-.06, 1.06)
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.tick_params(axis="x", length=0, pad=10)
    ax.set_xticks(at)
    ax.set_xticklabels([label(n, 18) + ("\n(log)" if g else "") for n, g in zip(names, logs)] + ["score"])
    ax.set_title(
        f"Mutants of {_whose(study, run)}: n = {len(score)}\nred: best tenth by score, black: its median",
        fontsize=10)
    return f


def compare(study: Study) -> Figure:
    """Runs side by side: the best so far over wall epochs, the results, and what the gain was made of."""
    table = study.compare()
    if len(table) == 0:
        return nothing("the study has no runs")
    f, axes = figure(9.5, 2.6 + .16 * max(len(table), 4), 1, 3, gridspec_kw={"width_ratios": [2.2, 1.4, 1.8]})
    left, middle, right = axes[0]
    colors = [SERIES[i % len(SERIES)]
              for i in range(len(table))] if len(table) <= len(SERIES) else [GREY] * len(table)
    ends: List[float] = []
    every = [study.best_so_far(r) for r in table["run"]]
    for b, color in zip(every, colors):
        if len(b):
            left.plot(b["t"], b["best"], color=color, lw=1.3, drawstyle="steps-post")
            ends.append(float(b["best"].iloc[-1]))
    known = pd.concat([b for b in every if len(b)], ignore_index=True) if ends else pd.DataFrame({
        "t": [],
        "best": []
    })
    if ends:
        low, high = robust_limits(known["best"], ends, share=.0)
        high = robust_limits(known.loc[known["t"] > .1 * known["t"].max(),
                                       "best"], ends, share=0)[1] if study.sign > 0 else high
        left.set_ylim(low, high)
        left.set_xlim(0, known["t"].max())
        if len(table) <= 12:
            heights = spread_labels(ends, low, high, 14)
            for b, y, color in zip([b for b in every if len(b)], heights, colors):
                left.annotate(b["run"].iloc[0] + "    ", (1, y),
                              xycoords=("axes fraction", "data"),
                              xytext=(3, 0),
                              textcoords="offset points",
                              color=color,
                              fontsize=8,
                              va="center",
                              annotation_clip=False)
    left.set(xlabel="wall epochs", ylabel=f"{label(study.objective, 24)}, best so far")
    left.set_title("Learning", fontsize=9)
    y = np.arange(len(table))
    middle.plot(table["result_val"], y, "o", color=BLUE, ms=5)
    middle.plot(table["result_test"], y, "D", color=RED, ms=4.5)
    middle.hlines(y, table["result_val"], table["result_test"], color=FAINT, lw=1, zorder=0)
    middle.legend(handles=[middle.lines[0], middle.lines[1]],
                  labels=["validation", "test"],
                  frameon=False,
                  fontsize=7.5,
                  ncol=2,
                  loc="lower left",
                  bbox_to_anchor=(-.05, .99),
                  borderpad=0,
                  handletextpad=.2,
                  columnspacing=.8)
    middle.set_xlabel(label(study.objective, 24))
    middle.locator_params(axis="x", nbins=4)
    shades = {
        "race": ORANGE,
        "trend": GREY,
        "selection": FAINT,
        "mutation": RED,
        "averaging": GREEN,
        "last_epochs": SKY
    }
    base = np.zeros(len(table))
    for part, color in shades.items():
        width = table[part].fillna(0).clip(lower=0).to_numpy()
        right.barh(y, width, left=base, color=color, height=.7)
        base += width
    if base.any():
        handles = [Patch(color=c) for c in shades.values()]
        right.legend(handles, [PARTS[p].split(" ")[0] for p in shades],
                     frameon=False,
                     fontsize=7.5,
                     ncol=3,
                     loc="lower left",
                     bbox_to_anchor=(-.03, .99),
                     borderpad=0,
                     handlelength=.9,
                     columnspacing=.8)
    else:
        right.set_title("Gain: not split", fontsize=9)
    right.set_xlabel(f"gain [{label(study.objective, 20)}]")
    for ax in (middle, right):
        ax.set_yticks(y if len(table) <= 40 else y[::max(1, len(table) // 20)])
        ax.set_ylim(len(table) - .4, -.6)
        ax.set_yticklabels([table["run"].iloc[i]
                            for i in ax.get_yticks().astype(int)] if ax is middle else [])
    f.suptitle(f"Runs of {label(study.name or 'the study', 30)}", x=.01, ha="left", fontsize=10)
    return f
