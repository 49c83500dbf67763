#!/usr/bin/env bash
# The examples build against the installed package, by pkg-config and by CMake, and run.
# usage: installed.sh BUILD_DIR SOURCE_DIR CC [FLAGS]
set -eu
build=$1 source=$2 cc=$3 flags=${4:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake --install "$build" --prefix "$work/usr" >/dev/null
for file in man/man1/hottune.1 man/man1/hottune-study-merge.1 bash-completion/completions/hottune zsh/site-functions/_hottune; do
    test -s "$work/usr/share/$file"
done
libdir=$(dirname "$(find "$work/usr" -name libhottune.a)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

cd "$work"
# shellcheck disable=SC2086,SC2046
OMPI_CC=$cc mpicc -std=c11 -Wall -Wextra $flags "$source/examples/minimal.c" $(pkg-config --cflags --libs hottune) -lm -o minimal
./minimal | grep -q 'replica 0: validation loss'
test -s runs/minimal/study.h5
rm -rf runs
lines=$(mpirun --oversubscribe --bind-to none -n 3 ./minimal | grep -c 'validation loss')
test "$lines" = 2

# A pooled run has one champion, and its weights are a file.
# shellcheck disable=SC2086,SC2046
OMPI_CC=$cc mpicc -std=c11 -Wall -Wextra $flags "$source/examples/pooled.c" $(pkg-config --cflags --libs hottune) -lm -o pooled
./pooled | grep -q 'champion: replica 0'
rm -rf runs
lines=$(mpirun --oversubscribe --bind-to none -n 5 ./pooled | grep -c 'champion: replica .* test')
test "$lines" = 1
test -s runs/pooled/champion.h5
grep -q 'islands: 4, 2 from epoch 15, 1 from epoch 24' runs/pooled/events.log
rm -rf runs

# The optimiser alone needs no MPI compiler.
# shellcheck disable=SC2086,SC2046
$cc -std=c11 -Wall -Wextra $flags "$source/examples/search.c" $(pkg-config --cflags --libs hottune) -lm -o search
./search | grep -q 'best of 100: 0.2'

mkdir by-cmake
cat > by-cmake/CMakeLists.txt <<TEXT
cmake_minimum_required(VERSION 3.22)
project(example C)
find_package(hottune 0.1 REQUIRED)
add_executable(shared $source/examples/minimal.c)
target_link_libraries(shared hottune::hottune m)
add_executable(static $source/examples/minimal.c)
target_link_libraries(static hottune::static m)
TEXT
cmake -S by-cmake -B by-cmake/build -DCMAKE_PREFIX_PATH="$work/usr" -DCMAKE_C_COMPILER="$cc" -DCMAKE_C_FLAGS="$flags" >/dev/null
cmake --build by-cmake/build >/dev/null
rm -rf runs && ./by-cmake/build/shared | grep -q 'replica 0'
rm -rf runs && ./by-cmake/build/static | grep -q 'replica 0'

# Only what the headers promise is exported, and all of it begins with ht_.
exported=$(nm -D --defined-only "$libdir/libhottune.so" | awk '$2 ~ /[TDBR]/ {print $3}')
test -n "$exported"
if echo "$exported" | grep -v '^ht_'; then
    echo "these should not be exported" >&2
    exit 1
fi
readelf -d "$libdir/libhottune.so" | grep -q 'SONAME.*libhottune.so.0'
echo "installed package works: $(echo "$exported" | wc -l) symbols exported"
