#!/bin/bash
# A run that needs three times the time of its job finishes over requeues, by itself, and decides what it would have
# decided in one piece. (Slurm counts minutes: mostly this waits.)
. "$(dirname "$0")/cluster.sh"
cluster 2
paced=$2
epochs=60

it "a run of 180 seconds in jobs of 60 finishes"
submit run --replicas 4 --nodes 2 --time 1 --max-requeues 20 -- "$paced" $epochs 3 7
ends "$job" COMPLETED 1200
restarts=$(job_says "$job" Restarts)
[ "$restarts" -ge 3 ] || fail "it was started $restarts times again, not 3"
cp "$log" out
prints 'restart 3 of at most 20'
prints 'goes on from checkpoint'
prints 'the run is finished'
echo "$restarts requeues"

it "it left in time: no start was ended by Slurm"
[ "$(grep -c 'CANCELLED .* DUE TO TIME LIMIT' out)" = 0 ] || fail "a start ran out of time"
json_lines 'sum(e["event"] == "requeue" for e in l) >= 3' run/hottune.job.jsonl

it "its logs of decisions are those of a run that was not interrupted"
export HOTTUNE_JOB_DIR=$work/whole
mpirun --oversubscribe --bind-to none -n 5 "$paced" $epochs 0 7 >champion 2>err || fail "the whole run fails"
python3 - "$here/../crash" run whole >out 2>err <<'PY' || fail "they differ"
import sys
sys.path.insert(0, sys.argv[1])
import harness
one, other = harness.decisions(sys.argv[2]), harness.decisions(sys.argv[3])
why = harness.first_difference(one, other)
print(why or {name: len(lines) for name, lines in one.items()})
sys.exit(why is not None or not all(one.values()))
PY
cat out
[ "$(grep '^champion: ' "$log")" = "$(cat champion)" ] || fail "another champion"
