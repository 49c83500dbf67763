"""TuneRecipe and evolve_recipe, where scripts for hotcb look for them."""
from ...recipe import TuneRecipe, evolve_recipe

__all__ = ["TuneRecipe", "evolve_recipe"]
