#!/bin/sh
# tests/layers.sh SOURCE - who may include whom: each layer of src/ knows itself and what lies below it.
# Prints every line that breaks the rule; fails if there is one.
set -eu
cd "$1"
grep -rHnE '^[[:space:]]*#[[:space:]]*include' --include='*.[ch]' --include='*.h.in' src include | awk '
    function layer(name, may) { knows[name] = " " may " " }
    function only(header, where) { homes[header] = where }
    BEGIN {
        layer("base",       "base")
        layer("state",      "base state")
        layer("recipe",     "base recipe")
        layer("search",     "base recipe search")
        layer("tune",       "base recipe search tune")
        layer("population", "base state recipe search tune population")
        layer("comm",       "base state recipe search tune population comm")
        layer("simulate",   "base state recipe search tune population comm simulate")
        layer("store",      "base state recipe search tune population store")
        layer("kernel",     "base state recipe search tune population comm store kernel")
        layer("workload",   "base workload")
        layer("cli",        "base state recipe search tune population comm simulate store kernel workload cli")
        layer("hottune",    "")     # include/hottune: users have nothing else
        # libraries: the only places that may name their headers, as patterns of paths
        only("mpi.h",             "^(src/(comm/mpi|kernel/|workload/|cli/)|include/hottune/hottune.h)")
        only("hottune/hottune.h", "^(src/(comm/mpi|kernel/|workload/|cli/))")     # it includes mpi.h
        only("hdf5.h",            "^src/store/")
        only("sqlite3.h",         "^src/store/")
        only("yaml.h",            "^src/recipe/")
        only("cjson/cJSON.h",     "^src/base/")
        only("zlib.h",            "^src/workload/")
        only("cblas.h",           "^src/workload/")
        only("curses.h",          "^src/cli/top_draw")
    }
    {
        line = $0
        split(line, at, ":")
        split(at[1], path, "/")
        match(line, /[<"][^>"]+/)
        header = substr(line, RSTART + 1, RLENGTH - 1)
        split(header, parts, "/")
        broken = 0
        if (!(path[2] in knows))
            broken = 1                              # a folder without a rule
        else if (line ~ /include[[:space:]]*"/)
            broken = index(knows[path[2]], " " parts[1] " ") == 0
        else if (header in homes)
            broken = at[1] !~ homes[header]
        seen++
        if (broken) {
            print line ": " path[2] " may not include this"
            failed = 1
        }
    }
    END {
        if (seen == 0)
            print "no include lines found"
        exit failed || seen == 0
    }'

# A newcomer finds every source file in ARCHITECTURE.md.
for file in src/*/*.c; do
    name=$(basename "$file" .c)
    grep -q "^- \`$name\` " ARCHITECTURE.md || { echo "ARCHITECTURE.md does not name $file"; exit 1; }
done
