#!/bin/bash
# The study of a run as Optuna itself sees it: trials, the best one, plots, and that Optuna goes on from there.
. "$(dirname "$0")/check.sh"
. "$here/optuna_python.sh"
starts_mpi
database=hotcb.tune.study.sqlite

cat >study.py <<'PY'
import json, math, sys
import optuna
from optuna.trial import TrialState as S
optuna.logging.set_verbosity(optuna.logging.ERROR)
def load(folder, name=None):
    return optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/hotcb.tune.study.sqlite")
def lines(path):
    return [json.loads(line) for line in open(path)]
def same_search_space(study):
    space = optuna.search_space.intersection_search_space(study.trials)
    assert set(space) == {name for t in study.trials for name in t.params}, space
    for t in study.trials:
        assert t.distributions == space, (t, space)
        for name, value in t.params.items():
            assert space[name].low <= value <= space[name].high and space[name].log, (name, value, space[name])
    return space
PY
cat >draw.py <<'PY'
import os, sys, warnings
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
import optuna
from optuna.visualization import matplotlib as plots
from study import load
study = load(sys.argv[1])
warnings.simplefilter("error")
warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
warnings.filterwarnings("ignore", "Tight layout")       # the legend names every trial
for name in ("optimization_history", "parallel_coordinate", "param_importances", "slice", "intermediate_values"):
    axes = getattr(plots, "plot_" + name)(study)
    figure = plt.gcf()
    drawn = sum(len(a.lines) + len(a.collections) + len(a.patches) for a in figure.axes)
    assert drawn > 0, name
    figure.savefig(name + ".png", bbox_inches="tight")
    assert os.path.getsize(name + ".png") > 5000, name
    plt.close("all")
PY

it "a pooled run has one trial for each member of each segment, with all tuned knobs"
ranks 5 run charlm --epochs 15 --seed 3 --dir pooled
exits 0
agrees - <<'PY'
from study import *
study = load("pooled")
assert study.study_name == "charlm" and study.direction == optuna.study.StudyDirection.MINIMIZE
assert study.user_attrs["objective"] == "val/loss" and study.user_attrs["r1.id"]
events = lines("pooled/hotcb.population.jsonl")
segments = {e["segment"]: e for e in events if e["event"] == "segment"}
assert len(study.trials) == sum(e["members"] for e in segments.values()) > 20
assert [t.number for t in study.trials] == list(range(len(study.trials)))
assert set(same_search_space(study)) == {"opt.lr", "opt.weight_decay", "reg.dropout"}
mutations = {int(m["mutation_id"][2:]): m for m in lines("pooled/hotcb.tune.mutations.jsonl")}
told = set()
for t in study.trials:
    a = t.user_attrs
    e = segments[a["segment"]]
    assert (e["island"], e["phase"]) == (a["island"], a["phase"]) and a["run"] == "r1"
    assert a["hottune"] == f"r1/s_{a['segment']:05d}/{a['replica']}"
    assert t.state == S.COMPLETE and t.duration.total_seconds() > 0
    steps = sorted(t.intermediate_values)
    assert len(steps) >= 2 and t.intermediate_values[steps[-1]] == t.value
    for number in a.get("mutations", []):
        m = mutations[number]
        told.add(number)
        assert a["role"] == "mutant" and a["decision"] == m["status"] and m["replica"] == a["replica"]
        (name, value), = m["after"].items()
        assert math.isclose(t.params[f"{m['actuator']}.{name}"], value)
assert told == set(mutations)
assert {t.user_attrs["role"] for t in study.trials} == {"control", "mutant"}
assert study.best_value == min(t.value for t in study.trials)
PY

it "its plots are drawn without a warning"
agrees draw.py pooled

it "optuna goes on from it, and a second run after that"
agrees - <<'PY'
from study import *
study = load("pooled")
space, n = same_search_space(study), len(study.trials)
for i in range(12):
    t = study.ask(space)
    study.tell(t, 3.0 + i)
assert t.number == n + 11
study.ask(space)                # runs on: not ours to end
PY
ranks 5 run charlm --epochs 12 --seed 4 --dir pooled
exits 0
agrees - <<'PY'
from study import *
study = load("pooled")
runs = [t.user_attrs.get("run") for t in study.trials]
assert runs.count(None) == 13 and runs[-1] == "r2" and sorted({r for r in runs if r}) == ["r1", "r2"]
assert [t.number for t in study.trials] == list(range(len(runs)))
assert [t.state for t in study.trials].count(S.RUNNING) == 1
keys = [t.user_attrs["hottune"] for t in study.trials if "hottune" in t.user_attrs]
assert len(set(keys)) == len(keys)
same_search_space(study)
PY

it "an independent run has one trial for each mutation, with the other knobs as they were"
ranks 3 run glyph --epochs 15 --seed 3 --recipe "$independent" --dir alone
exits 0
agrees - <<'PY'
from study import *
study = load("alone")
segments = {s["mutation_id"]: s for s in lines("alone/hotcb.tune.segments.jsonl")}
assert len(study.trials) == len(segments) > 10
assert len(same_search_space(study)) == 4
for t in study.trials:
    a = t.user_attrs
    s = segments[f"m_{a['mutation']:05d}"]
    assert a["decision"] == s["decision"] and a["replica"] == s["replica"]
    assert t.state == (S.COMPLETE if s["decision"] in ("accepted", "rejected", "rolled_back") else S.FAIL)
    assert t.state != S.COMPLETE or t.value == s["post"]["val/loss"]
    assert t.state != S.COMPLETE or t.intermediate_values == {
        s["start_step"]: s["pre"]["val/loss"], s["end_step"]: s["post"]["val/loss"]}
PY
agrees draw.py alone

it "while another program holds the file nothing is lost"
mpirun --oversubscribe -n 5 "$hottune" run charlm --epochs 400 --dir held --quiet --recipe-set \
    "acceptance.horizon=val_epochs:1 population.race.per_replica=0 population.tournament.islands=1" \
    >run.out 2>run.err </dev/null &
run=$!
started="$started $run"
has_trials() { [ "$(sqlite3 "file:held/$database?mode=ro" 'SELECT count(*) FROM trials')" -gt 0 ]; }
soon has_trials
cat >hold.sql <<'SQL'
.timeout 5000
BEGIN EXCLUSIVE;
.shell for i in $(seq 300); do grep -qF 'database is locked' run.err && break; sleep .1; done
ROLLBACK;
SQL
sqlite3 held/$database <hold.sql >/dev/null
grep -qF 'database is locked; the run goes on' run.err || fail "nobody says that it is locked"
wait "$run" || fail "the run failed: $(cat run.err)"
started=${started/ $run/}
agrees - <<'PY'
from study import *
keys = [t.user_attrs["hottune"] for t in load("held").trials]
members = sum(e["members"] for e in lines("held/hotcb.population.jsonl") if e["event"] == "segment")
assert len(set(keys)) == len(keys) == members > 0, (len(keys), members)
PY

it "a file that is somebody else's is refused, left alone, and the run goes on"
mkdir foreign
sqlite3 foreign/$database 'CREATE TABLE cats (name TEXT)'
ranks 3 run glyph --epochs 6 --recipe "$independent" --dir foreign
exits 0
[ "$(grep -c 'is a database, but no study of Optuna; the run goes on without this file' err)" = 1 ] || fail "not said once"
grep -qF 'no study of Optuna' foreign/events.log || fail "not in events.log"
[ "$(sqlite3 foreign/$database .tables)" = cats ] || fail "it was changed"
