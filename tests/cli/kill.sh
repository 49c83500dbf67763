#!/bin/bash
# A run that is killed at any moment leaves logs whose lines are whole, and a study that can be read.
. "$(dirname "$0")/check.sh"

# whole FILE: every line but a torn last one is a JSON object
whole() {
    [ ! -e "$1" ] || json_lines 'all(isinstance(x, dict) for x in l)' "$1"
}

it "20 runs killed at different moments leave whole files"
for i in $(seq 20); do
    dir=run$((i % 4))               # also over what an earlier killed run left
    "$hottune" run glyph --epochs 100000 --seed "$i" --dir "$dir" --quiet >out 2>err </dev/null &
    pid=$!
    started=$pid
    soon test -s "$dir/hotcb.tune.mutations.jsonl"
    lines=$(wc -l <"$dir/hotcb.metrics.jsonl")
    more() { [ "$(wc -l <"$dir/hotcb.metrics.jsonl")" -gt $((lines + i)) ]; }
    soon more
    kill -9 "$pid"
    wait "$pid" 2>/dev/null || true
    started=
    code=137
    for file in "$dir"/*.jsonl; do whole "$file"; done
    [ ! -e "$dir/hotcb.tune.summary.json" ] || json 'o["run"].startswith("r")' "$dir/hotcb.tune.summary.json"
    [ ! -e "$dir/study.h5" ] || h5dump -H "$dir/study.h5" >/dev/null || fail "the study cannot be read"
done

it "after all that a run ends well in the same directory"
for dir in run0 run1 run2 run3; do
    try run glyph --epochs 4 --dir $dir --json
    exits 0
    json '0 < o["result"]["val_loss"] < 10'
    try --dir $dir status
    done_quietly
    h5dump -H $dir/study.h5 >/dev/null || fail "the study cannot be read"
    try recipe evolve "$here/../../recipes/glyph.yaml" $dir/study.h5 --out evolved.yaml
    done_quietly
    json_lines 'len({(x["mutation_id"], x["status"]) for x in l}) == len(l)' $dir/hotcb.tune.mutations.jsonl
done

it "a killed rank ends the job, and the files are whole"
mpirun --oversubscribe -n 3 "$hottune" run glyph --epochs 100000 --dir ranks --quiet >out 2>err </dev/null &
pid=$!
started=$pid
soon test -s ranks/hotcb.tune.segments.jsonl
kill -9 "$(pgrep -P "$pid" | tail -n 1)"
wait "$pid" 2>/dev/null || true
for file in ranks/*.jsonl; do whole "$file"; done
