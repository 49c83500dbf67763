"""The parts of the page around the run: the other runs of the study, and where everything comes from."""

from __future__ import annotations

import difflib

import pandas as pd

from . import of_gain
from .data import Told
from .page import Section
from .tables_html import MOST_TABLE_ROWS, esc_block, table
from .text import count, duration, esc, lines, number, percent


def runs_part(told: Told) -> Section | None:
    charts = of_gain.runs(told)
    if not charts:
        return None
    c = told.study.compare()
    rows = [
        [
            esc(r["run"]),
            esc(r["mode"]),
            number(r["seed"], 12),
            number(r["generation"]),
            number(r["best"]),
            number(r["result_test"]),
            number(r["gain"], 3),
            number(r["mutation"], 3),
            percent(float(r["mutants_share"])),
            percent(float(r["utilisation"])),
            duration(float(r["seconds"])),
        ]
        for r in c.tail(MOST_TABLE_ROWS).to_dict("records")
    ]
    head = [
        "run",
        "mode",
        "seed",
        "generation",
        "best",
        "test",
        "gain",
        "by mutations",
        "mutants that won",
        "busy",
        "wall clock",
    ]
    html = (
        "<p>A <b>generation</b> counts how many runs of this study before it a run has learned from, in a"
        " row: 0 began with the recipe alone. The gain is measured from each run's own start values, so a run"
        " that begins better gains less.</p>\n"
        + table(
            "The runs of this study",
            head,
            rows,
            texts=(0, 1),
            marked=[r == told.label for r in c["run"].tail(MOST_TABLE_ROWS)],
        )
    )
    return Section("runs-part", "The runs of the study", html, charts, pair=True)


def diff_html(before: str, after: str, names: tuple[str, str] = ("at the start", "at the end")) -> str:
    out = []
    for line in difflib.unified_diff(
        lines(before).split("\n"), lines(after).split("\n"), *names, lineterm="", n=2
    ):
        kind = {"+": "add", "-": "del"}.get(line[:1])
        out.append(f'<span class="{kind}">{esc(line)}</span>' if kind else esc(line))
    return "\n".join(out)


def provenance(told: Told) -> Section:
    r, s = told.row, told.study
    facts = [
        ("run", f"{r['id']} ({told.label} of {len(s.labels)} in {s.path})"),
        ("problem", r["name"]),
        ("objective", f"{s.objective}, to {s.direction}"),
        ("mode, policy", f"{r['mode']} mode, policy {r['policy'] or 'none'}"),
        ("seed", r["seed"]),
        ("began", f"{r['started']:%Y-%m-%d %H:%M:%S} UTC"),
        ("ended", f"{r['ended']:%Y-%m-%d %H:%M:%S} UTC" if pd.notna(r["ended"]) else "not, or it was killed"),
        ("replicas", f"{r['replicas']}, {count(int(r['ranks_per_replica']), 'MPI rank')} each"),
        ("hosts", r["nodes"] or r["host"]),
        ("Slurm job", r["slurm_job"]),
        ("hottune", f"{r['hottune_version']} {r['commit']}"),
        (
            "compiler, MPI, HDF5",
            "; ".join(str(x) for x in (r["compiler"], r["mpi_version"], r["hdf5_version"]) if x),
        ),
        (
            "recipe",
            f"{r['base_recipe_hash']} at the start, {r['recipe_hash']} in force at the end (fingerprints)",
        ),
        ("learned from", ", ".join(map(str, r["parents"])) or "no run before it"),
    ]
    html = (
        "<dl>"
        + "".join(f"<dt>{esc(k)}</dt><dd>{esc(v)}</dd>" for k, v in facts if str(v).strip())
        + "</dl>\n"
    )
    if len(told.places):
        rows = [
            [
                str(p["rank"]),
                "coordinator" if p["replica"] < 0 else str(p["replica"]),
                esc(p["node"]),
                esc(p["cores"]),
                esc(p["devices"]),
            ]
            for p in told.places.head(520).to_dict("records")
        ]
        html += (
            "<details><summary>Where the ranks were"
            f" ({len(told.places)})</summary>{table('Ranks of the job', ['rank', 'replica', 'node', 'cores', 'devices'], rows, texts=(2, 3, 4))}</details>\n"
        )
    plan = s.text(told.label, "plan")
    if plan.strip():
        html += (
            "<details><summary>What the run said it would do, with its reasons</summary><pre"
            f' tabindex="0">{esc_block(plan)}</pre></details>\n'
        )
    base, final = s.text(told.label, "base_recipe"), s.text(told.label, "recipe")
    changed = diff_html(base, final)
    html += (
        "<h3>The recipe</h3>\n<p>A <b>recipe</b> is the file that says which knobs may change, how far, and"
        " how changes are judged.</p>\n"
    )
    html += (
        "<p>What differs between the recipe at the start and the one in force at the end:</p><pre"
        f' tabindex="0">{changed}</pre>\n'
        if changed
        else "<p>The recipe at the end is the one at the start.</p>\n"
    )
    html += (
        '<details><summary>At the start</summary><pre id="recipe-base"'
        f' tabindex="0">{esc_block(base)}</pre></details>\n'
    )
    html += (
        '<details><summary>At the end</summary><pre id="recipe-final"'
        f' tabindex="0">{esc_block(final)}</pre></details>\n'
    )
    evolved = s.recipe("evolved")
    if evolved.strip():
        html += (
            "<details><summary>What the next run with this study would begin with, beside that</summary><pre"
            f' tabindex="0">{diff_html(final, evolved, ("this run at its end", "the next run"))}</pre></details>\n'
        )
    return Section("provenance", "Where this comes from", html)
