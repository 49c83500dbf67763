#!/bin/bash
# `top`: the picture where there is no terminal, and in a real one (tmux): a run that lives, keys, sizes, the end.
. "$(dirname "$0")/check.sh"
starts_mpi
ledger=run/hotcb.applied.jsonl
terminals=0
tmux=(tmux -S "$work/terminal" -f /dev/null)
trap '"${tmux[@]}" kill-server 2>/dev/null || true; finish' EXIT

it "a missing directory, several runs, --json and a strange interval are refused"
try --dir nowhere top
refuses 2 "directory 'nowhere': there is none"
mkdir -p many/run-0 many/run-1
try --dir many top
refuses 2 "directory 'many' holds several runs"
try --dir many/run-0 top --json
refuses 2 'status --json'
try --dir many/run-0 top --every 0
refuses 2 'every'

it "a directory without a run gives a picture that says so"
try --dir many/run-0 top
done_quietly
prints 'no run began here yet   many/run-0'
prints 'no replica was heard of yet'

it "a finished run is shown as plain text, with every replica"
ranks 3 run glyph --epochs 3 --dir ended --quiet
exits 0
try --dir ended top --once
done_quietly
prints 'ended '
prints '100 %  epoch 3 of 3'
prints '2 replicas: 2 done'
prints 'opt.lr '
prints 'everything is written'
grep -qE '^( +| +\* )1 .* done ' out || fail "replica 1 has no row"
grep -q $'\e' out && fail "there is an escape in plain text"
LC_ALL=C COLUMNS=60 try --dir ended top
[ "$(awk '{ if (length($0) > n) n = length($0) } END { print (n <= 60) }' out)" = 1 ] || fail "wider than COLUMNS"

it "what is missing or damaged is no failure"
cp -r ended worn
rm worn/hotcb.metrics.jsonl worn/hotcb.tune.recipe.effective.json worn/hottune.lock
try --dir worn top
done_quietly
sed -i 's/"mode"/"mdoe"/' worn/hotcb.tune.summary.json
printf '{"replica":' >>worn/hotcb.tune.segments.jsonl
try --dir worn top
done_quietly
prints "hotcb.tune.summary.json'"

it "names in files cannot steer a terminal"
mkdir evil
printf '%s\n' '{"objective":{"primary":"v\u001b[2J\u009b31m","mode":"min"}}' >evil/hotcb.tune.recipe.effective.json
printf '%s\n' '{"run":"r1","replica":0,"epoch":1,"metrics":{"v\u001b[2J\u009b31m":1.5}}' >evil/hotcb.metrics.jsonl
printf '2026-01-02T03:04:05Z r1 \e]0;title\a \xff\n' >evil/events.log
try --dir evil top
done_quietly
prints 'best v\x1B[2J\xC2\x9B31m 1.5'
LC_ALL=C grep -q $'[\x01-\x09\x0b-\x1f\x7f\xff]' out && fail "there are control characters"

command -v tmux >/dev/null || { echo "no tmux here: the terminal is left out"; exit 77; }
ldd "$hottune" | grep -q ncurses || { echo "built without ncurses: the terminal is left out"; exit 77; }

# in_terminal DIR: start it in a terminal of 80 x 24, as a command of a shell that tells how it ended
in_terminal() {
    cat >shell.sh <<TEXT
export TERM=screen-256color LC_ALL=C.UTF-8
stty -a >$work/stty.before
"$hottune" --dir "$1" top
echo "exit code \$?"
stty -a >$work/stty.after
cat
TEXT
    "${tmux[@]}" kill-server 2>/dev/null || true
    terminals=$((terminals + 1)) # each has a server of its own: one that is going would take the next one along
    tmux=(tmux -S "$work/terminal.$terminals" -f /dev/null)
    "${tmux[@]}" new-session -d -s top -x 80 -y 24 "bash $work/shell.sh"
}
key() { "${tmux[@]}" send-keys -t top "$@"; }
resize() { "${tmux[@]}" resize-window -t top -x "$1" -y "$2"; }
pane() { "${tmux[@]}" capture-pane -p -t top; }
pane_has() { pane | grep -qF -- "$1"; }
pane_line() { pane | sed -n "$1p" | grep -qF -- "$2"; }
pane_lacks() { ! pane_has "$1"; }
# shows TEXT: the terminal does so soon
shows() { soon pane_has "$1"; }
answered() { [ "$(jq -c "select(.op == \"$1\" and .decision == \"$2\")" "$ledger" 2>/dev/null | wc -l)" -ge "$3" ]; }
frozen() { [ "$(jq -r .mode run/hotcb.freeze.json 2>/dev/null)" = "$1" ]; }

it "a run that lives fills 80 x 24"
mpirun --oversubscribe -n 3 "$hottune" run glyph --recipe "$independent" --epochs 100000 --dir run --quiet >run.out 2>run.err </dev/null &
started="$started $!"
soon test -d run
in_terminal run
shows 'lives, seen '
shows 'mode active'
shows '2 replicas: 2 training'
shows '^REPL DOES'
shows 'best val/loss '
shows 'opt.lr '
shows 'NEWEST FIRST'
soon pane_line 24 'q quit  p pause'

it "p pauses tuning, and p goes on with it"
key p
soon answered disable applied 1
shows 'the run answered: tune disable: applied'
shows 'mode off (paused)'
key p
soon answered enable applied 1
shows 'the run answered: tune enable: applied' # so that it does not come in between later
shows 'mode active'

it "m asks for a mode and takes one; any other key leaves it as it is"
key m
shows 'mode:  a active  o observe'
key z
shows 'nothing was asked'
key m
shows 'mode:  a active  o observe'
key o
soon answered enable applied 2
shows 'the run answered: tune enable: applied'
shows 'mode observe'

it "f asks first, then freezes, then lifts it"
key f
shows 'freeze the run: nothing new is proposed, and commands are refused? y/n'
key n
shows 'nothing was asked'
[ ! -s run/hotcb.freeze.json ] || frozen off || fail "it froze without a yes"
key f
shows '? y/n'
key y
soon frozen prod
shows 'frozen: prod'
key f
shows 'lift the freeze? y/n'
key y
soon frozen off
soon pane_lacks 'frozen: prod'

it "s sorts, ? explains, an unknown key is told"
key s
shows '^val/loss'
key '?'
shows 'quit; the run goes on'
key x
shows 'NEWEST FIRST'
key w
shows "'w' is no key here"

it "a wider terminal gets more columns, a tiny one does no harm"
resize 200 60
shows 'VERDICT'
shows 'RANGE (o replicas, # points of islands)'
soon pane_line 60 '? help'
resize 20 5
soon pane_line 1 'lives, seen '
resize 80 24
soon pane_line 24 'q quit  p pause'

it "with NO_COLOR there is no colour"
"${tmux[@]}" capture-pane -e -p -t top | grep -q $'\e\[[0-9;]*3[0-7]m' && fail "there is a colour"

it "a run that is killed is seen, and cannot be steered"
coordinator=$(jq .pid run/hottune.lock)
kill -KILL "$coordinator"
shows 'ended without a close (killed?)'
key p
shows 'the run does not live any more: nothing to steer'

it "q gives the terminal back as it was"
key q
shows 'exit code 0'
pane_lacks 'NEWEST FIRST' || fail "the picture is still there"
soon test -s stty.after
cmp -s stty.before stty.after || fail "the terminal is another one: $(diff stty.before stty.after)"

it "without NO_COLOR there are colours, and a run that has ended cannot be steered"
unset NO_COLOR
in_terminal ended
shows '2 replicas: 2 done'
coloured() { "${tmux[@]}" capture-pane -e -p -t top | grep -q $'\e\[[0-9;]*3[0-7]m'; }
soon coloured
key f
shows 'the run has ended: nothing to steer'
key C-c
shows 'exit code'
