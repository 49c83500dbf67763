#!/bin/bash
# `hottune run` in one process: one replica, coordinated in the same process.
. "$(dirname "$0")/check.sh"
starts_mpi
files='hotcb.tune.recipe.effective.json hotcb.tune.mutations.jsonl hotcb.tune.segments.jsonl hotcb.tune.summary.json
    hotcb.metrics.jsonl study.h5'

it "a run ends with a table that says what was not measured"
try run glyph --recipe "$independent" --epochs 6 --dir one
done_quietly
prints 'glyph, 1 replica x 6 epochs, files in one'
prints 'static default  not run (--compare)'
prints '  champion  '
prints 'mutations  '
prints '  files      one'
for file in $files; do [ -s "one/$file" ] || fail "$file is missing or empty"; done
json_lines 'l and all(x["status"] for x in l)' one/hotcb.tune.mutations.jsonl
json_lines 'l and all(x["decision"] for x in l)' one/hotcb.tune.segments.jsonl
json 'o["final"] is True and o["applied_mutations"] > 0' one/hotcb.tune.summary.json
try --dir one tune status
prints_line 'Mode: active'

it "--json prints one object with every number, and nothing else"
try run glyph --recipe "$independent" --epochs 6 --dir two --json --compare --seed 3
done_quietly
json 'o["workload"] == "glyph" and o["replicas"] == 1 and o["epochs"] == 6 and o["seed"] == 3'
json 'all(0 < o[row][key] < 10 for row in ("result", "baseline") for key in ("val_loss", "test_loss"))'
json 'all(0 <= o["result"][key] <= 1 for key in ("val_error", "test_error"))'
json 'o["accepted"] >= 0 and o["rejected"] >= 0 and o["accepted"] + o["rejected"] <= o["mutations"]'
json 'o["wall_s"] > 0 and o["train_s_per_replica"] > 0 and o["baseline"]["train_s_per_replica"] > 0'
json '1 <= o["result"]["epoch"] <= 6 and o["result"]["replica"] == 0'

it "what the table says of the champion is what the study keeps"
[ "$(h5dump study.h5 2>/dev/null | wc -l)" = 0 ] || fail "a study in the wrong place"
h5dump two/study.h5 >dump || fail "the study cannot be read"
grep -q 'result_val' dump || fail "no result in the study"

it "without --compare there is no baseline, and the champion is the same"
try run glyph --recipe "$independent" --epochs 6 --dir three --json --seed 3
json '"baseline" not in o'
cp out three.json
try run glyph --recipe "$independent" --epochs 6 --dir four --json --seed 3
for key in val_loss test_loss epoch; do
    a=$(python3 -c "import json; print(json.load(open('three.json'))['result']['$key'])")
    b=$(python3 -c "import json; print(json.load(open('out'))['result']['$key'])")
    [ "$a" = "$b" ] || fail "two runs of one seed differ: $key $a, $b"
done

it "--schedule cosine trains otherwise than a constant rate, --slow does not, and --nan spoils what follows"
for how in '' '--schedule constant' '--schedule cosine' '--slow 0:2' '--nan 0:2'; do
    try run glyph --recipe "$independent" --epochs 4 --dir "way$how" --mode off --json $how
    done_quietly
    json 'o["result"]["val_loss"] > 0'
    python3 -c "import json; r = json.load(open('out'))['result']; print(r['val_loss'], r['epoch'])" >"result$how"
done
cmp -s result 'result--schedule constant' || fail "a constant rate is not the default"
cmp -s result 'result--slow 0:2' || fail "slowness changed the result"
! cmp -s result 'result--schedule cosine' || fail "the schedule changed nothing"
[ "$(cut -d' ' -f2 'result--nan 0:2' | cut -d. -f1)" = 2 ] || fail "the best epoch is not the last healthy one"

it "--quiet leaves the table"
try run glyph --recipe "$independent" --epochs 2 --dir five --quiet
done_quietly
! grep -q 'files in' out || fail "a confirmation was printed"
prints 'champion'

it "in mode off nothing is changed: the champion is the static default"
try run glyph --recipe "$independent" --epochs 4 --dir six --mode off --compare --json
done_quietly
json 'o["mutations"] == 0 and o["result"]["val_loss"] == o["baseline"]["val_loss"]'
json 'o["result"]["test_loss"] == o["baseline"]["test_loss"] and o["result"]["epoch"] == o["baseline"]["epoch"]'

it "in mode observe nothing is changed, but all is seen"
try run glyph --recipe "$independent" --epochs 4 --dir seven --mode observe --compare --json
done_quietly
json 'o["mutations"] == 0 and o["result"]["val_loss"] == o["baseline"]["val_loss"]'
json_lines 'len(l) == 4' seven/hotcb.metrics.jsonl

it "without --dir, runs have directories of their own"
try run charlm --epochs 1
try run charlm --epochs 1
[ "$(ls -d runs/charlm-* | wc -l)" = 2 ] || fail "not two directories: $(ls runs)"

it "a second run in a directory goes on counting"
try run glyph --recipe "$independent" --epochs 4 --dir one
done_quietly
json 'o["run"] == "r2"' one/hotcb.tune.summary.json
json_lines 'len({x["mutation_id"] for x in l if x["run"] == "r1"} & {x["mutation_id"] for x in l if x["run"] == "r2"}) == 0' one/hotcb.tune.mutations.jsonl

it "the recipe of the directory wins over the workload's"
"$hottune" --dir eight init >/dev/null
sed 's/epsilon: 0.001/epsilon: 0.25/' "$independent" >eight/hotcb.tune.recipe.yaml
try run glyph --epochs 2 --dir eight
json 'o["acceptance"]["epsilon"] == 0.25' eight/hotcb.tune.recipe.effective.json

it "--recipe wins over both"
sed 's/epsilon: 0.001/epsilon: 0.125/' "$independent" >mine.yaml
try run glyph --epochs 2 --dir eight --recipe mine.yaml
json 'o["acceptance"]["epsilon"] == 0.125' eight/hotcb.tune.recipe.effective.json

it "a family that can never be tried is told of at the start"
sed '/lr_mult:/a\        risk: high' "$here/../../recipes/glyph.yaml" >risky.yaml
try run glyph --epochs 1 --dir risky --recipe risky.yaml --quiet
exits 0
grep -qF "opt:lr_mult will never be tried: its risk is high; say low or medium, or leave it out" err || fail "no warning"

it "--study collects runs, and recipes evolve from it"
try run glyph --recipe "$independent" --epochs 8 --dir s1 --study all.h5 --quiet
try run glyph --recipe "$independent" --epochs 8 --dir s2 --study all.h5 --quiet --seed 2
done_quietly
[ ! -e s1/study.h5 ] || fail "a second study"
try recipe evolve --base "$independent" all.h5 --out from_study.yaml
done_quietly
prints '(2 runs,'
try recipe evolve --base "$independent" s1 all.h5 s2 --out same.yaml
done_quietly
prints '(2 runs,'
"$hottune" recipe validate from_study.yaml >/dev/null || fail "it is not valid"

it "a log is replayed: the same values at the same steps"
try --dir two recipe export --out ops.jsonl
done_quietly
try run glyph --recipe "$independent" --epochs 6 --dir nine --mode replay --replay two/hotcb.tune.mutations.jsonl --seed 3
done_quietly
json_lines 'all(x["proposal_source"] == "replay" for x in l)' nine/hotcb.tune.mutations.jsonl

it "a file that is no study is refused and left alone"
echo 'not a study' >not.h5
try run glyph --recipe "$independent" --epochs 1 --dir ten --study not.h5 --quiet
refuses 2 'not.h5'
[ "$(cat not.h5)" = 'not a study' ] || fail "it was changed"

it "a disk that fills up is told of, and the training ends with its table all the same"
if small_disk 40k; then
    try run glyph --recipe "$independent" --epochs 30 --dir full/run
    exits 1
    grep -q "^hottune: warning: cannot write 'full/run/.*No space left on device; the run goes on" err || fail "no warning"
    grep -q "^hottune: cannot write 'full/run/" err || fail "no message at the end"
    prints '  champion  '
    umount "$work/full"
fi
