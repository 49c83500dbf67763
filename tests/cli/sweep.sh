#!/bin/bash
# `hottune sweep`: trials of a command, alone and on ranks, that fail, hang, print nonsense, and are killed.
. "$(dirname "$0")/check.sh"
starts_mpi
export SWEEP_WORK=$work

cat >space.yaml <<'YAML'
parameters:
  lr: {type: float, low: 1.0e-4, high: 1.0, log: true}
  net.depth: {type: int, low: 1, high: 6}
  act: {type: cat, choices: [relu, tanh]}
  betas: {type: tuple, low: [0.5, 0.9], high: [0.9, 0.99]}
  slope: {type: float, low: 0, high: 1, when: {act: [relu]}}
YAML
log=hotcb.sweep.trials.jsonl
# runs PID: it is there, and not only as a process that nobody has collected yet (an orphan's init may never)
runs() { [ -r "/proc/$1/stat" ] && ! grep -q '^[0-9]* ([^)]*) [ZX]' "/proc/$1/stat" 2>/dev/null; }

# A training of 9 steps whose loss has its least at lr 0.01.
cat >train.py <<'PY'
import json, math, os, sys, time
p = json.load(sys.stdin)
loss = (math.log10(p["lr"]) + 2) ** 2 + 0.1 * abs(p["net.depth"] - 3)
for step in range(1, 10):
    time.sleep(float(os.environ.get("NAP", "0.02")))
    print(json.dumps({"step": step, "value": loss + 1 / step}), flush=True)
print(json.dumps({"value": loss, "note": "done"}))
PY
# Of ten runs one exits with an error, one dies by a signal, one hangs (with a child of its own, deaf to SIGTERM),
# one prints nonsense; which one follows from the trial and from how often it was started.
cat >flaky.sh <<'SH'
trap '' TERM
mkdir -p "$SWEEP_WORK/tries"
n=$(ls "$SWEEP_WORK/tries" | grep -c "^$HOTTUNE_TRIAL-") || true
touch "$SWEEP_WORK/tries/$HOTTUNE_TRIAL-$n"
case $(((HOTTUNE_TRIAL + 3 * n) % 10)) in
0) echo "out of luck" >&2; exit 3 ;;
1) kill -SEGV $$ ;;
2) sleep 1000 & echo $! >>"$SWEEP_WORK/sleepers"; wait; sleep 1000 ;;
3) echo "loss: good"; tr -d 0-9 </dev/urandom | head -c 100000; echo; exit 0 ;;
esac
echo "$HOTTUNE_LR"
SH

it "alone, every trial runs and the table tells the best"
NAP=0 try sweep --space space.yaml --trials 6 --dir one -- python3 train.py
done_quietly
prints 'sweep of space.yaml: 6 trials, 1 worker, files in one'
prints 'space.yaml: 6 of 6 trials: 6 complete, 0 pruned, 0 failed'
prints 'cost       54 steps of 54 at full cost (100.0 %)'
json_lines 'len(l) == 6 and {x["trial"] for x in l} == set(range(6))' one/$log
json_lines 'all(x["status"] == "complete" and x["steps"] == 9 and len(x["reports"]) == 9 for x in l)' one/$log
json_lines 'all(("slope" in x["params"]) == (x["params"]["act"] == "relu") for x in l)' one/$log

it "the trials are in study.h5, too"
h5dump -d /trials one/study.h5 >dump || fail "the study cannot be read"
[ "$(grep -c '"complete"' dump)" = 6 ] || fail "not six trials"
for column in number value start end retries 'params_net.depth' params_act params_betas.1; do
    grep -q "\"$column\"" dump || fail "no column $column"
done
h5dump -d /space one/study.h5 | grep -q 'type: tuple' || fail "no space"
try run glyph --study one/study.h5 --dir other --epochs 1
exits 2
grep -q 'no study of hottune' err || fail "a run took the study of a sweep"

it "the same seed gives the same trials"
NAP=0 try sweep --space space.yaml --trials 6 --dir one-again --json -- python3 train.py
done_quietly
json 'o["finished"] and o["complete"] == 6 and o["best"] == {**o["top"][0], "seconds": o["best"]["seconds"]}'
python3 - one/$log one-again/$log <<'PY' || fail "other trials"
import json, sys
a, b = ([{k: json.loads(x)[k] for k in ("trial", "params", "value")} for x in open(f)] for f in sys.argv[1:])
sys.exit(a != b)
PY

it "parameters reach the command by environment, arguments and stdin"
cat >three.py <<'PY'
import json, os, sys
p = json.load(sys.stdin)
lr, depth, act, second, slope, trial, braces = sys.argv[1:]
e = os.environ
assert float(lr) == float(e["HOTTUNE_LR"]) == p["lr"]
assert int(depth) == int(e["HOTTUNE_NET_DEPTH"]) == p["net.depth"]
assert act == "x" + e["HOTTUNE_ACT"] + "y" == "x" + p["act"] + "y"
assert float(second) == float(e["HOTTUNE_BETAS_1"]) == p["betas"][1]
assert slope == e.get("HOTTUNE_SLOPE", "") and (slope == "") == ("slope" not in p) == (act == "xtanhy")
assert trial == e["HOTTUNE_TRIAL"] and braces == "{print} {}"
assert "HOTTUNE_RESULT" not in e
assert set(os.listdir("/proc/self/fd")) <= {"0", "1", "2", "3"}, os.listdir("/proc/self/fd")
print(1.5)
PY
HOTTUNE_SLOPE=stale try sweep --space space.yaml --trials 8 --dir three -- \
    python3 three.py '{lr}' '{net.depth}' 'x{act}y' '{betas.1}' '{slope}' '{trial}' '{print} {}'
done_quietly
prints '8 complete, 0 pruned, 0 failed'

it "a result is read from a file, whose name the command gets"
cat >file.sh <<'SH'
[ "$1" = "$HOTTUNE_RESULT" ] && [ "$1" = "out-$HOTTUNE_TRIAL.json" ] && [ ! -e "$1" ]
echo 'value 99'
printf '{"value": %s}\n' "$HOTTUNE_TRIAL" >"$1"
SH
try sweep --space space.yaml --trials 3 --dir file --result 'out-{trial}.json' -- bash -e file.sh '{result}'
done_quietly
json_lines '[x["value"] for x in l] == [0, 1, 2]' file/$log
try sweep --space space.yaml --trials 1 --dir nofile --result r.json -- echo 1
exits 1
json_lines 'l[0]["reason"] == "no value in the result file"' nofile/$log

it "each way to fail is told with its reason, and the last line of stdout with a value counts"
for command in 'exit 3' 'echo boom >&2; exit 1' 'kill -9 $$' 'echo nothing' 'echo "{\"value\": NaN}"' 'echo nan' \
    'echo 1; echo "{\"value\": 2, \"x\": [NaN, \"NaN\"]}"; echo "{\"other\": 3}"; echo end' \
    "printf '{\"value\": 7'; printf '}'"; do
    rm -rf ways
    try sweep --space space.yaml --trials 1 --dir ways -- sh -c "$command"
    python3 -c 'import json; o = json.loads(open("ways/'$log'").readline()); print(o["status"], o["value"], o["reason"])' >>said
done
cat >expected <<'TEXT'
failed None exit code 3
failed None exit code 1: boom
failed None signal 9 (SIGKILL)
failed None no value
failed None the value is not finite
failed None the value is not finite
complete 2.0 None
complete 7.0 None
TEXT
diff expected said >err || fail "other reasons"
try sweep --space space.yaml --trials 2 --dir absent -- ./not-there
exits 1
json_lines 'all("not-there" in x["reason"] and "cannot be started: No such file" in x["reason"] for x in l)' absent/$log

it "on ranks, a command that fails in 4 of 10 runs ends with the table; retries help"
ranks 5 sweep --space space.yaml --trials 30 --timeout 2 --grace 0.2 --retries 2 --dir flaky -- bash flaky.sh
exits 0
prints '30 of 30 trials: 30 complete, 0 pruned, 0 failed'
json_lines 'max(x["attempts"] for x in l) == 3 and len({x["worker"] for x in l}) > 1' flaky/$log
for pid in $(cat sleepers); do
    if runs "$pid"; then fail "a child of a trial that hung is still there"; fi
done
rm -r tries
ranks 5 sweep --space space.yaml --trials 20 --timeout 2 --grace 0.2 --dir flaky2 --json -- bash flaky.sh
exits 0
json 'o["complete"] == 12 and o["failed"] == 8'
json_lines 'sum(x["reason"] == "timeout after 2 s" for x in l) == 2' flaky2/$log
json_lines 'sum(x["reason"] == "exit code 3: out of luck" for x in l) == 2' flaky2/$log
json_lines 'sum(x["reason"] == "signal 11 (SIGSEGV)" for x in l) == 2' flaky2/$log

it "early stopping saves most of the cost"
ranks 5 sweep --space space.yaml --trials 30 --prune asha --dir asha --json -- python3 train.py
exits 0
json 'o["complete"] > 0 and o["pruned"] > 10 and o["cost"]["share"] < 0.7'
json_lines 'all(x["reason"].startswith("successive halving at step ") for x in l if x["status"] == "pruned")' asha/$log
ranks 5 sweep --space space.yaml --trials 30 --prune median --min-resource 2 --dir median --json -- python3 train.py
exits 0
json 'o["complete"] >= 5 and o["pruned"] > 0 and o["cost"]["share"] < 1'
json_lines 'all(x["steps"] >= 2 for x in l)' median/$log

it "a sweep that was killed goes on where its log ends"
NAP=0.05 "$hottune" sweep --space space.yaml --trials 12 --dir killed -- python3 train.py >out 2>err </dev/null &
pid=$!; started="$started $pid"
soon test -s killed/$log
kill -9 $pid; wait $pid 2>/dev/null || true; started=
before=$(cat killed/$log); n=$(wc -l <killed/$log)
try sweep --space space.yaml --trials 12 --dir killed -- python3 train.py
refuses 2 "'killed' has the trials of an earlier sweep: go on with it (--resume)"
printf '{"trial":99,"sta' >>killed/$log
[ ! -e killed/study.h5 ] || h5dump killed/study.h5 >dump || fail "the study of a killed sweep is not whole"
NAP=0 ranks 3 sweep --space space.yaml --trials 12 --dir killed --resume -- python3 train.py
exits 0
prints '12 of 12 trials: 12 complete'
prints "($n trial"
[ "$(head -n "$n" killed/$log)" = "$before" ] || fail "the log was changed"
python3 - killed <<'PY' || fail "log and database differ"
import json, sqlite3, sys
l = [json.loads(x) for x in open(sys.argv[1] + "/hotcb.sweep.trials.jsonl") if x.startswith('{"trial":') and x.endswith("}\n") and '"sta{' not in x and '99,"sta\n' not in x]
db = sqlite3.connect(sys.argv[1] + "/hotcb.tune.study.sqlite")
rows = db.execute("select value from trial_values join trials using (trial_id) where state = 'COMPLETE' order by 1").fetchall()
numbers = [r[0] for r in db.execute("select number from trials order by trial_id")]
assert sorted(x["value"] for x in l) == [r[0] for r in rows], (l, rows)
assert numbers == list(range(len(numbers))), numbers
assert not db.execute("select * from trials where state = 'RUNNING'").fetchall()
PY
h5dump -d /trials killed/study.h5 >dump && [ "$(grep -c '"complete"' dump)" = 12 ] || fail "trials are missing in the study"
rm killed/hotcb.tune.study.sqlite killed/study.h5
try sweep --space space.yaml --trials 12 --dir killed --resume --json -- false
exits 0
json 'o["complete"] == 12 and o["cost"]["wall_s"] < 30'
python3 -c '
import sqlite3
db = sqlite3.connect("killed/hotcb.tune.study.sqlite")
assert db.execute("select count(*) from trials where state = \"COMPLETE\"").fetchone() == (12,)
assert db.execute("select count(*) from trial_intermediate_values").fetchone() == (108,)' || fail "the database is not made again"
h5dump -d /trials killed/study.h5 >dump && [ "$(grep -c '"complete"' dump)" = 12 ] || fail "the study is not made again"

it "trials that only the database has are missed"
cp -r killed short
sed -i '$d' short/hotcb.sweep.trials.jsonl
try sweep --space space.yaml --trials 12 --dir short --resume -- false
grep -qF "goes on without 1 trials that are in its database and not in its log" err || fail "no warning"

it "SIGTERM ends the sweep in order, with the commands it had started"
cat >slow.sh <<'SH'
echo $$ >"$SWEEP_WORK/slow.pid"
sleep 1000
SH
"$hottune" sweep --space space.yaml --trials 4 --grace 0.5 --dir term -- bash slow.sh >out 2>err </dev/null &
pid=$!; started="$started $pid"
soon test -s slow.pid
kill -TERM $pid
code=0; wait $pid || code=$?; started=
exits 143
grep -q 'the sweep was told to end before all trials were done; go on with --resume' err || fail "no message"
prints '0 of 4 trials: 0 complete, 0 pruned, 0 failed, and 1 lost'
if runs "$(cat slow.pid)"; then fail "the command still runs"; fi

it "SIGUSR2 ends the sweep in order, to be started again"
rm slow.pid
"$hottune" sweep --space space.yaml --trials 4 --grace 0.5 --dir usr2 -- bash slow.sh >out 2>err </dev/null &
pid=$!; started="$started $pid"
soon test -s slow.pid
kill -USR2 $pid
code=0; wait $pid || code=$?; started=
exits 75

it "a trial of a worker that hangs goes to another; the job ends without it"
cat >hang.sh <<'SH'
if mkdir "$SWEEP_WORK/first" 2>/dev/null; then kill -STOP $PPID; fi
echo 1
SH
ranks 4 sweep --space space.yaml --trials 6 --patience 3 --dir hang -- bash hang.sh
prints '6 of 6 trials: 6 complete'
grep -q 'has said nothing for' err || fail "no warning"
json_lines 'sum(x["attempts"] == 2 for x in l) == 1' hang/$log

it "--direction max looks for the largest"
try sweep --space space.yaml --trials 5 --direction max --dir max --json -- sh -c 'echo $HOTTUNE_TRIAL'
exits 0
json 'o["best"]["value"] == 4 and [t["trial"] for t in o["top"]] == [4, 3, 2, 1, 0]'
try sweep --space space.yaml --trials 6 --dir max --resume -- true
refuses 2 "study 'hottune' has the direction MAXIMIZE, not MINIMIZE"

it "a built-in training is swept"
cat >knobs.yaml <<'YAML'
parameters:
  opt.lr: {type: float, low: 1.0e-4, high: 0.05, log: true}
  reg.dropout: {type: float, low: 0, high: 0.5}
YAML
ranks 3 sweep --space knobs.yaml --trials 6 --prune asha --dir built --json -- "$hottune" run glyph --mode off \
    --epochs 4 --set 'opt.lr={opt.lr},reg.dropout={reg.dropout}' --report-steps --dir 'built/trials/{trial}'
exits 0
json 'o["failed"] == 0 and o["complete"] > 0 and 0 < o["best"]["value"] < 10 and o["best"]["steps"] == 4'
try run glyph --epochs 2 --mode off --set opt.lr=0.01 --report-steps --dir steps
done_quietly
[ "$(wc -l <out)" = 3 ] || fail "not three lines"
try run glyph --epochs 2 --mode off --set opt.rate=1 --dir steps
exits 2
grep -q "there is no knob 'opt.rate'; there are opt.lr" err || fail "no message"
try run glyph --epochs 2 --mode off --set opt.lr=-1 --dir steps
exits 2

it "a file that is no sweep's is left alone"
mkdir taken
echo notes >taken/study.h5
try sweep --space space.yaml --trials 1 --dir taken -- echo 1
exits 2
grep -q "'taken/study.h5' is not the whole file of a sweep" err || fail "no message"
[ "$(cat taken/study.h5)" = notes ] && [ ! -e taken/$log ] || fail "something was written"

it "wrong input is refused before anything runs"
refused() { local text=$1; shift; try sweep "$@"; refuses 2 "$text"; [ ! -e wrong ] || fail "made a directory"; }
refused 'sweep: too few words' --space space.yaml --dir wrong
refused 'add --space FILE' --dir wrong -- true
refused 'add --dir DIR' --space space.yaml -- true
refused "cannot open 'none.yaml'" --space none.yaml --dir wrong -- true
refused "--direction: 'up' is neither min nor max" --space space.yaml --dir wrong --direction up -- true
refused "--prune: 'hard' is neither median nor asha" --space space.yaml --dir wrong --prune hard -- true
refused 'add --prune' --space space.yaml --dir wrong --reduction 3 -- true
refused '--reduction is for --prune asha' --space space.yaml --dir wrong --prune median --reduction 3 -- true
refused "--trials: '0' is not a whole number" --space space.yaml --dir wrong --trials 0 -- true
refused "--timeout: '-1' is not a number" --space space.yaml --dir wrong --timeout -1 -- true
refused "unknown option '--frob'" --space space.yaml --dir wrong --frob -- true
printf 'parameters:\n  x: {type: float, low: 2, high: 1}\n' >bad.yaml
refused "bad.yaml:2:6: x: 'low' is above 'high'" --space bad.yaml --dir wrong -- true
printf 'parameters:\n  a.b: {type: bool}\n  a_b: {type: bool}\n' >bad.yaml
refused "parameters 'a.b' and 'a_b' would both be the variable HOTTUNE_A_B" --space bad.yaml --dir wrong -- true
printf 'parameters:\n  trial: {type: bool}\n' >bad.yaml
refused "parameter 'trial': HOTTUNE_TRIAL is a variable of ours" --space bad.yaml --dir wrong -- true
printf 'parameters:\n  lr: {type: float, low: 0, high: 0.001}\n' >other.yaml
try sweep --space other.yaml --trials 20 --dir one --resume -- true
refuses 2 "one/$log: trial 0: parameter 'lr': the value is missing or not in [0, 0.001]"
