#!/bin/bash
# `hottune run` with the recipes that come along: all replicas are one population.
. "$(dirname "$0")/check.sh"
starts_mpi
ledger=run/hotcb.applied.jsonl
population=hotcb.population.jsonl

without_times() { sed 's/"wall_time":[^,}]*//; s/"seconds":[^,}]*//; s/,"sum":[^}]*//' "$1"; }

it "a pooled run says what it will do, ends with one table and keeps the account"
ranks 5 run charlm --epochs 12 --seed 3 --dir one
exits 0
prints 'policy: pooled ('
prints 'race: 8 start values to epoch 1'
[ "$(grep -c '  champion  ' out)" = 1 ] || fail "not one table"
json 'o["final"] is True and o["population"]["policy"] == "pooled"' one/hotcb.tune.summary.json
json 'len(o["population"]["schedule"]) > 1' one/hotcb.tune.summary.json
json_lines '{x["event"] for x in l} >= {"champion", "rung", "race"} and all("wall" in x for x in l)' one/$population
json_lines 'len({x["segment_id"] for x in l}) == len(l) > 0' one/hotcb.tune.segments.jsonl

it "its study, its part and its directory are whole, and a recipe evolves from them"
try study check one --quiet
done_quietly
try recipe evolve --base "$here/../../recipes/charlm.yaml" one one/study.h5 one/study.parts/*.h5 --out evolved.yaml
done_quietly
prints '(1 run,'
try study show one/study.h5 --json
json 'len(o["best"]["schedule"]) > 1 and all("opt.lr" in x for x in o["best"]["schedule"])'

it "with a barrier the same seed gives the same run"
for dir in a b; do
    ranks 5 run charlm --epochs 12 --seed 5 --dir $dir --recipe-set population.sync=barrier --json
    exits 0
    jq '.result | del(.wall_s, .train_s_per_replica, .training_cpu_s)' out >$dir.result
done
cmp -s a.result b.result || fail "the results differ"
for log in $population hotcb.tune.mutations.jsonl hotcb.tune.segments.jsonl; do
    [ -s a/$log ] && [ "$(without_times a/$log)" = "$(without_times b/$log)" ] || fail "$log differs"
done

it "the second run in a study begins with what the first one found"
ranks 5 run charlm --epochs 12 --seed 3 --dir next --study chain.h5 --json
exits 0
jq -r '.population.schedule[-1].knobs["opt.lr"]' next/hotcb.tune.summary.json >/dev/null || fail "no schedule"
found=$(jq -r '.population.learned.lessons[] | select(.key == "lr_mult" and .phase == "").mean' next/hotcb.tune.summary.json)
ranks 5 run charlm --epochs 12 --seed 4 --dir next --study chain.h5
exits 0
prints 'knob opt.lr: starts at'
prints "(the recipe's start)"
prints ' per replica, about the known start; takes '
python3 - "$found" next/hotcb.tune.recipe.effective.json <<'END' || fail "it starts elsewhere"
import json, sys
lr = json.load(open(sys.argv[2]))["actuators"]["opt"]["mutations"]["lr_mult"]
assert abs(lr["start"] / float(sys.argv[1]) - 1) < 1e-9 and lr["sigma"] == 0.7, lr
END
try recipe evolve --base "$here/../../recipes/charlm.yaml" chain.h5 --out study.yaml
done_quietly
try recipe evolve --base "$here/../../recipes/charlm.yaml" next --out directory.yaml
done_quietly
grep -q 'sigma: ' study.yaml && grep -q 'sigma: ' directory.yaml || fail "no start was learned"

it "every policy comes to an end, and says its name"
for policy in halving pbt random static; do
    ranks 5 run charlm --epochs 12 --seed 1 --dir $policy --recipe-set population.policy=$policy
    exits 0
    prints "policy: $policy ("
    json "o['population']['policy'] == '$policy'" $policy/hotcb.tune.summary.json
done

it "one process alone is a population of one"
try run charlm --epochs 12 --dir alone --json
exits 0
json 'o["replicas"] == 1 and 0 < o["result"]["val_loss"] < 10 and o["result"]["epochs_trained"] == 12'
json 'o["population"]["policy"] == "pooled"' alone/hotcb.tune.summary.json

it "a replica of two ranks is one member"
ranks 5 run charlm --epochs 6 --ranks-per-replica 2 --dir pairs --json
exits 0
json 'o["replicas"] == 2 and 0 < o["result"]["val_loss"] < 10'

it "in the modes that change nothing the replicas are for themselves, and train all their epochs"
for mode in observe suggest off; do
    ranks 3 run charlm --epochs 4 --mode $mode --dir $mode --json
    exits 0
    json 'o["result"]["epochs_trained"] == 8 and o["accepted"] + o["rejected"] == 0'
    json '"population" not in o'
    grep -qF "not pooled, each replica is for itself: mode $mode" $mode/events.log || fail "nobody says why"
done

it "a mode in hotcb.yaml counts from the start"
mkdir yaml && printf 'tune: {mode: observe}\n' >yaml/hotcb.yaml
ranks 3 run charlm --epochs 4 --dir yaml
exits 0
grep -qF 'not pooled' yaml/events.log || fail "pooled against hotcb.yaml"

# ---- commands from another terminal -------------------------------------------------------------

answered() {        # OP DECISION N, as in live.sh
    [ "$(jq -c "select(.op == \"$1\" and .decision == \"$2\")" "$ledger" | wc -l)" -ge "$3" ]
}
windows() { [ "$(wc -l <run/hotcb.metrics.jsonl)" -ge "$1" ]; }
made() { [ "$(wc -l <run/hotcb.tune.mutations.jsonl)" -gt "$1" ]; }
count() { wc -l <run/hotcb.tune.mutations.jsonl; }
pass_epochs() { soon windows $(($(wc -l <run/hotcb.metrics.jsonl) + $1)); }

mpirun --oversubscribe -n 5 "$hottune" run charlm --epochs 100000 --dir run --quiet --recipe-set \
    "acceptance.horizon=val_epochs:1 population.race.per_replica=0 population.tournament.islands=1" \
    >run.out 2>run.err </dev/null &
started="$started $!"

it "disable calms the population, which trains on; enable lets it mutate again"
soon test -s run/hotcb.tune.mutations.jsonl
try --dir run disable
done_quietly
soon answered disable applied 1
pass_epochs 20                          # those on their way are judged
before=$(count)
pass_epochs 60
[ "$(count)" = "$before" ] || fail "there are mutants"
try --dir run enable
soon answered enable applied 1
soon made "$before"

it "so do freeze modes"
try --dir run freeze --mode prod
done_quietly
try --dir run set acceptance.epsilon=0.5
soon answered set ignored_freeze 1
pass_epochs 20
before=$(count)
pass_epochs 60
[ "$(count)" = "$before" ] || fail "there are mutants"
try --dir run freeze --mode off
soon made "$before"

it "what a pooled run has fixed is refused with a reason"
try --dir run set acceptance.epsilon=0.5
soon answered set failed 1
echo '{"module": "opt", "op": "set_params", "params": {"lr": 0.5}}' >>run/hotcb.commands.jsonl
soon answered set_params failed 1
json_lines 'all(x["error"].startswith("pooled_run: ") for x in l if x["decision"] == "failed")' $ledger
json 'o["acceptance"]["epsilon"] != 0.5' run/hotcb.tune.recipe.effective.json
before=$(count)
soon made "$before"
