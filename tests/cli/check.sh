# tests/cli/check.sh - what the scripts of this folder share; sourced as: . "$(dirname "$0")/check.sh"
#
# Each script gets the program as $1 and works in a folder of its own, which it leaves empty. A check that fails
# ends it with the sentence that does not hold.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
hottune=$1
independent=$here/recipes/glyph.yaml    # the recipe of glyph for checks of the independent mode
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_NUM_THREADS=1 NO_COLOR=1
work=$(mktemp -d "${TMPDIR:-/tmp}/hottune-cli.XXXXXX")
started=
finish() {
    for pid in $started; do     # mpirun takes its ranks along
        kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null || true
    done
    umount "$work/full" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"

# MPI keeps memory to the end: a script that starts it cannot ask for leaks (sanitizer builds)
starts_mpi() { export ASAN_OPTIONS=detect_leaks=0; }

# it SENTENCE: what the checks that follow are about
it() { sentence=$1; }
fail() {
    echo "FAILED: $sentence: $*"
    echo "exit code ${code:-?}; stdout:"; head -40 out 2>/dev/null || true
    echo "stderr:"; head -40 err 2>/dev/null || true
    exit 1
}
# try ARGUMENT ..: run the program; its exit code, stdout and stderr go to $code, out and err
try() { code=0; "$hottune" "$@" >out 2>err </dev/null || code=$?; }
# ranks N ARGUMENT ..: the same on N ranks
ranks() {
    local n=$1; shift
    code=0
    mpirun --oversubscribe -n "$n" "$hottune" "$@" >out 2>err </dev/null || code=$?
}
exits() { [ "$code" = "$1" ] || fail "exit code is $code, not $1"; }
prints() { grep -qF -- "$1" out || fail "stdout lacks '$1'"; }
prints_line() { grep -qxF -- "$1" out || fail "stdout lacks the line '$1'"; }
prints_nothing() { [ ! -s out ] || fail "stdout is not empty"; }
# refuses CODE TEXT: exit code, one message, which holds TEXT, nothing on stdout
refuses() {
    exits "$1"
    [ "$(grep -c '^hottune: ' err)" = 1 ] || fail "not one message"
    grep '^hottune: ' err | grep -qF -- "$2" || fail "the message lacks '$2'"
    prints_nothing
}
# done_quietly: exit code 0, nothing on stderr
done_quietly() { exits 0; [ ! -s err ] || fail "stderr is not empty"; }
# json EXPRESSION [FILE]: the Python expression over the parsed object `o` is true
json() {
    python3 -c 'import json, math, sys; o = json.load(open(sys.argv[2])); sys.exit(not eval(sys.argv[1]))' "$1" "${2:-out}" ||
        fail "not true of ${2:-stdout}: $1"
}
# json_lines EXPRESSION FILE: of the list `l` of all lines; each must parse, a torn last one does not count
json_lines() {
    python3 -c '
import json, sys
text = open(sys.argv[2]).read()
l = [json.loads(line) for line in text.split("\n")[:-1] if line]
sys.exit(not eval(sys.argv[1]))' "$1" "$2" || fail "not true of the lines of $2: $1"
}
# small_disk SIZE: the folder `full` holds no more than that; false where nobody may mount
small_disk() {
    mkdir -p full
    mount -t tmpfs -o "size=$1" tmpfs "$work/full" 2>/dev/null
}
# soon COMMAND ..: true within a minute
soon() {
    local i
    for i in $(seq 600); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep .1
    done
    fail "never true: $*"
}
