#!/bin/bash
# The schedule of a pooled run's champion, repeated: by `hottune replay`, and by any program through a list of operations.
. "$(dirname "$0")/check.sh"
starts_mpi

# The values of each epoch as the summary has them: a dictionary an epoch, the last ones to the end.
schedule='
s = json.load(open("run/hotcb.tune.summary.json"))["population"]["schedule"]
wanted = [p["knobs"] for p in s for _ in range(p["epochs"])]
wanted += wanted[-1:] * (12 - len(wanted))
'
holds() { python3 -c "import json
$schedule
$1" || fail "${2:-the values are not those of the schedule}"; }

it "a run says what it was asked"
ranks 4 run glyph --epochs 12 --seed 4 --dir run --quiet
exits 0
json 'o["workload"] == "glyph" and o["epochs"] == 12 and o["seed"] == 4 and o["replicas"] == 3' run/hottune.run.json

it "the replay trains every epoch with the very values of the schedule"
try --dir run --json replay
exits 0
holds '
o = json.load(open("out"))
t = o["trained"]
assert len({json.dumps(w) for w in wanted}) > 1
assert [e["epoch"] for e in t] == list(range(1, 13)) and [e["step"] for e in t] == [40 * i for i in range(12)]
assert [e["knobs"] for e in t] == wanted
assert o["workload"] == "glyph" and o["seed"] == 4
assert o["replay"]["val_loss"] == min(e["val_loss"] for e in t)'
json 'all(0 < o[k][x] < 3 for k in ("static", "replay", "champion") for x in ("val_loss", "test_loss"))'
cp out first

it "and a second time gives the same"
try --dir run --json replay
cmp -s out first || fail "the outputs differ"

it "its table has the static default, the replay and the champion"
try --dir run replay --epochs 3 --seed 9
exits 0
prints 'glyph, seed 9, 3 epochs: the schedule of run in one plain training'
for row in 'static default' replay champion; do prints "  $row "; done

it "the arguments of the run are those of the replay: values that are not tuned, and how the rate goes"
ranks 3 run glyph --epochs 6 --seed 4 --dir cosine --quiet --schedule cosine --recipe-set search.seed=2
exits 0
try --dir cosine --json replay
cp out with
sed -i 's/"cosine"/"constant"/; s/"data": null,/"data": null/; /"sum"/d' cosine/hottune.run.json     # changed on purpose
try --dir cosine --json replay
exits 0
! cmp -s out with || fail "the cosine makes no difference"

it "what cannot be replayed is refused"
try replay --dir nowhere
refuses 2 "directory 'nowhere': there is none"
mkdir empty
try --dir empty replay --workload glyph
refuses 2 "cannot open 'empty/hotcb.tune.summary.json'"
ranks 3 run glyph --epochs 2 --dir independent --quiet --recipe "$independent"
try --dir independent replay
refuses 2 'the run was not pooled'
mkdir bare && cp run/hotcb.tune.summary.json bare
try --dir bare replay
refuses 2 "'bare' does not say which workload was trained; name it with --workload"
try --dir bare replay --workload glypf
refuses 2 "unknown workload 'glypf'"
# damaged STATEMENT: the summary with its schedule `s` changed, and without its checksum
damaged() {
    python3 -c 'import json, sys
o = json.load(open("run/hotcb.tune.summary.json"))
del o["sum"]
s = o["population"]["schedule"]
exec(sys.argv[1])
json.dump(o, open("bare/hotcb.tune.summary.json", "w"))' "$1"
    try --dir bare replay --workload glyph
}
damaged 'for p in s: p["knobs"]["opt.lx"] = p["knobs"].pop("opt.lr")'
refuses 2 "the workload has no knob 'opt.lx'"
damaged 's[0]["epochs"] = -1'
refuses 2 'population.schedule[0].epochs is no number of epochs'
damaged 's[1]["epochs"] = 2e6'
refuses 2 'population.schedule[1].epochs is no number of epochs'
damaged 'del s[0]["knobs"]'
refuses 2 'population.schedule[0].knobs is missing or empty'
damaged 's[1]["knobs"]["opt.lr"] = "much"'
refuses 2 "population.schedule[1].knobs has no value of 'opt.lr'"
damaged 's[0]["knobs"]["opt.lr"] = 77'
refuses 2 'opt.lr: 77 is not in'
damaged 's.clear()'
refuses 2 'the run has no champion yet'
: >bare/hotcb.tune.summary.json
try --dir bare replay
refuses 2 'this is not JSON'

it "a program repeats the schedule by a list of operations, with the same values at the same steps"
try --dir run recipe export --schedule --out ops.jsonl
exits 0
prints 'Exported recipe with '
begin=$(python3 -c 'import json
lines = [json.loads(line) for line in open("ops.jsonl")]
first = {o["module"] + "." + k: v for o in lines if o["at"]["event"] == "fit_start" for k, v in o["params"].items()}
print(",".join(f"{k}={v!r}" for k, v in first.items()))')
try --dir again init
try --dir again freeze --mode replay --recipe "$PWD/ops.jsonl"
exits 0
try --dir again run glyph --epochs 12 --seed 4 --mode observe --recipe "$independent" --set "$begin" --json
exits 0
holds '
begin = dict(p.split("=") for p in "'"$begin"'".split(","))
now, values = {k: float(v) for k, v in begin.items()}, {}
for line in open("again/hotcb.applied.jsonl"):
    o = json.loads(line)
    if o["event"] == "val_epoch_end" and o["decision"] == "applied":
        values.setdefault(o["step"], {}).update({o["module"] + "." + k: v for k, v in o["payload"].items()})
got = []
for epoch in range(12):
    now = {**now, **values.pop(40 * epoch, {})}
    got.append(now)
assert not values and got == wanted'
# and so does its training, but for what no loss shows
python3 -c 'import json
a, b = json.load(open("out")), json.load(open("first"))
assert a["result"]["val_loss"] > 0
lines = [json.loads(line) for line in open("again/hotcb.metrics.jsonl")]
losses = [line["metrics"]["val/loss"] for line in lines if "val/loss" in line.get("metrics", {})]
assert losses == [e["val_loss"] for e in b["trained"]], (losses, b["trained"])' || fail "the trainings differ"

it "steps of an epoch can be given, and options that do not belong together are refused"
try --dir run recipe export --schedule --epoch-steps 7 --out sevens.jsonl
exits 0
json_lines 'all(o["at"]["step"] % 7 == 0 for o in l) and len(l) > 3' sevens.jsonl
try --dir run recipe export --epoch-steps 7
refuses 2 '--epoch-steps is for --schedule'
try --dir run recipe export --schedule --replica 1
refuses 2 "--schedule is the champion's: leave out --replica"
