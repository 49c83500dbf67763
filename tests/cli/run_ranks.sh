#!/bin/bash
# `hottune run` on several ranks: rank 0 coordinates, the others train.
. "$(dirname "$0")/check.sh"
starts_mpi

it "two replicas train under one coordinator and end with one table"
ranks 3 run glyph --recipe "$independent" --epochs 6 --dir one
exits 0
prints 'glyph, 2 replicas x 6 epochs, files in one'
[ "$(grep -c '  champion  ' out)" = 1 ] || fail "not one table"
json_lines '{x["replica"] for x in l} == {0, 1}' one/hotcb.tune.segments.jsonl
json_lines 'len({x["segment_id"] for x in l}) == len(l)' one/hotcb.tune.segments.jsonl
json 'o["final"] is True' one/hotcb.tune.summary.json

it "--json on ranks is one object; --compare trains every replica without the tuner, too"
ranks 3 run glyph --recipe "$independent" --epochs 6 --dir two --compare --json
exits 0
json 'o["replicas"] == 2 and o["result"]["replica"] in (0, 1) and o["baseline"]["replica"] in (0, 1)'
json 'all(0 < o[row][key] < 10 for row in ("result", "baseline") for key in ("val_loss", "test_loss"))'
json 'o["accepted"] + o["rejected"] > 0'
json 'o["baseline"]["val_loss"] > 0 and o["baseline"]["epochs"] == 12' two/hottune.run.json

it "the static default of several replicas is the best of them: not worse than replica 0 alone"
cp out ranks.json
try run glyph --recipe "$independent" --epochs 6 --dir three --mode off --json
alone=$(python3 -c 'import json; print(json.load(open("out"))["result"]["val_loss"])')
json "o['baseline']['val_loss'] <= $alone" ranks.json

it "a replica of two ranks is one training"
ranks 3 run glyph --recipe "$independent" --epochs 3 --dir four --ranks-per-replica 2 --json
exits 0
json 'o["replicas"] == 1 and o["ranks_per_replica"] == 2 and 0 < o["result"]["val_loss"] < 10'
json_lines '{x["replica"] for x in l} == {0}' four/hotcb.metrics.jsonl

it "two ranks are one replica beside the coordinator"
ranks 2 run glyph --recipe "$independent" --epochs 2 --json --dir five
exits 0
json 'o["replicas"] == 1'
