"""Where scripts for hotcb look for recipes; what is in here stands in hottune.recipe."""
