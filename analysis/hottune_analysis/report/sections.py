"""The parts of the page, from the answer to the details."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..stats import t_interval
from . import of_gain, of_knobs, of_search, of_time, of_training, schedule
from .data import Told
from .page import Section
from .tables_html import MOST_TABLE_ROWS, table
from .background import provenance, runs_part
from .text import count, duration, esc, fixed, interval, number, percent, plain
from .verdict import Verdict, gains_of_runs, mutations_helped, over_runs, race_importance, which_knob

TENTH = math.log(1.1)


def gained(told: Told) -> str:
    """What was gained against the start, and all parts of it: they add up."""
    first, last, name = told.first_value(), told.champion_value(), esc(told.objective)
    whole = first - last if told.less_is_better else last - first
    who = "the champion (the best weights of the run)" if told.pooled else "the best replica"
    others = ", ".join(f"{esc(k)} {number(v, 3)}" for k, v in list(told.other_metrics().items())[:4])
    others = f" (in the same reading: {others})" if others else ""
    base = (
        "the recipe's start values had after their first epochs"
        if np.isfinite(told.real("start_loss"))
        else "the first reading was"
    )
    out = (
        f"<b>What was gained:</b> {who} reached {name} {number(last)}{others}; {base} {number(first)}, so the gain"
        f" is {number(whole)}"
    )
    found = of_gain.parts(told)
    if told.part("trend") is None or told.part("mutation") is None or not found:
        return out + "."
    words = {
        "race": "start values and epochs of the race",
        "trend": "training with unchanged knobs (as the controls did)",
        "selection": "the luck of picking the best of equals",
        "mutation": "mutations (small changes of knobs after the race)",
        "averaging": "averaging of weights",
        "last_epochs": "the best epoch within the last segment (partly luck)",
    }
    of_race = {
        of_gain.OF_RACE[0]: "training of the recipe's start values while the race went on",
        of_gain.OF_RACE[1]: "better start values",
    }
    places = max(0, 3 - math.floor(math.log10(abs(whole)))) if whole else 4
    said = [
        f"{of_race.get(title, words.get(part, esc(title)))} {fixed(gain, places)}"
        for part, title, gain, _, _ in found
        if gain != 0
    ]
    out += f". It is the sum of: {'; '.join(said)}."
    by_tuning = ("mutation", "averaging")
    tuning = sum(g for part, title, g, _, _ in found if part in by_tuning or title == of_gain.OF_RACE[1])
    if not told.baseline() and (told.race_split() is not None or told.champion_began_at_start()):
        out += f" What tuning added to training, luck aside, is about {number(tuning, 2)}."
    return out


def baseline(told: Told) -> str:
    """One ordinary training at the same cost, if the directory or the study has one."""
    beside = told.baseline()
    if "val_loss" in beside:
        out = (
            "<b>Against ordinary training:</b> the static default (the recipe's start values, unchanged; as many replicas,"
            " each with batches of its own, the best of them) was trained before this run, to the same number of epochs,"
            f" and reached {number(beside['val_loss'])}, where the champion has {number(told.champion_value())}"
        )
        test = told.real("result_test")
        if "test_loss" in beside and np.isfinite(test):
            out += f"; on test data {number(beside['test_loss'])}, where the champion has {number(test)}"
        return out + ". One run is no proof: other seeds may differ."
    runs = told.study.runs()
    plain_runs = runs[(runs["policy"] == "static") & (runs["name"] == told.row["name"]) & runs["result_val"].notna()]
    out = "<b>Against one ordinary training:</b> "
    if len(plain_runs) and told.row["policy"] != "static":
        r = plain_runs.iloc[-1]
        out += (
            f"the static default (run {esc(r['run'])}, {count(int(r['replicas']), 'replica')},"
            f" {count(int(r['epochs']), 'epoch')}) reached {number(r['result_val'])}"
        )
        return out + (f", on test data {number(r['result_test'])}." if np.isfinite(r["result_test"]) else ".")
    if told.row["policy"] == "static":
        return ""
    return out + (
        "not known. The study has no static default (a training with the recipe's start values, unchanged, to the"
        " end) of this problem, so whether this run beats one is not told here; <code>hottune run --compare</code>"
        " trains one at the same cost and prints both."
    )


def on_test_data(told: Told) -> str:
    test, val = told.real("result_test"), told.real("result_val")
    if not np.isfinite(test) or not np.isfinite(val):
        return ""
    worse = test - val if told.less_is_better else val - test
    beside = told.baseline()
    plain = beside.get("test_loss", np.nan) - beside.get("val_loss", np.nan)
    if np.isfinite(plain):
        return (
            f"On test data, which the search never saw, the champion has {number(test)}, {number(abs(worse), 3)}"
            f" {'worse' if worse > 0 else 'better'} than on validation data; the static default, ordinary training, has"
            f" {number(beside['test_loss'])}, {number(abs(plain), 3)} {'worse' if plain > 0 else 'better'}. So the"
            f" champion is ahead by {number(beside['val_loss'] - val, 3)} on validation data and by"
            f" {number(beside['test_loss'] - test, 3)} on test data. One run is no proof: other seeds may differ."
        )
    return (
        f"On test data, which the search never saw, the champion has {number(test)}: {number(abs(worse), 3)}"
        f" {'worse' if worse > 0 else 'better'} than on validation data. "
        + (
            "The search chose by validation data, and the two sets may differ in difficulty: only a baseline's"
            " test value tells these apart."
            if worse > 0
            else ""
        )
    )


def cost(told: Told) -> str:
    r = told.row
    epochs = told.real("epochs")
    replicas = int(r["replicas"])
    trained = float(told.utilisation["epochs"].sum()) if len(told.utilisation) else np.nan
    out = f"<b>What it cost:</b> {count(replicas, 'replica')}"
    if np.isfinite(epochs):
        out += f" of {count(int(epochs), 'wall epoch')} (what one replica can train in the time of the run)"
    said = []
    if np.isfinite(trained):
        said.append(f"{count(int(trained), 'epoch')} trained in all")
    if len(told.path):
        said.append(f"{int(told.path['age'].iloc[-1])} of them by the champion's weights")
    if said:
        out += f"; {', '.join(said)}"
    out += f"; {duration(float(r['seconds']))} of wall clock"
    used = told.real("utilisation")
    if np.isfinite(used):
        out += f"; the replicas were busy {percent(used)} of the time"
    out += "." if r["state"] == "ended" else "; the run has not ended, or was killed."
    ranks, cores = told.ranks_and_cores()
    if cores and ranks > cores:
        out += (
            f" {count(ranks, 'rank')} shared {count(cores, 'core')}, so with a core for each it would take less"
            " wall clock."
        )
    return out


def overall(told: Told) -> Verdict:
    """Of a study what its runs say together, if they say more than one of them does."""
    together = over_runs(told) if told.whole_study else None
    return together if together is not None else mutations_helped(told)


def in_short(told: Told, race: pd.DataFrame) -> Section:
    v, gain = overall(told), told.part("mutation")
    who = "the champion" if told.pooled else "the best replica"
    tiles = [
        (
            number(told.champion_value()),
            (
                f"{esc(told.objective)} of {who}; less is better"
                if told.less_is_better
                else f"{esc(told.objective)} of {who}; more is better"
            ),
        )
    ]
    test = told.real("result_test")
    if np.isfinite(test):
        val = told.real("result_val")
        worse = (test - val) * (1 if told.less_is_better else -1)
        tiles.append(
            (
                number(test),
                "the same on test data, which the search never saw"
                + (f" ({number(worse, 2)} worse)" if worse > 0 else ""),
            )
        )
    beside = told.baseline()
    if "val_loss" in beside and not told.whole_study:
        tiles.append(
            (
                number(beside["val_loss"] - told.champion_value(), 3),
                f"ahead of ordinary training (the static default: {number(beside['val_loss'])})",
            )
        )
    runs = gains_of_runs(told) if told.whole_study else np.empty(0)
    if len(runs) > 1:
        mean, lo, hi, _ = t_interval(runs)
        tiles.append((number(mean, 3), f"gain by mutations, mean of {len(runs)} runs (95 %: {interval(lo, hi)})"))
    elif gain is not None and told.share("mutants") is not None:
        tiles.append(
            (number(gain[0], 3), f"gain by mutations on the champion's line (95 %: {interval(gain[1], gain[2])})")
        )
    tiles.append((f'<span class="{v.tone} verdict">{esc(v.word)}</span>', "is the gain by mutations real?"))
    tiles.append(
        (duration(float(told.row["seconds"])), f"wall clock, {count(int(told.row['replicas']), 'replica')}")
    )
    html = (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{a}</b><span>{b}</span></div>' for a, b in tiles)
        + "</div>\n"
    )
    html += (
        f'<div class="answers"><div>\n<p class="lead">{gained(told)}</p>\n'
        + (f"<p>{against}</p>\n" if (against := baseline(told)) else "")
        + f"<p>{cost(told)}</p>\n"
    )
    html += (
        f'</div><div>\n<p class="lead"><b>How sure:</b> <span class="{v.tone}'
        f' verdict">{esc(v.word)}.</span> {v.brief or v.text} (<a href="#real">more</a>)</p>\n'
        f'<p><b>Which knob mattered:</b> {which_knob(told, race)} (<a href="#knobs">more</a>)</p>\n'
    )
    path = schedule.sentence(told)
    if path:
        html += f'<p><b>The champion\'s schedule:</b> {path} (<a href="#schedule">all of it</a>)</p>\n'
    html += "</div></div>\n"
    if told.whole_study:
        html += (
            f'<p class="note">This page is about a study of {count(len(told.study.labels), "run")} (<a'
            f' href="#runs-part">side by side</a>). What concerns one run is told of {esc(told.label)}, the'
            " best; <code>--run</code> chooses another.</p>\n"
        )
    return Section("short", "In short", html)


def explained(share: float) -> str:
    """A share of differences; the estimate of one that explains nothing may be negative."""
    return "none" if share < 0.005 else percent(share)


def knobs_part(told: Told, race: pd.DataFrame) -> Section:
    html = ""
    if len(told.mattered):
        rows = []
        starts = race.set_index("knob") if len(race) else race
        by_changes = bool(told.mattered["share"].notna().any())
        order = told.mattered
        if not by_changes and len(race):
            order = order.sort_values("knob", key=lambda k: -k.map(starts["share"]).fillna(0), kind="stable")
        for r in order.head(MOST_TABLE_ROWS).to_dict("records"):
            k = r["knob"]
            lo, hi = (
                starts.loc[k, ["best_lo", "best_hi"]] if len(race) and k in starts.index else (np.nan, np.nan)
            )
            rows.append(
                [
                    esc(k),
                    explained(float(starts.loc[k, "share"]) if len(race) and k in starts.index else np.nan),
                    f"{number(lo, 2)} .. {number(hi, 2)}" if np.isfinite(lo) else "\u2013",
                    explained(float(r["share"])),
                    (
                        f"{number(r['slope'] * TENTH, 2)} ({number(r['slope_lo'] * TENTH, 2)} .."
                        f" {number(r['slope_hi'] * TENTH, 2)})"
                        if pd.notna(r["slope"])
                        else "\u2013"
                    ),
                    (
                        f"{number(r['start_value'], 3)} \u2192 {number(r['end_value'], 3)}"
                        if pd.notna(r["end_value"])
                        else "\u2013"
                    ),
                ]
            )
        html += table(
            f"Knobs, those first whose {'changes' if by_changes else 'start values'} tell most",
            [
                "knob",
                "of starts",
                "best starts",
                "of changes",
                "score of +10 % (95 %)",
                "champion",
            ],
            rows,
        )
        html += (
            '<p class="note">Of starts: how much of the differences between start values each knob explains'
            " alone. Of changes: how much of those between changes, all knobs fitted together. Best starts:"
            " the middle half of the best quarter."
            " Champion: its values after the race and at its end.</p>\n"
        )
    html += '<p class="note">In words: <a href="#short">in short</a>.</p>\n'
    return Section("knobs", "Which knob mattered", html, of_search.importance(told, race), pair=True)


def real_part(told: Told) -> Section:
    v, together = mutations_helped(told), over_runs(told)
    html = f'<p><span class="{v.tone} verdict">This run: {esc(v.word)}.</span> {v.text}</p>\n'
    if together is not None:
        html += (
            f'<p><span class="{together.tone} verdict">All runs: {esc(together.word)}.</span>'
            f" {together.text}</p>\n"
        )
    else:
        html += (
            "<p>One run is one draw of the dice: whether the gain comes back can only be told from several"
            " runs with other seeds in one study.</p>\n"
        )
    noise = told.real("noise")
    if np.isfinite(noise):
        html += (
            f"<p>Unchanged replicas that began with the same weights end {number(noise, 2)} about their mean"
            f" (standard deviation, the <b>noise</b>): a difference of two replicas below about"
            f" {number(2 * math.sqrt(2) * noise, 2)} means nothing by itself.</p>\n"
        )
    html += (
        '<p class="note">All of this is about the validation data that the search chose by; only test data'
        f" say what is left of it elsewhere. {on_test_data(told)}</p>\n"
    )
    return Section("real", "Is the gain real?", html, of_gain.is_it_real(told), pair=True)


def gain_part(told: Told) -> Section | None:
    chart = of_gain.waterfall(told)
    return Section("gain-part", "Where the gain came from", "", [chart]) if chart else None


def all_sections(told: Told) -> list[Section]:
    race = race_importance(told)
    found: list[Section | None] = [in_short(told, race)]
    if told.whole_study:
        found.append(runs_part(told))
    found += [knobs_part(told, race), schedule.section(told), real_part(told), gain_part(told)]
    over_time = [c for c in (of_training.learning_curves(told), of_knobs.knob_trajectories(told)) if c]
    found.append(Section("over-time", "The run over time", "", over_time) if over_time else None)
    for id_, title, chart, after in (
        ("paid-part", "Which changes paid", of_search.paid(told), of_search.paid_table(told)),
        ("priors-part", "What the search believes", of_search.priors(told), ""),
        ("parallel-part", "All values at a glance", of_search.parallel(told), ""),
    ):
        found.append(Section(id_, title, "", [chart], after=after) if chart else None)
    busy = of_time.who_was_busy(told)
    found.append(Section("busy", "Who was busy", "", busy) if busy else None)
    if not told.whole_study:
        found.append(runs_part(told))
    found.append(provenance(told))
    return [f for f in found if f is not None]


def title_of(told: Told) -> str:
    name = plain(told.study.name) or plain(told.row["name"]) or "a problem without a name"
    return (
        f"{name}: a study of {count(len(told.study.labels), 'run')}"
        if told.whole_study
        else f"{name}: run {plain(told.label)}"
    )


def origin_of(told: Told) -> str:
    r, s = told.row, told.study
    what = f"{esc(s.objective)}, {'less' if told.less_is_better else 'more'} is better"
    parts = [
        what,
        f"{esc(r['mode'])} run {esc(r['id'])}" + (f" (best of {len(s.labels)})" if told.whole_study else ""),
        count(int(r["replicas"]), "replica"),
        f"seed {esc(r['seed'])}",
        f"{r['started']:%Y-%m-%d %H:%M} UTC",
        f"hottune {esc(r['hottune_version'])}" + (f" ({esc(str(r['commit'])[:8])})" if r["commit"] else ""),
    ]
    return " \u00b7 ".join(parts)
