# tests/cli/optuna_python.sh - $python: one that has Optuna and what its plots need; else the test is skipped (77).
# PYTHON names one; `scripts/setup test` makes one. Sourced after check.sh.
python=
for candidate in "${PYTHON:-}" "$here/../../build/optuna/bin/python" python3; do
    if [ -n "$candidate" ] && "$candidate" -c 'import optuna, matplotlib, sklearn' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || {
    echo "skipped: no python has optuna, matplotlib and scikit-learn: scripts/setup test installs them where it can"
    exit 77
}
# agrees FILE: a script of Python ends well
agrees() { "$python" -W error::UserWarning "$@" >out 2>err || fail "optuna does not agree"; }
