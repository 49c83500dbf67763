#!/bin/bash
# The verbs that work on the files of a run directory, without a run.
. "$(dirname "$0")/check.sh"

it "init makes the directory and its files, and keeps what is there"
try --dir a/b init
done_quietly
prints_line 'Wrote: a/b/hotcb.yaml'
prints_line 'Created: a/b/hotcb.commands.jsonl'
[ "$(cat a/b/hotcb.yaml)" = 'version: 1' ] || fail "hotcb.yaml"
echo 'tune: {mode: suggest}' >a/b/hotcb.yaml
try --dir a/b init
done_quietly
prints_line 'Exists: a/b/hotcb.yaml'
[ "$(cat a/b/hotcb.yaml)" = 'tune: {mode: suggest}' ] || fail "hotcb.yaml was replaced"

it "commands are queued one a line, with or without the word tune, options before or after"
mkdir run
try --dir run tune enable
done_quietly
prints_line 'queued tune enable'
try enable --mode=suggest --dir run
prints_line 'queued tune enable'
try disable --dir run
prints_line 'queued tune disable'
try --dir run set acceptance.epsilon=0.002 a=true b=007 c=1e-4 d=nan e='[1, 2]' f= acceptance.epsilon=3
prints_line 'queued tune set'
try --dir run set
refuses 2 'set: too few words; usage: hottune set PATH=VALUE ...'
cat >expected <<'END'
{"module":"tune","op":"enable","params":{"mode":"active"}}
{"module":"tune","op":"enable","params":{"mode":"suggest"}}
{"module":"tune","op":"disable","params":{}}
{"module":"tune","op":"set","params":{"a":true,"b":7,"c":0.0001,"d":"nan","e":[1,2],"f":"","acceptance.epsilon":3}}
END
sed 's/,"sum":"0-[0-9a-f]*"}$/}/' run/hotcb.commands.jsonl | diff -u expected - >out || fail "other commands"

it "--quiet confirms nothing, --json prints the command"
try --dir run --quiet disable
done_quietly
prints_nothing
try --dir run --json disable
json 'o == {"module": "tune", "op": "disable", "params": {}}'

it "a replay log is passed on by its whole path"
echo '{"mutation_id": "m_00001"}' >log.jsonl
try --dir run --json enable --mode replay --replay log.jsonl
json 'o["params"]["replay_path"].startswith("/") and o["params"]["replay_path"].endswith("/log.jsonl")'

it "set is checked against the recipe in force, and fails at once"
printf '%s\n' '{"version": 1}' >run/hotcb.tune.recipe.effective.json
before=$(cat run/hotcb.commands.jsonl)
try --dir run set acceptance.epsilom=1
refuses 2 'acceptance.epsilom'
try --dir run set acceptance.epsilon=nan
refuses 2 'acceptance.epsilon'
try --dir run set acceptance.epsilon=-1
refuses 2 'acceptance.epsilon'
[ "$before" = "$(cat run/hotcb.commands.jsonl)" ] || fail "a command was queued"
try --dir run set acceptance.epsilon=0.5 safety.max_global_reject_streak=9
done_quietly

it "a command says who will carry it out, or that it will be refused"
try --dir run enable
prints_line "no run lives in 'run': the next one that starts there takes it"
echo '{"mode": "prod"}' >run/hotcb.freeze.json
try --dir run disable
prints_line "the run is frozen (prod) and refuses commands; 'hottune freeze --mode off' lets them pass again"
rm run/hotcb.freeze.json

it "freeze looks for its files at once, in the run directory"
try --dir run freeze --mode replay --recipe ops.jsonl
refuses 2 "--recipe: cannot open 'run/ops.jsonl': No such file or directory; a relative path counts from the run directory"
try --dir run freeze --mode replay
refuses 2 '--mode replay: no operation recipe is given; add --recipe FILE'
echo noise >run/ops.jsonl
try --dir run freeze --mode replay --recipe ops.jsonl
refuses 2 "--recipe: run/ops.jsonl: line 1"
[ ! -e run/hotcb.freeze.json ] || fail "a freeze state was written"
echo '{"at": {"step": 1}, "module": "tune", "op": "disable"}' >run/ops.jsonl

it "freeze writes all five keys"
try --dir run freeze --mode replay --recipe ops.jsonl --policy strict --step-offset -5
done_quietly
prints_line 'Wrote freeze state -> run/hotcb.freeze.json'
json 'o.pop("sum")[:2] == "0-" and o == {"mode": "replay", "recipe_path": "ops.jsonl", "adjust_path": None, "policy": "strict", "step_offset": -5}' run/hotcb.freeze.json
try --dir run freeze --mode prod
json 'o.pop("sum")[:2] == "0-" and o == {"mode": "prod", "recipe_path": None, "adjust_path": None, "policy": "best_effort", "step_offset": 0}' run/hotcb.freeze.json

it "status of an empty directory says what there is not"
mkdir empty
try --dir empty status
done_quietly
printf '%s\n' 'No tune recipe found.' 'No tune summary found.' 'Freeze mode: off' 'No applied ledger found.' >expected
diff -u expected out >difference || fail "$(cat difference)"
>empty/hotcb.applied.jsonl
try --dir empty status
prints_line 'Applied ledger: nothing was asked yet.'
rm empty/hotcb.applied.jsonl
try --dir empty --json status
json 'o["recipe"] is None and o["summary"] is None and o["freeze"]["mode"] == "off" and o["applied"] == {}'

it "status tells of recipe, summary, freeze and ledger"
mkdir told
cp "$independent" told/hotcb.tune.recipe.yaml
cat >told/hotcb.tune.summary.json <<'END'
{"total_mutations": 9, "applied_mutations": 8, "segments_by_decision": {"accepted": 3, "rolled_back": 5},
 "win_rates": {"opt:lr_mult": 0.6}, "mean_scores": {"opt:lr_mult": 0.011}, "accept_rate": 0.375, "mode": "active",
 "failed": 3, "total_steps": 20000, "run": "r2", "final": false, "win_centers": {"opt:lr_mult": 0.84},
 "win_counts": {"opt:lr_mult": 2}, "blocked": {"cooldown": 4, "reject_pause": 2}}
END
cat >told/hotcb.applied.jsonl <<'END'
{"seq": 1, "step": 10, "module": "tune", "op": "enable", "id": null, "decision": "applied", "error": null}
{"seq": 2, "step": 20, "module": "opt", "op": "set_params", "id": "main", "decision": "failed", "error": "no_params"}
{"seq": 3, "step": 40, "module": "tune", "op": "set", "id": null, "decision": "applied", "error": null, "params": {"acceptance.epsilon": 0.5}}
{"seq": 4, "st
END
try --dir told tune status
done_quietly
cat >expected <<'END'
Tune recipe: told/hotcb.tune.recipe.yaml
Mode: active
Mutations: 9 total, 8 applied
Accept rate: 37.5%
  accepted: 3
  rolled_back: 5
Failed to apply: 3 (events.log says why)
Blocked: cooldown 4, reject_pause 2
END
diff -u expected out >difference || fail "$(cat difference)"
try --dir told status
exits 0
grep -qF "told/hotcb.applied.jsonl': line 4 is no JSON object, and is not used" err || fail "the line that is damaged is not named"
prints_line 'Last applied entries (2 handles):'
prints_line '  tune:-: set acceptance.epsilon=0.5 @ step 40 [applied]'
prints_line '  opt:main: set_params @ step 20 [failed] no_params'
try --dir told --json status
json 'o["summary"]["accept_rate"] == 0.375 and o["backup_metrics_decide"] is False'
json 'o["applied"]["tune:-"]["step"] == 40'

it "a damaged summary is an error that names the file"
cp -r told damaged
echo '{"total_mut' >damaged/hotcb.tune.summary.json
try --dir damaged tune status --json
refuses 2 'damaged/hotcb.tune.summary.json'

it "export-recipe evolves the recipe by the run's summary"
try --dir told export-recipe --out next.yaml
done_quietly
prints 'Wrote evolved recipe -> next.yaml'
"$hottune" recipe validate next.yaml >/dev/null || fail "it is not valid"
"$hottune" recipe diff told/hotcb.tune.recipe.yaml next.yaml >out
prints 'actuators.opt.mutations.lr_mult.prior_center: 1.0 -> 0.949'
try --dir told export-recipe --alpha 0
[ -s told/hotcb.tune.recipe.evolved.yaml ] || fail "the default file is missing"
try --dir told export-recipe --out next.json --json
done_quietly
json 'o["actuators"]["opt"]["mutations"]["lr_mult"]["prior_center"] < 1' next.json

it "export-recipe says what is missing or wrong, and writes nothing"
try --dir empty export-recipe
refuses 1 "'empty' has no tune summary"
[ -z "$(ls empty)" ] || fail "something was written"
try --dir told export-recipe --alpha 1.5 --out no.yaml
refuses 2 "--alpha: '1.5' is not a number in 0 .. 1"
try --dir told export-recipe --out file/no.yaml
refuses 1 'file/no.yaml'
[ ! -e no.yaml ] || fail "no.yaml was written"

it "status says what it cannot read, in words and in JSON"
mkdir broken
echo '{"mode": "prod"' >broken/hotcb.freeze.json
printf '%s\n' '{"seq":1,"module":"tune","op":"enable","decision":"applied","params":{}}' 'noise' '{"seq"' | head -c -1 \
    >broken/hotcb.applied.jsonl
try --dir broken status
exits 0
grep -qF "line 2 is no JSON object, and is not used; the last line is torn; take a copy that is whole" err || fail "no warning"
prints 'Freeze file cannot be read: '
prints '  2 lines of broken/hotcb.applied.jsonl cannot be read'
try --dir broken status --json
printf '%s\n' '{"seq":1,"module":"tune","op":"\u001b[2Jenable","decision":"\u009b31m","params":{}}' >broken/hotcb.applied.jsonl
try --dir broken status
prints 'tune:-: \x1B[2Jenable @ step - [\xC2\x9B31m]'
printf '%s\n' noise '{"seq"' | head -c -1 >broken/hotcb.applied.jsonl
try --dir broken status --json
json 'o["applied_bad_lines"] == 2 and o["freeze"]["error"] and o["freeze"]["mode"] == "off"'
