"""The champion's schedule: its stretches and the averagings between them, as a table, as YAML and as CSV."""

from __future__ import annotations

import csv
import io
import json
import shlex

import numpy as np
import pandas as pd

from . import of_knobs
from .data import Told
from .of_training import WORDS
from .page import Section
from .tables_html import MOST_TABLE_ROWS, breakable, esc_block, table
from .text import count, esc, number, plain

FACTS = ["from", "to", "wall_from", "wall_to", "what", "members", "before", "loss"]
DIGITS = 7  # of the knobs in YAML and CSV: values that look alike there are one setting


def _same(a: dict, b: dict, knobs: list[str]) -> bool:
    return all(f"{a[k]:.{DIGITS}g}" == f"{b[k]:.{DIGITS}g}" for k in knobs)


def pieces(told: Told) -> pd.DataFrame:
    """The champion's way as stretches of unchanged knobs, and the averagings of weights between them (`what` is ["mean"],
    `from` is `to`, its knobs NaN): FACTS, then the knobs. Epochs are those of the weights, wall epochs those of the run."""
    knobs = [k for k in told.knob_names if k in told.path.columns]
    rows: list[dict] = []
    begin, before = 0, np.nan
    for r in told.path.to_dict("records"):
        end, values = int(r["age"]), {k: float(r[k]) for k in knobs}
        made = {"from": begin, "to": end, "wall_from": r["t0"], "wall_to": r["t1"], "what": [r["what"]]}
        made.update({"members": int(r["members"]), "before": before, "loss": float(r["loss"]), **values})
        if end == begin:
            rows.append({**made, **{k: np.nan for k in knobs}})
        elif rows and rows[-1]["what"] != ["mean"] and _same(rows[-1], values, knobs):
            rows[-1].update({"to": end, "wall_to": r["t1"], "loss": made["loss"]})
            rows[-1]["what"] = list(dict.fromkeys(rows[-1]["what"] + [r["what"]]))
        else:
            rows.append(made)
        begin, before = end, made["loss"]
    return pd.DataFrame(rows, columns=FACTS + knobs)


def knobs_of(f: pd.DataFrame) -> list[str]:
    return list(f.columns[len(FACTS) :])


def settings(f: pd.DataFrame) -> pd.DataFrame:
    """The stretches alone; those that differ in nothing but an averaging between them are one."""
    rows: list[dict] = []
    for r in f[f["to"] > f["from"]].to_dict("records"):
        if rows and _same(rows[-1], r, knobs_of(f)):
            rows[-1].update({k: r[k] for k in ("to", "wall_to", "loss")})
        else:
            rows.append(r)
    return pd.DataFrame(rows, columns=f.columns)


def averaged(told: Told, f: pd.DataFrame) -> float:
    """What the averagings gave together."""
    means = f[f["what"].map(lambda w: w == ["mean"])]
    return float(told.study.sign * (means["before"] - means["loss"]).sum())


def sentence(told: Told) -> str:
    f = pieces(told)
    if not len(f):
        return ""
    said, s = [], settings(f)
    for k in of_knobs.shown_knobs(told)[:6]:
        v = f[k].dropna().to_numpy(float)
        if not len(v):
            continue
        way = (
            f"stays at {number(v[0], 3)}"
            if len(set(f"{x:.{DIGITS}g}" for x in v)) == 1
            else f"from {number(v[0], 3)} to {number(v[-1], 3)}"
        )
        said.append(f"{esc(k)} {way}")
    means = int((f["to"] == f["from"]).sum())
    return (
        f"{count(len(s), 'setting')} over {count(int(f['to'].iloc[-1]), 'epoch')}"
        + (f", with {count(means, 'averaging')} of weights between them" if means else "")
        + ": "
        + "; ".join(said)
        + "."
    )


def as_yaml(told: Told, f: pd.DataFrame) -> str:
    """Quoted as JSON, which YAML reads: any name is safe in it."""
    end = int(f["to"].iloc[-1])
    out = [
        f"# champion's schedule of run {plain(told.row['id'])}; epochs count what these weights have trained",
        f"champion: {{epoch: {end}, objective: {json.dumps(plain(told.objective))}, value: {_number(f['loss'].iloc[-1])}}}",
        "schedule:",
    ]
    for r in settings(f).to_dict("records"):
        values = ", ".join(f"{json.dumps(plain(k))}: {_number(r[k])}" for k in knobs_of(f))
        out.append(f"  - {{from_epoch: {r['from']}, to_epoch: {r['to']}, knobs: {{{values}}}}}")
    means = f[f["to"] == f["from"]].to_dict("records")
    if means:
        out.append("averaging:  # weights became the mean of several replicas' weights")
    for r in means:
        out.append(
            f"  - {{after_epoch: {r['to']}, replicas: {r['members']}, before: {_number(r['before'])},"
            f" after: {_number(r['loss'])}}}"
        )
    return "\n".join(out) + "\n"


def _number(value: float) -> str:
    return json.dumps(float(f"{value:.{DIGITS}g}")) if np.isfinite(value) else "null"


def as_csv(f: pd.DataFrame) -> str:
    out = io.StringIO()
    w = csv.writer(out)
    safe = [("'" + k if k[:1] in "=+-@" else k) for k in (plain(k) for k in knobs_of(f))]
    w.writerow(["from_epoch", "to_epoch", "wall_from", "wall_to", "what", "members", "loss", *safe])
    for r in f.to_dict("records"):
        w.writerow(
            [r["from"], r["to"], f"{r['wall_from']:.6g}", f"{r['wall_to']:.6g}"]
            + [" ".join(plain(x) for x in r["what"]), r["members"], f"{r['loss']:.{DIGITS}g}"]
            + [f"{r[k]:.{DIGITS}g}" if np.isfinite(r[k]) else "" for k in knobs_of(f)]
        )
    return out.getvalue()


def table_rows(f: pd.DataFrame) -> list[list[str]]:
    """Cells of the table; a knob is bold where it is printed unlike in the stretch before."""
    rows, shown = [], None
    for r in f.to_dict("records"):
        if r["to"] == r["from"]:
            what = f"<b>mean of {r['members']}</b>"
            cells = ["" for _ in knobs_of(f)]
            rows.append([f"after {r['to']}", what, f"\u2192 {number(r['loss'])}", *cells, f"{r['wall_to']:.4g}"])
            continue
        now = [(f"{r[k]:.4g}", number(r[k], 4)) for k in knobs_of(f)]
        cells = [f"<b>{n[1]}</b>" if n[0] != s[0] else n[1] for n, s in zip(now, shown or now)]
        what = ", ".join(dict.fromkeys(SHORT.get(w, WORDS.get(w, w)) for w in r["what"]))
        walls = f"{r['wall_from']:.4g} \u2013 {r['wall_to']:.4g}"
        rows.append([f"{r['from']} \u2013 {r['to']}", esc(what), number(r["loss"]), *cells, walls])
        shown = now
    return rows


def _words(told: Told) -> str:
    """What the kinds are called that are in it."""
    kinds = set(told.path["what"])
    return "".join(
        " " + about
        for kind, about in (
            ("mutant", "A <b>mutant</b> trained with changed knobs."),
            ("control", "A <b>control</b> trained with the knobs of its island."),
            ("mean", "A <b>mean</b> is an averaging of the weights of so many replicas."),
        )
        if kind in kinds
    )


SHORT = {"race": "race", "control": "control", "mutant": "mutant"}


def _commands(told: Told) -> str:
    at = esc(shlex.quote(told.study.directory)) if told.study.directory else "RUN_DIRECTORY"
    return (
        '<p class="note">To train it again: <code class="command">hottune --dir '
        f"{at} recipe export --schedule --out schedule.jsonl</code> writes the settings for a program,"
        f' <code class="command">hottune --dir {at} replay</code> trains a built-in workload with them. Both take'
        f" the last run of that directory; this page tells of {esc(told.row['id'])}.</p>\n"
    )


def section(told: Told) -> Section:
    f = pieces(told)
    if not len(f):
        why = (
            "Replicas of the independent mode keep their own weights; how the knobs of the best one went is"
            ' drawn <a href="#over-time">below</a>.'
            if not told.pooled
            else "This run has no champion yet."
        )
        return Section("schedule", "The champion's schedule", f"<p>{why}</p>")
    rows, end = table_rows(f), f.iloc[-1]
    head = ["epochs", "what", esc(told.objective), *map(breakable, knobs_of(f)), "wall epochs"]
    html = (
        "<p>The <b>champion</b> is the best weights of the run; its <b>schedule</b> are the values of the"
        " knobs with which these weights were trained, from their start to the epoch at which they were"
        f" validated and kept ({end['to']}). <b>Epochs</b> count what these weights trained, on whatever"
        " replica; <b>wall epochs</b> count the time of the run, as the figures below do (waiting included)."
        f" {esc(told.objective)} is that at the end. Bold: changed.{_words(told)}</p>\n"
    )
    html += table("Values of the knobs, stretch by stretch", head, rows[:MOST_TABLE_ROWS], texts=(0, 1))
    if len(rows) > MOST_TABLE_ROWS:
        html += (
            f'<p class="note">The first {MOST_TABLE_ROWS} of {len(rows)} rows; all of them are in the'
            " texts below.</p>\n"
        )
    html += _how_to_read(told, f)
    for kind, text in (("yaml", as_yaml(told, f)), ("csv", as_csv(f))):
        html += (
            f'<details><summary>As {kind.upper()}</summary><pre id="schedule-{kind}"'
            f' tabindex="0">{esc_block(text)}</pre></details><button type="button"'
            f' data-copy="schedule-{kind}">Copy {kind.upper()}</button>\n'
        )
    html += _commands(told)
    chart = of_knobs.schedule_figure(told, f, single_training(told, f))
    return Section("schedule", "The champion's schedule", html, [chart] if chart else [])


def single_training(told: Told, f: pd.DataFrame) -> str:
    """What a training without a population can have of it."""
    gave = averaged(told, f)
    if not (f["to"] == f["from"]).any():
        return "A single training can follow this; how far it comes with it <code>hottune replay</code> shows."
    return (
        "A single training can follow the knobs, not the averaging of weights: expect a result about"
        f" {number(gave, 2)} worse, at least (the averagings gave that much)."
    )


def _how_to_read(told: Told, f: pd.DataFrame) -> str:
    said = []
    if (f["to"] == f["from"]).any():
        said.append(single_training(told, f))
    if "mutant" in set(told.path["what"]):
        said.append(
            "A value can move by more than one change may (the bounds of a factor): a segment begins at its"
            " island's point, the geometric mean of the accepted mutants of the segment before, and a mutant"
            " multiplies that by its own factor. (Where a knob is at 0 a factor counts from the recipe's"
            " <code>floor</code>.)"
        )
    return f'<p class="note">{" ".join(said)}</p>\n' if said else ""
