#!/bin/sh
# tests/docs/reference.sh DOXYGEN DOXYFILE - the reference is made without a warning: what is public is documented,
# and the pages that a newcomer needs are there.
set -eu
command -v "$1" >/dev/null || { echo "skipped: no doxygen here"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sed "s|^OUTPUT_DIRECTORY .*|OUTPUT_DIRECTORY = $dir|" "$2" >"$dir/Doxyfile"
"$1" "$dir/Doxyfile" || { echo "doxygen warns"; exit 1; }
for word in minimal pooled ht_options ht_on_validate; do
    grep -q "$word" "$dir/html/index.html" || { echo "the first page does not speak of $word"; exit 1; }
done
for header in hottune types search recipe version; do
    [ -s "$dir/html/${header}_8h.html" ] || { echo "no page of $header.h"; exit 1; }
done

# A test that cannot fail is none: something undocumented is found.
sed "s|^INPUT .*|INPUT = $dir/bare.h|" "$dir/Doxyfile" >"$dir/bare"
printf '/** @file bare.h\n *  One declaration without a word. */\nint ht_bare(int number);\n' >"$dir/bare.h"
if "$1" "$dir/bare" 2>"$dir/said"; then
    echo "an undocumented declaration went through"
    exit 1
fi
grep -q 'ht_bare.*not documented' "$dir/said"
