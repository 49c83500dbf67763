#!/bin/bash
# Manual pages: one for the program and one for each verb, with all that --help says.
. "$(dirname "$0")/check.sh"

# plain PAGE: the escapes of roff undone, so that its text can be looked for
plain() {
    sed -e 's/\\f[BIR]//g' -e 's/\\-/-/g' -e "s/\\\\(aq/'/g" -e 's/\\(ga/`/g' -e 's/\\(ha/^/g' \
        -e 's/\\(ti/~/g' -e 's/\\&//g' -e 's/\\e/\\/g' "$1"
}

try doc --man pages/man1
done_quietly
prints_nothing
starts_mpi      # --help of verbs that run on ranks
"$hottune" --help | sed -n '/^verbs:/,/^$/p' | grep '^  ' | cut -c3-18 | sed 's/ *$//' >verbs
[ "$(wc -l <verbs)" -ge 15 ] || fail "verbs are missing"

it "there is a page for the program and for each verb, and no other"
{ echo hottune.1; sed 's/ /-/; s/.*/hottune-&.1/' verbs; } | sort >wanted
find pages/man1 -type f -printf '%f\n' | sort | diff wanted - >out || fail "these differ"

it "a page has every option, the explanation and the example of --help"
while read -r verb; do
    page=pages/man1/hottune-${verb/ /-}.1
    plain "$page" >text
    "$hottune" $verb --help >help
    sed '1d; /^$/d; /^options/d; /^example:$/d' help | while IFS= read -r line; do
        case $line in
        '  --'*)    # name and value, and what it does
            line=${line#  }
            grep -qE -- "^${line%% *}( |\$)" text || fail "$page lacks ${line%% *}"
            about=$(sed -E 's/^--[a-z-]+( [A-Z][^ ]*)? +//' <<<"$line")
            grep -qxF -- "$about" text || fail "$page lacks '$about'" ;;
        *) grep -qF -- "${line#  }" text || fail "$page lacks '$line'" ;;
        esac
    done
done <verbs

it "the page of the program lists the verbs"
plain pages/man1/hottune.1 >text
while read -r verb; do
    grep -qxF "hottune-${verb/ /-}(1)" text || fail "$verb is missing"
done <verbs

it "no dash, quote or leading dot of a text means something to roff"
! sed -e 's/\\-//g' -e '/^\./d' pages/man1/*.1 | grep -n -- "[-'\`^~]" >out || fail "not escaped"
! grep -hoE '^\.[A-Za-z.]*' pages/man1/*.1 | grep -vxE '\.(TH|SH|SS|TP|PP|nf|fi)' >out || fail "unknown requests"
! grep -n ' $' pages/man1/*.1 >out || fail "blanks at the end of lines"

it "pages are the same bytes each time"
try doc --man again
done_quietly
diff -r pages/man1 again >out || fail "they differ"

# A page has no date, for the sentence above. Where mandoc and man are not there, nobody looks.
it "mandoc finds nothing else to say of the pages"
if command -v mandoc >/dev/null; then
    ! mandoc -T lint -W warning pages/man1/*.1 2>&1 | grep -v 'missing date' >out || fail "it does"
else
    echo "skipped: no mandoc here"
fi
it "man has no warnings"
if man --version 2>/dev/null | grep -q '^man ' && command -v groff >/dev/null; then
    for page in pages/man1/*.1; do
        LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings --local-file "$page" >text 2>err || fail "$page"
        [ ! -s err ] || fail "$page"
    done
    LC_ALL=C.UTF-8 MANWIDTH=80 man --local-file pages/man1/hottune-freeze.1 >text
    grep -q -- '--step-offset N' text || fail "a dash is no dash"
else
    echo "skipped: no man here"
fi

it "where pages cannot be written is told"
touch file
try doc --man file/man1
exits 1
grep -q '^hottune: ' err || fail "no message"
try doc --man pages --completion bash
refuses 2 'ask for one'
