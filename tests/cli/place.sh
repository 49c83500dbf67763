#!/bin/bash
# `hottune place`: a rank gets its processors and devices, then becomes a command.
. "$(dirname "$0")/check.sh"
starts_mpi
unset OMP_NUM_THREADS "${!SLURM@}" "${!OMPI_COMM@}"
unset CUDA_VISIBLE_DEVICES HIP_VISIBLE_DEVICES ROCR_VISIBLE_DEVICES ZE_AFFINITY_MASK

# as RANK LOCAL NODE TASKS COMMAND ..: what `place` makes of one rank of a step of Slurm; options in $options
options=
as() {
    local rank=$1 local_rank=$2 node=$3 tasks=$4; shift 4
    code=0
    SLURM_PROCID=$rank SLURM_LOCALID=$local_rank SLURM_NODEID=$node SLURM_STEP_TASKS_PER_NODE=$tasks \
        "$hottune" place $options -- "$@" >out 2>err </dev/null || code=$?
}
gives() { done_quietly; [ "$(cat out)" = "$1" ] || fail "it gives '$(cat out)', not '$1'"; }
devices='echo "${CUDA_VISIBLE_DEVICES-unset}"'
cores='grep Cpus_allowed_list /proc/self/status | cut -f2; echo "${OMP_NUM_THREADS-unset}"'
mine=$(grep Cpus_allowed_list /proc/self/status | cut -f2)

it "without a launcher the command just runs, with its arguments and its exit code"
CUDA_VISIBLE_DEVICES=0,1 try place -- sh -c "$devices; $cores; echo \"\$1\"; exit 7" sh 'a  b $c'
exits 7
[ "$(cat out)" = "$(printf '%s\n' 0,1 "$mine" unset 'a  b $c')" ] || fail "something was changed"

it "replicas share out the devices of a node, the coordinator has none"
export CUDA_VISIBLE_DEVICES=0,1,2,3
as 0 0 0 '5,4' sh -c "$devices"; gives ''
as 1 1 0 '5,4' sh -c "$devices"; gives 0
as 4 4 0 '5,4' sh -c "$devices"; gives 3
as 5 0 1 '5,4' sh -c "$devices"; gives 0
as 6 1 1 '5(x2)' sh -c "$devices"; gives 0
as 1 1 0 '3' sh -c "$devices"; gives 0,1
as 0 0 0 '1' sh -c "$devices"; gives 0,1,2,3

it "ranks of a replica share out its block"
options='--ranks-per-replica 2'
CUDA_VISIBLE_DEVICES=4,5 as 2 2 0 '5' sh -c "$devices"; gives 4
CUDA_VISIBLE_DEVICES=4,5 as 3 3 0 '5' sh -c "$devices"; gives 5
options=

it "devices keep their names"
CUDA_VISIBLE_DEVICES=GPU-1b2f-77,GPU-9c3d-01 as 2 2 0 '3' sh -c "$devices"; gives GPU-9c3d-01
CUDA_VISIBLE_DEVICES=MIG-GPU-1b2f-77/1/0,MIG-GPU-1b2f-77/2/0 as 1 1 0 '3' sh -c "$devices"
gives MIG-GPU-1b2f-77/1/0

it "each runtime is told by its own variable, and counts once"
all='echo "${HIP_VISIBLE_DEVICES-unset} ${ROCR_VISIBLE_DEVICES-unset} ${ZE_AFFINITY_MASK-unset}" \
    "${CUDA_VISIBLE_DEVICES-unset}"'
unset CUDA_VISIBLE_DEVICES
HIP_VISIBLE_DEVICES=0,1 ROCR_VISIBLE_DEVICES=2,3 as 2 2 0 '3' sh -c "$all"; gives '1 2,3 unset unset'
ROCR_VISIBLE_DEVICES=2,3 ZE_AFFINITY_MASK=0.0,0.1 as 2 2 0 '3' sh -c "$all"; gives 'unset 3 0.1 unset'
HIP_VISIBLE_DEVICES=0,1 as 0 0 0 '3' sh -c "$all"; gives '-1 unset unset unset'

it "what is not there, or was dealt out by Slurm, stays"
as 1 1 0 '3' sh -c "$devices"; gives unset
CUDA_VISIBLE_DEVICES= as 1 1 0 '3' sh -c "$devices"; gives ''
CUDA_VISIBLE_DEVICES=2,3 SLURM_GPUS_PER_TASK=2 as 1 1 0 '3' sh -c "$devices"; gives 2,3
CUDA_VISIBLE_DEVICES=2,3 SLURMD_TRES_BIND=gpu:single:1 as 1 1 0 '3' sh -c "$devices"; gives 2,3
CUDA_VISIBLE_DEVICES=2,3 SLURMD_TRES_BIND=gpu:single:1 as 0 0 0 '3' sh -c "$devices"; gives ''

it "replicas get cores of their own"
as 1 1 0 '3' sh -c "$cores"; done_quietly; cp out one
as 2 2 0 '3' sh -c "$cores"; done_quietly
python3 - "$mine" one out <<'EOF' || fail "$(cat one out) of $mine"
import sys
def read(text):
    pairs = [part.partition("-") for part in text.split(",")]
    return {i for lo, _, hi in pairs for i in range(int(lo), int(hi or lo) + 1)}
def core(i):
    return min(read(open(f"/sys/devices/system/cpu/cpu{i}/topology/thread_siblings_list").read().strip()))
every = read(sys.argv[1])
(a, n), (b, m) = [open(name).read().split() for name in sys.argv[2:]]
cores = {core(i) for i in every}
if len(cores) >= 2:
    ok = not read(a) & read(b) and read(a) | read(b) <= every and n == m == str(len(cores) // 2)
else:
    ok = read(a) == read(b) == every and n == m == "1"
sys.exit(not ok)
EOF

it "cores that are bound, too few, or somebody else's stay, and OMP_NUM_THREADS if it is set"
SLURM_CPU_BIND_TYPE=mask_cpu: as 1 1 0 '3' sh -c "$cores"; gives "$mine
unset"
SLURM_CPU_BIND_TYPE=cores SLURM_CPUS_PER_TASK=3 as 1 1 0 '3' sh -c "$cores"; gives "$mine
3"
as 1 1 0 '100000' sh -c "$cores"; gives "$mine
1"
OMP_NUM_THREADS=5 as 1 1 0 '100000' sh -c "$cores"; gives "$mine
5"

it "what the launcher says wrongly is told by one rank, and the command runs"
as 0 0 0 '5(x2' sh -c 'echo runs'
exits 0; prints_line runs
refusal="hottune: place: '5(x2' does not tell the tasks of nodes as 5(x2),4 does; ranks run where they were started"
[ "$(cat err)" = "$refusal" ] || fail "the message is another one"
as 1 1 0 '5(x2' sh -c 'echo runs'; gives runs
as 2 7 0 '3' sh -c 'echo runs'; gives runs
as 0 7 0 '3' sh -c 'echo runs'; exits 0
grep -qF 'rank 0 of 3 cannot be rank 7 of 3 on its node' err || fail "the message is another one"

it "a command that cannot be run ends as in a shell"
try place -- ./nowhere
refuses 127 "place: cannot run './nowhere': No such file or directory"
try place -- /
refuses 126 "place: cannot run '/': Permission denied"
try place
refuses 2 'place: too few words; usage: hottune place -- CMD [ARG ...]'
try place --ranks-per-replica 0 -- true
refuses 2 "--ranks-per-replica: '0' is not a whole number"

it "under mpirun it places the ranks of a run, and MPI does not mind"
CUDA_VISIBLE_DEVICES=0,1 mpirun --oversubscribe --bind-to none -n 3 "$hottune" place -- \
    sh -c 'echo "$OMPI_COMM_WORLD_RANK:$CUDA_VISIBLE_DEVICES"' >out 2>err </dev/null || fail "mpirun fails"
[ "$(sort out | tr '\n' ' ')" = '0: 1:0 2:1 ' ] || fail "devices are $(sort out | tr '\n' ' ')"
code=0
mpirun --oversubscribe --bind-to none -n 3 "$hottune" place -- "$hottune" run glyph --recipe "$independent" \
    --epochs 2 --dir run --json >out 2>err </dev/null || code=$?
exits 0
json 'o["replicas"] == 2'

# on 3 ranks with devices, unbound and unplaced
run() {
    code=0
    CUDA_VISIBLE_DEVICES=$1 mpirun --oversubscribe --bind-to none -n 3 "$hottune" run glyph --recipe "$independent" \
        --epochs 2 --dir places >out 2>err </dev/null || code=$?
    exits 0
}

it "the first lines of a run say who runs where, and what was found in the study"
run 0,1
[ "$(sed -n 1p out)" = 'glyph, 2 replicas x 2 epochs, files in places' ] || fail "the first line is another one"
sed -n 2p out | grep -q '^node .*: coordinator, replicas 0-1, all on devices 0+1; core' || fail "no map: $(sed -n 2p out)"
[ "$(grep -c '^node ' out)" = 1 ] || fail "the map is told more than once"
prints_line "study places/study.h5: new; starts from recipe $independent"
grep -qF 'share device' err && fail "who can choose is accused"
json 'len(o["start"]["places"]) == 1 and ": coordinator, replicas 0-1" in o["start"]["places"][0]' \
    places/hotcb.tune.summary.json
json 'len(o["start"]["nodes"]) == 2 and all(o["start"]["nodes"])' places/hotcb.tune.summary.json
grep -q ': coordinator, replicas 0-1' places/events.log || fail "events.log lacks the map"
try --dir places status
grep -q '^Places: node .*: coordinator, replicas 0-1' out || fail "status lacks the map"
try study export places/study.h5 --out tables
[ "$(cut -d, -f3,4,7 tables/places.csv | tr '\n' ' ' | tr -d '\r')" = 'rank,replica,devices 0,-1, 1,0,"0 2,1,"0 ' ] ||
    fail "the study has other places: $(cat tables/places.csv)"

it "two replicas on one device are warned"
run 0
grep -qE '^hottune: warning: replicas 0 and 1 share device 0 on node .*: they wait for each other' err || fail "no warning"
prints "study places/study.h5: 1 run; starts from recipe $independent"

it "one process alone says nothing of places, and of the study only if it has runs"
try run glyph --recipe "$independent" --epochs 2 --dir alone
exits 0
grep -qE '^(node|study) ' out && fail "it talks of places"
try run glyph --recipe "$independent" --epochs 2 --dir alone
prints "study alone/study.h5: 1 run; starts from recipe $independent"
