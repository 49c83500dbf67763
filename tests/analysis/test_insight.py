"""Intervals against textbooks, and effects that were put into a made-up study are found in it."""
import numpy as np
import pandas as pd
from case import Case, main

from hottune_analysis import open_study
from hottune_analysis.insight import paid
from hottune_analysis.stats import beta_cdf, best_of, t_cdf, t_interval, t_quantile, wilson

# Student, "The probable error of a mean", Biometrika 1908: hours of sleep gained by one drug over the other.
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, .8, 4.6, 1.4])


def mutations(score, segment, run="r1", family="opt:lr_mult", x=None):
    n = len(score)
    return pd.DataFrame({"run": run, "row": np.arange(n), "segment": segment, "family": family, "knob": "opt.lr",
                         "phase": "mid", "score": score, "accepted": np.asarray(score) > 0,
                         "log_factor": np.ones(n) if x is None else x})


class Stats(Case):
    def test_students_interval_of_students_own_data(self):
        mean, lo, hi, p = t_interval(SLEEP)
        self.assertAlmostEqual(mean, 1.58)
        self.assertAlmostEqual(lo, .7001142, places=5)
        self.assertAlmostEqual(hi, 2.4598858, places=5)
        self.assertAlmostEqual(1 - p, .0028329 / 2, places=6)      # half of the two-sided p value

    def test_quantiles_of_t_are_those_of_tables(self):
        for freedom, q in ((1, 12.7062), (4, 2.77645), (30, 2.04227), (1000, 1.96234)):
            self.assertAlmostEqual(t_quantile(.975, freedom), q, places=3)
            self.assertAlmostEqual(t_cdf(q, freedom), .975, places=5)
        self.assertAlmostEqual(beta_cdf(.5, 2, 3), .6875)

    def test_wilsons_interval_is_that_of_the_library(self):
        for got, told in zip(wilson(14, 41), (.34146341, .21558617, .49450446)):
            self.assertAlmostEqual(got, told, places=7)

    def test_the_best_of_n_is_bloms(self):
        self.assertEqual(best_of(1), 0)
        self.assertAlmostEqual(best_of(2), .5642, delta=.03)
        self.assertAlmostEqual(best_of(8), 1.4236, delta=.011)      # of the exact value

    def test_one_value_has_no_interval_and_none_has_no_mean(self):
        self.assertTrue(np.isnan(t_interval(np.array([1.]))[1]))
        self.assertTrue(np.isnan(t_interval(np.array([]))[0]))


class Paid(Case):
    def test_a_segment_counts_once_however_many_mutants_it_has(self):
        m = mutations(np.repeat(SLEEP, 3), np.repeat(np.arange(10), 3))
        row = paid(m, "r1", True).iloc[0]
        self.assertEqual((row["n"], row["segments"], row["wins"]), (30, 10, 27))
        self.assertAlmostEqual(row["lo"], .7001142, places=5)

    def test_equal_numbers_of_segments_of_two_runs_are_two_segments(self):
        m = pd.concat([mutations(SLEEP, np.arange(10)), mutations(SLEEP, np.arange(10), run="r2")])
        self.assertEqual(paid(m, "", True).iloc[0]["segments"], 20)

    def test_directions_are_told_apart(self):
        m = mutations(np.array([1., 2, -1, -2]), np.arange(4), x=np.array([.1, .2, -.1, -.2]))
        p = paid(m, "r1", True).set_index(["family", "phase", "direction"])["mean_score"]
        self.assertEqual(p[("opt:lr_mult", "", "up")], 1.5)
        self.assertEqual(p[("opt:lr_mult", "mid", "down")], -1.5)

    def test_a_diverged_mutant_counts_as_tried_not_as_scored(self):
        row = paid(mutations(np.array([1., np.nan, 2.]), np.arange(3)), "r1", True).iloc[0]
        self.assertEqual((row["n"], row["segments"], row["mean_score"]), (3, 2, 1.5))


class Mattered(Case):
    def test_the_knob_that_makes_the_score_is_found(self):
        with open_study(self.made(runs=2, replicas=32, segments=4000)) as study:    # score = .02 x of the first knob + noise
            m = study.which_knob_mattered().set_index("knob")
            self.assertEqual(m.index[0], "opt.lr")
            self.assertTrue(m.loc["opt.lr", "beyond_chance"])
            self.assertTrue(m.loc["opt.lr", "slope_lo"] < .02 < m.loc["opt.lr", "slope_hi"])
            for other in ("opt.weight_decay", "opt.dropout", "opt.aux"):
                self.assertLess(m.loc[other, "share"], .01)
                self.assertTrue(m.loc[other, "slope_lo"] < 0 < m.loc[other, "slope_hi"] or
                                abs(m.loc[other, "slope"]) < .003)
            self.assertTrue((m["share_lo"] <= m["share"]).all() and (m["share"] <= m["share_hi"]).all())

    def test_the_mutants_that_raised_it_paid(self):
        with open_study(self.made(runs=2, replicas=32, segments=4000)) as study:
            p = study.paid().set_index(["family", "phase", "direction"])
            up, down = p.loc[("opt:lr_mult", "", "up")], p.loc[("opt:lr_mult", "", "down")]
            self.assertGreater(up["lo"], 0)
            self.assertLess(down["hi"], 0)
            self.assertGreater(up["p_helped"], .999)

    def test_too_few_mutants_give_no_numbers(self):
        with open_study(self.made("few.h5", runs=1, replicas=8, segments=8)) as study:
            self.assertTrue(study.which_knob_mattered()["share"].isna().all())


if __name__ == "__main__":
    main()
