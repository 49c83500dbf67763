#!/bin/bash
# Wrong input of every kind: exit code 2 (1 if it is not the user's fault) and one message that helps.
. "$(dirname "$0")/check.sh"
starts_mpi
mkdir run

it "a verb that is missing or unknown is refused, with the nearest name"
try
refuses 2 'the verb is missing; hottune --help lists the verbs'
try statsu
refuses 2 "unknown verb 'statsu'; nearest is 'status'"
try rnu
refuses 2 "unknown verb 'rnu'; nearest is 'run'"
try tune enabel
refuses 2 "unknown verb 'enabel'; nearest is 'enable'"
try recipe
refuses 2 'recipe: the second word is missing'
try recipe shwo
refuses 2 "unknown verb 'recipe shwo'; nearest is 'recipe show'"
try xyzzy-plugh
refuses 2 "unknown verb 'xyzzy-plugh'; hottune --help lists the verbs"
try ''
refuses 2 "unknown verb ''"

it "a wrong option is refused, with the nearest name"
try status --jsn
refuses 2 "status: unknown option '--jsn'; nearest is '--json'"
try --frobnicate status
refuses 2 "unknown option '--frobnicate'"
try status -x
refuses 2 "unknown option '-x'"
try run glyph --re x
refuses 2 "option '--re' is ambiguous"
try status --json=yes
refuses 2 '--json takes no value'
try run glyph --epocs 3
refuses 2 "unknown option '--epocs'; nearest is '--epochs'"

it "a missing or empty value is refused"
try status --dir
refuses 2 '--dir: the value is missing; write --dir DIR'
try --dir= status
refuses 2 '--dir: the value is empty'
try run glyph --epochs
refuses 2 '--epochs: the value is missing; write --epochs E'

it "too few and too many words are refused"
try run
refuses 2 'run: too few words; usage: hottune run WORKLOAD'
try recipe diff one.yaml
refuses 2 'too few words'
try --dir run enable opt
refuses 2 "enable: 'opt' is one word too many"

it "a directory that is not there, or is a file, is refused and not made"
for verb in enable disable 'set a=1' status 'freeze --mode prod' export-recipe 'recipe export' 'recipe show'; do
    try --dir nowhere $verb
    refuses 2 "directory 'nowhere': there is none; 'hottune --dir nowhere init' makes one"
    [ ! -e nowhere ] || fail "$verb made it"
done
echo x >file
try --dir file status
refuses 2 "directory 'file': this is a file"

it "a place that takes no files is an error, not a crash"
try --dir file/run init
refuses 1 "cannot create directory 'file': there is a file of that name; name a directory"
try --dir /proc enable
refuses 1 '/proc/hotcb.commands.jsonl'
try --dir /proc freeze --mode prod
refuses 1 '/proc/hotcb.freeze.json'
try --dir /proc/run run glyph --epochs 1
refuses 1 "cannot create directory '/proc/run'"

it "a full disk under stdout is an error"
code=0
"$hottune" --help >/dev/full 2>err || code=$?
: >out
refuses 1 'cannot write to standard output: No space left on device'

it "a full disk under the run directory is an error"
if small_disk 16k; then
    cat /dev/zero >full/zeros 2>/dev/null || true
    try --dir full enable
    refuses 1 'No space left on device'
    umount "$work/full"
fi

it "modes, policies and numbers are checked"
try --dir run enable --mode sugest
refuses 2 "--mode: 'sugest' is no mode; nearest is 'suggest'"
try --dir run enable --mode replay
refuses 2 '--mode replay: no log is given; add --replay FILE'
try --dir run enable --replay x
refuses 2 '--replay is for mode replay'
try --dir run enable --mode replay --replay nowhere.jsonl
refuses 2 "--replay: 'nowhere.jsonl'"
try --dir run freeze
refuses 2 '--mode is missing'
try --dir run freeze --mode prd
refuses 2 "--mode: 'prd' is no freeze mode; nearest is 'prod'"
try --dir run freeze --mode prod --policy lax
refuses 2 "--policy: 'lax' is no policy"
try --dir run freeze --mode replay --step-offset 1.5
refuses 2 "--step-offset: '1.5' is not a whole number"
try --dir run set acceptance.epsilon
refuses 2 "'acceptance.epsilon' is not of the form key=value"
[ -z "$(ls run)" ] || fail "something was written: $(ls run)"

it "'run' checks everything before it begins"
try run glif
refuses 2 "unknown workload 'glif'"
for bad in 0 -1 1.5 abc 1e3 999999999999; do
    try run glyph --epochs "$bad"
    refuses 2 "--epochs: '$bad' is not a whole number in 1 .. 1000000"
done
for bad in -1 x 9007199254740993 1e30 '1 2'; do
    try run glyph --seed "$bad"
    refuses 2 "--seed: '$bad' is not a whole number"
done
for bad in 0 -5 1:60 soon; do
    try run glyph --time-limit "$bad"
    refuses 2 "--time-limit: '$bad' is no duration"
done
try run glyph --mode activ
refuses 2 "--mode: 'activ' is no mode; nearest is 'active'"
try run glyph --recipe nowhere.yaml
refuses 2 'nowhere.yaml'
printf 'version: 1\nobjectve: {}\n' >wrong.yaml
try run glyph --recipe wrong.yaml
refuses 2 "wrong.yaml:2:1: objectve: unknown field; nearest is 'objective'"
try run glyph --ranks-per-replica 2
refuses 2 '--ranks-per-replica 2: there is one rank'
try run glyph --study .
refuses 2 "--study: '.' is no regular file"
try run glyph --study /dev/null
refuses 2 "--study: '/dev/null' is no regular file"
try run glyph --schedule linear
refuses 2 "--schedule: 'linear' is not cosine or constant"
for bad in 1:10 -1:2 x:2 0.5:2; do
    try run glyph --slow "$bad"
    refuses 2 "--slow: '${bad%:*}' is no replica; there are 0 .. 0"
done
try run glyph --slow 0:2,0
refuses 2 "--slow: '0' is not REPLICA:NUMBER, such as 1:10"
try run glyph --slow 0:.5
refuses 2 "--slow: '.5' is not a number in 1 .. 10000"
for bad in 0 nan 1.5; do
    try run glyph --nan "0:$bad"
    refuses 2 "--nan: '$bad' is not a whole number in 1 .. 1000000"
done
[ ! -e runs ] || fail "a run directory was made"
try run fashion --data nowhere --epochs 1 --quiet
refuses 2 'nowhere/train-images'
[ ! -e runs ] || fail "a run directory was left behind"
try run glyph --set opt.nope=1 --dir new/run --quiet
refuses 2 "there is no knob 'opt.nope'"
[ ! -e new ] || fail "a run directory was left behind"
mkdir mine
try run glyph --mode replay --replay nowhere.jsonl --dir mine --quiet
refuses 2 'nowhere.jsonl'
[ -d mine ] && [ -z "$(ls -A mine)" ] || fail "somebody's directory was changed"

it "on several ranks, one message and one exit code"
ranks 3 run glyph --epochs x
refuses 2 "--epochs: 'x'"
ranks 3 run glyph --ranks-per-replica 3
refuses 2 '2 ranks beside the coordinator do not divide into groups of 3'
ranks 3 run glyph --slow 1:2,2:2
refuses 2 "--slow: '2' is no replica; there are 0 .. 1"
ranks 3 run glyph --recipe wrong.yaml
refuses 2 'wrong.yaml:2:1'
ranks 3 run fashion --data nowhere --epochs 1 --quiet
refuses 2 'nowhere/train-images'
ranks 3 run glyph --dir file/run --epochs 1
refuses 1 "cannot create directory 'file'"
