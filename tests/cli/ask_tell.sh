#!/bin/bash
# The optimiser as JSON lines: the protocol, what it survives, and how it goes on from its log.
. "$(dirname "$0")/check.sh"

cat >space.yaml <<'YAML'
parameters:
  opt: {type: cat, choices: ["sgd", "adam"]}
  lr: {type: float, low: 1.0e-05, high: 1.0, log: true}
  batch: {type: int, low: 8, high: 512}
  mom: {type: float, low: 0.0, high: 0.99, when: {opt: ["sgd"]}}
YAML
serve() { "$hottune" ask-tell --space space.yaml --seed 7 "$@" >out 2>err; }
line() { sed -n "$1p" out; }
is() { [ "$(line "$1")" = "$2" ] || fail "line $1 is '$(line "$1")', not '$2'"; }

it "each request is answered by one line, an ask for k by k lines"
printf '%s\n' '{"ask":2}' '{"tell":0,"value":0.5}' '{"fail":1}' '{"ask":1}' '{"forget":2}' '{"best":1}' | serve
[ "$(wc -l <out)" = 7 ] || fail "there are $(wc -l <out) lines"
case "$(line 1)" in '{"id":0,"params":{"opt":"'*'"lr":'*'"batch":'*) ;; *) fail "the first ask gives $(line 1)" ;; esac
is 3 '{"ok":0}'
is 4 '{"ok":1}'
is 6 '{"ok":2}'
[ "$(line 7)" = "$(line 1 | sed 's/}}$/},"value":0.5}/')" ] || fail "best is $(line 7)"

it "only active parameters appear, ints as integers"
yes '{"ask":1}' | head -50 | serve
grep -q '"opt":"adam","lr":[^,]*,"batch":[0-9]*}}$' out || fail "adam is asked with momentum"
! grep '"opt":"adam"' out | grep -q mom || fail "an inactive parameter appears"
grep -q '"opt":"sgd".*"mom"' out || fail "sgd is asked without momentum"

it "garbage, unknown ids, repeated tells and not-numbers give an error object, and it goes on"
printf '%s\n' '{"ask":1}' 'what?' '{"tell":0,"value":"x"}' '{"tell":9,"value":1}' '{"ask":0}' '[]' '{}' '' \
    '{"tell":0,"value":NaN}' '{"tell":0,"value":1}' '{"best":1}' '{"ask":1}' | serve
[ "$(grep -c '^{"error":"' out)" = 8 ] || fail "there are $(grep -c '^{"error":"' out) errors"
grep -q '^{"ok":0}$' out || fail "NaN was not taken as failed"
line 11 | grep -q '^{"id":1,' || fail "it did not go on: $(line 11)"
head -c 100000 /dev/urandom | serve || fail "noise ends it with $?"

it "each reply comes before the next request is sent"
mkfifo to from
"$hottune" ask-tell --space space.yaml <to >from &
exec 5>to 6<from
for i in 0 1 2; do
    echo '{"ask":1}' >&5
    read -r -t 20 reply <&6 || fail "no reply to ask $i"
    case $reply in "{\"id\":$i,"*) ;; *) fail "ask $i gives $reply" ;; esac
done
exec 5>&- 6<&-
wait

it "a log is gone on with: the same ids and proposals as without the break"
ask_and_tell() { for i in $(seq "$1" "$2"); do printf '{"ask":1}\n{"tell":%d,"value":0.%d}\n' "$i" $((i * 37 % 97)); done; }
ask_and_tell 0 39 | serve
cp out whole
ask_and_tell 0 19 | serve --study log.jsonl
cp out parts
ask_and_tell 20 39 | serve --study log.jsonl
cat out >>parts
cmp -s whole parts || fail "the proposals differ"
printf '{"ask":1' >>log.jsonl # torn by a crash
echo '{"best":1}' | serve --study log.jsonl
line 1 | grep -q '"value"' || fail "a torn last line is fatal"

it "the direction may be max"
printf '%s\n' '{"ask":2}' '{"tell":0,"value":1}' '{"tell":1,"value":2}' '{"best":1}' | serve --direction max
line 5 | grep -q '^{"id":1,.*"value":2.0}$' || fail "best is $(line 5)"

it "wrong input is refused with place and reason"
try ask-tell
refuses 2 '--space is missing'
try ask-tell --space none.yaml
refuses 2 'none.yaml'
printf 'parameters:\n  lr: {type: flaot, low: 0, high: 1}\n' >bad.yaml
try ask-tell --space bad.yaml
refuses 2 "bad.yaml:2:7: lr: 'type'"
printf 'parameters:\n  lr: {type: float, low: 1, hihg: 1}\n' >bad.yaml
try ask-tell --space bad.yaml
refuses 2 "nearest is 'high'"
try ask-tell --space space.yaml --direction up
refuses 2 "'up' is neither min nor max"
try ask-tell --space space.yaml --seed 8 --study log.jsonl
[ "$code" != 0 ] || fail "the log of another seed is taken"
grep -q 'another space, seed or direction' err || fail "the message is $(cat err)"
