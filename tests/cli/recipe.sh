#!/bin/bash
# The verbs that work on recipes.
. "$(dirname "$0")/check.sh"

it "the recipes that come with the program are valid"
for recipe in "$here"/../../recipes/*.yaml; do
    try recipe validate "$recipe"
    done_quietly
    prints "Recipe $recipe: "
    prints ' families, valid.'
done

it "validate lists every fault with its place"
cat >wrong.yaml <<'END'
version: 1
objectve: {primary: val/loss}
actuators:
  opt:
    mutations:
      lr_mult: {bounds: [.nan, 1.2], cooldown: -1}
END
try recipe validate wrong.yaml
exits 2
prints_nothing
[ "$(grep -c '^hottune: wrong.yaml:' err)" -ge 3 ] || fail "not every fault"
grep -qF "objectve: unknown field; nearest is 'objective'" err || fail "no nearest name"
grep -qF 'actuators.opt.mutations.lr_mult.bounds' err || fail "the path is missing"
try recipe validate --recipe wrong.yaml --json
exits 2
json 'o["valid"] is False and len(o["faults"]) >= 3'

it "what is no YAML at all is refused with line and column"
printf 'version: 1\n\tobjective: {}\n' >tab.yaml
try recipe validate tab.yaml
refuses 2 'tab.yaml:2'
printf 'version: [1\n' >open.yaml
try recipe show open.yaml
refuses 2 'open.yaml'
head -c 3000 /dev/urandom >noise.yaml
try recipe validate noise.yaml
exits 2
try recipe validate nowhere.yaml
refuses 2 'nowhere.yaml'
try recipe validate .
[ "$code" = 1 ] || [ "$code" = 2 ] || fail "a directory is taken for a recipe"

it "without a file, the recipe of the directory is meant"
mkdir run
try --dir run recipe validate
refuses 2 "'run' has no hotcb.tune.recipe.yaml"
cp "$independent" run/hotcb.tune.recipe.yaml
try --dir run recipe validate
done_quietly
prints 'Recipe run/hotcb.tune.recipe.yaml: '

it "show prints a form that shows itself unchanged, as YAML and as JSON"
"$hottune" recipe show "$independent" >shown.yaml
"$hottune" recipe show shown.yaml >again.yaml
cmp -s shown.yaml again.yaml || fail "YAML changes"
"$hottune" recipe show "$independent" --json >shown.json
json 'o["search"]["algorithm"] == "tpe" and o["safety"]["block_on_nan"] is True' shown.json
try recipe diff shown.yaml shown.json
done_quietly
prints_line 'no difference'

it "diff prints each value that differs"
sed 's/epsilon: 0.001/epsilon: 0.5/' "$independent" >other.yaml
try recipe diff "$independent" other.yaml
done_quietly
prints_line 'acceptance.epsilon: 0.001 -> 0.5'
[ "$(wc -l <out)" = 1 ] || fail "more than one line"
try recipe diff "$independent" nowhere.yaml
refuses 2 'nowhere.yaml'

it "doc tells of every field"
try recipe doc
done_quietly
for field in acceptance.epsilon safety.block_on_nan search.startup_trials objective.primary; do prints "$field"; done

it "evolve moves centres towards what won, and takes each run once"
summary() {
    printf '{"run": "r1", "win_rates": {"opt:lr_mult": %s}, "mean_scores": {"opt:lr_mult": 0.01}, "win_centers": {"opt:lr_mult": 0.8}, "win_counts": {"opt:lr_mult": 4}}\n' "$1"
}
summary 0.75 >one.json
summary 0.25 >lost.json
mkdir two
summary 0.75 >two/hotcb.tune.summary.json
try recipe evolve --base "$independent" one.json --out evolved.yaml
done_quietly
prints 'Wrote evolved recipe -> evolved.yaml (1 run,'
"$hottune" recipe diff "$independent" evolved.yaml >out
prints 'actuators.opt.mutations.lr_mult.prior_center: 1.0 -> 0.935'
try recipe evolve --base evolved.yaml one.json --out same.yaml
done_quietly
prints '0 values changed: no family of a new run won more than half of its trials'
cmp -s evolved.yaml same.yaml || fail "the same run counted twice"
try recipe evolve --base "$independent" one.json two --out both.yaml
done_quietly
"$hottune" recipe diff "$independent" both.yaml >out
prints 'prior_center: 1.0 -> 0.89'
try recipe evolve --base "$independent" lost.json
done_quietly
cp out unmoved.yaml
"$hottune" recipe diff "$independent" unmoved.yaml >out
! grep -q 'prior_center' out || fail "a loser moved a centre"

it "evolve gives the same recipe whatever the order of its sources, and however many read them"
for i in 1 2 3 4 5 6 7; do
    printf '{"study_run": "host-9-%d-r1", "win_rates": {"opt:lr_mult": 0.75}, "mean_scores": {"opt:lr_mult": 0.01}, "win_centers": {"opt:lr_mult": 0.%d}, "win_counts": {"opt:lr_mult": 4}}\n' $((1000 - i)) $((9 - i)) >many$i.json
done
"$hottune" recipe evolve --base "$independent" many[1-7].json --readers 1 >first.yaml
grep -qF 'from: [host-9-993-r1, host-9-994-r1, host-9-995-r1, ' first.yaml || fail "not in the order in which they started"
for readers in 2 3 7 16; do
    "$hottune" recipe evolve --base "$independent" many7.json many[1-6].json many3.json --readers $readers >other.yaml
    cmp -s first.yaml other.yaml || fail "another recipe with $readers readers"
done
try recipe evolve --base "$independent" many[1-7].json nowhere.json nor-there.json --readers 3
refuses 2 'nowhere.json'
prints_nothing

it "diff says on what evidence an evolved recipe differs"
learned='{"champion": 2.5, "origin": "unknown", "lessons": [{"actuator": "opt", "key": "lr_mult", "phase": "early", "mean": 0, "factor": 0.8, "spread": 0.1, "n": 8, "wins": 4, "fresh": 0, "fresh_wins": 0}]}'
printf '{"study_run": "host-9-1-r1", "population": {"learned": %s}}\n' "$learned" >pooled.json
printf '{"study_run": "host-9-2-r1", "population": {"learned": %s}}\n' "${learned/2.5/2.25}" >better.json
"$hottune" recipe evolve --base "$independent" pooled.json --out before.yaml --quiet
"$hottune" recipe evolve --base before.yaml better.json --out after.yaml --quiet
try recipe diff before.yaml after.yaml
exits 0
primary=$("$hottune" recipe show "$independent" --json | jq -r .objective.primary)
prints 'evidence: 1 run: host-9-2-r1'
prints "evidence: best $primary 2.5 before, 2.25 now"
prints 'evidence: opt:lr_mult, phase early: 16 observations (8 before), effective sample size 3.4 (2 before)'
try recipe diff after.yaml after.yaml
prints 'no difference'

it "evolve refuses what it cannot read, and writes nothing"
try recipe evolve --base "$independent" nowhere.json --out no.yaml
refuses 2 'nowhere.json'
echo 'not json' >bad.json
try recipe evolve --base "$independent" one.json bad.json --out no.yaml
refuses 2 'bad.json'
printf '\211HDF\r\n\032\n and then noise' >bad.h5
try recipe evolve --base "$independent" bad.h5 --out no.yaml
[ "$code" = 1 ] || [ "$code" = 2 ] || fail "a damaged study is taken"
grep -qF 'bad.h5' err || fail "the message lacks the file"
echo garbage >garbage.h5
try recipe evolve --base "$independent" garbage.h5 --out no.yaml
refuses 2 "'garbage.h5' is no HDF5 file, or it is cut off or damaged"
try recipe evolve --base wrong.yaml one.json --out no.yaml
refuses 2 'wrong.yaml:6'
try recipe evolve --base "$independent" one.json --alpha=-0.1 --out no.yaml
refuses 2 "--alpha: '-0.1'"
[ ! -e no.yaml ] || fail "no.yaml was written"

it "a device or pipe is written to and stays what it is"
mkfifo pipe
cat pipe >through &
try recipe evolve --base "$independent" one.json --out pipe --quiet
done_quietly
wait
cmp -s through evolved.yaml || fail "other text came through"
[ -p pipe ] || fail "the pipe was replaced"
try recipe evolve --base "$independent" one.json --out /dev/full
refuses 1 "cannot write '/dev/full': No space left on device"
[ -c /dev/full ] || fail "the device was replaced"

it "export writes commands and mutations that stayed in force, of one replica, by step"
mkdir told
cat >told/hotcb.applied.jsonl <<'END'
{"seq": 1, "step": 10, "event": "train_batch_end", "module": "tune", "op": "enable", "id": null, "decision": "applied", "params": {}}
{"seq": 2, "step": 90, "event": "train_batch_end", "module": "opt", "op": "set_params", "id": "main", "decision": "applied", "params": {"lr": 0.5}}
{"seq": 3, "step": 91, "event": "train_batch_end", "module": "opt", "op": "set_params", "id": "main", "decision": "failed", "params": {}}
END
cat >told/hotcb.tune.mutations.jsonl <<'END'
{"mutation_id": "m_00001", "step": 5, "actuator": "opt", "patch": {"op": "lr_mult", "value": 0.5}, "status": "accepted", "run": "r1", "replica": 0}
{"mutation_id": "m_00002", "step": 40, "actuator": "opt", "patch": {"op": "lr_mult", "value": 0.9}, "status": "applied", "run": "r2", "replica": 1}
{"mutation_id": "m_00003", "step": 40, "actuator": "opt", "patch": {"op": "lr_mult", "value": 0.7}, "status": "accepted", "run": "r2", "replica": 0}
{"mutation_id": "m_00002", "step": 40, "actuator": "opt", "patch": {"op": "lr_mult", "value": 0.9}, "status": "accepted", "run": "r2", "replica": 1}
{"mutation_id": "m_00004", "step": 80, "actuator": "loss", "patch": {"op": "mult", "key": "aux", "value": 2}, "status": "rolled_back", "run": "r2", "replica": 1}
{"mutation_id": "m_00005", "step": 120, "actuator": "loss", "patch": {"op": "mult", "key": "aux", "value": 1.5}, "status": "accepted", "run": "r2", "replica": 1}
{"mutation_id": "m_0
END
echo '{"run": "r2"}' >told/hotcb.tune.summary.json
try --dir told recipe export --replica 1 --out ops.jsonl
exits 0
[ "$(grep -c . err)" = 1 ] && grep -qF "'hotcb.tune.mutations.jsonl': line 7 is no JSON object, and is not used" err ||
    fail "the line that is damaged is not named"
prints_line 'Exported recipe with 3 entries -> ops.jsonl'
json_lines '[x["at"]["step"] for x in l] == [40, 90, 120]' ops.jsonl
json_lines 'l[0]["params"] == {"actuator": "opt", "patch": {"op": "lr_mult", "value": 0.9}} and l[0]["op"] == "mutate"' ops.jsonl
json_lines 'l[1]["module"] == "opt" and l[1]["id"] == "main" and l[1]["params"] == {"lr": 0.5}' ops.jsonl
json_lines 'l[2]["params"]["patch"] == {"op": "mult", "key": "aux", "value": 1.5}' ops.jsonl
try recipe validate ops.jsonl
done_quietly
prints_line 'Recipe ops.jsonl: 3 entries, valid.'
try --dir told recipe export
prints_line 'Exported recipe with 2 entries -> told/hotcb.recipe.jsonl'
echo '{"run": "r2"' >told/hotcb.tune.summary.json
try --dir told recipe export --out ops.jsonl
refuses 2 'told/hotcb.tune.summary.json'
mkdir nothing
try --dir nothing recipe export
refuses 2 "'nothing' has neither"

it "validate names the line of an operation recipe that is wrong"
printf '%s\n' '{"at": {"step": 1}, "module": "tune", "op": "mutate"}' '{"at": {}, "module": "tune", "op": "x"}' '' \
    '{"at": {"step": 1}, "module": "foo", "op": "x"}' 'noise' >wrong.jsonl
try recipe validate wrong.jsonl
exits 2
grep -qxF 'hottune: wrong.jsonl:2: at.step: missing, or no number' err || fail "line 2"
grep -qF 'wrong.jsonl:4: module: unknown' err || fail "line 4"
grep -qF 'wrong.jsonl:5: this is no JSON object' err || fail "line 5"
