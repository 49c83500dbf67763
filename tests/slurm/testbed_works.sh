#!/bin/bash
# The cluster that the other scripts of this folder use: what they take for granted of it.
. "$(dirname "$0")/cluster.sh"
export TESTBED_GPUS=2
cluster 2

it "steps have tasks on all nodes, and the GPUs of their nodes"
srun -N2 -n4 --ntasks-per-node=2 --gpus-per-node=2 bash -c 'echo "$SLURMD_NODENAME $CUDA_VISIBLE_DEVICES"' >out 2>err
[ "$(sort out | uniq -c | tr -s ' \n' ' ')" = ' 2 n0 0,1 2 n1 0,1 ' ] || fail "they are elsewhere"

it "the ranks of a step are one MPI world"
recipe=$here/../cli/recipes/glyph.yaml
srun -N2 -n4 --ntasks-per-node=2 "$hottune" run glyph --recipe "$recipe" --epochs 2 --dir run --quiet >out 2>err
prints ' 3 replicas x 2 epochs'

it "nothing is left of it"
owned() { grep -lszxF -e "TESTBED_OWNER=$TESTBED_DIR" /proc/[0-9]*/environ | grep -c .; }
[ "$(owned)" -ge 3 ] || fail "its processes cannot be told from others"
"$testbed" down 2>err
[ "$(owned)" = 0 ] || fail "processes are left"
[ ! -e "$TESTBED_DIR" ] || fail "files are left"
