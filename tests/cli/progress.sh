#!/bin/bash
# The progress of a run: live on a terminal, lines elsewhere, JSON lines for programs.
. "$(dirname "$0")/check.sh"
starts_mpi
unset NO_COLOR

# terminal.py COLUMNS[,COLUMNS] PROGRAM ..: run it on a terminal of that width, which is changed after two seconds; its
# output goes to stdout as it came
cat >terminal.py <<'PY'
import fcntl, os, pty, select, struct, sys, termios, time
widths = [int(w) for w in sys.argv[1].split(",")]
pid, fd = pty.fork()
if pid == 0:
    for _ in range(100):    # until the parent has set the size
        if os.get_terminal_size(1).columns:
            break
        time.sleep(.05)
    os.execv(sys.argv[2], sys.argv[2:])
def resize(width):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
resize(widths[0])
began, out = time.monotonic(), b""
while True:
    if len(widths) > 1 and time.monotonic() - began > 2:
        out += b"\nRESIZED\n"
        resize(widths.pop())
    if select.select([fd], [], [], .1)[0]:
        try:
            chunk = os.read(fd, 65536)
        except OSError:
            break
        if not chunk:
            break
        out += chunk
sys.stdout.buffer.write(out)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
on_terminal() { code=0; TERM=${TERM:-xterm} python3 terminal.py "$@" >out 2>err </dev/null || code=$?; }
# lines_fit COLUMNS FILE: what is written over fits, and at least two such lines are there
lines_fit() {
    python3 - "$@" <<'PY' || fail "a live line is wider than the terminal, or there is none"
import re, sys
text = open(sys.argv[2], newline="").read().replace("\r\n", "\n")
live = [re.sub(r"\033\[[0-9]*[mK]", "", x) for x in re.findall(r"\r([^\r\n]*? %[^\r\n]*)", text)]
sys.exit(not (len(live) >= 2 and all(len(x) < int(sys.argv[1]) for x in live)))
PY
}
export TERM=xterm
run=(run charlm --epochs 150)

it "on a terminal a line is written over, fits, and is gone before other lines"
on_terminal 100 "$hottune" --dir live "${run[@]}"
exits 0
lines_fit 100 out
grep -q $'\r\\[#*-*\\]  \e\\[1m *[0-9]* %' out || fail "no bar, no bold share"
grep -q $'\r\e\\[K' out || fail "the line is not cleared"
! grep -q '% *charlm, seed 1' out || fail "the table stands behind the line"
[ -z "$(tr -d '\n' <out | sed $'s/\e\\[[01]\\?[mK]//g' | tr -dc '\033')" ] || fail "there are other escapes"
sed $'s/.*\r\e\\[K//' out | grep -q '^charlm, seed 1' || fail "the table is not on a line of its own"

it "it follows the terminal when that gets narrower"
on_terminal 120,44 "$hottune" --dir narrow "${run[@]}" --epochs 250
exits 0
if grep -q RESIZED out; then
    sed '1,/RESIZED/d' out | tail -n +1 | sed '1s/^[^\r]*\r[^\r]*\r//' >after
    [ "$(grep -o ' %' after | wc -l)" -lt 4 ] || lines_fit 44 after
fi

it "NO_COLOR and CLICOLOR=0 leave no colours, TERM=dumb no escapes at all"
NO_COLOR=1 on_terminal 100 "$hottune" --dir plain "${run[@]}"
exits 0
lines_fit 100 out
! grep -q $'\e\\[[01]*m' out || fail "bold under NO_COLOR"
CLICOLOR=0 on_terminal 100 "$hottune" --dir clicolor "${run[@]}" --epochs 10
! grep -q $'\e\\[[01]*m' out || fail "bold under CLICOLOR=0"
TERM=dumb on_terminal 100 "$hottune" --dir dumb "${run[@]}" --epochs 10
! grep -q $'\e' out || fail "escapes on a dumb terminal"

it "elsewhere there are whole lines without escapes, and live lines only when they are asked for"
try --dir file "${run[@]}" --epochs 5
done_quietly
! grep -q $'[\e\r]' out || fail "escapes in a file"
try --dir asked "${run[@]}" --progress live
lines_fit 80 out
try --dir none "${run[@]}" --epochs 5 --progress none
! grep -q ' % .* gone' out || fail "progress with none"
prints 'policy: pooled'
try --dir quiet "${run[@]}" --epochs 5 --quiet
! grep -q 'policy: pooled\|gone' out || fail "progress with --quiet"
try run charlm --progress loud
refuses 2 "--progress: 'loud' is not auto, live, lines or none"

it "JSON lines begin with start, end with end, and the end has what the table has"
ranks 3 --dir json run glyph --epochs 40 --json-lines
exits 0
jq -e . out >/dev/null || fail "jq does not read it"
json_lines 'l[0]["event"] == "start" and l[0]["version"] == 1 and l[0]["dir"] == "json" and l[0]["replicas"] == 2' out
json_lines 'l[-1]["event"] == "end" and l[-1]["exit_code"] == 0' out
json_lines 'all(x["time"] > 1e9 for x in l)' out
json_lines '{x["event"] for x in l} <= {"start", "plan", "stage", "news", "progress", "best", "warning", "end"}' out
json_lines '[x["stage"] for x in l if x["event"] == "stage"][:2] == ["race", "segments"]' out
json_lines 'any(x["event"] == "news" and "the race is over" in x["text"] for x in l)' out
python3 - <<'PY' || fail "progress goes back, leaves 0 .. 1, or lacks a field"
import json
l = [x for x in map(json.loads, open("out")) if x["event"] == "progress"]
fields = ("time elapsed_s left_s done epochs epochs_total epochs_per_s step best best_replica accepted rejected replicas "
          "training lost stage islands utilisation").split()
assert l and all(all(f in x for f in fields) for x in l)
shares = [x["done"] for x in l]
assert shares == sorted(shares) and 0 <= shares[0] and shares[-1] <= 1
assert all(x["epochs_total"] == 80 for x in l)
PY
python3 - json/hotcb.tune.summary.json <<'PY' || fail "the end differs from the run's summary"
import json, sys
end, summary = [json.loads(x) for x in open("out")][-1]["report"], json.load(open(sys.argv[1]))
assert abs(end["result"]["val_loss"] - summary["champion"]["value"]) < 1e-6
assert end["population"]["policy"] == "pooled" and end["workload"] == "glyph" and end["replicas"] == 2
PY

it "the same run tells the same end as a table, as JSON and as JSON lines"
barrier='population.sync=barrier'
try --dir table run charlm --epochs 10 --recipe-set "$barrier"
table=$(awk '$1 == "champion" {print $2, $3}' out)
try --dir lines run charlm --epochs 10 --recipe-set "$barrier" --json-lines
exits 0
lines=$(jq -r 'select(.event == "end") | .report.result | [.val_loss, .test_loss] | @tsv' out | awk '{printf "%.4f %.4f\n", $1, $2}')
[ "$table" = "$lines" ] || fail "the table says $table, the lines say $lines"

it "JSON lines go with nothing else that prints, and belong to one start"
for other in --json --quiet --report-steps '--progress live'; do
    try run charlm --json-lines $other
    refuses 2 '--json-lines prints lines of its own'
done
# leaves_after FILE ARGUMENT ..: the program is asked to leave once FILE is there and not empty
leaves_after() {
    local file=$1; shift
    "$hottune" "$@" >out 2>err </dev/null &
    started=$!
    soon test -s "$file"
    kill -TERM "$started"
    code=0
    wait "$started" || code=$?
    started=
}
leaves_after left/checkpoint/inputs.journal --dir left run charlm --epochs 100000 --json-lines
exits 75
json_lines 'l[-1]["event"] == "end" and l[-1]["exit_code"] == 75 and l[-1]["report"] is None' out
try --dir left status
prints 'resume goes on with it'
leaves_after out --dir left resume
exits 75
! grep -q '"event"' out || fail "a resumed run prints JSON lines that nobody asked for now"
leaves_after out --dir left resume --json-lines
exits 75
json_lines 'l[0]["event"] == "start" and l[0]["resume"] and l[-1]["event"] == "end"' out
