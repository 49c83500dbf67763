#!/bin/bash
# `hottune submit` of a run over two nodes: it finishes, and its summary is whole, whatever its files are called.
. "$(dirname "$0")/cluster.sh"
export TESTBED_GPUS=2
cluster 2
name="a run, it's \"quoted\" \$HOME %j #1"

it "a dry run is a script that shells take, and submits nothing"
try --dir "$name" submit --replicas 8 --nodes 2 --time 10 --dry-run -- run glyph --epochs 12 --seed 3
done_quietly
bash -n out || fail "bash does not take it"
if command -v shellcheck >/dev/null; then
    shellcheck out >err || fail "shellcheck does not take it: $(cat err)"
fi
[ -z "$(squeue -h)" ] || fail "something was submitted"
[ ! -e "$name" ] || fail "a directory was made"

it "8 replicas on 2 nodes finish"
submit "$name" --replicas 8 --nodes 2 --gpus-per-node 2 --time 10 -- run glyph --epochs 12 --seed 3
ends "$job" COMPLETED 240
[ "$(job_says "$job" ExitCode)" = 0:0 ] || fail "exit code $(job_says "$job" ExitCode)"
[ "$(job_says "$job" Restarts)" = 0 ] || fail "it was started again"
cp "$log" out
prints "job $job: 9 tasks on 2 nodes, n[0-1]"
prints 'glyph, 8 replicas x 12 epochs'
prints 'the run is finished'

it "the first lines say who runs where, and that devices are shared"
prints 'node n0: coordinator, replicas 0-3 on devices 0, 0, 1, 1;'
prints 'node n1: replicas 4-7 on devices 0, 0, 1, 1;'
prints 'warning: replicas 0 and 1 share device 0 on node n0'

it "the summary and the study are whole"
json 'o["run"] == "r1" and o["total_mutations"] > 0' "$name/hotcb.tune.summary.json"
try study check "$name"
exits 0
try study ls "$name/study.h5" --json
json '[r["state"] for r in o[0]["runs"]] == ["ended"] and o[0]["runs"][0]["replicas"] == 8'
segments=$(wc -l <"$name/hotcb.tune.segments.jsonl")
json "o[0]['runs'][0]['segments'] == $segments > 0"

it "status tells of it"
try --dir "$name" status
exits 0
prints "$job"
