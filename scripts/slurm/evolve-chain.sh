#!/bin/bash
# A chain of generations: an array of populations, then a small job that evolves the recipe, then the next array, which
# begins with that recipe, and so on. All runs go into one study.
#
#   scripts/slurm/evolve-chain.sh recipes/fashion.yaml 3 runs/chain
#   ARRAY=0-7 scripts/slurm/evolve-chain.sh recipes/fashion.yaml 3 runs/chain --account=project
#
# It submits everything at once and ends; Slurm keeps the order (afterok). When a generation fails, what follows is
# cancelled. Jobs and what they do are printed; `hottune --dir runs/chain status` shows how all runs stand.
# What a population is and what it needs stands in array.sbatch: edit that.
set -eu
[ $# -ge 3 ] || { echo "usage: $0 RECIPE GENERATIONS DIR [OPTION OF SBATCH ...]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
recipe=$1 generations=$2 dir=$3
shift 3

mkdir -p "$dir/gen-1"
[ -e "$dir/gen-1/recipe.yaml" ] || cp "$recipe" "$dir/gen-1/recipe.yaml"
export STUDY=$dir/study.h5 DIR RECIPE NEXT SEED
after=()
for ((g = 1; g <= generations; g++)); do
    DIR=$dir/gen-$g RECIPE=$dir/gen-$g/recipe.yaml NEXT=$dir/gen-$((g + 1))/recipe.yaml
    SEED=$((1 + 1000 * (g - 1)))
    job=$(sbatch --parsable --array="${ARRAY:-0-3}" ${after[@]+"${after[@]}"} "$@" "$here/array.sbatch")
    job=${job%%;*}                      # "12;cluster" where there are several
    echo "$job generation $g: $DIR"
    [ "$g" -lt "$generations" ] || break
    job=$(sbatch --parsable --dependency="afterok:$job" --kill-on-invalid-dep=yes "$@" "$here/evolve.sbatch")
    job=${job%%;*}
    echo "$job evolves $RECIPE into $NEXT"
    after=(--dependency="afterok:$job" --kill-on-invalid-dep=yes)
done
