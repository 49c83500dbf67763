"""What several runs taught goes into the next recipe, as users of hotcb do it."""
import json
import sys

from hotcb.modules.tune.recipe import evolve_recipe
from hotcb.modules.tune.schemas import TuneRecipe


def main(recipe, evolved, *summaries):
    with open(recipe, encoding="utf-8") as f:
        base = TuneRecipe.from_dict(json.load(f))
    runs = []
    for path in summaries:
        with open(path, encoding="utf-8") as f:
            runs.append(json.load(f))
    learned = evolve_recipe(base, runs, alpha=0.3)
    with open(evolved, "w", encoding="utf-8") as f:
        json.dump(learned.to_dict(), f)
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
