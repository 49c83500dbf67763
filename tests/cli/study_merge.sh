#!/bin/bash
# Studies of several runs: merge, upgrade, parts; and the layout of the files against docs/study-format.md.
# PYTHON names a python with h5py (default: one that is found); without one the layout is not checked (exit code 77).
. "$(dirname "$0")/check.sh"
starts_mpi
# The distribution's own python has the distribution's h5py, whatever python3 comes first in PATH.
for python in "${PYTHON:-}" python3 /usr/bin/python3; do
    if [ -n "$python" ] && "$python" -c "import h5py" 2>/dev/null; then break; fi
done
layout() { code=0; "$python" "$here/../store/study_layout.py" "$@" >out 2>err || code=$?; }

ranks 4 run glyph --epochs 12 --dir pooled --quiet
exits 0
ranks 3 run glyph --recipe "$independent" --epochs 6 --dir several --quiet
exits 0
try run glyph --recipe "$independent" --epochs 6 --dir alone --study several/study.h5 --quiet
exits 0

it "merge puts the runs of all studies into one, whatever the order, and again changes nothing"
try study merge all.h5 pooled/study.h5 several/study.h5
done_quietly
prints_line "'all.h5' has 3 runs"
try study merge turned.h5 several/study.h5 pooled/study.h5 --json
json 'o == {"study": "turned.h5", "runs": 3}'
cmp all.h5 turned.h5 || fail "the order is seen in the result"
try study merge turned.h5 pooled/study.parts/*.h5 all.h5
done_quietly
cmp all.h5 turned.h5 || fail "merging again changed something"
try study check all.h5 --quiet
done_quietly
! grep -q '^  note' out || fail "check does not know an object"

it "what is in the result already stays"
cp pooled/study.h5 grown.h5
try study merge grown.h5 several/study.h5
prints_line "'grown.h5' has 3 runs"

it "an input that is missing, or about something else, is refused and the result is as it was"
try study merge all.h5 none.h5
refuses 2 "there is no study 'none.h5'"
sed 's/primary: .*/primary: val\/error/' "$independent" >error.yaml
try run glyph --recipe error.yaml --epochs 2 --dir other --quiet
exits 0
try study merge all.h5 other/study.h5
[ "$code" != 0 ] || fail "studies of two objectives were merged"
grep -q 'they stay apart' err || fail "no reason"
cmp all.h5 turned.h5 || fail "the result was changed"

it "upgrade says that there is one version"
try study upgrade all.h5
done_quietly
prints 'format version 1, the only one there is'
echo text >text.h5
try study upgrade text.h5
[ "$code" != 0 ] || fail "a text was taken"

it "a study that is removed comes back from its parts with the next run"
rm several/study.h5
try run glyph --recipe "$independent" --epochs 2 --dir alone --study several/study.h5 --quiet
exits 0
try study ls several/study.h5 --json
json 'len(o[0]["runs"]) == 3'

it "jobs that share a study and end together leave a study that has all of them, and ls lists them by age"
pids=
for seed in 1 2 3 4 5; do
    "$hottune" run glyph --recipe "$independent" --epochs 2 --seed $seed --dir job$seed --study shared.h5 --quiet >job$seed.out 2>&1 </dev/null &
    pids="$pids $!"
done
for pid in $pids; do wait "$pid" || fail "a job failed: $(cat job*.out)"; done
try study ls shared.h5 --json
json 'len(o[0]["runs"]) == 5 and [r["started"] for r in o[0]["runs"]] == sorted(r["started"] for r in o[0]["runs"])'

it "the files are as docs/study-format.md says"
doc=$here/../../docs/study-format.md
layout "$doc" pooled/study.h5 several/study.h5 all.h5 pooled/study.parts/*.h5
[ "$code" != 77 ] || { cat out; exit 77; }
exits 0
grep -v '^| `utilisation`' "$doc" >less.md
layout less.md all.h5
exits 1
prints "attribute 'utilisation' is not documented"
sed 's/^| `loss` | real | its own/| `loss` | real32 | its own/' "$doc" >wrong.md
layout wrong.md all.h5
exits 1
prints "column 'loss' is real, documented as real32"
sed 's/^### `\/runs\/\*\/plan`/### `\/runs\/*\/plans`/' "$doc" >wrong.md
layout wrong.md all.h5
exits 1
prints 'plans: is documented and missing'
prints 'plan: is not documented'
