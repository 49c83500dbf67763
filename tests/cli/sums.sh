#!/bin/bash
# Checksums of lines and pages: a run writes them, a stranger verifies them, verbs tell what does not fit.
. "$(dirname "$0")/check.sh"
starts_mpi

# The program of docs/run-directory.md, section Checksums.
sed -n '/^## Checksums/,/^## Is/p' "$here/../../docs/run-directory.md" | sed -n '/^```python/,/^```$/p' | sed '/^```/d' >sums.py

it "the program of the documentation finds every line and page of a run right, and a changed digit wrong"
try run glyph --recipe "$independent" --epochs 6 --seed 1 --dir run --quiet
done_quietly
try --dir run set acceptance.epsilon=0.002
try run glyph --recipe "$independent" --epochs 6 --seed 2 --dir run --quiet
done_quietly
try --dir run freeze --mode prod
try --dir run recipe export
done_quietly
(cd run && python3 ../sums.py ./*.jsonl ./*.json arrival.log hottune.lock) >out
prints_nothing
[ "$(wc -l <run/hotcb.tune.segments.jsonl)" -gt 3 ] || fail "too few segments to speak of"
try study check run --quiet
done_quietly
cp -r run whole
sed -i '2s/"step":\([0-9]\)/"step":1\1/' run/hotcb.tune.mutations.jsonl
python3 sums.py run/hotcb.tune.mutations.jsonl >out
prints_line 'run/hotcb.tune.mutations.jsonl:2: wrong checksum'

it "a line that changed is not used, and is told with what to do"
try --dir run recipe export --out ops.jsonl
exits 0
grep -qF "'hotcb.tune.mutations.jsonl': line 2 has a wrong checksum, and is not used; take a copy that is whole" err ||
    fail "it is not told"
try study check run
exits 1
prints 'damaged  hotcb.tune.mutations.jsonl: line 2 has a wrong checksum'

it "the next run says so, too, and goes on"
try run glyph --recipe "$independent" --epochs 1 --seed 3 --dir run --quiet
exits 0
grep -qF "line 2 has a wrong checksum" err || fail "it is not told"

it "a page that changed is refused"
rm -r run; cp -r whole run
sed -i 's/"total_mutations": /&1/' run/hotcb.tune.summary.json
cmp -s run/hotcb.tune.summary.json whole/hotcb.tune.summary.json && fail "nothing was changed"
try --dir run status
exits 2
grep -qF "run/hotcb.tune.summary.json' is damaged: its checksum is wrong" err || fail "it is not told"
sed -i 's/"epsilon": /"epsilon": 1/' run/hotcb.tune.recipe.effective.json
try recipe diff "$independent" run/hotcb.tune.recipe.effective.json
refuses 2 'the checksum is wrong: the file is damaged'

it "lines that are gone at the end of a log show"
rm -r run; cp -r whole run
sed -i '$d' run/hotcb.applied.jsonl
try --dir run status
exits 0
grep -qF "run/hotcb.applied.jsonl': 1 line is missing" err || fail "it is not told"

it "a directory of an older version reads as before, and a run goes on in it"
rm -r run; cp -r whole run
sed -i 's/,"sum":[^}]*//' run/*.jsonl run/arrival.log run/hottune.lock
for page in run/*.json; do
    python3 - "$page" <<'END'
import re, sys
text = re.sub(r',\n  "log_lines": {[^}]*}', "", open(sys.argv[1]).read())
open(sys.argv[1], "w").write(re.sub(r',\s*"sum": ?"[^"]*"', "", text))
END
done
! grep -q '"sum"' run/*.json run/*.jsonl run/arrival.log run/hottune.lock || fail "there is a sum left"
for verb in "status --json" "recipe export --out ops.jsonl --json"; do
    # shellcheck disable=SC2086
    try --dir whole $verb
    done_quietly
    mv out expected
    # shellcheck disable=SC2086
    try --dir run $verb
    done_quietly
    sed 's,"run/,"whole/,' out | diff - expected >difference || fail "$verb: $(cat difference)"
done
try study check run --quiet
done_quietly
try run glyph --recipe "$independent" --epochs 2 --seed 3 --dir run --quiet
done_quietly
try study check run --quiet
done_quietly
tail -n 1 run/hotcb.metrics.jsonl | grep -q '"sum":"' || fail "the new lines have none"
