#!/bin/bash
# A sweep's database as Optuna itself sees it.
. "$(dirname "$0")/check.sh"
. "$here/optuna_python.sh"
starts_mpi

cat >space.yaml <<'YAML'
parameters:
  lr: {type: float, low: 1.0e-4, high: 1.0, log: true}
  rate: {type: float, low: 0, high: 0.5, step: 0.1}
  depth: {type: int, low: 1, high: 9, step: 2}
  width: {type: int, low: 1, high: 512, log: true}
  act: {type: cat, choices: [relu, 3, true]}
  bias: {type: bool}
  betas: {type: tuple, low: [0.5, 0.9], high: [0.9, 0.99]}
  slope: {type: float, low: 0, high: 1, when: {bias: [true]}}
YAML
cat >train.py <<'PY'
import json, os, sys
p = json.load(sys.stdin)
if int(os.environ["HOTTUNE_TRIAL"]) % 10 == 7:
    sys.exit("out of luck")
for step in range(1, 10):
    print(json.dumps({"step": step, "value": p["lr"] + 1 / step if step != 2 else float("nan")}), flush=True)
PY

it "optuna loads the study, knows every trial, and goes on with it"
ranks 3 sweep --space space.yaml --trials 30 --prune asha --dir run -- python3 train.py
exits 0
cat >look.py <<'PY'
import json, math, sys
import optuna
from optuna.trial import TrialState as S
optuna.logging.set_verbosity(optuna.logging.ERROR)
lines = {x["trial"]: x for x in map(json.loads, open("run/hotcb.sweep.trials.jsonl"))}
study = optuna.load_study(study_name=None, storage="sqlite:///run/hotcb.tune.study.sqlite")
assert study.study_name == "hottune" and study.direction == optuna.study.StudyDirection.MINIMIZE
assert [t.number for t in study.trials] == list(range(30)) and len(lines) == 30
states = {"complete": S.COMPLETE, "pruned": S.PRUNED, "failed": S.FAIL}
for t in study.trials:
    line = lines[t.user_attrs["trial"]]
    assert t.state == states[line["status"]], (t, line)
    assert line["reason"] == t.user_attrs.get("reason")
    assert t.duration.total_seconds() >= 0
    flat = {}
    for name, value in line["params"].items():
        for i, x in enumerate(value) if isinstance(value, list) else [(None, value)]:
            flat[name if i is None else f"{name}.{i}"] = x
    assert t.params == flat, (t.params, flat)
    told = {s: v for s, v in line["reports"] if v is not None}
    assert {s: v for s, v in t.intermediate_values.items() if not math.isnan(v)} == told
best = min((x for x in lines.values() if x["status"] == "complete"), key=lambda x: x["value"])
assert study.best_value == best["value"] and study.best_trial.user_attrs["trial"] == best["trial"]
distributions = {k: d for t in study.trials for k, d in t.distributions.items()}
assert repr(distributions["rate"]) == "FloatDistribution(high=0.5, log=False, low=0.0, step=0.1)"
assert repr(distributions["depth"]) == "IntDistribution(high=9, log=False, low=1, step=2)"
assert repr(distributions["act"]) == "CategoricalDistribution(choices=('relu', 3, True))"
for i in range(3):
    t = study.ask(distributions)
    study.tell(t, 5.0 + i)
assert t.number == 32 and len(study.trials) == 33
PY
agrees look.py

it "we go on after optuna did"
ranks 3 sweep --space space.yaml --trials 33 --dir run --resume -- python3 train.py
exits 0
agrees - <<'PY'
import optuna
study = optuna.load_study(study_name="hottune", storage="sqlite:///run/hotcb.tune.study.sqlite")
assert [t.number for t in study.trials] == list(range(36))
PY
