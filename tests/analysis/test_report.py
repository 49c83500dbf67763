"""The words and texts of the report: what becomes of names, and which word goes with which evidence. Its pages: tests/cli/report.sh."""

import csv
import io
import json
import re
import unittest
from types import SimpleNamespace

from case import Case

import pandas as pd
import yaml
from hottune_analysis import gain, open_study
from hottune_analysis.report import of_gain, of_knobs, of_search, schedule, sections, text, verdict
from hottune_analysis.report.chart import Chart, figures_json
from hottune_analysis.report.colours import GOOD, PALE
from hottune_analysis.report.data import Told, chosen_run
from hottune_analysis.report.tables_html import table


ON_AVERAGE, AT_CHANCE = (0.01, 0.005, 0.015, 80, 20), (0.0014, -0.0009, 0.0038, 80, 20)


def run_with(mutation=(0.02, 0.01, 0.03), mutants=(60, 80), nulls=(40, 80), mean=ON_AVERAGE, mode="pooled"):
    """What verdicts look at, of a made-up run. `nulls`: None where too few controls were judged."""

    def share(s):
        return None if s is None else (*s, s[0] / s[1], 0.0, 1.0)

    return SimpleNamespace(
        pooled=mode == "pooled",
        part=lambda name: mutation,
        share=lambda of: share(mutants),
        nulls=lambda: share(nulls),
        mean_score=lambda: mean,
        row={"policy": "pooled"},
    )


class Names(unittest.TestCase):
    def test_a_name_stays_text_in_html(self):
        self.assertEqual(text.esc('<b>"x"&\''), "&lt;b&gt;&quot;x&quot;&amp;&#x27;")

    def test_control_and_direction_characters_and_bad_bytes_are_written_out(self):
        self.assertEqual(text.plain("a\x1b[31m\n\u202eb"), "a\\u001b[31m\\u000a\\u202eb")
        self.assertEqual(text.plain(b"\xff\xfea"), "\\xff\\xfea")

    def test_a_label_has_no_tags_that_plotly_reads(self):
        self.assertEqual(text.label("<a href='x'>&lt;"), "&lt;a href='x'&gt;&amp;lt;")

    def test_a_name_in_a_hover_template_looks_nothing_up(self):
        self.assertNotIn("%", text.template("%{customdata}"))

    def test_json_in_a_script_ends_no_script(self):
        value = {"</script><!--": ["<script>", "\u2028", "&amp;"]}
        written = text.script_json(value)
        self.assertIsNone(re.search(r"[<>&\u2028]", written))
        self.assertEqual(json.loads(written), value)

    def test_not_finite_numbers_become_none(self):
        chart = Chart("x", "x", "", [{"y": [1.0, float("nan")]}], {})
        self.assertEqual(json.loads(figures_json([chart]))[0]["traces"][0]["y"], [1.0, None])

    def test_a_caption_is_escaped(self):
        self.assertNotIn("<i>", table("<i>", ["a"], [["b"]]))


class Numbers(unittest.TestCase):
    def test_numbers_are_short_and_say_what_they_are(self):
        for value, shown in (
            (40.0, "40"),
            (0.001, "0.001"),
            (0.77014474, "0.7701"),
            (1.1e-7, "1.1e\u22127"),
            (-0.5, "\u22120.5"),
            (float("nan"), "\u2013"),
            (None, "\u2013"),
            (0, "0"),
        ):
            self.assertEqual(text.number(value), shown)

    def test_durations_have_units_that_fit(self):
        for seconds, shown in (
            (12.34, "12.3 s"),
            (245, "4 min 5 s"),
            (12000, "3 h 20 min"),
            (187200, "2 d 4 h"),
        ):
            self.assertEqual(text.duration(seconds), shown)


class Words(Case):
    def test_the_word_follows_the_evidence(self):
        for word, run in (
            ("shown", run_with()),
            ("likely", run_with(mutants=(45, 80))),
            ("likely", run_with(mean=AT_CHANCE)),
            ("likely", run_with(nulls=None)),
            ("weak evidence", run_with(mutants=(39, 80), nulls=None, mean=AT_CHANCE)),
            ("weak evidence", run_with(mutants=(45, 80), mean=AT_CHANCE)),
            ("weak evidence", run_with(nulls=None, mean=None)),
            ("not shown", run_with(mutation=(0.02, -0.01, 0.05))),
            ("they did harm", run_with(mutation=(-0.2, -0.3, -0.1))),
            ("cannot be told", run_with(mode="independent")),
            ("cannot be told", run_with(mutation=None)),
            ("no mutant was judged", run_with(mutants=None)),
        ):
            with self.subTest(word):
                self.assertEqual(verdict.mutations_helped(run).word, word)

    def test_the_words_do_not_contradict_the_numbers_beside_them(self):
        said = verdict.mutations_helped(run_with(mutants=(17, 35), nulls=None, mean=AT_CHANCE)).text
        for words in ("0.0014", "no gain is shown", "17 of 35", "49 %", "about half", "weak"):
            self.assertIn(words, said)
        for words in ("more than chance", "more than nothing", "agree", "controls judged"):
            self.assertNotIn(words, said)

    def test_a_few_controls_judged_by_each_other_are_not_shown(self):
        study = open_study(self.made("pairs.h5", runs=1, replicas=8, segments=400))
        told = Told(study, "r1", False)
        self.assertEqual(told.share("nulls")[1], 100)  # two a segment: one of them is always the better
        self.assertEqual(gain.independent_controls(told.segments), 0)
        self.assertIsNone(told.nulls())
        self.assertEqual(of_gain._of_chance(told).traces[0]["y"], ["changed (mutants)"])

    def test_the_parts_of_the_gain_add_up_in_words(self):
        told = Told(open_study(self.made("sum.h5", runs=1, replicas=8, segments=200)), "r1", False)
        said = re.sub("<[^>]*>", "", sections.gained(told))
        whole = abs(told.first_value() - told.champion_value())
        places = len(re.search(r"is the sum of: .*?\.(\d+)", said).group(1))
        listed = said.split("is the sum of:")[1].split("What tuning")[0].replace("\u2212", "-")
        parts = [float(x) for x in re.findall(r" (-?[0-9.]*[0-9])[;.]", listed)]
        self.assertEqual(len(parts), len(of_gain.parts(told)))
        self.assertAlmostEqual(sum(parts), whole, delta=len(parts) * 0.5 * 10**-places)

    def test_the_best_epoch_of_the_last_segment_is_one_of_the_parts(self):
        parts = pd.DataFrame(dict(part=["race", "trend", "last_epochs"], gain=[0.2, 0.1, 0.05], lo=0.0, hi=0.0))
        told = SimpleNamespace(gain=parts, race_split=lambda: (0.15, 0.05))
        found = [(name, round(g, 9)) for _, name, g, _, _ in of_gain.parts(told)]
        self.assertEqual(found[:2], list(zip(of_gain.OF_RACE, (0.15, 0.05))))
        self.assertEqual(found[-1], ("best epoch", 0.05))

    def test_the_race_is_split_at_the_age_of_the_champions_start(self):
        lineage = pd.DataFrame(
            dict(node=[0, 1, 2, 3], parent=[-1, -1, 0, 1], what="race", epochs=[1, 1, 2, 2], loss=[0.9, 0.8, 0.6, 0.5])
        )
        told = SimpleNamespace(
            part=lambda name: (0.4, 0.4, 0.4),
            real=lambda name: 0.9,
            path=lineage.iloc[[1, 3]],
            lineage=lineage,
            study=SimpleNamespace(sign=1.0),
        )
        alone, better = Told.race_split(told)
        self.assertAlmostEqual(alone, 0.3)  # the recipe's start values, trained as long
        self.assertAlmostEqual(better, 0.1)
        told.lineage = lineage[lineage["node"] != 2]
        self.assertIsNone(Told.race_split(told))  # they were given up

    def test_one_interval_of_many_off_zero_is_a_hint_that_may_be_chance(self):
        kinds = [(f"f{i}", d, 0.001, -0.001, 0.003, 0.8) for i in range(4) for d in ("up", "down")]
        kinds[0] = ("f0", "up", 0.003, 0.0006, 0.0054, 0.99)
        paid = pd.DataFrame(kinds, columns=["family", "direction", "mean_score", "lo", "hi", "p_helped"]).assign(phase="")
        mattered = pd.DataFrame(dict(knob=["w"], n=35, share=0.35, chance=0.17, share_lo=-0.07))
        told = SimpleNamespace(paid=paid, mattered=mattered, pooled=True, mutations=[], knob_of=lambda f: "knob " + f)
        said = verdict.which_knob(told, pd.DataFrame(columns=["share"]))
        self.assertIn("no knob is shown to matter", said)
        self.assertIn("raising <b>knob f0</b>", said)
        self.assertIn("1 of 8", said)
        self.assertIn("may be chance", said)

    def test_a_bar_whose_interval_holds_zero_is_pale(self):
        f = pd.DataFrame(dict(knob=["a", "b"], share=[0.35, 0.4], chance=0.17, share_lo=[-0.07, 0.1], share_hi=0.9))
        none = pd.DataFrame(columns=["knob", "share", "chance"])
        chart = of_search.importance(SimpleNamespace(mattered=f, pooled=True), none)[0]
        self.assertEqual(chart.traces[0]["marker"]["color"], [PALE, GOOD])

    def test_no_knob_explains_less_than_nothing(self):
        self.assertEqual([sections.explained(s) for s in (-0.08, 0.35)], ["none", "35 %"])

    def test_priors_have_a_row_for_each_phase_only(self):
        row = dict(center=1.0, spread=0.1, q05=0.9, q50=1.0, q95=1.1, effective_n=4.0)
        before, after = dict(row, when="before", family="f", phase=""), dict(row, when="after", family="f")
        f = of_search._by_phase(pd.DataFrame([before, *(dict(after, phase=p) for p in ("", "mid", "late"))]))
        wanted = [(when, phase) for when in ("after", "before") for phase in ("late", "mid")]
        self.assertEqual(sorted(zip(f["when"], f["phase"])), wanted)

    def test_more_often_is_fishers_exact_test(self):
        # Fisher's tea: 3 of 4 against 1 of 4 gives 17/70 (Fisher, The Design of Experiments, 1935, section 5)
        self.assertAlmostEqual(verdict.more_often(3, 4, 1, 4), 17 / 70)
        self.assertAlmostEqual(verdict.more_often(4, 4, 0, 4), 1 / 70)

    def test_a_parabola_explains_itself_and_noise_seldom_passes_the_mark_of_chance(self):
        import numpy as np

        rng = np.random.default_rng(1)
        x = rng.uniform(-2, 2, size=60)
        share, chance = verdict.explained(x, (x - 0.3) ** 2)
        self.assertGreater(share, 0.8)
        beyond = [
            share > chance
            for share, chance in (verdict.explained(x, rng.normal(size=60)) for _ in range(400))
        ]
        self.assertLess(sum(beyond), 36)  # 20 are expected; 36 come once in 3000 times


def on_a_way(*pieces):
    """A made-up champion's way: (epochs, what, members, loss, lr) each."""
    epochs, what, members, loss, lr = zip(*pieces)
    age = pd.Series(epochs).cumsum()
    path = pd.DataFrame(dict(what=what, members=members, loss=loss, epochs=epochs, age=age, t0=age - epochs, t1=age, lr=lr))
    return SimpleNamespace(
        path=path, knob_names=["lr"], study=SimpleNamespace(sign=1.0), objective="loss", row={"id": "x"}
    )


AVERAGED = on_a_way(
    (3, "race", 1, 0.9, 0.01),
    (3, "control", 1, 0.8, 0.01),
    (3, "mutant", 1, 0.7, 0.02),
    (0, "mean", 4, 0.65, 0.02),
    (3, "control", 1, 0.6, 0.02 * (1 + 1e-15)),
    (1, "mutant", 1, 0.5, 0.03),
)


class Baselines(Case):
    def page(self, *options):
        directory = self.path("compared" if options else "plain")
        self.hottune("--dir", directory, "run", "glyph", "--epochs", "4", *options, ranks=3)
        return directory, Told(open_study(directory), "r1", False)

    def test_a_run_is_told_beside_the_plain_training_that_was_made_before_it(self):
        directory, told = self.page("--compare")
        with open(f"{directory}/hottune.run.json", encoding="utf-8") as f:
            beside = json.load(f)["baseline"]
        self.assertEqual(told.baseline(), beside)
        said = re.sub("<[^>]*>", "", sections.baseline(told))
        self.assertIn(f"reached {text.number(beside['val_loss'])}", said)
        self.assertIn(f"on test data {text.number(beside['test_loss'])}", said)
        self.assertIn("ordinary training", sections.on_test_data(told))
        self.assertNotIn("tells these apart", sections.on_test_data(told))
        self.assertIn("ahead of ordinary training", sections.in_short(told, sections.race_importance(told)).body)

    def test_without_one_that_is_said(self):
        self.assertIn("not known", sections.baseline(self.page()[1]))


class Schedules(Case):
    def test_the_schedule_reads_back_with_any_names(self):
        study = open_study(self.made("hostile.h5", runs=1, replicas=8, segments=300, knobs=4, hostile=True))
        told = Told(study, chosen_run(study, None, None), False)
        pieces = schedule.pieces(told)
        read = yaml.safe_load(schedule.as_yaml(told, pieces))["schedule"]
        self.assertEqual(len(read), len(pieces))
        self.assertEqual((read[0]["from_epoch"], read[-1]["to_epoch"]), (0, int(pieces["to"].iloc[-1])))
        self.assertEqual(set(read[0]["knobs"]), {text.plain(k) for k in told.knob_names})
        for r, (_, p) in zip(read, pieces.iterrows()):
            for k in told.knob_names:
                self.assertAlmostEqual(r["knobs"][text.plain(k)], p[k], delta=1e-6 * abs(p[k]))

    def test_it_ends_with_the_champion_everywhere(self):
        study = open_study(self.made("within.h5", runs=1, replicas=8, segments=200, within=True))
        told = Told(study, "r1", False)
        f, champion = schedule.pieces(told), told.champion_value()
        end = int(told.path["age"].iloc[-1])
        read = yaml.safe_load(schedule.as_yaml(told, f))
        self.assertEqual((read["champion"]["epoch"], read["schedule"][-1]["to_epoch"]), (end, end))
        self.assertAlmostEqual(read["champion"]["value"], champion, places=6)
        last = list(csv.DictReader(io.StringIO(schedule.as_csv(f))))[-1]
        self.assertEqual(int(last["to_epoch"]), end)
        self.assertAlmostEqual(float(last["loss"]), champion, places=6)
        cells = schedule.table_rows(f)[-1]
        self.assertTrue(cells[0].endswith(f" {end}"))
        self.assertEqual(cells[2], text.number(champion))
        figure = of_knobs.schedule_figure(told, f, "")
        self.assertEqual(max(figure.traces[0]["x"]), end)

    def test_averagings_are_in_it(self):
        f = schedule.pieces(AVERAGED)
        self.assertEqual([w for w in f["what"]], [["race", "control"], ["mutant"], ["mean"], ["control"], ["mutant"]])
        rows = schedule.table_rows(f)
        self.assertEqual(rows[2][0], "after 9")
        self.assertIn("\u2192 0.65", rows[2][2])
        read = yaml.safe_load(schedule.as_yaml(AVERAGED, f))
        self.assertEqual(read["averaging"], [dict(after_epoch=9, replicas=4, before=0.7, after=0.65)])
        self.assertAlmostEqual(schedule.averaged(AVERAGED, f), 0.05)

    def test_bold_is_what_is_printed_otherwise_than_before(self):
        bold = ["<b>" in row[3] for row in schedule.table_rows(schedule.pieces(AVERAGED))]
        self.assertEqual(bold, [False, True, False, False, True])  # the third row is an averaging

    def test_stretches_that_look_alike_are_one_setting(self):
        read = yaml.safe_load(schedule.as_yaml(AVERAGED, schedule.pieces(AVERAGED)))["schedule"]
        self.assertEqual([(r["from_epoch"], r["to_epoch"]) for r in read], [(0, 6), (6, 12), (12, 13)])

    def test_the_best_run_is_told_of_whatever_the_direction(self):
        for maximize in (False, True):
            study = open_study(
                self.made(f"d{maximize}.h5", runs=3, replicas=8, segments=200, maximize=maximize)
            )
            best = pd.to_numeric(study.compare()["best"])
            at = best.idxmax() if maximize else best.idxmin()
            self.assertEqual(chosen_run(study, None, None), study.compare()["run"].iloc[at])
            self.assertEqual(chosen_run(study, None, "r2"), "r2")


if __name__ == "__main__":
    unittest.main()
