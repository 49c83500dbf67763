#!/bin/bash
# Names and texts that come from files and programs are data: whatever they hold, no control character and nothing that
# turns letters round reaches the terminal, and what is JSON stays JSON.
. "$(dirname "$0")/check.sh"
starts_mpi

evil=$'e\e[31m\e]0;t\a"\'<b>&\u202e\u009b'      # what is in the names below, as a shell has it
# is_harmless [FILE ..]: no C0 but line feeds, no DEL, no C1, no bidirectional or invisible format, no broken UTF-8
is_harmless() {
    local steers='[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f\xad]|\xe2\x80[\x8b\x8e\x8f\xa8-\xae]|\xe2\x81[\xa0-\xaf]|\xef\xbb\xbf'
    if LC_ALL=C grep -aqP "$steers" "$@" || ! iconv -f utf-8 -t utf-8 "$@" >/dev/null 2>&1; then
        cat -v "$@"
        fail "what is printed can steer a terminal"
    fi
}
# tame ARGUMENT ..: the program runs and both streams are harmless
tame() { try "$@"; is_harmless out err; }

it "a hostile recipe is refused or shown, and never obeyed"
cat >evil.yaml <<'YAML'
version: 1
"obj\e[2J\u202e": 1
objective: {primary: "=1+1\e[31m,\n\"'<b>&\u202Eloss\x7f", mode: min, backup_metrics: ["\x9bm", "\u05E9\u05DC\u05D5\u05DD"]}
actuators: {"opt\e]0;t\a": {mutations: {"lr\r\n_mult": {bounds: [0.5, 2.0]}}}}
YAML
tame recipe validate evil.yaml
exits 2
grep -qF '[2J\u202E: unknown field' err || fail "the name is not shown"
tame recipe validate evil.yaml --json
json 'any("\u202e" in f for f in map(str, o["faults"]))'
sed -i 2d evil.yaml
tame recipe show evil.yaml
tame recipe show evil.yaml --json
[ "$code" != 0 ] || json 'o["objective"]["primary"] == "=1+1\x1b[31m,\n\"\x27<b>&\u202eloss\x7f"'
tame recipe diff evil.yaml "$independent"
exits 0
tame recipe diff evil.yaml "$independent" --json
json 'len(o) > 0'
"$hottune" recipe show evil.yaml >again.yaml
"$hottune" recipe show again.yaml >third.yaml
cmp -s again.yaml third.yaml || fail "what is shown does not read back"
printf 'version: 1\nobjective: {primary: "a\xff\x1b"}\n' >latin.yaml
tame recipe validate latin.yaml
exits 2
printf 'a\e[2J: [\e]0;x\a\n' >torn.yaml
tame recipe show torn.yaml
exits 2

it "words of the command line and paths are shown, too"
tame "$evil"
tame run "$evil"
exits 2
tame --dir "$evil" status
tame "--$evil" run
tame run glyph "--recipe-set=$evil"
tame recipe show $'no\xff\e[2J.yaml'
exits 2
mkdir "$evil"
tame --dir "$evil" status
exits 0
tame --dir "$evil" init

it "a run in a folder with such a name, under such a recipe, tells it harmlessly, and so does everybody who reads it"
cp evil.yaml "$evil/hotcb.tune.recipe.yaml"
tame --dir "$evil" run glyph --epochs 2
cp "$independent" own.yaml
sed -i 's|backup_metrics: .*|backup_metrics: [val/error, "=m\\e[31m\\n\\u202E"]|' own.yaml
tame --dir "$evil" run glyph --epochs 2 --recipe own.yaml --study $'evil\e[2J.h5'
exits 0
prints 'evil\x1B[2J.h5'
tame --dir "$evil" run glyph --epochs 2 --recipe own.yaml --study $'evil\e[2J.h5' --json
json 'o["study"] == "evil\x1b[2J.h5" and "\u202e" in o["dir"]'
is_harmless "$evil/events.log"
tame --dir "$evil" set $'opt\e[2J' 'lr=1'
tame --dir "$evil" status
tame --dir "$evil" status --json
json 'isinstance(o, dict)'
for verb in ls show check; do
    tame study $verb $'evil\e[2J.h5'
    exits 0
    tame study $verb $'evil\e[2J.h5' --json
    json 'o'
done

it "a sweep over such names and choices, its table and its study"
cat >space.yaml <<'YAML'
parameters:
  "=lr\u202E\e[31m": {type: float, low: 0.1, high: 1.0}
  "\u05E9\u05DC\u05D5\u05DD,\"\n": {type: cat, choices: ["=1+1", "a\e[2J\"\n<b>\x7f", "\u009b31m"]}
YAML
tame sweep --space space.yaml --trials 4 --dir sweep -- sh -c 'printf "\033[2J\377" >&2; echo 1'
exits 0
prints '=lr\u202E\x1B[31m='
grep -q '^  *0 .*שלום,"\\n=' out || fail "a line feed of a name breaks the table"
for verb in show check; do
    tame study $verb sweep/study.h5
    exits 0
    tame study $verb sweep/study.h5 --json
    json 'o'
done
tame study ls sweep/study.h5
tame --dir sweep status
tame sweep --space space.yaml --trials 2 --dir failing -- $'no\e[2J\xffsuch'

it "what a command says, and the pictures of runs, are no more dangerous"
tame --dir child run --epochs 1 --restarts 0 -- sh -c 'printf "\033[2J\233\n\342\200\256\n" >&2; exit 3'
[ "$code" != 0 ] || fail "a command that fails is a run"
tame --dir "$evil" top --once
tame simulate glyph --recipe own.yaml --replicas 2 --epochs 2
exits 0
printf '%s\n' '{"op":"ask"}' nonsense $'\e[2J' '{"op":"\u009b\u202e"}' >requests
code=0
"$hottune" ask-tell --space space.yaml <requests >out 2>err || code=$?
is_harmless out err

it "tables for spreadsheets: RFC 4180 quotes, and a text that could be a formula is none"
tame study export $'evil\e[2J.h5' --out csv
exits 0
tame study export $'evil\e[2J.h5' --format json
json 'o'
python3 - csv/*.csv <<'PY' || fail "not the CSV that it should be"
import csv, sys
for name in sys.argv[1:]:
    rows = list(csv.reader(open(name, newline="", encoding="utf-8"), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows), name
    for cell in (cell for row in rows for cell in row):
        if cell[:1] in "=+-@\t\r" and cell:
            float(cell)     # a number, or else it would be taken for a formula
PY
