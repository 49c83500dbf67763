# tests/slurm/cluster.sh - what the scripts of this folder share; sourced as: . "$(dirname "$0")/cluster.sh"
#
# A script gets the program as $1, works in a folder of its own and on a cluster of its own (testbed.sh), and leaves
# nothing of either. Where Slurm is missing it is skipped (exit code 77). Waiting is bounded; what a virtual cluster
# takes is no measure of anything, so no check depends on how long something took.
# shellcheck shell=bash
# shellcheck source=../cli/check.sh
. "$(dirname "$0")/../cli/check.sh"
starts_mpi
PATH=$PATH:/usr/sbin:/sbin
testbed=$here/testbed.sh
trap 'give_back; finish' EXIT
trap 'exit 130' INT TERM

skip() { echo "skipped: $*"; exit 77; }

# cluster NODES: it is up, and SLURM_CONF leads the commands of Slurm to it
cluster() {
    local tool
    for tool in munged slurmctld slurmd sbatch srun scontrol; do
        command -v $tool >/dev/null || skip "no $tool here (Debian: slurmctld slurmd slurm-client munge)"
    done
    place=$(mktemp -d /tmp/ht-slurm.XXXXXX)     # short: sockets have their place in it
    export TESTBED_DIR=$place/tb TESTBED_NODES=$1
    unset "${!SLURM_@}" "${!SBATCH_@}"
    "$testbed" up >"$place/up" 2>&1 || { cat "$place/up"; fail "the testbed does not come up"; }
    eval "$("$testbed" env)"
    srun --mpi=list 2>&1 | grep -q pmix || skip "this Slurm was built without PMIx"
}
give_back() {
    [ -n "${place:-}" ] || return 0
    "$testbed" down >"$place/down" 2>&1 || cat "$place/down"
    rm -rf "$place"
}

# what jobs wrote is shown, too
fail() {
    local file
    echo "FAILED: ${sentence:-at the start}: $*"
    for file in out err "$work"/*/slurm-*.out "$work"/*/*/slurm-*.out "$work"/*/*/*/slurm-*.out; do
        [ ! -s "$file" ] || { echo "--- $file"; tail -n 40 "$file"; }
    done
    [ -z "${SLURM_CONF:-}" ] || squeue
    exit 1
}

# job_says ID WORD: what `scontrol show job` has behind WORD=
job_says() { scontrol -o show job "$1" 2>/dev/null | tr ' ' '\n' | sed -n "s/^$2=//p" | head -n 1; }
# in_state ID PATTERN
in_state() { job_says "$1" JobState | grep -qxE "$2"; }
over() { in_state "$1" 'COMPLETED|FAILED|CANCELLED|TIMEOUT|NODE_FAIL|BOOT_FAIL|OUT_OF_MEMORY|DEADLINE'; }
# within SECONDS COMMAND ..: true before that long
within() {
    local end=$((SECONDS + $1)); shift
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "never true: $*"
        sleep .3
    done
}
# ends ID STATE SECONDS: before that long, and so
ends() {
    within "$3" over "$1"
    in_state "$1" "$2" || fail "job $1 is $(job_says "$1" JobState), not $2"
}
# jobs_of DIR [ROLE]: numbers of the jobs that were submitted there, a line each
jobs_of() {
    python3 -c '
import json, sys
jobs = json.load(open(sys.argv[1] + "/submit.json"))["jobs"]
print("\n".join(str(j["id"]) for j in jobs if j["role"] in sys.argv[2:] or not sys.argv[2:]))' "$@"
}
# submit DIR OPTION .. -- WORD ..: a job of hottune is in the queue; $job is its number
submit() {
    local dir=$1; shift
    try --dir "$dir" submit "$@"
    done_quietly
    job=$(jobs_of "$dir" | tail -n 1)
    log="$dir/slurm-$job.out"
    [ -n "$job" ] || fail "which job?"
}
