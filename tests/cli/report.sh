#!/bin/bash
# The report: what it says, and its pages in a browser. SHOTS=FOLDER keeps pictures of them.
. "$(dirname "$0")/check.sh"
starts_mpi
skip() { echo "skipped: $1"; exit 77; }
for python in "${PYTHON:-}" python3 /usr/bin/python3 ''; do
    if [ -n "$python" ] && "$python" -c "import numpy, pandas, h5py, yaml, matplotlib, plotly" 2>/dev/null; then break; fi
done

it "a python without the packages is told which are missing"
printf '#!/bin/sh\nexec "%s" -S "$@"\n' "$(command -v python3)" >bare && chmod +x bare   # -S: without installed packages
HOTTUNE_PYTHON=$work/none try report --dir .
refuses 1 "cannot be started"
HOTTUNE_PYTHON=$work/bare try report --dir .
refuses 1 "lacks Python packages: apt-get install python3-numpy python3-pandas python3-h5py python3-yaml python3-plotly, or "
[ -n "$python" ] || skip "no python has numpy, pandas, h5py, yaml, matplotlib and plotly: scripts/setup test installs them where it can"
export HOTTUNE_PYTHON=$python

ranks 9 run fashion --epochs 20 --dir run --quiet
exits 0
for seed in 1 2 3 4 5; do
    try run charlm --epochs 6 --seed "$seed" --dir "s$seed" --study study.h5 --quiet
    exits 0
done
try run glyph --recipe "$independent" --epochs 6 --dir alone --quiet

it "a directory, a study, and the run of a directory in a study have a page"
try report --dir run
done_quietly
prints "Wrote "
prints "run/report.html"
try report --study study.h5 --out study.html --json
done_quietly
json 'o["bytes"] < 8e6 and o["report"] == "study.html"'
try report --dir s3 --study study.h5 --quiet
done_quietly
prints_nothing
grep -q "charlm: run r3" s3/report.html || fail "it is not about the third run"
try report --dir alone --quiet --figures figures
done_quietly
[ -s figures/r1_learning.png ] && [ -s figures/r1_learning.svg ] && [ -s figures/curves.csv ] || fail "figures and tables are missing"

it "what is not there or no study is refused"
try report --dir s3
refuses 2 "has no study.h5"
try report --study none.h5
refuses 2 "none.h5"
echo text >text.h5
try report --study text.h5
refuses 2 "text.h5"
try report --dir run --run r7
refuses 2 "no run 'r7'"
try report --dir run --out missing/report.html
refuses 1 "missing"

it "a page forbids itself to ask for anything"
grep -qF "content=\"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:\"" run/report.html ||
    fail "it has no such policy"

it "names are data"
"$python" "$here/../analysis/made_study.py" hostile.h5 --runs 3 --replicas 32 --segments 600 --knobs 5 --hostile
try report --study hostile.h5 --out hostile.html --quiet
done_quietly
[ "$(grep -c '<script' hostile.html)" = "$(grep -c '<script' study.html)" ] || fail "a name began a script"

it "pages work in a browser, wide and narrow, light and dark"
"$python" -c 'import websocket' 2>/dev/null || skip "there is no python3-websocket: pages are not looked at"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "there is no chromium"
timeout 240 "$python" "$here/../analysis/report_page.py" ${SHOTS:+--shots "$SHOTS"} "$browser" run/report.html study.html hostile.html >pages ||
    fail "$(cat pages)"
