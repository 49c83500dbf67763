#!/bin/bash
# The verb `job`: steps that die, leave, hang; and what Slurm is asked, by commands that stand in for Slurm's.
. "$(dirname "$0")/check.sh"
starts_mpi
unset SLURM_JOB_ID SLURM_RESTART_COUNT SLURM_ARRAY_JOB_ID SLURM_ARRAY_TASK_ID SLURM_JOB_END_TIME
mkdir bin
export PATH=$work/bin:$PATH
run=(glyph --epochs 300 --seed 3 --quiet --recipe-set population.sync=barrier)

# stand_in NAME <<LINES: a command of that name, which also notes how it was called in calls.NAME
stand_in() {
    { echo '#!/bin/bash'; echo "echo \"\$*\" >>'$work/calls.$1'"; cat; } >"bin/$1"
    chmod +x "bin/$1"
}
# in_slurm STATE RESTARTS NODES LIST [REASON]: squeue says so
in_slurm() {
    export SLURM_JOB_ID=4711 SLURM_JOB_NUM_NODES=2 SLURM_JOB_NODELIST='n[0-1]' SLURM_NTASKS=9
    stand_in squeue <<LINES
case "\$*" in
    *State*) echo "$1 $2 ${5:-None}" ;;
    *%D*) echo "$3 $4" ;;
    *"%A %e"*) date -d '1 hour' '+4711 %FT%T' ;;
esac
LINES
    stand_in scontrol <<'LINES'
[ ! -e refuses ] || { echo "Requested operation is presently disabled" >&2; exit 1; }
kill -TERM $PPID
LINES
    rm -f calls.*
}
champion() { sed -n 's/^ *champion *//p' "$1"; }

it "a step that dies is started again, and the run ends as if nothing had been"
try run "${run[@]}" --dir whole
done_quietly
champion out >whole.txt
cat >dies_once <<LINES
#!/bin/bash
if [ -e died ]; then exec "$hottune" --dir killed run --resume ${run[*]}; fi
touch died
"$hottune" --dir killed run --resume ${run[*]} &
while [ ! -e killed/checkpoint/commit.json ]; do :; done
kill -KILL \$!
wait \$!
LINES
chmod +x dies_once
try --dir killed job -- ./dies_once
exits 0
prints 'exit code 137: the step died'
prints 'goes on from checkpoint'
prints 'the run is finished'
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out)"
json_lines '[e["event"] for e in l] == ["start", "step", "ended", "step", "ended", "end"]' killed/hottune.job.jsonl
json_lines 'l[2]["code"] == 137 and l[-1]["code"] == 0' killed/hottune.job.jsonl

it "asked to leave it ends with 75, and the next start goes on"
"$hottune" --dir left job -- "$hottune" --dir left run --resume "${run[@]}" >out 2>err </dev/null &
started=$!
soon test -e left/checkpoint/inputs.journal
kill -TERM "$started"
code=0; wait "$started" || code=$?
started=
exits 75
prints 'asked to leave'
try --dir left job -- "$hottune" --dir left run --resume "${run[@]}"
exits 0
[ "$(champion out)" = "$(cat whole.txt)" ] || fail "another champion: $(champion out)"

it "what is refused is not tried again"
try --dir refused job -- "$hottune" --dir refused run glyf
exits 2
prints 'step 1 ended with exit code 2'
grep -q "nearest is 'glyph'" err || fail "the reason is not shown"
try --dir refused job -- ./no-such-launcher
exits 127
grep -q "no-such-launcher" err || fail "the reason is not shown"
try job -- true
refuses 2 '--dir is missing'

it "a launcher that ends without a run is tried again, and is no success"
try --dir dies job -- bash -c "exit 0"
exits 1
prints "does the program use it?"

it "a step that dies again and again ends the job"
try --dir dies job -- bash -c 'kill -SEGV $$'
exits 139
[ "$(grep -c 'ended with exit code 139' out)" = 3 ] || fail "not three steps"

it "in Slurm a run that left goes back into the queue, so often as it may"
in_slurm RUNNING 0 2 'n[0-1]'
try --dir q job -- bash -c 'exit 75'
exits 75
prints 'job 4711: 9 tasks on 2 nodes, n[0-1]; it ends at'
prints 'back into the queue, restart 1 of at most 5'
grep -qx 'requeue 4711' calls.scontrol || fail "scontrol was not asked"
rm calls.scontrol
SLURM_RESTART_COUNT=5 try --dir q job -- bash -c 'exit 75'
exits 1
prints 'requeued as often as it may be'
[ ! -e calls.scontrol ] || fail "scontrol was asked"
touch refuses
try --dir q job -- bash -c 'exit 75'
exits 75
grep -q 'presently disabled; submit it again' err || fail "the reason is not shown"
rm refuses
stand_in scontrol <<<'exit 1'
try --dir q job -- bash -c 'exit 75'
grep -q 'scontrol ended with exit code 1; submit it again' err || fail "the reason is not shown"

it "a job that was cancelled, or that Slurm takes back itself, is not requeued"
in_slurm COMPLETING 0 2 'n[0-1]'
try --dir q job -- bash -c 'exit 75'
prints 'the job was cancelled'
[ ! -e calls.scontrol ] || fail "scontrol was asked"
in_slurm COMPLETING 1 2 'n[0-1]'
try --dir q job -- bash -c 'exit 75'
exits 75
prints 'Slurm has put the job back into the queue'
[ ! -e calls.scontrol ] || fail "scontrol was asked"

it "a job whose time is over before its run has left is requeued while that is possible"
in_slurm 'COMPLETING 0 TimeLimit' '' 2 'n[0-1]'
stand_in scontrol <<LINES
sed -i 's/COMPLETING 0 TimeLimit/PENDING 1 None/' '$work/bin/squeue'
LINES
mkdir -p limit/checkpoint
cp out limit/checkpoint/commit.json
"$hottune" --dir limit job -- bash -c 'trap "exit 75" USR2; touch limit/runs; while :; do sleep .1; done' >out 2>err </dev/null &
started=$!
soon test -e limit/runs
kill -TERM "$started"
code=0; wait "$started" || code=$?
started=
exits 75
prints 'its time is over; back into the queue'
[ "$(cat calls.scontrol)" = 'requeue 4711' ] || fail "scontrol was not asked once"

it "of an array only the own element is asked about and requeued"
in_slurm RUNNING 0 2 'n[0-1]'
SLURM_ARRAY_JOB_ID=4711 SLURM_ARRAY_TASK_ID=3 try --dir q job -- bash -c 'exit 75'
exits 75
grep -qx 'requeue 4711_3' calls.scontrol || fail "scontrol was called with $(cat calls.scontrol)"
grep -q -- '-j 4711_3 .*State' calls.squeue || fail "squeue was called with $(cat calls.squeue)"

it "what a job inherits from an array in which it was submitted does not count"
SLURM_ARRAY_JOB_ID=17 SLURM_ARRAY_TASK_ID=3 try --dir q job -- bash -c 'exit 75'
grep -qx 'requeue 4711' calls.scontrol || fail "scontrol was called with $(cat calls.scontrol)"

it "a job that is cancelled between two steps is not requeued"
in_slurm COMPLETING 0 2 'n[0-1]'
stand_in squeue <<'LINES'
case "$*" in *State*) if [ -e asked ]; then echo "COMPLETING 0 None"; else echo "RUNNING 0 None"; touch asked; kill -TERM $PPID; fi ;; esac
LINES
try --dir between job -- bash -c 'exit 0'
exits 1
prints 'the job was cancelled'
[ ! -e calls.scontrol ] || fail "scontrol was asked"


it "a start that was frozen while the next one began leaves that alone"
in_slurm RUNNING 1 2 'n[0-1]'
try --dir q job -- bash -c 'exit 137'
exits 75
prints 'Slurm has put the job back into the queue'
[ ! -e calls.scontrol ] || fail "scontrol was asked"

it "a job that is started once more after the end of its run ends at once"
in_slurm RUNNING 1 2 'n[0-1]'
SLURM_RESTART_COUNT=1 try --dir whole job -- bash -c 'exit 3'
exits 3                                     # a run of another job: ours did not come so far
try --dir again run glyph --epochs 2 --quiet
SLURM_RESTART_COUNT=1 try --dir again job -- bash -c 'exit 3'
exits 0
prints 'finished already'

it "the step after a death takes the nodes that are left, and whole replicas"
in_slurm RUNNING 0 1 n1
stand_in srun <<'LINES'
echo "$HOTTUNE_JOB_DIR $SLURM_JOB_END_TIME $SLURM_PMIX_FENCE" >step.env
case "$*" in *--overlap*) exit 2 ;; *) kill -KILL $$ ;; esac
LINES
try --dir nodes job --ranks-per-replica 3 -- srun --mpi=pmix prog 'a b'
exits 2
[ "$(cat calls.srun)" = "$(printf '%s\n' '--mpi=pmix prog a b' '--overlap -N 1 -w n1 -n 4 --mpi=pmix prog a b')" ] ||
    fail "srun was called with $(cat calls.srun)"
read -r dir ends fence <step.env
[ "$dir" = "$work/nodes" ] && [ "$ends" -gt "$(date +%s)" ] && [ "$fence" = ring ] || fail "the step found: $(cat step.env)"
prints 'step 2 on the 1 of 2 nodes that are left, n1'

it "a warning of an end that the run knows is not handed on; one of another end is"
stand_in srun <<'LINES'
trap 'touch warned; exit 75' USR2
touch step.runs
for i in $(seq 600); do [ ! -e step.end ] || exit 2; sleep .1; done
LINES
for change in 0 -30; do
    rm -f step.runs step.end warned
    end=$(($(date +%s) + 120))
    stand_in squeue <<LINES
case "\$*" in *State*) echo "RUNNING 0" ;; *%e*) date -d @$((end + change)) '+4711 %FT%T' ;; esac
LINES
    SLURM_JOB_END_TIME=$end "$hottune" --dir warns job -- srun prog >out 2>err </dev/null &
    started=$!
    soon test -e step.runs
    kill -USR2 "$started"
    [ $change != 0 ] || soon grep -q 'leaves in time' out
    [ $change = 0 ] || soon test -e warned
    touch step.end
    code=0; wait "$started" || code=$?
    started=
    [ $change != 0 ] || [ ! -e warned ] || fail "the warning was handed on"
done
