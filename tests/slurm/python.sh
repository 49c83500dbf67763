#!/bin/bash
# A training in Python as a job step.   python.sh PROGRAM PACED PYTHON LIBRARY, a PYTHON with numpy
. "$(dirname "$0")/cluster.sh"
python=$3
export HOTTUNE_LIBRARY=$4 PYTHONPATH=$here/../../bindings/python PYTHONDONTWRITEBYTECODE=1
"$python" -c 'import numpy' 2>/dev/null || skip "no python with numpy here"
cluster 2

it "the ranks of a step are one population"
srun -N2 -n4 --ntasks-per-node=2 "$python" "$here/../../examples/python/pooled.py" run >out 2>err || fail "it fails"
prints 'champion: replica '
grep -q '3 of 3 replicas done' run/events.log || fail "there are not 3 replicas"

it "tasks that have no MPI say so"
srun --mpi=none -N2 -n2 "$python" -c 'import hottune, os
with hottune.open("alone" + os.environ["SLURM_PROCID"], recipe={}) as k: print(k.replicas, "replica")' >out 2>err || fail "it fails"
[ "$(sort out | uniq -c | tr -s ' ')" = ' 2 1 replica' ] || fail "they are not alone"
grep -q 'srun --mpi=pmix' err || fail "nobody is told"
