"""Tables of real studies: the numbers are those that hottune itself tells of them."""
import json

import numpy as np
import pandas as pd
from case import INDEPENDENT, Case, main

from hottune_analysis import logs, open_study

SUMS = ("accepted", "rejected", "rolled_back")


class Pooled(Case):
    """Two runs that share a study."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for seed in ("1", "2"):
            cls.hottune("--dir", cls.path("run" + seed), "run", "glyph", "--epochs", "20", "--seed", seed, "--study",
                        cls.path("study.h5"), "--quiet", ranks=9)
        cls.hottune("study", "export", cls.path("study.h5"), "--out", cls.path("tables"))
        cls.study = open_study(cls.path("study.h5"))
        cls.addClassCleanup(cls.study.close)

    def exported(self, name, label):
        t = pd.read_csv(self.path(f"tables/{name}.csv"), keep_default_na=False, na_values=[""], dtype={"phase": str})
        run = self.study.runs().set_index("run").loc[label, "id"]
        return t[t["run"] == run].reset_index(drop=True)

    def same(self, made, exported, columns, label):
        self.assertEqual(len(made), len(exported), label)
        for ours, theirs in columns.items():
            a, b = made[ours].to_numpy(float), exported[theirs].to_numpy(float)
            np.testing.assert_allclose(a, b, rtol=1e-6, equal_nan=True, err_msg=f"{label}: {ours}")

    def test_rows_are_those_of_study_export(self):
        for label in self.study.labels:
            s, shown = self.study.segments(label), self.exported("segments", label)
            self.same(s, shown, dict(segment="segment", replica="replica", island="island", t0="wall", before="before",
                                     loss="loss", control="control", score="score", score_error="score_error",
                                     accepted="accepted", in_root="in_root"), label)
            self.assertTrue(((s["role"] == "mutant") == (shown["mutant"] == 1)).all())
            self.same(self.study.curves(label), self.exported("curves", label),
                      dict(replica="replica", step="step", epoch="epoch", value="value"), label)
            knobs = self.study.knob_names(label)
            for made, name in ((self.study.lineage(label), "lineage"), (self.study.champion_path(label), "schedule")):
                self.same(made, self.exported(name, label), dict(node="node", parent="parent", replica="replica",
                                                                 members="members"), label)
                self.same(made, self.exported(name + "_knobs", label), {k: k for k in knobs}, label)
                last = len(made) - (name == "schedule")     # the last piece of the way may have trained on
                self.same(made[:last], self.exported(name, label)[:last], dict(epochs="epochs", loss="loss"), label)
            self.same(self.study.gain(label), self.exported("gain", label), dict(gain="gain", lo="lo", hi="hi"), label)
            self.same(self.study.shares(label), self.exported("shares", label), dict(judged="judged", share="share"), label)
            self.same(self.study.lessons(label), self.exported("lessons", label), dict(mean="mean", wins="wins"), label)

    def test_counts_are_those_of_study_ls(self):
        listed = json.loads(self.hottune("study", "ls", self.path("study.h5"), "--json"))[0]["runs"]
        runs = self.study.runs().set_index("id")
        self.assertEqual([r["id"] for r in listed], list(runs.index))
        for r in listed:
            self.assertEqual(r["accepted"], runs.loc[r["id"], "accepted"])
            self.assertEqual(r["segments"], len(self.study.mutations(r["id"])))
            self.assertEqual(r["result_val"], runs.loc[r["id"], "result_val"])
        self.assertEqual(list(runs["generation"]), [0, 1])
        self.assertEqual(list(runs["parents"]), [[], ["r1"]])

    def test_accepted_mutants_are_those_that_the_run_counted(self):
        for label in self.study.labels:
            s, runs = self.study.segments(label), self.study.runs().set_index("run")
            knobs = len(self.study.knob_names(label))
            self.assertEqual(int(s["accepted"].sum()) * knobs, runs.loc[label, "accepted"])
            shares = self.study.shares(label).set_index("of")
            self.assertEqual(int((s["role"] == "mutant").sum()), shares.loc["mutants", "judged"])
            whole = self.study.paid(label).iloc[0]
            self.assertEqual(whole["wins"], shares.loc["mutants", "accepted"])
            self.assertAlmostEqual(whole["win_lo"], shares.loc["mutants", "lo"])
            self.assertAlmostEqual(whole["win_hi"], shares.loc["mutants", "hi"])

    def test_the_gain_made_again_from_the_rows_is_the_stored_one(self):
        for label in self.study.labels:
            g = self.study.gain(label)
            self.assertEqual(len(g), 6)
            self.assertTrue(g["agrees"].all(), g)
            r = self.study.runs().set_index("run").loc[label]
            self.assertAlmostEqual(g["gain"].sum(), r["start_loss"] - r["champion_loss"], places=6)

    def test_the_champions_way_is_that_of_the_summary_and_begins_at_a_start(self):
        for label in self.study.labels:
            way = self.study.champion_path(label)
            self.assertEqual(way["parent"].iloc[0], -1)
            self.assertTrue((way["parent"].iloc[1:].to_numpy() == way["node"].iloc[:-1].to_numpy()).all())
            with open(self.path(f"run{label[1:]}/hotcb.tune.summary.json"), encoding="utf-8") as f:
                told = json.load(f)["population"]["schedule"]
            self.assertEqual(len(told), len(way))
            self.assertTrue(np.allclose([p["loss"] for p in told[:-1]], way["loss"][:-1]))
            champion = self.study.runs().set_index("run").loc[label, "champion_loss"]
            self.assertAlmostEqual(way["loss"].iloc[-1], champion)
            self.assertLessEqual(way["epochs"].iloc[-1], told[-1]["epochs"])
            for knob in self.study.knob_names(label):
                self.assertTrue(np.allclose([p["knobs"][knob] for p in told], way[knob]))
            l = self.study.lineage(label)
            self.assertTrue(l["on_path"].to_numpy()[way["node"]].all())
            self.assertEqual(int(l["on_path"].sum()), len(way))
            self.assertTrue((l["depth"] >= 0).all())

    def test_wall_epochs_stay_inside_the_run(self):
        for label in self.study.labels:
            epochs = self.study.runs().set_index("run").loc[label, "epochs"]
            t = self.study.curves(label)["t"]
            self.assertTrue(((t > 0) & (t <= epochs + 2)).all(), t.describe())
            s = self.study.segments(label)
            self.assertTrue((s["t1"] > s["t0"]).all() and (s["t1"] <= epochs + 1e-6).all())
            self.assertTrue(self.study.curves(label)["on_path"].any())

    def test_families_are_found_for_knobs(self):
        self.assertEqual(self.study.family_of("r1"), {"opt.lr": "opt:lr_mult", "opt.weight_decay": "opt:wd_mult",
                                                      "reg.dropout": "reg:dropout_mult", "loss.aux": "loss:aux_mult"})
        self.assertTrue(set(self.study.mutations()["family"]) <= set(self.study.space()["family"]))

    def test_priors_are_those_of_study_export_and_began_at_the_recipe(self):
        told = pd.read_csv(self.path("tables/priors.csv")).set_index(["family", "phase"])
        p = self.study.priors()
        after = p[(p["when"] == "after") & (p["phase"] != "")].set_index(["family", "phase"])
        self.assertEqual(set(told.index), set(after.index))
        for at, row in told.iterrows():
            self.assertAlmostEqual(after.loc[at, "center"], row["center"], places=12)
            self.assertAlmostEqual(after.loc[at, "q05"], json.loads(row["quantiles"])[0], places=12)
        self.assertTrue((p.loc[p["when"] == "before", "center"] == 1).all())

    def test_runs_can_be_named_in_three_ways(self):
        run_id = self.study.runs()["id"].iloc[1]
        self.assertEqual({self.study.label(r) for r in ("r2", run_id, 1, -1)}, {"r2"})


class Maximized(Case):
    """A run in a directory of its own, whose objective is maximised: its champion comes from the race."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.hottune("--dir", cls.path("run"), "run", "glyph", "--epochs", "16", "--seed", "3", "--recipe-set",
                    "objective.mode=max", "--quiet", ranks=9)
        cls.study = open_study(cls.path("run"))
        cls.addClassCleanup(cls.study.close)

    def test_a_mutant_is_better_when_it_has_more(self):
        m = self.study.segments().query("role == 'mutant' and finite")
        self.assertTrue(np.allclose(m["score"], m["loss"] - m["control"]))
        self.assertTrue(((m["score"] > 0) == m["accepted"]).all())

    def test_the_log_has_all_metrics_of_a_reading(self):
        c = self.study.curves(0).iloc[-1]
        found = logs.reading(self.path("run"), self.study.runs()["id"].iloc[0], int(c["replica"]), int(c["step"]))
        self.assertEqual(found[self.study.objective], c["value"])
        self.assertGreater(len(found), 1)

    def test_its_gain_is_made_again(self):
        g, r = self.study.gain(), self.study.runs().iloc[0]
        self.assertAlmostEqual(g["gain"].sum(), r["champion_loss"] - r["start_loss"])
        self.assertTrue(g["agrees"].all(), g)

    def test_replicas_are_as_busy_as_the_run_measured(self):
        u = self.study.utilisation(0)
        self.assertEqual(set(u["source"]), {"log"})
        self.assertAlmostEqual(u["busy"].mean(), self.study.runs()["utilisation"].iloc[0], delta=.02)


class ChampionWithinAPiece(Case):
    """Its weights were kept one epoch before the end of the last piece of its way."""

    def test_its_schedule_ends_where_it_was_validated(self):
        for maximize in (False, True):
            study = open_study(self.made(f"w{maximize}.h5", runs=1, replicas=8, segments=200, maximize=maximize,
                                         within=True))
            self.addCleanup(study.close)
            run, way = study.runs().iloc[0], study.champion_path(0)
            last, piece = way.iloc[-1], study.lineage(0).set_index("node").loc[way["node"].iloc[-1]]
            self.assertEqual((last["epochs"], piece["epochs"]), (1, 2))
            self.assertEqual(last["loss"], run["champion_loss"])
            self.assertEqual((last["t1"], piece["t1"]), (last["t0"] + 1, last["t0"] + 2))
            self.assertEqual(last["age"], way["epochs"].sum())
            c = study.curves(0)
            end = c[c["on_path"]].sort_values("t").iloc[-1]
            self.assertEqual((end["t"], end["value"]), (last["t1"], run["champion_loss"]))

    def test_a_piece_whose_end_is_the_champion_is_whole(self):
        study = open_study(self.made("whole.h5", runs=1, replicas=8, segments=200))
        self.addCleanup(study.close)
        self.assertEqual(study.champion_path(0)["epochs"].iloc[-1], 2)


class Policies(Case):
    """Policies that have no segments, in one study."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for policy in ("halving", "pbt"):
            cls.hottune("--dir", cls.path(policy), "run", "glyph", "--epochs", "12", "--seed", "3", "--study",
                        cls.path("study.h5"), "--recipe-set", "population.policy=" + policy, "--quiet", ranks=6)
        cls.study = open_study(cls.path("study.h5"))
        cls.addClassCleanup(cls.study.close)

    def test_they_have_curves_and_a_champion_but_no_segments(self):
        self.assertEqual(list(self.study.runs()["policy"]), ["halving", "pbt"])
        self.assertEqual(len(self.study.segments()) + len(self.study.gain()) + len(self.study.paid()), 0)
        for label in self.study.labels:
            way = self.study.champion_path(label)
            result = self.study.runs().set_index("run").loc[label, "result_val"]
            self.assertLessEqual(result, way["loss"].min() + 1e-9)      # it may lie inside of a piece
            self.assertAlmostEqual(result, self.study.curves(label)["value"].min())
            self.assertEqual(int(self.study.lineage(label)["on_path"].sum()), len(way))

    def test_wall_epochs_of_curves_are_those_of_the_lineage(self):
        for label in self.study.labels:
            c, l = self.study.curves(label), self.study.lineage(label)
            found = c.groupby("replica")["t"].max()
            told = l.groupby("replica")["t1"].max()
            self.assertTrue(np.allclose(found, told.reindex(found.index), atol=1.01), (found, told))


class Independent(Case):
    """Two runs in one directory."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for seed in ("1", "2"):
            cls.hottune("--dir", cls.path("run"), "run", "glyph", "--recipe", INDEPENDENT, "--epochs", "10", "--seed", seed,
                        "--quiet", ranks=4)
        cls.study = open_study(cls.path("run"))
        cls.addClassCleanup(cls.study.close)

    def lines(self, name):
        with open(self.path("run/" + name), encoding="utf-8") as f:
            return [json.loads(line) for line in f]

    def test_segments_are_those_of_the_log(self):
        logged = [s for s in self.lines("hotcb.tune.segments.jsonl")]
        s = self.study.segments()
        self.assertEqual(len(logged), len(s))
        self.assertTrue(np.allclose(sorted(x["score_delta"] for x in logged), sorted(s["score"])))
        r = self.study.runs()
        for decision in SUMS:
            self.assertEqual(int((s["decision"] == decision).sum()), int(r[decision].sum()), decision)

    def test_knobs_go_on_from_one_mutation_to_the_next(self):
        for label in self.study.labels:
            k = self.study.knobs(label)
            self.assertGreater(len(k), 0)
            for _, of in k.groupby(["replica", "knob"]):
                of = of.sort_values("t0", kind="stable")
                self.assertTrue(np.allclose(of["t1"].iloc[:-1], of["t0"].iloc[1:]))
            m = self.study.mutations(label)
            self.assertTrue(np.allclose(m["value"], m["value_before"] * m["factor"]))

    def test_without_controls_nobody_can_tell_whether_a_mutation_helped(self):
        p = self.study.paid()
        self.assertEqual(set(p["against"]), {"before"})
        self.assertTrue(p["p_helped"].isna().all())

    def test_utilisation_is_read_from_the_log_of_the_directory(self):
        u = self.study.utilisation(-1)
        self.assertEqual(list(u["source"]), ["log"] * 3)
        self.assertTrue(((u["busy"] > 0) & (u["busy"] <= 1)).all())
        self.assertTrue((u["epochs"] == 10).all())


if __name__ == "__main__":
    main()
