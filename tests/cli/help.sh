#!/bin/bash
# Help texts, the version, and the manual page that is made from the same table.
. "$(dirname "$0")/check.sh"
starts_mpi

it "the program's help lists verbs, common options and exit codes"
try --help
done_quietly
for word in run init enable disable status set freeze export-recipe 'recipe validate' 'recipe evolve' workloads; do
    prints "  $word "
done
prints '--dir DIR'
prints 'exit codes: 0 done, 1 error, 2 wrong usage or input'

it "every verb has a help with usage and an example"
"$hottune" --help | sed -n '/^verbs:/,/^$/p' | grep '^  ' | cut -c3-18 | sed 's/ *$//' >verbs
[ "$(wc -l <verbs)" -ge 15 ] || fail "verbs are missing"
while read -r verb; do
    try $verb --help
    done_quietly
    prints "usage: hottune $verb"
    prints 'example:'
done <verbs

it "help is help wherever the option stands"
try --help status
done_quietly
prints 'usage: hottune status'
try --dir nowhere status --help
done_quietly

it "the first word of two has a help of its own"
try recipe --help
done_quietly
prints 'recipe diff'

it "the version is that of the library"
try --version
done_quietly
grep -qE '^hottune [0-9]+\.[0-9]+\.[0-9]+$' out || fail "no version"

it "docs/cli.md is what 'hottune doc' prints"
try doc
done_quietly
diff -u "$here/../../docs/cli.md" out >difference || fail "make it anew: hottune doc > docs/cli.md: $(head -5 difference)"

it "a rank of a job does not repeat the help"
ranks 2 run --help
exits 0
[ "$(grep -c '^usage:' out)" = 1 ] || fail "printed more than once"
