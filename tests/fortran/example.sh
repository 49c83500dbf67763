#!/bin/sh
# tests/fortran/example.sh COMMAND... - an example of a pooled run, in a folder of its own: one champion, better than a guess.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$@" >out || { echo "exit code $?"; cat out; exit 1; }
cat out
[ "$(grep -c '^champion: replica' out)" -eq 1 ] || { echo "not one champion"; exit 1; }
awk -F'[ ,]+' '/^champion/ {found = $5 > 0.3 && $5 < 0.65} END {exit !found}' out || { echo "it has not learned: a guess has 0.69"; exit 1; }
[ -s runs/pooled/champion.h5 ] || { echo "no champion.h5"; exit 1; }
