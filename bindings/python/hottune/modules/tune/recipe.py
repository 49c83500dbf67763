"""evolve_recipe, where scripts for hotcb look for it."""
from ...recipe import evolve_recipe

__all__ = ["evolve_recipe"]
