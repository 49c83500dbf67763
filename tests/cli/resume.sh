#!/bin/bash
# A run that is stopped goes on; one that cannot go on says so and leaves what there is.
. "$(dirname "$0")/check.sh"
starts_mpi
long=(glyph --epochs 300 --seed 3 --quiet --recipe-set population.sync=barrier)

# at_once PATH: it is there; the runs here are short, so there is no time to sleep
at_once() {
    local i
    for ((i = 0; i < 10000000; i++)); do
        if [ -e "$1" ]; then return; fi
    done
    fail "never there: $1"
}
champion() { sed -n 's/^ *champion *//p' "$1"; }
# stopped DIR [OPTION ..]: a run that was told to leave as soon as it could
stopped() {
    local dir=$1; shift
    "$hottune" run "${long[@]}" --dir "$dir" "$@" >out 2>err </dev/null &
    started=$!
    at_once "$dir/checkpoint/inputs.journal"
    kill -TERM "$started"
    code=0; wait "$started" || code=$?
    started=
    exits 75
}

it "a run that was told to stop ends as if it had gone on"
try run "${long[@]}" --dir whole
done_quietly
champion out >whole.txt
stopped stopped
try --dir stopped resume --quiet
done_quietly
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out), not $(cat whole.txt)"
[ ! -e stopped/checkpoint ] || fail "the checkpoint outlives the run"
try --dir stopped resume --quiet
refuses 2 'there is no unfinished run'

it "with fewer ranks the champion is one of those that are there"
mpirun --oversubscribe -n 4 "$hottune" run "${long[@]}" --dir many --checkpoint .1 >out 2>err </dev/null &
started=$!
at_once many/checkpoint/commit.before.json
kill -TERM "$started"
wait "$started" || true
started=
[ -e many/checkpoint/commit.json ] || fail "it did not leave"
try --dir many resume --quiet
exits 0
champion out | grep -qE '^[0-9.]+ .* 0 +[0-9]+$' || fail "no champion: $(champion out)"

it "without its journal a checkpoint is refused, and stays"
stopped bare
mv bare/checkpoint/inputs.journal journal
try --dir bare resume --quiet
refuses 2 'inputs.journal'
try --dir bare run "${long[@]}" --resume
refuses 2 'inputs.journal'
[ -e bare/checkpoint/commit.json ] || fail "the checkpoint is gone"
mv journal bare/checkpoint/inputs.journal

it "what lies behind the checkpoint may be damaged"
printf 'never written by a journal, but long enough to be taken for a record' >>bare/checkpoint/inputs.journal
try --dir bare resume --quiet
exits 0
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out), not $(cat whole.txt)"

it "study check reads checkpoints, too"
stopped checked
try study check checked
exits 0
prints 'checkpoint/commit.json: the checkpoint that counts'
prints ' inputs'
image=$(ls checked/checkpoint/*.image | head -n 1)
printf 'damage' | dd of="$image" bs=1 seek=70 conv=notrunc 2>/dev/null
try study check checked --quiet
exits 1
prints "$(basename "$image")"
try --dir checked resume --quiet
refuses 2 "$(basename "$image")"

# bytes DIR: checksums of all its files
bytes() { (cd "$1" && find . -type f | LC_ALL=C sort | xargs sha256sum); }

it "another program does not end the run, and changes no byte of it"
stopped other
printf 'a line that came after the checkpoint\n' >>other/events.log
bytes other >before.txt
try run charlm --epochs 2 --dir other --resume --quiet
exits 75
grep -q 'warning: no replica could go on' err || fail "not said"
bytes other >after.txt
cmp -s before.txt after.txt || fail "changed: $(diff before.txt after.txt)"

it "neither does another number of ranks for a replica"
mpirun --oversubscribe -n 3 "$hottune" --dir other run glyph --resume --ranks-per-replica 2 --quiet >out 2>err </dev/null &&
    fail "it is not refused"
grep -q 'the run has replicas of 1 ranks' err || fail "not said"
bytes other >after.txt
cmp -s before.txt after.txt || fail "changed: $(diff before.txt after.txt)"
try --dir other resume --quiet
exits 0
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out), not $(cat whole.txt)"

it "a log that became shorter is told"
stopped short
: >short/hotcb.population.jsonl
: >short/events.log
try --dir short resume --quiet
exits 0
grep -q 'warning: .*is shorter than it was at the checkpoint' err || fail "not a word of it"

it "that checkpoints are too large is said once"
try run "${long[@]}" --dir large --max-disk 0.05 --checkpoint 0.05
exits 0
[ "$(grep -c 'no checkpoint' err)" = 1 ] || fail "not said once"

it "a scheduler may ask twice"
SLURM_JOB_ID=4711 "$hottune" run "${long[@]}" --dir twice >out 2>err </dev/null &
started=$!
at_once twice/checkpoint/inputs.journal
kill -TERM "$started"
kill -CONT "$started"
kill -TERM "$started"
kill -USR2 "$started"
code=0; wait "$started" || code=$?
started=
exits 75

it "a run leaves before its job ends, of which it asks Slurm, and goes on in the next one"
mkdir bin
cat >bin/squeue <<'END'
#!/bin/sh
echo "4711 $(($(date +%s) + 4))"
END
chmod +x bin/squeue
export SLURM_JOB_ID=4711
PATH=$work/bin:$PATH try run "${long[@]}" --dir ends
exits 75
grep -q 'the run leaves' ends/events.log || fail "not said"
SLURM_RESTART_COUNT=2 try --dir ends resume
unset SLURM_JOB_ID
exits 0
grep -q '^resumed from checkpoint [0-9]* (epoch [0-9]* of 300, written .*; restart 2 of job 4711$' out || fail "not said: $(grep resumed out)"
prints 'its replica is back'
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out), not $(cat whole.txt)"
try --dir ends status
exits 0
prints 'Resumed: from checkpoint'
try --dir ends --json status
json 'o["summary"]["start"]["job"] == "4711" and o["summary"]["start"]["restart"] == 2'

it "a run that is told when its job ends says when it leaves"
try run glyph --epochs 3 --dir told --time-limit 1:00:00
exits 0
prints 'this job ends at '
json '3 <= round(o["start"]["ends"] - o["start"]["leaves"], 3) <= 30' told/hotcb.tune.summary.json

it "a run without checkpoints can be stopped"
"$hottune" run "${long[@]}" --epochs 100000 --dir none --checkpoint 0 >out 2>err </dev/null &
started=$!
soon test -s none/hotcb.metrics.jsonl
kill -TERM "$started"
code=0; wait "$started" || code=$?
started=
exits 143
