#!/bin/bash
# What Slurm shows of a job is true: COMPLETED, FAILED, CANCELLED, and how often it was started.
. "$(dirname "$0")/cluster.sh"
cluster 2
paced=$2

# told ID STATE: so says the log that Slurm keeps of jobs that are over, in its last line of the job
told() {
    grep "^JobId=$1 " "$TESTBED_DIR/log/jobcomp.log" | tail -n 1 | grep -q " JobState=$2 " ||
        fail "Slurm's log of finished jobs does not say $2 of job $1"
}
written() { [ -s "$1/checkpoint/commit.json" ]; }

submit broken --replicas 2 --time 5 -- "$paced" too few
broken=$job broken_log=$log
submit dies --replicas 2 --time 5 -- bash -c 'exit 3'
dies=$job
submit cancelled --replicas 2 --time 5 -- "$paced" 100000 0.2 1
cancelled=$job cancelled_log=$log
submit left --replicas 2 --time 30 -- "$paced" 200 0.2 1
left=$job left_log=$log

it "a program that is refused is FAILED with its exit code, and not started again"
ends "$broken" FAILED 120
[ "$(job_says "$broken" ExitCode)" = 2:0 ] || fail "exit code $(job_says "$broken" ExitCode)"
[ "$(job_says "$broken" Restarts)" = 0 ] || fail "it was started again"
grep -q 'usage: paced' "$broken_log" || fail "its log does not say why"
told "$broken" FAILED

it "so is a program that fails"
ends "$dies" FAILED 120
[ "$(job_says "$dies" ExitCode)" = 3:0 ] || fail "exit code $(job_says "$dies" ExitCode)"
told "$dies" FAILED

it "a job that was cancelled is CANCELLED, does not come back, and its run can be resumed"
within 120 written cancelled
scancel "$cancelled"
ends "$cancelled" CANCELLED 60
told "$cancelled" CANCELLED
within 60 grep -q 'the job was cancelled' "$cancelled_log"
sleep 3
in_state "$cancelled" CANCELLED || fail "it came back"
try --dir cancelled status
exits 0
prints 'resume goes on with it'

it "a run that was asked to leave is requeued, finishes in its second start, and is COMPLETED"
within 120 written left
scancel --batch --signal=USR1 "$left"
again() { [ "$(job_says "$left" Restarts)" = 1 ]; }
within 120 again
ends "$left" COMPLETED 300
[ "$(job_says "$left" ExitCode)" = 0:0 ] || fail "exit code $(job_says "$left" ExitCode)"
told "$left" COMPLETED
grep -q 'restart 1 of at most 5' "$left_log" || fail "its log does not tell the restart"
grep -q 'goes on from checkpoint' "$left_log" || fail "its log does not tell the checkpoint"

it "when the requeues are used up the job is FAILED and says how to go on"
submit last --replicas 2 --time 30 --max-requeues 0 -- "$paced" 100000 0.2 1
within 120 written last
scancel --batch --signal=USR1 "$job"
ends "$job" FAILED 120
[ "$(job_says "$job" Restarts)" = 0 ] || fail "it was started again"
cp "$log" out
prints 'requeued as often as it may be'
