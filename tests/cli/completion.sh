#!/bin/bash
# Completion of command lines: the script for bash is driven as bash drives it; that for zsh is read by zsh.
. "$(dirname "$0")/check.sh"

it "a shell that we do not know is refused"
try doc --completion fish
refuses 2 "'fish' is no shell of ours"

it "bash takes the script"
try doc --completion bash
done_quietly
cp out hottune.bash
starts_mpi      # --help of verbs that run on ranks
bash -n hottune.bash 2>err || fail "it does not"
. ./hottune.bash
complete -p hottune >/dev/null || fail "nothing completes hottune"

# offers 'WORDS BEFORE' CURSOR WORD ..: what TAB gives on the word CURSOR after the words is exactly these
offers() {
    sentence="TAB after 'hottune $1 $2'"
    read -ra COMP_WORDS <<<"hottune $1"
    COMP_WORDS+=("$2")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    shift 2
    _hottune
    printf '%s\n' "${COMPREPLY[@]}" | sed '/^$/d' | sort -u >out
    printf '%s\n' "$@" | sed '/^$/d' | sort | diff - out >err || fail "others are offered"
}
mkdir -p "my runs/one" recipes
touch recipes/a.yaml 'recipes/b c.yaml'

offers '' st status study
offers '--dir D' st status study
offers '--dir = D' st status study
offers '--dir=D --quiet' st status study
offers 'tune' en enable
offers '' rec recipe
offers 'recipe' '' validate show doc diff evolve export
offers '--json study' m merge
offers 'tune recipe' e evolve export
offers '' nothing
offers 'nothing' ''
offers 'run' f fashion fashion-small
offers 'replay --workload' g glyph
offers 'run --mode' '' off observe suggest active replay
offers 'run --mode' a active
offers 'run --mode =' a active
offers 'run --mode' = off observe suggest active replay
offers 'run' --mode=re --mode=replay
offers 'freeze --mode' r replay replay_adjusted
offers 'run --mode active' ch charlm
offers 'run --seed' ''
offers 'status --json' --he --help
offers 'run' --re --recipe --replay --recipe-set --reply-timeout --report-steps --restarts --resume
offers 'study export --format' '' csv json
offers 'doc --completion' '' bash zsh
offers '--dir' my 'my runs'
offers '--dir' r recipes
offers 'run --recipe' recipes/ recipes/a.yaml 'recipes/b c.yaml'
offers 'study show' recipes/a recipes/a.yaml
offers 'set' ''
offers 'sweep --trials 3' '' --
offers 'sweep --trials 3 --' mktem mktemp
offers 'sweep -- cat' recipes/a recipes/a.yaml

it "every verb and every option of --help is offered"
"$hottune" --help | sed -n '/^verbs:/,/^$/p' | grep '^  ' | cut -c3-18 | sed 's/ *$//' >verbs
while read -r verb; do
    "$hottune" $verb --help | grep -oE '^  --[a-z-]+' | tr -d ' ' | sort >wanted
    offers "$verb" -- $(cat wanted)
    case $verb in
    *' '*) offers "${verb% *}" "${verb#* }" "${verb#* }" ;;
    esac
done <verbs

it "an option with a value is not taken for a switch"
while read -r verb; do
    for option in $("$hottune" $verb --help | sed -nE 's/^  (--[a-z-]+) [^ ].*/\1/p'); do
        read -ra COMP_WORDS <<<"hottune $verb $option"
        COMP_WORDS+=(--)
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _hottune
        [ "${#COMPREPLY[@]}" = 0 ] || fail "$verb $option"
    done
done <verbs

it "zsh reads its script"
try doc --completion zsh
done_quietly
[ "$(head -1 out)" = '#compdef hottune' ] || fail "the first line is not for zsh"
while read -r verb; do
    grep -q "^        ${verb#* })" out || fail "$verb is missing"
done <verbs
if command -v zsh >/dev/null; then
    cp out _hottune
    zsh -n _hottune 2>err || fail "it does not"
else
    echo "skipped: no zsh here"
fi
