#!/bin/bash
# The verbs that read studies: ls, show, check, export.
. "$(dirname "$0")/check.sh"
starts_mpi
ESC=$(printf '\033')

# flip FILE OFFSET: the bits of one byte are turned round (an offset < 0 counts from the end)
flip() {
    python3 - "$1" "$2" <<'PY'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
data[int(sys.argv[2])] ^= 0xff
open(sys.argv[1], "wb").write(data)
PY
}
# csv EXPRESSION FILE: the Python expression over the rows `t` (dictionaries) is true
csv() {
    python3 -c '
import csv, sys
t = list(csv.DictReader(open(sys.argv[2], newline="")))
sys.exit(not eval(sys.argv[1]))' "$1" "$2" || fail "not true of $2: $1"
}

for seed in 1 2; do
    try run glyph --recipe "$independent" --epochs 6 --seed $seed --dir runs/one --quiet
    exits 0
done
cat >space.yaml <<'YAML'
parameters:
  "=lr": {type: float, low: 0.1, high: 1.0}
  act: {type: cat, choices: ["=1+1", "@x", "-2,\"a\"", "\e[31mred"]}
YAML
try sweep --space space.yaml --trials 8 --dir runs/sweep --quiet -- sh -c 'echo 0.5'
exits 0
study=runs/one/study.h5

it "ls has a line a run, oldest first, with what came of it"
try study ls $study
done_quietly
prints "$study: glyph, minimize val/loss, 2 runs"
[ "$(grep -c ' ended ' out)" = 2 ] || fail "not two runs that ended"
[ "$(sed -n 3,4p out | grep -oE '\-r[12] ' | tr -d '\n ')" = -r1-r2 ] || fail "not in order"
try study ls $study --json
json 'len(o) == 1 and len(o[0]["runs"]) == 2'
json 'all(r["segments"] >= r["accepted"] >= 0 and r["replicas"] == 1 and 0 < r["result_val"] < 10 for r in o[0]["runs"])'
json 'all(abs(r["gain"] - (r["value_first"] - r["result_val"])) < 1e-12 for r in o[0]["runs"])'
json 'all(len(r["recipe_hash"]) == 16 and r["result_test"] > 0 for r in o[0]["runs"])'

it "of a directory, ls shows its study and those one level below; sweeps have no runs"
try study ls runs
done_quietly
prints "$study: "
try study ls runs/one
prints "$study: "
try study ls runs/sweep
refuses 2 'is the file of a sweep'
mkdir empty
try study ls empty
refuses 2 "'empty' has no study.h5"
try study ls nowhere.h5
refuses 2 'nowhere.h5'

it "show tells problem, runs, beliefs and the best run"
try study show $study
done_quietly
prints 'objective  minimize val/loss'
prints 'What is believed'
prints 'opt:lr_mult'
prints 'Best so far:'
try study show $study --json
json 'o["attributes"]["objective"] == "val/loss" and len(o["runs"]) == 2 and o["priors"]'
json 'o["best"]["attributes"]["result_val"] == min(r["result_val"] for r in o["runs"])'
id=$(python3 -c 'import json; print(json.load(open("out"))["runs"][1]["id"])')
try study show $study --run "$id" --json
json "o['run']['id'] == '$id' and o['run']['evidence']"
try study show $study --run "${id%?}7"
refuses 2 "nearest is '$id'"
try study show runs/sweep/study.h5
done_quietly
prints 'Best trial:'
! grep -q "$ESC" out || fail "an escape of the file reached the terminal"

it "check says of every object that it is whole"
try study check runs/one
done_quietly
[ "$(grep -c '=> whole' out)" = 4 ] || fail "not the study, its two parts and the directory"
prints "/runs/$id/segments: "
prints 'hotcb.tune.segments.jsonl: '
try study check $study runs/sweep/study.h5 runs/sweep runs/one/hotcb.tune.summary.json --quiet
done_quietly
! grep -q 'damaged' out || fail "damage where there is none"
! grep -qE '^  note' out || fail "an object is not known"
try study check $study --json
json 'len(o) > 5 and all(x["verdict"] == "whole" and x["file"] and x["what"] for x in o)'

it "check finds the object in which a byte changed, and no other verb reads that file"
cp $study bad.h5
python3 - <<'PY'
data = bytearray(open("bad.h5", "rb").read())
at = data.find(b"x\x01") if b"x\x01" in data else data.find(b"x^")     # the beginning of a deflated chunk
data[at + 20] ^= 0x40
open("bad.h5", "wb").write(data)
PY
try study check bad.h5
exits 1
prints 'the checksum over the whole file is wrong'
[ "$(grep -c '^  damaged' out)" = 2 ] || fail "not the file and one object"
prints '=> damaged'
prints 'whole    /recipe/base'
[ ! -s err ] || fail "HDF5 speaks"
for verb in 'study ls' 'study show' 'study export --format json'; do
    try $verb bad.h5
    refuses 2 'its checksum is wrong'
done

it "check knows a file that is cut, empty, or something else"
head -c 3000 $study >cut.h5
: >empty.h5
echo text >text.h5
for file in cut empty text; do
    try study check $file.h5
    exits 1
    prints '=> damaged'
done
try study check nowhere.h5
exits 2
try study check space.yaml
exits 2
try study check
exits 2

it "a study whose seal is lost is read, and check says so"
python3 -c 'd = open("'$study'", "rb").read(); open("open.h5", "wb").write(d[:-16])'
try study check open.h5
exits 0
prints 'there is no checksum over the whole file'
warns() { exits 0; [ "$(grep -c . err)" = 1 ] && grep -qF "'open.h5' carries no checksum any more" err || fail "no warning"; }
try study ls open.h5
warns
try study show open.h5
warns
try study export open.h5 --format json
warns
try recipe evolve --base "$independent" open.h5
warns

it "upgrade gives a study that lost its seal a new one, unless it is damaged"
cp open.h5 again.h5
try study upgrade again.h5
exits 0
grep -qF "'again.h5' carried no checksum any more" err || fail "no warning"
prints 'it got a new checksum'
cmp again.h5 $study || fail "another file"
try study ls again.h5
done_quietly

it "what is damaged and has lost its seal is not merged under a new one"
python3 -c 'd = open("bad.h5", "rb").read(); open("both.h5", "wb").write(d[:-16])'
try study merge merged.h5 both.h5
refuses 2 "study 'both.h5' is damaged: /runs/"
[ ! -e merged.h5 ] || fail "a study was made of damage"
cp both.h5 kept.h5
try study upgrade both.h5
[ "$code" != 0 ] || fail "damage was sealed"
cmp both.h5 kept.h5 || fail "it was changed"
try study merge merged.h5 open.h5
warns
try study check merged.h5 --quiet
done_quietly

it "check finds torn and bad lines, lines that are gone, and numbers that are not those of the study"
cp -r runs/one torn
printf '{"segment_id":"s_0' >>torn/hotcb.tune.segments.jsonl
sed -i '1s/{/[/' torn/hotcb.metrics.jsonl
try study check torn
exits 1
prints 'hotcb.tune.segments.jsonl: the last line is torn'
prints 'hotcb.metrics.jsonl: line 1 is no JSON object'
rm -r torn; cp -r runs/one torn
sed -i '$d' torn/hotcb.tune.segments.jsonl
try study check torn
exits 1
prints 'of the study is missing'
prints 'hotcb.tune.segments.jsonl: its end is gone: 1 or more lines'
rm -r torn; cp -r runs/one torn
sed -i '$s/"score_delta":\(-\{0,1\}\)[0-9]/"score_delta":\17/' torn/hotcb.tune.segments.jsonl
try study check torn
exits 1
n=$(wc -l <torn/hotcb.tune.segments.jsonl)
prints "hotcb.tune.segments.jsonl: line $n has a wrong checksum"
sed -i 's/,"sum":[^}]*//' torn/hotcb.tune.segments.jsonl
try study check torn
exits 1
prints 'is another one than in the study'
rm -r torn
cp -r runs/sweep torn
flip torn/hotcb.tune.study.sqlite 4099
try study check torn
exits 1
prints 'damaged  hotcb.tune.study.sqlite'
for run in one sweep; do
    rm -r torn; cp -r runs/$run torn
    python3 -c '
import sqlite3
db = sqlite3.connect("torn/hotcb.tune.study.sqlite")
trial = db.execute("select min(trial_id) from trial_values").fetchone()
db.execute("update trial_values set value = value + 0.001 where trial_id = ?", trial)
db.commit()'
    try study check torn
    exits 1
    prints 'damaged  hotcb.tune.study.sqlite: 1 trial has another value than in the log, the first is '
done

it "a run that was killed is told from one that goes on"
"$hottune" run glyph --recipe "$independent" --epochs 100000 --dir runs/long --quiet >/dev/null 2>&1 &
pid=$!
started=$pid
soon test -s runs/long/study.h5
try study ls runs/long --json
json 'o[0]["runs"][0]["state"] == "goes on" and o[0]["runs"][0]["ended"] == 0'
kill -9 $pid
wait $pid 2>/dev/null || true
started=
try study ls runs/long --json
json 'o[0]["runs"][0]["state"] == "killed"'

it "export writes a CSV for each table, with the run in the first column"
try study export $study --out tables
done_quietly
prints 'tables -> tables'
csv 'len(t) == 2 and [r["seed"] for r in t] == ["1", "2"] and t[1]["id"] == "'"$id"'"' tables/runs.csv
csv '[r["id"][-3:] for r in t] == ["-r1", "-r2"]' tables/runs.csv
csv '{r["run"][-3:] for r in t} == {"-r1", "-r2"} and all(float(r["score"]) < 10 for r in t if r["score"])' tables/segments.csv
csv '[r["row"] for r in t][:3] == ["0", "1", "2"] and all(r["val/loss"] for r in t)' tables/readings_pre.csv
csv 'all(float(r["value"]) > 0 for r in t)' tables/curves.csv
csv '[r["family"] for r in t] and all(r["prior_center"] for r in t)' tables/priors.csv
n=$(cat runs/one/hotcb.tune.segments.jsonl | wc -l)
csv "len(t) == $n" tables/segments.csv
grep -q "$(printf '\r')" tables/runs.csv || fail "lines do not end as RFC 4180 wants"

it "export as JSON has the same rows, and the recipes"
try study export $study --format json
done_quietly
json "len(o['tables']['segments']) == $n and len(o['tables']['runs']) == 2"
json 'o["texts"]["/recipe/base"].startswith("version: 1") or "version: 1" in o["texts"]["/recipe/base"]'
try study export $study --format json --out all.json
done_quietly
json "len(o['tables']['segments']) == $n" all.json

it "no text of a study becomes a formula in a spreadsheet, and none is lost"
try study export runs/sweep/study.h5 --out sheets
done_quietly
csv "len(t) == 8 and {r['params_act'] for r in t} <= {\"'=1+1\", \"'@x\", '\\'-2,\"a\"', '\\x1b[31mred'}" sheets/trials.csv
csv "all(float(r['params_=lr']) >= 0.1 and r['value'] == '0.5' for r in t)" sheets/trials.csv
try study export runs/sweep/study.h5 --format json
json '{r["params_act"] for r in o["tables"]["trials"]} <= {"=1+1", "@x", "-2,\"a\"", "\x1b[31mred"}'
! grep -q "$ESC" out || fail "an escape of the file reached the terminal"

it "what cannot be exported is refused"
try study export $study
refuses 2 '--out is missing'
try study export $study --format xml --out x
refuses 2 "--format: 'xml'"
try study export $study --format json --out /dev/full
refuses 1 'No space left'
echo x >file
try study export $study --out file
refuses 1 'there is a file of that name'
