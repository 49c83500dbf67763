"""Files that are no studies, damaged, empty, or with names that nobody should give: one clear error, or a table."""
import csv
import os
import random
import re
import shutil
import xml.etree.ElementTree as xml

import h5py
import numpy as np
from case import Case, main

from hottune_analysis import StudyError, open_study
from hottune_analysis.study import NAMES

CONTROLS = re.compile(rb"[\x00-\x09\x0b-\x1f\x7f]|\xe2\x80[\xaa-\xae]")


def everything(path):
    with open_study(path) as study:
        return {name: getattr(study, name)() for name in NAMES}


class Refused(Case):
    def refuses(self, path, *words):
        with self.assertRaises(StudyError) as caught:
            everything(path)
        for word in (os.path.basename(path), *words):
            self.assertIn(word, str(caught.exception))

    def changed(self, name, change):
        path = shutil.copy(self.made(), self.path(name))
        with h5py.File(path, "r+") as f:
            change(f, next(iter(f["runs"].values())))
        return path

    def test_what_is_no_study_is_said_to_be_none(self):
        for name, content in (("text.h5", b"not HDF5"), ("empty.h5", b"")):
            with open(self.path(name), "wb") as f:
                f.write(content)
            self.refuses(self.path(name))
        with h5py.File(self.path("other.h5"), "w") as f:
            f["x"] = [1, 2]
        self.refuses(self.path("other.h5"), "not a study of hottune")
        self.refuses(self.path("nowhere.h5"))
        os.mkdir(self.path("folder"))
        self.refuses(self.path("folder"), "study.h5")

    def test_a_sweep_and_a_newer_format_are_named(self):
        def sweep(f, run):
            f.attrs["format"] = np.bytes_("hottune-sweep")

        def newer(f, run):
            f.attrs["format_version"] = 2

        self.refuses(self.changed("sweep.h5", sweep), "sweep")
        self.refuses(self.changed("newer.h5", newer), "version 2")

    def test_an_object_of_another_shape_is_named(self):
        def no_table(f, run):
            del run["segments"]
            run["segments"] = np.arange(3)

        def no_column(f, run):
            del run["curves"]
            run["curves"] = np.zeros(3, [("replica", "<i4"), ("step", "<i8")])

        self.refuses(self.changed("shape.h5", no_table), "/segments", "no table")
        self.refuses(self.changed("column.h5", no_column), "/curves", "'epoch'")

    def test_what_is_missing_gives_an_empty_table(self):
        def less(f, run):
            for name in ("gain", "shares", "lessons", "places", "knobs", "factors", "lineage", "schedule"):
                for r in f["runs"].values():
                    del r[name]
            del f["priors"], f["space"]

        made = everything(self.changed("less.h5", less))
        for name in ("gain", "shares", "lessons", "places", "mutations", "lineage", "champion_path", "paid", "knobs"):
            self.assertEqual(len(made[name]), 0, name)
            self.assertIn("run", made[name].columns, name)
        self.assertGreater(len(made["segments"]), 0)

    def test_a_byte_that_is_wrong_is_an_error_or_changes_nothing_that_is_read(self):
        with open(self.made(), "rb") as f:
            whole = f.read()
        random.seed(1)
        for i in range(6):
            at = random.randrange(len(whole))
            data = bytearray(whole)
            data[at] ^= 0xff
            path = self.path(f"byte{i}.h5")
            with open(path, "wb") as f:
                f.write(data if i % 3 else data[:at])
            done = self.command(path)
            self.assertNotIn(b"Traceback", done.stderr, at)
            if done.returncode == 1:
                self.assertIn(os.path.basename(path).encode(), done.stderr)
            else:
                self.assertIn(done.returncode, (0, -11, -6), at)    # HDF5 itself may crash on damage: without a seal

    def test_a_seal_that_does_not_fit_is_an_error(self):
        path = self.path("sealed.h5")
        with open(self.made(), "rb") as f:
            data = f.read() + b"htseal1\n" + bytes(8)
        with open(path, "wb") as f:
            f.write(data)
        self.refuses(path, "seal")

    def test_an_unknown_run_is_told_which_there_are(self):
        with open_study(self.made()) as study, self.assertRaises(StudyError) as caught:
            study.curves("r9")
        self.assertIn("r1, r2", str(caught.exception))
        self.assertEqual(self.command(self.made(), "--run", "r9").returncode, 1)


class Empty(Case):
    def test_a_study_without_runs_has_all_columns_and_no_rows(self):
        full = everything(self.made())
        for name, t in everything(self.made("empty.h5", runs=0)).items():
            if name not in ("priors", "space"):
                self.assertEqual(len(t), 0, name)
            self.assertTrue(set(t.columns) <= set(full[name].columns), name)
        done = self.command(self.path("empty.h5"), "--figures", self.path("figures"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertIn(b"Nothing was run yet", done.stdout)


class Hostile(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.made("hostile.h5", runs=2, replicas=16, segments=600, hostile=True)
        cls.done = cls.command(cls.path("hostile.h5"), "--run", "r2", "--figures", cls.path("out"))

    def test_names_move_no_cursor_of_the_terminal(self):
        self.assertEqual((self.done.returncode, self.done.stderr), (0, b""))
        self.assertIsNone(CONTROLS.search(self.done.stdout), self.done.stdout)
        self.assertIn(b"<script>alert(1)</script>", self.done.stdout)

    def test_figures_are_well_formed(self):
        names = [n for n in os.listdir(self.path("out")) if n.endswith(".svg")]
        self.assertEqual(len(names), 13)
        for name in names:
            tree = xml.parse(self.path("out/" + name))
            self.assertFalse([e for e in tree.iter() if e.tag.endswith("script")])
            self.assertGreater(os.path.getsize(self.path("out/" + name[:-3] + "png")), 2000)

    def test_csv_reads_back_and_gives_no_formula(self):
        with open_study(self.path("hostile.h5")) as study:
            families = set(study.mutations()["family"])
            self.assertTrue(any("\\xff" in f for f in families), families)
            with open(self.path("out/mutations.csv"), newline="", encoding="utf-8") as f:
                rows = list(csv.DictReader(f))
            self.assertEqual({r["family"] for r in rows}, families)
            self.assertEqual(len(rows), len(study.mutations("r2")))
        for name in NAMES:
            with open(self.path(f"out/{name}.csv"), newline="", encoding="utf-8") as f:
                rows = list(csv.reader(f))
            self.assertEqual({len(r) for r in rows}, {len(rows[0])}, name)
            texts = [c for r in rows for c in r if c[:1] in ("=", "+", "@")]
            self.assertEqual(texts, [], name)


class Maximize(Case):
    def test_more_is_better_when_the_objective_is_maximised(self):
        with open_study(self.made("max.h5", maximize=True)) as study:
            best = study.best_so_far("r1")["best"]
            self.assertTrue((best.diff().dropna() >= 0).all())
            s = study.segments("r1")
            finite = s[s["finite"]]
            self.assertTrue(np.allclose(finite["gain"], finite["loss"] - finite["before"]))
            self.assertGreater(study.gain("r1")["gain"].sum(), 0)
            self.assertGreater(study.champion_path("r1")["gain"].sum(), 0)


if __name__ == "__main__":
    main()
