"""Figures of one run: how it learned, what it trained with, who descends from whom, what the replicas did."""
from __future__ import annotations

from typing import Dict, List, Tuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .gain import FEWEST_CONTROLS, PARTS, independent_controls
from .style import (BLUE, FAINT, GREEN, GREY, INK, ORANGE, PINK, RED, SKY, end_label, figure, halo, label,
                    log_ticks, nothing, number, robust_limits)
from .study import Study

MANY = 32  # more replicas are drawn as a density
WHAT = {  # of pieces of training: mark, colour, name
    "race": ("o", GREY, "race"),
    "fresh": ("o", GREY, "race"),
    "rung": ("o", GREY, "rung"),
    "control": ("s", BLUE, "control"),
    "member": ("s", BLUE, "member"),
    "run": ("s", BLUE, "training"),
    "mutant": ("^", RED, "mutant"),
    "exploit": ("^", RED, "copy, changed"),
    "mean": ("D", GREEN, "mean of states")
}
WALL = "wall epochs"


def title(study: Study, run: str, what: str) -> str:
    r = study.runs().set_index("run").loc[run]
    name = label(study.name or "the study", 24)
    replicas = "1 replica" if r["replicas"] == 1 else f"{r['replicas']} replicas"
    return f"{what}: {run} of {name}, seed {r['seed']}, {replicas}"


def _bands(ax: Axes, c: pd.DataFrame) -> None:
    """Quantiles of many curves, by wall epoch."""
    by = c.assign(at=np.round(c["t"])).groupby("at")["value"]
    q = by.quantile([.05, .25, .5, .75, .95]).unstack()
    ax.fill_between(q.index, q[.05], q[.95], color=FAINT, alpha=.55, lw=0)
    ax.fill_between(q.index, q[.25], q[.75], color=GREY, alpha=.35, lw=0)
    ax.plot(q.index, q[.5], color=GREY, lw=1)
    at = q.index[int(len(q) * .42)]
    ax.annotate("replicas: median, 50 %, 90 %", (at, q.loc[at, .95]),
                xytext=(8, 10),
                textcoords="offset points",
                color=GREY,
                fontsize=8)


def learning(study: Study, run: str) -> Figure:
    """Validation of all replicas, with the champion's way through them."""
    c, way = study.curves(run), study.champion_path(run)
    c = c[np.isfinite(c["value"])]
    if len(c) == 0:
        return nothing("no learning curves: nothing was validated")
    f, axes = figure(6.8, 4)
    ax = axes[0, 0]
    if c["replica"].nunique() > MANY:
        _bands(ax, c)
    else:
        lines = [of[["t", "value"]].to_numpy() for _, of in c.groupby("replica")]
        ax.add_collection(LineCollection(lines, colors=GREY, linewidths=.7, alpha=.45))
        end = max(lines, key=lambda xy: xy[-1, 1] * study.sign)[-1]
        if len(lines) > 1:
            end_label(ax, end[0], end[1], "replicas", GREY)
    if len(way):
        ax.plot(way["t1"], way["loss"], color=INK, lw=1.6, zorder=3)
        for what, of in way.groupby("what", sort=False):
            marker, color, name = WHAT.get(what, ("o", PINK, label(what, 12)))
            ax.plot(of["t1"],
                    of["loss"],
                    marker,
                    color=color,
                    ms=4.5,
                    mec="white",
                    mew=.5,
                    zorder=4,
                    label=name)
        last = way.iloc[-1]
        halo(
            ax.annotate(f"champion {number(last['loss'])}", (last["t1"], last["loss"]),
                        xytext=(4, -7 * study.sign),
                        textcoords="offset points",
                        fontsize=8,
                        ha="right" if last["t1"] > .85 * c["t"].max() else "center",
                        va="top" if study.sign > 0 else "bottom"))
        handles: Dict[str, object] = {}
        for h, text in zip(*ax.get_legend_handles_labels()):
            handles.setdefault(text, h)
        f.legend(handles.values(), ["champion: " + k if i == 0 else k for i, k in enumerate(handles)],
                 loc="outside lower center" if _outside() else "lower center",
                 ncol=5,
                 frameon=False,
                 fontsize=8)
        if not _outside():
            f.get_layout_engine().set(rect=(0, .06, 1, .94)) if hasattr(f, "get_layout_engine") else None
    else:
        of = c[c["on_path"]]
        ax.plot(of["t"], of["value"], color=BLUE, lw=1.6)
        if len(of):
            halo(
                ax.annotate(f"best: replica {of['replica'].iloc[0]}",
                            of[["t", "value"]].iloc[len(of) // 3],
                            xytext=(0, -9 * study.sign),
                            textcoords="offset points",
                            color=BLUE,
                            fontsize=8,
                            ha="right",
                            va="center"))
    low, high = robust_limits(c["value"], way["loss"] if len(way) else [])
    room = .05 * (high - low)    # for the champion's label
    ax.set_ylim(low - room * (study.sign > 0), high + room * (study.sign < 0))
    ax.set_xlim(0, max(c["t"].max(), way["t1"].max() if len(way) else 0) * 1.005)
    ax.set_xlabel(WALL)
    ax.set_ylabel(f"{label(study.objective, 30)}, validation ({study.direction})")
    ax.set_title(title(study, run, "Learning curves"))
    return f


def _outside() -> bool:
    """Whether this matplotlib (3.7 and later) puts legends outside of the axes by itself."""
    import matplotlib
    return tuple(int(p) for p in matplotlib.__version__.split(".")[:2]) >= (3, 7)


def _grid(n: int, width: float = 3.4, height: float = 2.3) -> Tuple[Figure, List[Axes]]:
    columns = min(n, 2 if n <= 6 else 3)
    rows = -(-n // columns)
    f, axes = figure(width * columns, height * rows + .3, rows, columns, sharex=True)
    flat = list(axes.ravel())
    for ax in flat[n:]:
        ax.set_axis_off()
    for i, ax in enumerate(flat[:n]):
        if i >= n - columns:
            ax.xaxis.set_tick_params(labelbottom=True)
    return f, flat[:n]


def knobs(study: Study, run: str) -> Figure:
    """What members trained with over wall epochs; bold: the champion's way."""
    k = study.knobs(run)
    names = [n for n in study.knob_names(run) if len(k) and (k["knob"] == n).any()]
    if not names:
        return nothing("no knob was changed")
    f, axes = _grid(len(names))
    for ax, name in zip(axes, names):
        of = k[(k["knob"] == name) & np.isfinite(k["value"])]
        log = study.is_log(run, name)
        if log:
            ax.set_yscale("log")
        other = of[~of["on_path"].astype(bool)]
        if len(other) > 4000:
            y = np.log10(other["value"]) if log else other["value"]
            edges = np.linspace(*robust_limits(y, share=.002), 61)
            begins = np.unique(np.r_[np.round(other["t0"], 1), other["t1"].max()])
            h, xe, ye = np.histogram2d(other["t0"], y, bins=(begins if len(begins) <= 80 else 60, edges))
            ax.pcolormesh(xe,
                          10**ye if log else ye,
                          np.where(h > 0, h, np.nan).T,
                          cmap="Greys",
                          norm=LogNorm(.3),
                          rasterized=True)
        else:
            lines = np.stack([other[["t0", "value"]].to_numpy(), other[["t1", "value"]].to_numpy()], axis=1)
            ax.add_collection(LineCollection(lines, colors=GREY, linewidths=1, alpha=.35))
        _champion_steps(ax, of[of["on_path"].astype(bool)], study.champion_path(run), name)
        mine = of.loc[of["on_path"].astype(bool), "value"]
        low, high = robust_limits(*((np.log(v) if log else v) for v in (of["value"], mine)), share=.005)
        ax.set_ylim((np.exp(low), np.exp(high)) if log else (low, high))
        if log:
            log_ticks(ax.yaxis, np.exp(low), np.exp(high))
        ax.set_xlim(0, float(of["t1"].max()))
        ax.set_title(label(name, 28))
    for ax in axes[-2:]:
        ax.set_xlabel(WALL)
    f.suptitle(title(study, run, "Knobs") + "\ngrey: all members, blue: the champion's way",
               x=.01,
               ha="left",
               fontsize=10)
    return f


def _champion_steps(ax: Axes, of: pd.DataFrame, way: pd.DataFrame, name: str) -> None:
    if len(way) == 0:
        for _, one in of.groupby("replica"):
            one = one.sort_values("t0")
            ax.plot(np.r_[one["t0"], one["t1"].iloc[-1:]],
                    np.r_[one["value"], one["value"].iloc[-1:]],
                    color=BLUE,
                    lw=1.6,
                    drawstyle="steps-post")
        return
    trained = way[(way["epochs"] > 0) & np.isfinite(way[name])]
    if len(trained) == 0:
        return
    x = np.r_[trained["t0"], trained["t1"].iloc[-1:]]
    y = np.r_[trained[name], trained[name].iloc[-1:]]
    ax.plot(x, y, color=BLUE, lw=1.8, drawstyle="steps-post", zorder=3)
    for i, ha, dx in ((0, "left", 3), (-1, "left", 3)):
        halo(
            ax.annotate(number(y[i]), (x[i], y[i]),
                        xytext=(dx, 4),
                        textcoords="offset points",
                        color=BLUE,
                        fontsize=8,
                        ha=ha,
                        annotation_clip=False))


def _ancestors(parent: np.ndarray, last: np.ndarray) -> np.ndarray:
    """The nodes from which the last ones descend, and these."""
    alive, here = last.copy(), np.flatnonzero(last)
    while len(here):
        here = np.unique(parent[here])
        here = here[here >= 0]
        here = here[~alive[here]]
        alive[here] = True
    return alive


def lineage(study: Study, run: str) -> Figure:
    """Who descends from whom: pieces of training by replica and time, joined to what they went on from."""
    l = study.lineage(run)
    if len(l) == 0:
        return nothing("no lineage: replicas trained each for itself")
    t0, t1, y = (l[c].to_numpy(float) for c in ("t0", "t1", "replica"))
    parent = l["parent"].to_numpy()
    has = parent >= 0
    pieces = np.stack([np.c_[t0, y], np.c_[t1, y]], axis=1)
    links = np.stack([np.c_[t1[parent[has]], y[parent[has]]], np.c_[t0[has], y[has]]], axis=1)
    on = l["on_path"].to_numpy(bool)
    n = int(y.max()) + 1
    f, axes = figure(6.8, min(6.5, 2.2 + .16 * n))
    ax = axes[0, 0]
    what = l["what"].to_numpy()
    mean = on & (what == "mean")
    key = [("the champion's way", INK)] + [("mean of states", GREEN)] * bool(mean.any())
    if n > MANY:    # what came of whom: the rest is a ground
        alive = _ancestors(parent, t1 >= t1.max() - .5)
        ax.add_collection(LineCollection(pieces, colors=FAINT, linewidths=.4, alpha=.6, rasterized=True))
        ax.add_collection(
            LineCollection(links[alive[has]], colors=SKY, linewidths=.4, alpha=.5, rasterized=True))
        ax.add_collection(LineCollection(pieces[alive], colors=BLUE, linewidths=.8, rasterized=True))
        key = [("all pieces of training", GREY), ("ancestors of the last", BLUE)] + key
    else:
        ax.add_collection(LineCollection(links, colors=FAINT, linewidths=.5, alpha=.8))
        shades = {GREY: FAINT, BLUE: SKY, RED: ORANGE, PINK: PINK}
        marks = [WHAT.get(w, ("o", PINK, label(w, 12))) for w in what]
        for _, color, name in reversed(list(dict.fromkeys(m for m in marks if m != WHAT["mean"]))):
            mine = np.array([m[2] == name for m in marks])
            ax.add_collection(LineCollection(pieces[mine], colors=shades[color], linewidths=2.4))
            key.insert(0, (name, shades[color] if color != GREY else GREY))
    ax.add_collection(LineCollection(links[on[has]], colors=INK, linewidths=1.3, zorder=3))
    ax.add_collection(LineCollection(pieces[on], colors=INK, linewidths=2.6, zorder=3))
    ax.plot(t0[mean], y[mean], "D", color=GREEN, ms=4, mec="white", mew=.5, zorder=4)
    ax.set_xlim(0, float(t1.max()) * 1.01)
    ax.set_ylim(n - .4, -.6)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel(WALL)
    ax.set_ylabel("replica")
    ax.set_title(title(study, run, "Lineage"))
    _key(ax, key)
    return f


def _key(ax: Axes, entries: List[Tuple[str, str]]) -> None:
    """Names in their colours, above the axes at the right of nothing that is drawn."""
    x = 0.0
    for text, color in entries:
        ax.annotate(text, (0, 1),
                    xycoords="axes fraction",
                    xytext=(x, 1),
                    textcoords="offset points",
                    color=color,
                    fontsize=8,
                    va="bottom",
                    weight="bold")
        x += 5.0 * len(text) + 12
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=18)


def gain(study: Study, run: str) -> Figure:
    """From the start's value to the champion's, part by part, with 95 % intervals."""
    g = study.gain(run)
    r = study.runs().set_index("run").loc[run]
    start = float(r["start_loss"])
    if len(g) == 0 or not np.isfinite(float(r["champion_loss"])):
        return nothing("the gain is not split: only pooled runs do, with the policy pooled")
    champion = float(r["champion_loss"])
    if not np.isfinite(start):
        start = champion + study.sign * float(g["gain"].sum())
    parts = g[(g["gain"].abs() > 0) | g["part"].isin(("race", "trend", "mutation"))]
    f, axes = figure(7.2, 4)
    ax = axes[0, 0]
    at = start - study.sign * np.r_[0, np.cumsum(parts["gain"])]
    colors = {
        "race": ORANGE,
        "trend": GREY,
        "selection": FAINT,
        "mutation": RED,
        "averaging": GREEN,
        "last_epochs": SKY
    }
    span = np.ptp(np.r_[at, champion]) or 1.0
    digits = int(np.clip(2 - np.floor(np.log10(span)), 0, 9))
    for i, p in enumerate(parts.itertuples(index=False), 1):
        ax.bar(i, at[i] - at[i - 1], bottom=at[i - 1], width=.62, color=colors.get(p.part, PINK))
        ax.plot([i - 1 + .31, i + .31], [at[i - 1]] * 2, color=GREY, lw=.7)
        if p.hi > p.lo:
            ends = at[i - 1] - study.sign * np.array([p.lo, p.hi])
            ax.plot([i, i], ends, color=INK, lw=1.2)
            ax.plot([i, i], ends, "_", color=INK, ms=6)
        lowest = min(at[i], at[i - 1], *(at[i - 1] - study.sign * np.array([p.lo, p.hi])))
        interval = f"\n{p.lo:.{digits}f} .. {p.hi:.{digits}f}" if p.hi > p.lo else ""
        ax.text(i, lowest - .02 * span, f"{p.gain:.{digits}f}{interval}", ha="center", va="top", fontsize=7.5)
    n = len(parts) + 1
    ax.plot([n - 1 + .31, n + .35], [at[-1]] * 2, color=GREY, lw=.7)
    for i, value, text in ((0, start, "start"), (n, champion, "champion")):
        ax.plot([i - .31, i + .31], [value] * 2, color=INK, lw=2.5)
        ax.text(i, value + .015 * span, number(value), ha="center", va="bottom", fontsize=8, weight="bold")
    ax.set_xticks(range(n + 1))
    ax.set_xticklabels(["start"] +
                       [PARTS.get(p, label(p, 14)).replace(" over ", "\nover ")
                        for p in parts["part"]] + ["champion"])
    low, high = min(at.min(), champion), max(at.max(), champion)
    ax.set_ylim(low - .2 * span, high + .1 * span)
    ax.set_ylabel(f"{label(study.objective, 30)}, validation")
    shares = study.shares(run).set_index("of")
    if independent_controls(study.segments(run)) < FEWEST_CONTROLS:
        shares = shares.drop(index="nulls", errors="ignore")
    said = [
        f"{int(s.accepted)} of {int(s.judged)} {name}"
        for of, name in (("mutants", "mutants were better than their controls"),
                         ("nulls", "unchanged controls were")) if of in shares.index
        for s in [shares.loc[of]] if s.judged > 0
    ]
    ax.set_title(title(study, run, "Where the gain came from") + "\n" + "; ".join(said), fontsize=10)
    return f


def utilisation(study: Study, run: str) -> Figure:
    """Busy and idle share of each replica."""
    u = study.utilisation(run)
    if len(u) == 0 or not np.isfinite(u["busy"]).any():
        return nothing("how busy replicas were is not known")
    u = u.sort_values(["node", "replica"], kind="stable")
    n = len(u)
    many = n > MANY
    f, axes = figure(6.8, 3 if many else 1.4 + .2 * n)
    ax = axes[0, 0]
    mean = 100 * float(u["busy"].mean())
    if many:
        s = 100 * np.sort(u["busy"].to_numpy())[::-1]
        ax.fill_between(np.arange(1, n + 1), s, step="mid", color=BLUE, lw=0)
        ax.fill_between(np.arange(1, n + 1), s, 100, step="mid", color=FAINT, lw=0)
        ax.axhline(mean, color=INK, lw=1)
        ax.annotate(f"mean {mean:.0f} %", (1, mean), xycoords=("axes fraction", "data"), xytext=(-4, 3),
                    textcoords="offset points", ha="right", fontsize=8)
        ax.set(xlim=(1, n),
               ylim=(0, 100),
               xlabel="replicas, the busiest first",
               ylabel="share of the run's time [%]")
        _key(ax, [("busy", BLUE), ("idle", GREY)])
    else:
        y = np.arange(n)
        ax.barh(y, 100 * u["busy"], color=BLUE, height=.7)
        ax.barh(y, 100 * u["idle"], left=100 * u["busy"], color=FAINT, height=.7)
        for i, (busy, epochs) in enumerate(zip(100 * u["busy"], u["epochs"])):
            ax.annotate(f"{busy:.0f} %, {int(epochs)} epochs", (100, i),
                        xytext=(4, 0),
                        textcoords="offset points",
                        va="center",
                        fontsize=8,
                        annotation_clip=False)
        ax.axvline(mean, color=INK, lw=1)
        nodes = u["node"].nunique() > 1
        ax.set_yticks(y)
        ax.set_yticklabels(
            [f"{r} {label(node, 12)}" if nodes else str(r) for r, node in zip(u["replica"], u["node"])])
        ax.set(xlim=(0, 100), ylim=(n - .4, -.6), xlabel="share of the run's time [%]", ylabel="replica")
        _key(ax, [("busy", BLUE), ("idle", GREY), (f"line: mean {mean:.0f} %", INK)])
    how = "estimated from the log" if (u["source"] == "log").all() else "estimated from epochs trained"
    ax.set_title(title(study, run, "Busy and idle") + f" ({how})", pad=18)
    return f
