#!/bin/sh
# tests/fortran/in_folder.sh PROGRAM - the program with an empty folder as its argument.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$1" "$dir"
