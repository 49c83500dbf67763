"""python -m hottune_analysis STUDY [--run R] [--figures DIR] [--csv DIR]

Summary of a study file (or of the study.h5 of a run directory) for a terminal; figures as PNG and SVG, tables
as CSV.
"""
from __future__ import annotations

import argparse
import os
import signal
import sys
from typing import List, Optional, Sequence

import numpy as np
import pandas as pd

from .files import StudyError
from .style import number, shown
from .study import NAMES, Study, open_study

FORMULA = "=+-@\t\r"


def _table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Rows of texts in columns; the first row is the heading. Columns of numbers are flush right."""
    widths = [max(len(r[i]) for r in rows) for i in range(len(rows[0]))]
    right = [
        all(c[:1] in "-+.0123456789" for c in (r[i] for r in rows[1:]) if c) for i in range(len(rows[0]))
    ]
    lines = (indent + "  ".join(c.rjust(w) if flush else c.ljust(w) for c, w, flush in zip(r, widths, right))
             for r in rows)
    return "\n".join(line.rstrip() for line in lines)


def _percent(x: float) -> str:
    return f"{100 * x:.0f} %" if np.isfinite(x) else ""


def _interval(row: "pd.Series", lo: str, hi: str) -> str:
    return f"{number(row[lo])} .. {number(row[hi])}" if np.isfinite(row[lo]) else ""


def _runs(study: Study) -> str:
    rows = [[
        "RUN", "STARTED", "MODE", "REPLICAS", "SEED", "SEGMENTS", "ACCEPTED", "VALIDATION", "TEST", "GAIN",
        "BUSY"
    ]]
    compared = study.compare().set_index("run")
    for r in study.runs().itertuples(index=False):
        how = r.mode if r.mode == "independent" or r.policy in ("", "pooled") else r.policy
        rows.append([
            r.run, f"{r.started:%Y-%m-%d %H:%M}",
            shown(how, 12),
            str(r.replicas),
            str(r.seed),
            str(r.segments),
            str(r.accepted),
            number(float(r.result_val)),
            number(float(r.result_test)),
            number(float(compared.loc[r.run, "gain"])),
            _percent(float(r.utilisation))
        ])
    return _table(rows)


def _gain(study: Study, run: str) -> List[str]:
    g = study.gain(run)
    if len(g) == 0:
        return []
    rows = [["PART", "GAIN", "95 % INTERVAL", "AGAIN FROM THE ROWS"]]
    rows += [[
        shown(r["label"], 24),
        number(r["gain"]),
        _interval(r, "lo", "hi") if r["hi"] > r["lo"] else "",
        "the same" if r["agrees"] else number(r["recomputed"]) or "cannot be made"
    ] for _, r in g.iterrows()]
    return [f"\nWhere the champion's gain of {run} came from:", _table(rows)]


def _paid(study: Study, run: Optional[str]) -> List[str]:
    p = study.paid(run)
    p = p[p["phase"] == ""]
    if len(p) == 0:
        return ["\nNo mutation was judged."]
    rows = [["FAMILY", "VALUE", "N", "ACCEPTED", "MEAN SCORE", "95 % INTERVAL", "HELPED"]]
    rows += [[
        shown(r["family"], 28), {
            "up": "raised",
            "down": "lowered"
        }.get(r["direction"], "any"),
        str(r["n"]),
        _percent(r["win_rate"]),
        number(r["mean_score"]),
        _interval(r, "lo", "hi"),
        _percent(r["p_helped"])
    ] for _, r in p.iterrows()]
    uncontrolled = (p["against"] == "before").any()
    how = "" if uncontrolled else " (score against controls; HELPED: how probable a mean above 0 is)"
    out = [f"\nWhich mutations paid{how}:", _table(rows)]
    if uncontrolled:
        out.append(
            "  Of independent replicas the score is against the value before, with the training's own\n"
            "  progress in it: it does not show whether a mutation helped.")
    return out


def _mattered(study: Study, run: Optional[str]) -> List[str]:
    m = study.which_knob_mattered(run)
    m = m[m["share"].notna()] if len(m) else m
    if len(m) == 0:
        return []
    rows = [["KNOB", "N", "SHARE OF VARIANCE", "95 % INTERVAL", "BY CHANCE", "SCORE A FACTOR OF e"]]
    rows += [[
        shown(r["knob"], 28),
        str(int(r["n"])), f"{100 * r['share']:.1f} %",
        f"{100 * r['share_lo']:.1f} .. {100 * r['share_hi']:.1f} %", f"{100 * r['chance']:.1f} %",
        f"{number(r['slope'])} ({number(r['slope_lo'])} .. {number(r['slope_hi'])})"
    ] for _, r in m.iterrows()]
    return [
        "\nWhich knob mattered (share of the scores' variance; a useless one reaches BY CHANCE in 1 of 20):",
        _table(rows)
    ]


def summary(study: Study, run: Optional[str] = None) -> str:
    """What a study says, for a terminal. Names of others are shown so that they move no cursor."""
    out = [f"{shown(study.path)}: {shown(study.name, 60) or 'without a name'}, {shown(study.direction)} "
           f"{shown(study.objective, 60)}, {len(study.labels)} run{'s' * (len(study.labels) != 1)}"]
    if not study.labels:
        return out[0] + "\nNothing was run yet."
    out += ["", _runs(study)]
    finished = study.runs()["result_val"]
    if finished.notna().any():
        best = study.runs().loc[(study.sign * finished).idxmin(), "run"]
        out.append(f"\nBest: {best} ({shown(study.runs().set_index('run').loc[best, 'id'], 80)})")
    for one in [run] if run else study.labels[-1:]:
        out += _gain(study, one)
    out += _paid(study, run) + _mattered(study, run)
    return "\n".join(out)


def write_csv(study: Study, folder: str, run: Optional[str] = None) -> int:
    """Every table as `<name>.csv` (RFC 4180, UTF-8; what is not there is empty). A text that a spreadsheet
    would take for a formula gets a leading quote, as `hottune study export` does. @return how many"""
    os.makedirs(folder, exist_ok=True)
    whole = {"runs", "priors", "space", "compare"}
    for name in NAMES:
        made = getattr(study, name)
        t = made() if name in whole else made(run)
        texts = {c: t[c].map(lambda v: "'" + v if isinstance(v, str) and v and v[0] in FORMULA else v)
                 for c in t.columns if t[c].dtype.kind not in "biufM"}
        t = t.assign(**texts).rename(columns=lambda c: "'" + c if c[:1] and c[0] in FORMULA else c)
        t.to_csv(os.path.join(folder, f"{name}.csv"), index=False, lineterminator="\r\n")
    return len(NAMES)


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m hottune_analysis", description=__doc__.split("\n\n")[1])
    parser.add_argument("study", help="study file, or a run directory")
    parser.add_argument("--run", help="of this run alone: r1, r2, .. (oldest first) or its id")
    parser.add_argument("--figures",
                        metavar="DIR",
                        help="write all figures there, as PNG and SVG, with the tables beside them")
    parser.add_argument("--csv", metavar="DIR", help="write all tables there, as CSV")
    given = parser.parse_args(arguments)
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        with open_study(given.study) as study:
            run = study.label(given.run) if given.run is not None else None
            text = summary(study, run) + "\n"
            sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))
            sys.stdout.flush()
            for folder in {given.csv, given.figures} - {None}:
                print(f"\n{write_csv(study, folder, run)} tables in {shown(folder)}")
            if given.figures:
                from . import figures
                n = 0
                for n, (name, figure) in enumerate(figures.all_figures(study, run), 1):
                    figures.save(figure, given.figures, name)
                print(f"{n} figures in {shown(given.figures)}, each as PNG and SVG")
    except (StudyError, OSError) as e:
        print(f"hottune_analysis: {shown(e)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
