#!/bin/bash
# tests/fuzz/damage/run.sh HOTTUNE DAMAGE [VARIANTS [SEED [KEEP]]] - make runs and a sweep with HOTTUNE, then damage
# their files VARIANTS times (10000) with the program DAMAGE (damage.c says what it looks for).
set -eu
hottune=$1
damage=$2
variants=${3:-10000}
seed=${4:-1}
keep=${5:-}
here=$(cd "$(dirname "$0")" && pwd)
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 NO_COLOR=1
folder=$(mktemp -d "${TMPDIR:-/tmp}/hottune-damage.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"

leaks=${ASAN_OPTIONS:-}
export ASAN_OPTIONS=detect_leaks=0      # MPI keeps memory to the end
cp "$here/../../cli/recipes/glyph.yaml" recipe.yaml
for n in 1 2; do
    "$hottune" run glyph --recipe recipe.yaml --epochs 8 --seed $n --dir one --quiet >/dev/null
    "$hottune" --dir one set acceptance.epsilon=0.002 --quiet       # the next run does it
done
"$hottune" run glyph --recipe recipe.yaml --epochs 8 --dir one --quiet >/dev/null
"$hottune" --dir one recipe export --quiet
"$hottune" --dir one freeze --mode prod --quiet
mpirun --oversubscribe -n 4 "$hottune" run glyph --epochs 24 --dir pooled --quiet >/dev/null
cat >space.yaml <<'YAML'
parameters:
  lr: {type: float, low: 1.0e-4, high: 1.0, log: true}
  depth: {type: int, low: 1, high: 6}
  act: {type: cat, choices: [relu, tanh]}
YAML
"$hottune" sweep --space space.yaml --trials 20 --dir sweep --quiet -- sh -c 'echo 0.$HOTTUNE_DEPTH' >/dev/null
"$hottune" run glyph --recipe recipe.yaml --epochs 100000 --dir killed --quiet >/dev/null &
run=$!
segments() { cat killed/hotcb.tune.segments.jsonl 2>/dev/null | wc -l; }
until [ "$(segments)" -gt 20 ]; do sleep .1; done
kill -9 $run
wait $run 2>/dev/null || true
ln "killed/checkpoint/$(grep -ao '[0-9a-f-]*\.image' killed/checkpoint/commit.json | tail -n 1)" killed/state.image
for part in pooled/study.parts/*.h5; do
    [ ! -e "$part" ] || mv "$part" pooled/study.parts/part.h5
done
mkdir open
for name in one pooled sweep; do head -c -16 $name/study.h5 >open/$name.h5; done
export ASAN_OPTIONS=$leaks
# shellcheck disable=SC2086
"$damage" "$folder" "$variants" "$seed" $keep
