#!/bin/bash
# A run that is killed at any moment leaves logs whose lines are whole, and a study that can be read.
. "$(dirname "$0")/check.sh"
starts_mpi

# whole DIR: every line of its logs but a torn last one is a JSON object, and so is its summary
whole() {
    python3 -c '
import glob, json, os, sys
for path in glob.glob(sys.argv[1] + "/*.jsonl"):
    for line in open(path).read().split("\n")[:-1]:
        assert isinstance(json.loads(line), dict), path
summary = sys.argv[1] + "/hotcb.tune.summary.json"
assert not os.path.exists(summary) or json.load(open(summary))["run"].startswith("r")' "$1" 2>err ||
        fail "a file in $1 is not whole"
    [ ! -e "$1/study.h5" ] || h5dump -H "$1/study.h5" >/dev/null || fail "the study in $1 cannot be read"
}

it "20 runs killed at different moments leave whole files"
for i in $(seq 20); do
    dir=run$((i % 4))               # also over what an earlier killed run left
    "$hottune" run glyph --recipe "$independent" --epochs 100000 --seed "$i" --dir "$dir" --new --quiet >out 2>err </dev/null &
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
    whole "$dir"
done

it "a killed run is told from a live one"
try --dir run0 status
done_quietly
prints 'ended without a close (killed?); process '
prints 'Live (as it was when it was last seen):'
try --dir run0 status --json
json 'o["process"]["state"] == "killed"'

it "what the killed run left in its logs is evidence, and goes into the study when the next run starts"
lost=$(grep -c '"run":"r5"' run0/hotcb.tune.segments.jsonl)
[ "$lost" -gt 0 ] || fail "the run closed no segment"
try recipe evolve --base "$here/../../recipes/glyph.yaml" run0 --out evolved.yaml
done_quietly
killed=$(jq .pid run0/hottune.lock)
touch "run0/study.h5.tmp.$killed.123456789"
try run glyph --epochs 2 --dir run0 --new --quiet
done_quietly
[ ! -e "run0/study.h5.tmp.$killed.123456789" ] || fail "a temporary file is still there"
grep -qF "r6 r5 was killed: $lost segments of its log are in the study now" run0/events.log || fail "nothing was taken over"

it "after all that a run ends well in the same directory"
for dir in run0 run1 run2 run3; do
    try run glyph --recipe "$independent" --epochs 4 --dir $dir --new --json
    exits 0
    json '0 < o["result"]["val_loss"] < 10'
    try --dir $dir status
    done_quietly
    prints ' ended; process '
    h5dump -H $dir/study.h5 >/dev/null || fail "the study cannot be read"
    try recipe evolve --base "$independent" $dir/study.h5 --out evolved.yaml
    done_quietly
    json_lines 'len({(x["mutation_id"], x["status"]) for x in l}) == len(l)' $dir/hotcb.tune.mutations.jsonl
done

it "a killed rank ends the job, and the files are whole"
mpirun --oversubscribe -n 3 "$hottune" run glyph --recipe "$independent" --epochs 100000 --dir ranks --quiet >out 2>err </dev/null &
pid=$!
started=$pid
soon test -s ranks/hotcb.tune.segments.jsonl
kill -9 "$(pgrep -P "$pid" | tail -n 1)"
wait "$pid" 2>/dev/null || true
whole ranks
