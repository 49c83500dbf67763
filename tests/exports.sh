#!/bin/sh
# tests/exports.sh LIBRARY SOURCE - the shared library exports what the public headers declare, and no more.
set -eu
headers=$(cat "$2"/include/hottune/*.h "$2"/include/hottune/*.h.in)
# __odr_asan: marks of the address sanitizer
exported=$(nm -D --defined-only "$1" | awk '{print $NF}' | sed 's/@.*//' | grep -v '^__odr_asan' | sort)
declared=$(printf '%s\n' "$headers" | sed -E 's,//.*,,; /^#/d' | tr '\n' ' ' |
    sed -E 's,/\*([^*]|\*+[^*/])*\*+/,,g' | grep -oE '[ *]ht_[a-z0-9_]+\(' | tr -d ' *(' | sort -u)
status=0
for symbol in $exported; do
    printf '%s\n' "$declared" | grep -qx "$symbol" || { echo "exported, but no public header declares it: $symbol"; status=1; }
done
for symbol in $declared; do
    printf '%s\n' "$exported" | grep -qx "$symbol" || { echo "declared in a public header, but not exported: $symbol"; status=1; }
done
[ -n "$exported" ] || { echo "nothing is exported"; status=1; }
exit $status
