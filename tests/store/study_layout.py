#!/usr/bin/env python3
"""Holds study files to docs/study-format.md: study_layout.py DOC FILE ...

Every object and attribute of a file must be documented with its type, and every one that is documented must be there.
Also, `meaning` in the file must name every attribute, and `columns` every column.
"""
import re
import sys

try:
    import h5py
    import numpy as np
except ImportError:
    print("h5py is not installed: the layout of studies is not checked")
    sys.exit(77)

HEADING = re.compile(r"^### `(/[^`]*)` \(([^)]*)\)$")
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \|$")
MODES = ("pooled", "independent")


class Entry:
    """A heading of the document."""

    def __init__(self, path, words):
        self.path, self.kind, self.words = path, words[0], words[1:]
        self.attributes, self.columns = {}, {}

    def fits(self, mode):
        only = [w for w in self.words if w in MODES]
        return not only or mode in only


def read_document(path):
    entries, entry, rows = [], None, None
    for line in open(path, encoding="utf-8"):
        line = line.rstrip("\n")
        heading, row = HEADING.match(line), ROW.match(line)
        if heading:
            entry, rows = Entry(heading[1], [w.strip() for w in heading[2].split(",")]), None
            entries.append(entry)
        elif line.startswith("## "):
            entry, rows = None, None    # the file of a sweep is another one
        elif line.startswith("| attribute |") and entry:
            rows = entry.attributes
        elif line.startswith("| column |") and entry:
            rows = entry.columns
        elif row and rows is not None:
            cells = [c.strip() for c in row[2].split("|")]
            rows[row[1]] = cells[0] if rows is entry.columns else (cells[0], cells[1])
    return entries


def type_of_attribute(value, h5type):
    if h5type.kind == "S" or h5py.check_string_dtype(h5type) is not None:
        return {"text", "texts"} if np.ndim(value) == 0 or np.size(value) == 0 else {"texts"}
    kind = {"i8": "int", "u8": "uint", "f8": "real", "f4": "real32", "i4": "int32"}.get(h5type.str[1:], h5type.str)
    return {kind} if np.ndim(value) == 0 else {f"{kind}[{np.size(value)}]"}


def type_of_column(t):
    if t.subdtype is not None:
        base, shape = t.subdtype
        return {f"{next(iter(type_of_column(base)))}[{shape[0]}]"}
    if t.kind == "S":
        return {"text"}
    return {"i1": {"flag", "code"}, "i8": {"int"}, "i4": {"int32"}, "f8": {"real"}, "f4": {"real32"}}.get(t.str[1:], {t.str})


def kind_of(obj):
    if isinstance(obj, h5py.Group):
        return "group"
    if obj.dtype.names is not None:
        return "table"
    return "matrix" if obj.ndim == 2 else "text" if obj.dtype.kind == "S" or h5py.check_string_dtype(obj.dtype) else "other"


def below_runs(path):
    return re.match(r"^/runs/[^/]+", path)


class Checker:
    def __init__(self, entries, name):
        self.entries, self.name, self.faults, self.file = entries, name, [], None

    def fault(self, path, text):
        self.faults.append(f"{self.name}: {path}: {text}")

    def mode(self, path):
        run = below_runs(path)
        mode = self.file[run[0]].attrs.get("mode", b"") if run else b""
        return mode.decode() if isinstance(mode, bytes) else mode

    def find(self, path):
        for e in self.entries:
            if re.fullmatch(re.escape(e.path).replace(r"\*", "[^/]+"), path) and e.fits(self.mode(path)):
                return e
        return None

    def check_attributes(self, path, obj, entry):
        known = dict(entry.attributes)
        if entry.kind in ("table", "matrix"):
            known["columns"] = ("texts", "always")
        for name in obj.attrs:
            if name not in known:
                self.fault(path, f"attribute '{name}' is not documented")
                continue
            wanted, when = known.pop(name)
            found = type_of_attribute(obj.attrs[name], obj.attrs.get_id(name).dtype)
            if wanted not in found:
                self.fault(path, f"attribute '{name}' is {'/'.join(found)}, documented as {wanted}")
            if when in MODES and when != self.mode(path):
                self.fault(path, f"attribute '{name}' is documented for {when} runs only")
        for name, (_, when) in known.items():
            if when == "always" or when == self.mode(path):
                self.fault(path, f"attribute '{name}' is documented and missing")

    def check_columns(self, path, obj, entry):
        found = {n: type_of_column(obj.dtype.fields[n][0]) for n in obj.dtype.names}
        if list(found) != list(entry.columns):
            self.fault(path, f"columns are {list(found)}, documented are {list(entry.columns)}")
            return
        for n, kinds in found.items():
            if entry.columns[n] not in kinds:
                self.fault(path, f"column '{n}' is {'/'.join(kinds)}, documented as {entry.columns[n]}")
        told = [c.decode().split(":")[0] for c in obj.attrs["columns"]]
        if told != list(found):
            self.fault(path, f"its attribute 'columns' tells of {told}")

    def check_object(self, path, obj):
        entry = self.find(path)
        if entry is None:
            self.fault(path, "is not documented")
            return
        if kind_of(obj) != entry.kind:
            self.fault(path, f"is a {kind_of(obj)}, documented as {entry.kind}")
            return
        self.check_attributes(path, obj, entry)
        if entry.kind == "table":
            self.check_columns(path, obj, entry)
        if entry.kind == "matrix" and len(obj.attrs["columns"]) != obj.shape[1]:
            self.fault(path, "has not as many columns as names")

    def check_missing(self, path, group):
        """Documented objects right below a group."""
        for e in self.entries:
            parent, _, leaf = e.path.rpartition("/")
            if leaf in ("", "*") or "optional" in e.words or not e.fits(self.mode(path)):
                continue
            if re.fullmatch(re.escape(parent or "/").replace(r"\*", "[^/]+"), path) and leaf not in group:
                self.fault(f"{path.rstrip('/')}/{leaf}", "is documented and missing")

    def check_meaning(self, path, group):
        """What `meaning` of a group tells: its own attributes and links, of /runs and /priors those below."""
        lines = [m.decode() for m in group.attrs["meaning"]]
        told = {w.strip() for line in lines for w in line.split(":")[0].split(",")}
        of = [group] if path not in ("/runs", "/priors") else [group[k] for k in group]
        if path == "/priors":
            of += [g[k] for g in of for k in g]
            told |= {w for line in lines for w in ("family", "prior_center", "scale") if w in line}
        for g in of:
            for name in set(g.attrs) | (set(g) if path != "/priors" else set()):
                if name != "meaning" and name not in told:
                    self.fault(path, f"'meaning' does not tell of '{name}'")

    def walk(self, path, obj):
        self.check_object(path, obj)
        if isinstance(obj, h5py.Group):
            self.check_missing(path, obj)
            if "meaning" in obj.attrs:
                self.check_meaning(path, obj)
            for name in obj:
                self.walk(f"{path.rstrip('/')}/{name}", obj[name])

    def run(self):
        with h5py.File(self.name, "r") as self.file:
            self.walk("/", self.file)
            for name, run in self.file["runs"].items():
                for other in ("mutations", "readings_pre", "readings_post", "knobs", "factors"):
                    if other in run and len(run[other]) != len(run["segments"]):
                        self.fault(f"/runs/{name}/{other}", "has not as many rows as segments")
        return self.faults


def main():
    entries = read_document(sys.argv[1])
    faults = [] if len(entries) > 20 else [f"{sys.argv[1]}: only {len(entries)} objects are found in it"]
    for name in sys.argv[2:]:
        faults += Checker(entries, name).run()
    for text in faults:
        print(text)
    print(f"{len(entries)} documented objects, {len(sys.argv) - 2} files, {len(faults)} faults")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
