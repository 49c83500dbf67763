"""Which colour means what, in all figures of a report (names of page.css)."""

WHAT = {
    "race": "@c0",
    "fresh": "@c5",
    "rung": "@c0",
    "control": "@c7",
    "mutant": "@c1",
    "mean": "@c3",
    "exploit": "@c1",
    "member": "@c2",
    "run": "@c2",
    "start": "@c7",
    "rolled_back": "@c7",
}
CHAMPION = "@champion"
PALE = "@pale"
BAND = "@band"
SERIES = ["@c0", "@c1", "@c2", "@c3", "@c4", "@c5", "@c6", "@c7"]
GOOD, BAD, SOFT, TEXT = "@good", "@bad", "@soft", "@text"
