#!/bin/sh
# tests/fortran/twin.sh IN_C IN_FORTRAN MPIRUN... - the same training in both languages leaves the same decisions.
set -eu
in_c=$1 in_fortran=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
recipe='actuators:
  opt: {mutations: {lr_mult: {bounds: [0.5, 2.0], range: [0.001, 2.0]}}}
  loss: {keys: {aux: {mode: mult, bounds: [0.5, 2.0], cooldown: 3}}}
acceptance: {epsilon: 0}
search: {startup_trials: 4}
population: {sync: barrier}'
pooled='population: {mode: pooled, sync: barrier}
actuators:
  opt: {mutations: {lr_mult: {bounds: [0.7, 1.2], range: [0.001, 2.0]}}}
acceptance: {epsilon: 0}'

# Wall time, and the checksum of a line with its time, differ from run to run.
decisions() {
    for log in hotcb.tune.mutations.jsonl hotcb.tune.segments.jsonl hotcb.population.jsonl; do
        [ ! -f "$1/$log" ] || sed -E 's/"wall_time": ?[0-9.e+-]+//; s/"sum": ?"[^"]*"//' "$1/$log"
    done
}

compare() {
    name=$1 least=$2
    shift 2
    kind=${name%%-*}
    [ "$kind" = pooled ] && text=$pooled || text=$recipe
    "$@" "$in_c" "$dir/c-$name" "$kind" "$text" >/dev/null
    "$@" "$in_fortran" "$dir/f-$name" "$kind" "$text" >/dev/null
    decisions "$dir/c-$name" >"$dir/c"
    decisions "$dir/f-$name" >"$dir/f"
    [ "$(wc -l <"$dir/c")" -gt "$least" ] || { echo "$name: too few decisions to compare"; cat "$dir/c"; exit 1; }
    diff "$dir/c" "$dir/f" >"$dir/diff" || { echo "$name: other decisions in Fortran than in C"; head "$dir/diff"; exit 1; }
    echo "$name: $(wc -l <"$dir/c") lines alike"
}

compare independent-alone 10 env
compare independent-4 30 "$@" 4
compare pooled-4 30 "$@" 4
