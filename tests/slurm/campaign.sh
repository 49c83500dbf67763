#!/bin/bash
# A chain of three generations of four populations: one study holds all runs, and each generation begins with the recipe
# that those before have evolved, which the study shows.
. "$(dirname "$0")/cluster.sh"
cluster 2

it "a chain of arrays finishes"
try --dir 'a chain' submit --replicas 2 --array 4 --chain 3 --time 20 -- run glyph --epochs 12 --seed 3
done_quietly
last=$(sed -n 's/^Jobs [0-9,]*,\([0-9]*\): .*/\1/p' out)
within 900 over "$last"
try --dir 'a chain' status
exits 0
prints_line '12 of 12 runs are finished'

it "one study holds all runs, no seed came twice"
try study export 'a chain/study.h5' --format json --out study.json
exits 0
json 'sorted(r["seed"] for r in o["tables"]["runs"]) == list(range(3, 15))' study.json
json 'all(r["ended"] > 0 for r in o["tables"]["runs"])' study.json
try study check 'a chain/study.h5'
exits 0

it "each generation began with its recipe, and that came of all runs before"
for g in 1 2 3; do
    "$hottune" recipe show "a chain/gen-$g/recipe.yaml" >"recipe-$g" || fail "gen-$g has no recipe"
done
cat >lineage.py <<'PYTHON'
import json, re, sys
study = json.load(open("study.json"))
runs = sorted(study["tables"]["runs"], key=lambda r: r["seed"])     # four of a generation have seeds in a row
for i, run in enumerate(runs):
    g = i // 4 + 1
    base = study["texts"]["/runs/%s/base_recipe" % run["id"]]
    came = re.search(r"^  from: \[(.*)\]$", base, re.M)
    came = set(came.group(1).split(", ")) if came else set()
    if base != open("recipe-%d" % g).read():
        sys.exit("%s did not begin with the recipe of generation %d" % (run["id"], g))
    if came != {r["id"] for r in runs[:4 * (g - 1)]}:
        sys.exit("the recipe of generation %d came of %s" % (g, sorted(came)))
PYTHON
python3 lineage.py >err 2>&1 || fail "lineage"

it "a generation that fails ends the chain"
try --dir failing submit --replicas 2 --chain 2 -- /bin/false
done_quietly
first=$(sed -n 's/^Jobs \([0-9]*\),.*/\1/p' out)
ends "$first" FAILED 300
ends $((first + 1)) CANCELLED 120
ends $((first + 2)) CANCELLED 120
try --dir failing status
exits 0
[ "$(grep -c -E 'failed|cancelled' out)" = 3 ] || fail "status does not tell"
