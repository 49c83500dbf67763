"""TuneRecipe, where scripts for hotcb look for it."""
from ...recipe import TuneRecipe

__all__ = ["TuneRecipe"]
