#!/bin/sh
# tests/fuzz/run.sh [SECONDS [NAME...]] - build the fuzzers (clang) and run each for SECONDS (60), starting
# from the recipes and the seeds beside this file. What is found goes on in the next run; an input that
# breaks something is left in build/fuzz/found and fails the run.
set -eu
cd "$(dirname "$0")/../.."
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- json yaml recipe set wire
root=$PWD/build/fuzz

CC=clang cmake -S . -B "$root" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DHT_SANITIZE=ON -DHT_FUZZ=ON >/dev/null
for name in "$@"; do
    cmake --build "$root" --target "fuzz_$name"
done
status=0
for name in "$@"; do
    mkdir -p "$root/corpus/$name" "$root/found"
    case $name in
    yaml | recipe) seeds="recipes tests/fuzz/seeds" ;;
    json) seeds=tests/fuzz/seeds ;;
    set) seeds=tests/fuzz/words ;;
    *) seeds= ;;
    esac
    # shellcheck disable=SC2086
    "$root/tests/fuzz_$name" -max_total_time="$seconds" -max_len=8192 -timeout=10 -rss_limit_mb=1024 \
        -verbosity=0 -print_final_stats=1 -artifact_prefix="$root/found/$name-" "$root/corpus/$name" $seeds || status=1
done
exit $status
