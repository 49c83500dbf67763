"""Words by the size of the evidence: whether a gain is real, and which knob mattered."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..insight import ALL_KNOBS
from ..stats import t_interval
from .data import Told
from .text import count, esc, interval, number, percent


@dataclass
class Verdict:
    """`word` for a badge, `tone` a class of page.css, `text` HTML: a few sentences with the numbers; `brief`: the first."""

    word: str
    tone: str
    text: str
    brief: str = ""


def more_often(a: int, n: int, b: int, m: int) -> float:
    """Probability that a of n is as large as it is, or larger, if it were like b of m (Fisher, 1922, one-sided)."""
    if n == 0 or m == 0:
        return math.nan
    total, wins = n + m, a + b
    log = math.lgamma
    whole = log(total + 1) - log(wins + 1) - log(total - wins + 1)
    p = 0.0
    for k in range(a, min(n, wins) + 1):
        if wins - k <= m:
            p += math.exp(
                log(n + 1)
                - log(k + 1)
                - log(n - k + 1)
                + log(m + 1)
                - log(wins - k + 1)
                - log(m - wins + k + 1)
                - whole
            )
    return min(p, 1.0)


def mutations_helped(told: Told) -> Verdict:
    """Of one run, by three signs: the interval of what mutations gave on the champion's line, the mean score of all of them,
    and whether changed replicas won more often than unchanged ones."""
    if not told.pooled:
        return Verdict(
            "cannot be told",
            "unsure",
            "This run was made in the independent mode: each change was compared with the value"
            " <em>before</em> it, while the training went on getting better by itself. Such a run has no"
            " controls (replicas that train beside, unchanged), so it cannot say how much of the gain is due"
            " to the changes.",
        )
    part = told.part("mutation")
    if part is None or not np.isfinite(part[0]):
        return Verdict(
            "cannot be told",
            "unsure",
            f"The policy of this run ({esc(told.row['policy'])}) has no controls "
            "(replicas that train beside, unchanged), so it cannot say what the changes were worth.",
        )
    gain, lo, hi = part
    line = f"{number(gain, 3)} (95 % interval {interval(lo, hi)})"
    mutants = told.share("mutants")
    if mutants is None:
        return Verdict(
            "no mutant was judged", "unsure", "No changed replica was compared with unchanged ones."
        )
    on_average, helped = _on_average(told)
    counts, oftener = _counts(told, mutants)
    rest = f"{on_average} {counts}"
    if not lo > 0:
        if hi < 0:
            return Verdict(
                "they did harm",
                "bad",
                f"Mutations (small changes of knobs after the race) cost {line} on the champion's own line: it"
                f" would have been better without them. {rest}",
            )
        return Verdict(
            "not shown",
            "unsure",
            "What mutations (small changes of knobs after the race) gave on the champion's own line is"
            f" {line}. The interval has 0 in it, so this run alone does not show that they helped it. {rest}",
            "What mutations (small changes of knobs after the race) gave on the champion's own line is"
            f" {line}: the interval has 0 in it. {on_average}",
        )
    lead = (
        f"On the champion's own line mutations (small changes of knobs after the race) gave {line}. That line was"
        " picked, so a part of this may still be luck."
    )
    signs = [s for s in (helped, oftener) if s is not None]
    if signs and all(signs):
        both = len(signs) == 2
        return Verdict(
            "shown" if both else "likely",
            "good",
            f"{lead} {rest} {'All three signs agree.' if both else 'The two signs that there are agree.'}",
            f"{lead} {on_average}",
        )
    if any(signs):
        return Verdict("likely", "good", f"{lead} {rest} Two signs of three agree.", f"{lead} {rest}")
    return Verdict(
        "weak evidence",
        "unsure",
        f"{lead} {rest} So the evidence is weak: the line that was picked gained, changes as such did not show it.",
        f"{lead} {on_average}",
    )


def _on_average(told: Told) -> tuple[str, bool | None]:
    """What changes gave on average, whoever won; whether that is more than 0 (None: not known)."""
    mean = told.mean_score()
    if mean is None or not np.isfinite(mean[1]):
        return "Of changes on average nothing is known.", None
    value, lo, hi, n, segments = mean
    what = f"{number(value, 2)} ({interval(lo, hi, 2)}; {count(n, 'change')} in {count(segments, 'segment')})"
    if lo > 0:
        return f"Changes <em>on average</em> scored {what}: more than nothing.", True
    if hi < 0:
        return f"Changes <em>on average</em> scored {what}: they did harm.", False
    return f"Changes <em>on average</em> scored {what}: no gain is shown.", False


def _counts(told: Told, mutants: tuple[int, int, float, float, float]) -> tuple[str, bool | None]:
    """How often changed replicas won; whether that is oftener than unchanged ones do (None: not known)."""
    said = (
        f"{mutants[0]} of {mutants[1]} changed replicas ({percent(mutants[2])}) ended better than the unchanged"
        " ones beside them"
    )
    nulls = told.nulls()
    if nulls is None:
        return f"{said}; changes without effect would in about half of the cases.", None
    p = more_often(mutants[0], mutants[1], nulls[0], nulls[1])
    said += (
        f"; of controls judged in the same way, in which nothing was changed, {nulls[0]} of {nulls[1]}"
        f" ({percent(nulls[2])}) did"
    )
    if p < 0.05:
        return f"{said}, which is rarer (the probability of such a difference by chance: {number(p, 2)}).", True
    return f"{said}: that is no clear difference.", False


def gains_of_runs(told: Told) -> np.ndarray:
    """What mutations gave in each run of the study that tells it."""
    return pd.to_numeric(told.study.compare()["mutation"], errors="coerce").dropna().to_numpy(float)


def over_runs(told: Told) -> Verdict | None:
    """Of a study: the mean over its pooled runs. None: fewer than two say anything."""
    values = gains_of_runs(told)
    if len(values) < 2:
        return None
    mean, lo, hi, _ = t_interval(values)
    text = (
        f"Over {count(len(values), 'run')} of this study mutations gave {number(mean, 3)} on average "
        f"(95 % interval {interval(lo, hi)}), more than 0 in {int((values > 0).sum())} of {len(values)}."
    )
    if lo > 0:
        return Verdict(
            "shown over runs",
            "good",
            text
            + " The interval lies above 0: the gain comes back with other seeds"
            " (as far as runs that learn from each other can tell).",
        )
    if hi < 0:
        return Verdict("harm over runs", "bad", text)
    return Verdict(
        "not shown over runs",
        "unsure",
        text + " The interval has 0 in it: with so many runs a gain is not shown.",
    )


def explained(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Share of the differences in rank of y that a parabola in x explains, and what chance reaches once in 20 times.

    Under no relation R^2 of two regressors and n points follows a Beta(1, (n - 3) / 2) distribution."""
    fine = np.isfinite(x) & np.isfinite(y)
    x, y = x[fine], y[fine]
    n = len(x)
    if n < 8 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan, math.nan
    z = (x - x.mean()) / x.std()
    rank = pd.Series(y).rank().to_numpy()
    a = np.stack([np.ones(n), z, z * z], axis=1)
    residual = rank - a @ np.linalg.lstsq(a, rank, rcond=None)[0]
    return float(1 - residual.var() / rank.var()), float(1 - 0.05 ** (2 / (n - 3)))


def race_importance(told: Told) -> pd.DataFrame:
    """knob, share, chance, best_lo, best_hi (the middle half of the best quarter), log, n: what start values say of each knob."""
    f = told.race_starts()
    rows = []
    for knob in told.knob_names if len(f) else []:
        values, loss = f[knob].to_numpy(float), (told.study.sign * f["loss"]).to_numpy(float)
        fine = np.isfinite(values) & np.isfinite(loss)
        log = bool((values[fine] > 0).sum() >= 8 and (values[fine] > 0).mean() > 0.5)
        if log:
            fine &= values > 0
        x = np.log(values[fine]) if log else values[fine]
        share, chance = explained(x, loss[fine])
        best = values[fine][np.argsort(loss[fine])[: max(1, len(x) // 4)]]
        lo, hi = np.quantile(best, [0.25, 0.75]) if len(best) else (math.nan, math.nan)
        rows.append(
            dict(knob=knob, share=share, chance=chance, best_lo=lo, best_hi=hi, log=log, n=int(fine.sum()))
        )
    out = pd.DataFrame(rows, columns=["knob", "share", "chance", "best_lo", "best_hi", "log", "n"])
    return out.sort_values("share", ascending=False, na_position="last", kind="stable").reset_index(drop=True)


def champions_own(told: Told, row: pd.Series) -> str:
    """With which value the champion began."""
    if not len(told.path) or row["knob"] not in told.path.columns:
        return ""
    own = float(told.path[row["knob"]].iloc[0])
    inside = row["best_lo"] <= own <= row["best_hi"]
    return f"; the champion began {'there, ' if inside else 'outside of that, '}with {number(own, 2)}"


def best_hint(told: Told, m: pd.DataFrame) -> str:
    """What comes nearest to a knob that mattered, with how many were looked at."""
    p = told.paid
    kinds = p[(p["phase"] == "") & (p["family"] != ALL_KNOBS) & p["lo"].notna()] if told.pooled and len(p) else p[:0]
    clear = kinds[(kinds["lo"] > 0) | (kinds["hi"] < 0)]
    if len(clear):
        sure = np.maximum(clear["p_helped"], 1 - clear["p_helped"]).to_numpy(float)
        r = clear.iloc[int(np.argmax(sure))]
        way = {"up": "raising", "down": "lowering"}.get(r["direction"], "changing")
        few = "may be chance" if (1 - sure.max()) * 2 * len(kinds) > 0.05 else "chance does that rarely, even so"
        return (
            f" The best hint: {way} <b>{esc(told.knob_of(r['family']))}</b> scored {number(r['mean_score'], 2)}"
            f" ({interval(r['lo'], r['hi'], 2)}); its interval is {len(clear)} of {len(kinds)} looked at that lie"
            f" off 0, so this {few}."
        )
    maybe = m[m["share"] > m["chance"]]
    if len(maybe):
        r = maybe.iloc[0]
        return (
            f" The best hint: <b>{esc(r['knob'])}</b> explains {percent(r['share'])} of the differences (1 of"
            f" {len(m)} looked at; its interval has 0 in it, so this may be chance)."
        )
    return ""


def which_knob(told: Told, race: pd.DataFrame) -> str:
    """One or two sentences in HTML."""
    said, when = [], "After the race" if told.pooled else "In the run"
    known = race[race["share"].notna()]
    if len(known):
        beyond = known[known["share"] > known["chance"]]
        n = int(known["n"].max())
        if len(beyond):
            top = beyond.iloc[0]
            more = [
                f"<b>{esc(k)}</b> ({percent(s)})" for k, s in zip(beyond["knob"][1:4], beyond["share"][1:4])
            ]
            said.append(
                f"For the start, <b>{esc(top['knob'])}</b> mattered most: it alone explains"
                f" {percent(top['share'])} of the differences in rank between {n} start values after their"
                f" first epochs (chance rarely explains more than {percent(top['chance'])}). The middle half of"
                f" the best quarter of them had {interval(top['best_lo'], top['best_hi'], 2)}{champions_own(told, top)}."
                + (f" Beyond chance, too: {', '.join(more)}." if more else "")
            )
        else:
            said.append(
                f"Of {n} start values no single knob explains more of the differences than chance does."
            )
    m = told.mattered[told.mattered["share"].notna()] if len(told.mattered) else told.mattered
    if len(m):
        beyond = m[(m["share"] > m["chance"]) & (m["share_lo"] > 0)]
        n = int(m["n"].max())
        if len(beyond):
            words = []
            for _, r in beyond.iterrows():
                way = (
                    "raising it paid"
                    if r["slope_lo"] > 0
                    else "lowering it paid" if r["slope_hi"] < 0 else "no clear direction"
                )
                words.append(
                    f"<b>{esc(r['knob'])}</b> ({percent(r['share'])} of the differences between what {n}"
                    f" changes gave; {way})"
                )
            said.append(
                f"{when}, {', '.join(words)} mattered ({count(len(m), 'knob')} looked at)."
            )
        else:
            said.append(f"{when} no knob is shown to matter ({count(n, 'change')}).{best_hint(told, m)}")
    elif told.pooled or len(told.mutations):
        said.append(f"There were too few changes to say which knob mattered {when[0].lower()}{when[1:]}.")
    return " ".join(said) if said else "This run has nothing that tells knobs apart."
