"""Recipes as objects: the library checks, normalises and evolves them."""
import math
import os
import unittest

from case import RECIPE, Case

import hottune
from hottune import TuneRecipe, evolve_recipe

WON = {"win_rates": {"opt:lr_mult": 0.75}, "mean_scores": {"opt:lr_mult": 0.1}, "win_centers": {"opt:lr_mult": 0.5},
       "win_counts": {"opt:lr_mult": 3}}


def center(recipe):
    return recipe.to_dict()["actuators"]["opt"]["mutations"]["lr_mult"]["prior_center"]


class Recipe(Case):
    def test_a_dict_becomes_whole_and_stays_the_same(self):
        recipe = TuneRecipe.from_dict(RECIPE)
        fields = recipe.to_dict()
        self.assertEqual(fields["objective"], {"primary": "val/loss", "mode": "min", "backup_metrics": []})
        self.assertEqual(fields["search"]["startup_trials"], 8)
        self.assertIs(type(fields["version"]), int)
        self.assertEqual(TuneRecipe.from_dict(fields), recipe)
        fields["version"] = 7
        self.assertEqual(recipe.to_dict()["version"], 1)        # a copy

    def test_files_and_texts_are_read_and_written(self):
        path = os.path.join(self.folder.name, "r.json")
        recipe = TuneRecipe.from_text("objective: {mode: max}\n")
        recipe.save(path)
        self.assertEqual(TuneRecipe.load(path), recipe)

    def test_what_is_wrong_is_named(self):
        for fields, text in (({"objective": {"mode": "best"}}, "objective.mode"), ({"serach": {}}, "search"),
                             ({"search": {"startup_trials": -1}}, "search.startup_trials"),
                             ({"acceptance": {"epsilon": math.nan}}, "JSON compliant"), ({"search": object()}, "JSON")):
            with self.subTest(text), self.assertRaisesRegex(hottune.FormatError, text):
                TuneRecipe.from_dict(fields)
        with self.assertRaisesRegex(hottune.InvalidArgument, "a dict is needed"):
            TuneRecipe.from_dict([])

    def test_a_recipe_moves_towards_what_won(self):
        base = TuneRecipe.from_dict(RECIPE)
        before = base.to_dict()
        self.assertAlmostEqual(center(evolve_recipe(base, [WON], alpha=0.3)), 0.5 ** 0.3, 12)
        self.assertAlmostEqual(center(evolve_recipe(base, [WON, WON], alpha=0.5)), 0.5 ** 0.75, 12)
        self.assertEqual(base.to_dict(), before)

    def test_runs_that_won_little_or_say_too_little_move_nothing(self):
        for summary in ({**WON, "win_rates": {"opt:lr_mult": 0.5}}, {**WON, "mean_scores": {"opt:lr_mult": 0.0}},
                        {k: v for k, v in WON.items() if k != "win_centers"}, {**WON, "win_rates": {"loss:x": 1.0}}, {}):
            with self.subTest(summary):
                self.assertEqual(center(evolve_recipe(RECIPE, [summary])), 1.0)
        with self.assertRaises(hottune.InvalidArgument):
            evolve_recipe(RECIPE, [WON], alpha=1.5)


if __name__ == "__main__":
    unittest.main()
