#!/bin/bash
# hottune simulate: runs in virtual time, told to people and to programs.
. "$(dirname "$0")/check.sh"

it "a run is simulated, with its plan, its account and what it cost"
try simulate glyph --replicas 4 --epochs 12 --spread 0.2
done_quietly
prints 'policy: pooled'
prints 'glyph, 4 replicas x 12 epochs of 15 s, simulated'
prints 'utilisation'
prints 'coordinator'

it "the same words give the same text, without what was measured"
try simulate --replicas 16 --epochs 15 --spread 0.2 --jitter 0.1 --failures 60 --stragglers 0.1:3 --no-timing
done_quietly
cp out first
try simulate --replicas 16 --epochs 15 --spread 0.2 --jitter 0.1 --failures 60 --stragglers 0.1:3 --no-timing
cmp -s first out || fail "the second text differs"
! grep -q coordinator out || fail "it tells what was measured"
try simulate --replicas 16 --epochs 15 --spread 0.2 --jitter 0.1 --failures 60 --stragglers 0.1:3 --no-timing --seed 2
! cmp -s first out || fail "another seed gives the same text"

it "one replica trains all the time"
try simulate --replicas 1 --epochs 10 --json
done_quietly
json 'o["runs"][0]["utilisation"] > 0.999 and o["runs"][0]["epochs_trained"] == 10'
json 'abs(o["runs"][0]["wall_s"] - 150) < 1'

it "64 replicas of which some die come to an end"
try simulate --replicas 64 --epochs 20 --spread 0.2 --failures 60 --json
done_quietly
json 'o["runs"][0]["deaths"] > 0 and o["runs"][0]["messages"]["BYE"] >= 60'

it "a sweep compares settings, with the time to a target"
try simulate --epochs 15 --target 0.5 --sweep replicas=2,4,8
done_quietly
prints 'target at s'
[ "$(wc -l <out)" = 4 ] || fail "not a title and three rows"
try simulate --epochs 15 --sweep policy=static,pbt --json
json '[r["setting"] for r in o["runs"]] == ["static", "pbt"] and o["sweep"] == "policy"'

it "recorded curves are those of a study"
starts_mpi
try --dir run run glyph --epochs 4
exits 0
try simulate glyph --replicas 4 --epochs 8 --curves run/study.h5 --json
done_quietly
json '0.5 < o["runs"][0]["best"] < 5'
try simulate --curves nowhere.h5
exits 2
try simulate --epochs 8 --curves run/study.h5 --sweep replicas=2,4
done_quietly

it "wrong words are refused before anything is simulated"
try simulate --sweep replicas=2,none
refuses 2 "--replicas: 'none' is not a whole number"
try simulate --sweep colour=red
refuses 2 "--sweep: 'colour' is no option"
try simulate --stragglers 3
refuses 2 "'3' is not SHARE:FACTOR"
try simulate nothing
refuses 2 "unknown workload 'nothing'"
try simulate --policy fast
refuses 2 "population.policy"
