#!/bin/bash
# `submit` as its users meet it: scripts that can be read and started, refusals before anything is submitted. The
# scheduler is a stand-in on PATH, which writes down what it is asked.
. "$(dirname "$0")/check.sh"

mkdir bin "nasty '\$HOME' \"q\" %j #h"
nasty="nasty '\$HOME' \"q\" %j #h"
cat >bin/sbatch <<'FAKE'
#!/bin/bash
# The n-th job has the number 100 + n; that of $FAKE_REFUSES is refused.
n=$(($(cat "$FAKE/count" 2>/dev/null || echo 0) + 1))
echo $n >"$FAKE/count"
printf '[%s]' "$@" >>"$FAKE/asked"
echo "${SLURM_RESTART_COUNT-unset} ${SLURM_JOB_END_TIME-unset}" >"$FAKE/inherited"
echo >>"$FAKE/asked"
if [ "$n" = "${FAKE_REFUSES:-}" ]; then
    echo "sbatch: your project has no hours left" >&2
    echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy" >&2
    exit 1
fi
echo $((100 + n))
FAKE
cat >bin/squeue <<'FAKE'
#!/bin/bash
cat "$FAKE/queue" 2>/dev/null
FAKE
cat >bin/scancel <<'FAKE'
#!/bin/bash
echo "$*" >>"$FAKE/cancelled"
FAKE
chmod +x bin/*
export FAKE=$work
export PATH=$work/bin:$PATH
job() { local dir=$1; shift; try --dir "$dir" submit "$@"; }
# train ARGUMENT ..: a run; MPI keeps memory to the end
train() { ASAN_OPTIONS=detect_leaks=0 try "$@"; }
# scripts FILE: the scripts of a dry run, each in a file part1, part2, ..
scripts() {
    rm -f part*
    awk 'BEGIN { f = "part1" } /^# ==> / { f = "part" ++n; next } { print > f }' "$1"
}
# sound FILE: a shell takes it, and so does shellcheck, where it is
sound() {
    bash -n "$1" || fail "bash does not take $1"
    if command -v shellcheck >/dev/null; then
        shellcheck "$1" >check.txt || fail "shellcheck: $(cat check.txt)"
    fi
}

it "a dry run prints the script and submits nothing"
job d1 --replicas 8 --nodes 2 --time 2:00:00 --dry-run -- run fashion --epochs 60
done_quietly
prints_line '#SBATCH --nodes=2'
prints '#SBATCH --ntasks=9 '
prints 'run --resume fashion --epochs 60'
[ ! -e d1 ] || fail "a directory was made"
[ ! -e asked ] || fail "sbatch was asked"
sound out

it "names with blanks, quotes, dollars and percent signs are safe"
job "$nasty/run \\" --replicas 1 --dry-run -- run glyph
refuses 2 'backslash'
cat >"$nasty/my prog" <<'PROGRAM'
#!/bin/bash
printf '[%s]' "$@"
PROGRAM
chmod +x "$nasty/my prog"
words=("a b" "it's" '$HOME' '`date`' 'back\slash' '"q"' '#h' '*' '' '~')
for more in "" "--array 2" "--array 2 --chain 2"; do
    # shellcheck disable=SC2086
    job "$nasty/run" --replicas 3 --name "$nasty" --account "$nasty" --dry-run $more -- "$nasty/my prog" "${words[@]}"
    done_quietly
    scripts out
    for part in part*; do sound "$part"; done
done
job "$nasty/run" --replicas 3 --dry-run -- "$nasty/my prog" "${words[@]}"
# What the ranks would start, started without srun and hottune.
sed -e 's/^exec .* job .*/exec \\/' -e 's/^    srun .*/    env \\/' -e '/^    .* place -- \\$/d' out >alone.sh
[ "$(bash alone.sh)" = "$(printf '[%s]' "${words[@]}")" ] || fail "other words: $(bash alone.sh)"

it "a line feed is refused"
job "$(printf 'two\nlines')" --replicas 1 --dry-run -- run glyph
refuses 2 'line feed'
job d1 --replicas 1 --dry-run -- "$nasty/my prog" "$(printf 'two\nlines')"
refuses 2 'line feed'
job d1 --replicas 1 --name "$(printf 'x\n#SBATCH --wrap=evil')" --dry-run -- run glyph
refuses 2 'line feed'

it "what cannot be is refused before anything is submitted"
try submit --replicas 8 -- run fashion; refuses 2 '--dir is missing'
job d1 -- run fashion; refuses 2 '--replicas is missing'
job d1 --replicas 0 -- run fashion; refuses 2 "'0' is not a whole number"
job d1 --replicas 2 --nodes 4 -- run fashion; refuses 2 '4 nodes are more than the 3 ranks'
job d1 --replicas 2 --time soon -- run fashion; refuses 2 "'soon' is no time"
job d1 --replicas 2 --time 1.5 -- run fashion; refuses 2 "'1.5' is no time"
job d1 --replicas 2 --sbatch qos=x -- run fashion; refuses 2 'does not begin with a dash'
job d1 --replicas 2 -- run fashon; refuses 2 "unknown workload 'fashon'"
job d1 --replicas 2 -- run fashion --epoch; refuses 2 'the value is missing'
job d1 --replicas 2 -- run fashion --epocs 3; refuses 2 "nearest is '--epochs'"
job d1 --replicas 2 -- run fashion --recipe none.yaml; refuses 2 'none.yaml'
job d1 --replicas 2 -- run fashion --new; refuses 2 'run --new'
job d1 --replicas 2 --array 2 -- run fashion --study x.h5; refuses 2 'share study.h5'
job d1 --replicas 2 --ranks-per-replica 2 -- run fashion --ranks-per-replica 3; refuses 2 'ranks-per-replica is 2 here and 3'
job d1 --replicas 2 -- status; refuses 2 "the verb 'status' does not run on ranks"
job d1 --replicas 2 -- ./no-such-program; refuses 2 "'./no-such-program' is no program"
job d1 --replicas 2 --array 2 -- sweep --space x.yaml -- ./prog; refuses 2 'a sweep is one job'
job d1 --replicas 2 -- sweep --space x.yaml -- ./prog; refuses 2 'x.yaml'
job d1 --replicas 2 -- sweep --trials 3 -- ./prog; refuses 2 'needs --space'
[ ! -e asked ] || fail "sbatch was asked"
[ ! -e d1 ] || fail "a directory was made"

it "a sweep goes on with its trials"
printf 'parameters:\n  x: {type: float, low: 0, high: 1}\n' >space.yaml
job d1 --replicas 2 --dry-run -- sweep --space space.yaml --trials 9 -- ./prog '{x} $x'
done_quietly
prints 'resume=--resume'
prints 'sweep ${resume:+"$resume"} --space space.yaml --trials 9 -- ./prog "{x} \$x"'
sound out

it "a run of a command keeps its words, behind a -- of its own"
job d1 --replicas 2 --dry-run -- run --epochs 9 -- bash 'a b.sh' --epochs
done_quietly
prints "run --resume --epochs 9 -- bash 'a b.sh' --epochs"
job d1 --replicas 2 --dry-run -- run -- ./not-there; refuses 2 "'./not-there' is no program here"
job d1 --replicas 2 --dry-run --chain 2 -- run -- bash x.sh; refuses 2 'needs run --recipe FILE'

it "a job is submitted, and that is told and written down"
job d1 --replicas 8 --nodes 2 --time 90 --partition long -- run fashion --epochs 60
done_quietly
prints 'Job 101: '
prints 'hottune --dir d1 status'
prints 'squeue -j 101'
prints 'slurm-<job>.out'
grep -qF "[--parsable][$work/d1/job.sh]" asked || fail "asked $(cat asked)"
grep -qx '#SBATCH --partition=long' d1/job.sh || fail "no partition"
sound d1/job.sh
json 'o["jobs"] == [{"id": "101", "role": "population", "generation": None}] and "--time 90" in o["command"]' d1/submit.json
job d2 --replicas 1 --json -- run glyph
exits 0
json 'o["jobs"][0]["id"] == "102" and o["array"] is None'
job d3 --replicas 1 --quiet -- run glyph
prints_line 103

it "a job of the directory that waits or runs is in the way"
echo '101|101|PENDING||Priority' >queue
job d1 --replicas 8 -- run fashion
refuses 2 'job 101 of this directory is PENDING'
echo '101|101|COMPLETED|n[0-1]|None' >queue
job d1 --replicas 8 -- run fashion
done_quietly
rm queue

it "a chain has a job between generations, each after the one before"
rm asked count
job c --replicas 2 --array 3 --chain 3 -- run glyph --epochs 4 --seed 11
done_quietly
prints 'Jobs 101,102,103,104,105: '
[ "$(wc -l <asked)" = 5 ] || fail "asked $(cat asked)"
sed -n 2p asked | grep -qxF "[--parsable][--dependency=afterok:101][--kill-on-invalid-dep=yes][$work/c/evolve.sh][1]" || fail "$(cat asked)"
sed -n 3p asked | grep -qxF "[--parsable][--dependency=afterok:102][--kill-on-invalid-dep=yes][$work/c/job.sh][2]" || fail "$(cat asked)"
sed -n 5p asked | grep -qxF "[--parsable][--dependency=afterok:104][--kill-on-invalid-dep=yes][$work/c/job.sh][3]" || fail "$(cat asked)"
sound c/job.sh
sound c/evolve.sh
grep -qF -- 'seed=$((11 + ($1 - 1) * 3 + SLURM_ARRAY_TASK_ID))' c/job.sh || fail "seeds"
try recipe validate c/gen-1/recipe.yaml
exits 0
json '[j["role"] for j in o["jobs"]] == ["population", "evolve"] * 2 + ["population"] and o["array"] == 3 and o["chain"] == 3' c/submit.json

it "status of a campaign is a table of its runs and of what the queue says of them"
train --dir c/gen-1/run-0 run glyph --epochs 2 --quiet
exits 0
printf '%s\n' '101_0|103|COMPLETED|n0|None' '101_1|104|RUNNING|n[1-2]|None' '101_2|101|PENDING||Resources' \
    '102|102|PENDING||Dependency' >queue
try --dir c status
done_quietly
[ "$(grep -c . out)" = 13 ] || fail "lines"
grep -qE '^ +1 +0 +finished +2 +[0-9.]+ +101_0 +COMPLETED n0$' out || fail "no finished run"
grep -qE '^ +1 +1 +waiting +- +- +101_1 +RUNNING n\[1-2\]$' out || fail "no run that begins"
grep -qE '^ +1 +2 +waiting +- +- +101_2 +PENDING Resources$' out || fail "no waiting run"
grep -qE '^ +1 +evolve +waiting +- +- +102 +PENDING Dependency$' out || fail "no evolution"
grep -qE '^ +3 +2 +waiting +- +- +105_2 +-$' out || fail "no run of the last generation"
prints_line '1 of 9 runs are finished'
try --dir c status --json
exits 0
json 'len(o["runs"]) == 9 and o["runs"][1]["queue"] == {"state": "RUNNING", "nodes": "n[1-2]", "reason": None}'
json 'o["runs"][0]["epoch"] == 2 and o["runs"][8]["job"] == "105_2" and len(o["evolutions"]) == 2 and o["queue_answered"]'
printf '%s\n' '#!/bin/bash' 'echo slurm_load_jobs error >&2; exit 1' >bin/squeue
try --dir c status
done_quietly
prints_line '1 of 9 runs are finished; squeue says nothing of the jobs'
try --dir d1 status
done_quietly
prints_line 'Job: 104'
rm c/submit.json
try --dir c status
done_quietly
prints_line '1 of 1 run is finished'

it "of runs that nobody has written down the job is the one that they tell of themselves"
mkdir f
SLURM_JOB_ID=103 train --dir f/run-0 run glyph --epochs 2 --quiet
printf '%s\n' '#!/bin/bash' 'echo "101_0|103|COMPLETED|n0|None"' >bin/squeue
try --dir f status
done_quietly
grep -qE '^ +0 +finished +2 +[0-9.]+ +103 +COMPLETED n0$' out || fail "no job"
echo '{' >d1/submit.json
try --dir d1 status
exits 0
grep -q 'submit.json' err || fail "a broken record is not told"
mkdir huge
echo '{"format": "hottune-submit", "version": 1, "jobs": [], "array": 1e18, "chain": null}' >huge/submit.json
try --dir huge status
exits 0
grep -q 'is no record of submitted jobs' err || fail "a broken record is not told"

it "a campaign that is submitted again goes on with what is not finished"
rm asked count
job c --replicas 2 --array 3 --chain 3 -- run glyph --epochs 4
exits 0
sed -n 1p asked | grep -qxF "[--parsable][--array=1,2][$work/c/job.sh][1]" || fail "$(cat asked)"
sed -n 3p asked | grep -qxF "[--parsable][--dependency=afterok:102][--kill-on-invalid-dep=yes][$work/c/job.sh][2]" || fail "$(cat asked)"
train --dir e/gen-1 run glyph --epochs 2 --quiet
cp c/gen-1/recipe.yaml e/gen-1/
rm asked count
job e --replicas 2 --chain 2 -- run glyph
exits 0
head -n 1 asked | grep -qxF "[--parsable][$work/e/evolve.sh][1]" || fail "$(cat asked)"
rm e/submit.json
job e --replicas 2 --chain 1 -- run glyph
refuses 2 'are finished'

it "a refusal is shown, and what was submitted of a chain is taken back"
rm asked count
FAKE_REFUSES=3 job c2 --replicas 2 --chain 3 -- run glyph
exits 1
prints_nothing
grep -q 'your project has no hours left' err || fail "not a word of sbatch's reasons"
grep -q 'violates accounting/QOS policy' err || fail "not a word of the refusal"
[ "$(tr '\n' ' ' <cancelled)" = '101 102 ' ] || fail "cancelled: $(cat cancelled)"
[ ! -e c2/submit.json ] || fail "a record of nothing"

it "a script that was changed by hand is kept"
job edited --replicas 2 -- run glyph
cp edited/job.sh script
echo '# mine' >>edited/job.sh
job edited --replicas 2 -- run glyph
exits 0
prints "job.sh is another script, and kept as $work/edited/job.sh.1"
tail -n 1 edited/job.sh.1 | grep -qx '# mine' || fail "it is gone"
cmp script edited/job.sh || fail "not the script of these options"
job edited --replicas 3 -- run glyph
job edited --replicas 3 -- run glyph
[ "$(cd edited && echo job.sh*)" = 'job.sh job.sh.1 job.sh.2' ] || fail "there are $(cd edited && echo job.sh*)"

it "a job that is submitted inside of another one does not inherit its end and restarts"
SLURM_RESTART_COUNT=2 SLURM_JOB_END_TIME=4000000000 job inside --replicas 2 -- run glyph
exits 0
grep -qx 'unset unset' inherited || fail "it found $(cat inherited)"

it "a place without sbatch is no failure of ours, and is told"
mkdir tools
for tool in sh rm cat; do ln -s "$(command -v $tool)" tools/; done
PATH=$work/tools job d4 --replicas 1 -- run glyph
exits 1
grep -q 'sbatch is not found' err || fail "not told"

it "a live run is in the way, an unfinished one goes on"
ASAN_OPTIONS=detect_leaks=0 "$hottune" --dir live run glyph --epochs 300000 --quiet </dev/null >live.out 2>&1 &
started=$!
soon test -e live/checkpoint/commit.json
job live --replicas 1 -- run glyph --epochs 300000
refuses 2 'live'
kill -KILL "$started"
wait "$started" 2>/dev/null || true
started=
job live --replicas 1 -- run glyph --epochs 300000
exits 0
prints 'goes on with it'
