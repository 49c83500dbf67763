#!/bin/bash
# Commands from another terminal, while a run goes on: each appears in the ledger with what became of it, and acts.
. "$(dirname "$0")/check.sh"
starts_mpi
ledger=run/hotcb.applied.jsonl

# answered OP DECISION N: the ledger holds at least N lines of this operation with this decision
answered() {
    [ "$(jq -c "select(.op == \"$1\" and .decision == \"$2\")" "$ledger" | wc -l)" -ge "$3" ]
}
summary_says() { [ "$(jq -r "$1" run/hotcb.tune.summary.json)" = "$2" ]; }
last_mode() { [ "$(tail -n 1 run/hotcb.metrics.jsonl | jq -r .mode)" = "$1" ]; }
epsilon_is() { [ "$(jq .acceptance.epsilon run/hotcb.tune.recipe.effective.json)" = "$1" ]; }
count() { wc -l <run/hotcb.tune.mutations.jsonl; }
windows() { [ "$(wc -l <run/hotcb.metrics.jsonl)" -ge "$1" ]; }

mpirun --oversubscribe -n 3 "$hottune" run glyph --recipe "$independent" --epochs 100000 --dir run --quiet >run.out 2>run.err </dev/null &
started="$started $!"

it "a run is seen from outside"
soon test -s run/hotcb.tune.summary.json
soon test -s run/hotcb.tune.mutations.jsonl
try --dir run status
done_quietly
prints_line 'Mode: active'
prints_line 'Live (as of the last safe point):'
prints '  replica 1: '
try --dir run status --json
json 'o["summary"]["final"] is False and o["process"]["state"] == "lives" and o["process"]["pid"] > 0'

it "a second run in its directory is refused, and changes nothing there"
try run glyph --recipe "$independent" --epochs 1 --dir run
refuses 2 "directory 'run' is in use: process "
grep -qF 'wait until it ends, or name another directory' err || fail "what to do is not said"
[ "$(grep -c 'run begins' run/events.log)" = 1 ] || fail "a second run began"

it "enable --mode observe is carried out: nothing more is proposed"
try --dir run enable --mode observe
done_quietly
soon answered enable applied 1
soon last_mode observe
json_lines 'any(x["op"] == "enable" and x["payload"] == {"mode": "observe"} and x["source"] == "external" for x in l)' $ledger
soon summary_says .mode observe

it "set is carried out and changes the recipe in force"
try --dir run set acceptance.epsilon=0.75
done_quietly
soon answered set applied 1
soon epsilon_is 0.75

it "prod freezes the tuner: commands are refused by name"
try --dir run enable
soon answered enable applied 2
soon last_mode active
try --dir run freeze --mode prod
done_quietly
try --dir run set acceptance.epsilon=0.5
soon answered set ignored_freeze 1      # so the run has seen the freeze; what was open is judged within
lines=$(wc -l <run/hotcb.metrics.jsonl) # a few windows
soon windows $((lines + 20))
frozen=$(count)
lines=$(wc -l <run/hotcb.metrics.jsonl)
soon windows $((lines + 100))
[ "$(count)" = "$frozen" ] || fail "a frozen run mutates"
epsilon_is 0.75 || fail "the recipe changed"
try --dir run status
prints_line 'Freeze mode: prod'

it "freeze off lets everything pass again"
try --dir run freeze --mode off
try --dir run set acceptance.epsilon=0.0625
soon answered set applied 2
soon epsilon_is 0.0625

it "disable switches tuning off"
try --dir run disable
soon answered disable applied 1
soon summary_says .mode off

it "an unreadable command is answered, and the run goes on"
echo '[1, 2]' >>run/hotcb.commands.jsonl
refused_line() { jq -c 'select(.error == "bad_command")' $ledger | grep -q .; }
soon refused_line
try --dir run status
done_quietly
prints 'Last applied entries ('
