#!/bin/bash
# The study of a run in Optuna's dashboard, in a browser. SHOTS=FOLDER keeps pictures of it.
. "$(dirname "$0")/check.sh"
. "$here/optuna_python.sh"
starts_mpi
skip() { echo "skipped: $1"; exit 77; }
"$python" -c 'import optuna_dashboard' 2>/dev/null || skip "optuna-dashboard is not installed"
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "there is no chromium"

ranks 5 run charlm --epochs 15 --seed 3 --dir run
exits 0
cat >serve.py <<'PY'
import sys
from wsgiref.simple_server import make_server
import optuna
from optuna_dashboard import wsgi
server = make_server("127.0.0.1", 0, wsgi(optuna.storages.RDBStorage("sqlite:///run/hotcb.tune.study.sqlite")))
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
"$python" serve.py >serve.out 2>serve.err &
started="$started $!"
soon test -s port
url=http://127.0.0.1:$(cat port)/dashboard

# browse PATH FILE: the page as the browser has it after its scripts; a picture where somebody wants one
browse() {
    local options=(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/browser"
        --window-size=1500,2000 --virtual-time-budget=20000)
    timeout 120 "$browser" "${options[@]}" --dump-dom "$url/$1" >"$2" 2>browser.err || skip "the browser does not start"
    [ -z "${SHOTS:-}" ] || timeout 120 "$browser" "${options[@]}" --screenshot="$SHOTS/$2.png" "$url/$1" >/dev/null 2>&1
}
shows() { grep -qF -- "$2" "$1" || fail "$1 lacks '$2'"; }
best=$("$python" -W ignore -c '
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
t = optuna.load_study(study_name=None, storage="sqlite:///run/hotcb.tune.study.sqlite").best_trial
print(t.number, t.value, t.user_attrs["hottune"])')
read -r number value key <<<"$best"

it "the dashboard lists the study, draws it, and shows the best trial"
browse "" list
shows list charlm
browse studies/1 study
shows study "Best Trial (number=$number)"
shows study "$value"
shows study opt.weight_decay
shows study r1.recipe_hash
[ "$(grep -o 'js-plotly-plot' study | wc -l)" -ge 3 ] || fail "history, importance and timeline are not drawn"

it "it shows what is known of a trial"
browse "studies/1/trials?numbers=$number" trial
shows trial "Trial $number"
shows trial "$key"
shows trial reg.dropout
