#!/bin/sh
# tests/examples/fann.sh PROGRAM MPIRUN.. - examples/fann.c, in short: as a population, and alone through an interruption.
set -eu
fann=$1
shift
[ -r /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz ] || { echo "skipped: no dataset-fashion-mnist here"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

learned() {     # one champion, better than the share of each class (0.9), and a network that FANN can read
    cat out
    [ "$(grep -c '^champion: replica' out)" -eq 1 ] || { echo "not one champion"; exit 1; }
    awk -F'[ ,]+' '/^champion/ {found = $5 > 0.1 && $5 < 0.8 && $7 < 0.8} END {exit !found}' out ||
        { echo "it has not learned"; exit 1; }
    grep -q '^FANN_FLO' runs/fann/best.net && [ -s runs/fann/champion.h5 ] || { echo "no weights"; exit 1; }
}

mkdir "$dir/several" "$dir/alone"
cd "$dir/several"
"$@" "$fann" 5 500 >out || { echo "exit code $?"; cat out; exit 1; }
learned
for knob in lr friction weight_decay; do
    grep -q "knob opt.$knob: starts at" runs/fann/events.log || { echo "$knob is no knob"; exit 1; }
done
grep -q 'the race is over' runs/fann/events.log

cd "$dir/alone"
"$fann" 15 500 >out &
run=$!
until [ -s runs/fann/hotcb.population.jsonl ] || ! kill -0 "$run" 2>/dev/null; do sleep 0.02; done
kill -TERM "$run"
code=0
wait "$run" || code=$?
[ "$code" -eq 75 ] || { echo "asked to leave it ends with $code, not 75"; exit 1; }
[ ! -s out ] || { echo "there is a champion before the end"; exit 1; }
"$fann" 15 500 >out
learned

"$fann" 0 2>err && { echo "0 epochs are no usage error"; exit 1; }
grep -q '^usage' err
"$fann" 1 20 "$dir" 2>err && { echo "it trains without data"; exit 1; }
grep -q "cannot read 20 pictures from $dir/train-images" err
