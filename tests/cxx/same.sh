#!/bin/sh
# tests/cxx/same.sh A B - both programs print the same, and something.
set -eu
one=$("$1") other=$("$2")
[ -n "$one" ] || { echo "$1 prints nothing"; exit 1; }
[ "$one" = "$other" ] || { printf '%s\n-- but:\n%s\n' "$one" "$other"; exit 1; }
