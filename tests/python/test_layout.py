"""The package sees structs and enums as the headers declare them, and says what is wrong with a library."""
import os
import subprocess
import unittest

from case import Case


from hottune import _callbacks, _library, _state, _types as t, errors, knobs

STRUCTS = {"ht_options": _library.library().Options, "ht_error": t.Error, "ht_scalar": t.Scalar, "ht_value": t.Value,
           "ht_patch": t.Patch, "ht_codes": t.Codes, "ht_env": t.Env, "ht_state_buffer": t.StateBuffer,
           "ht_actuator_ops": t.ActuatorOps, "ht_knob_options": t.KnobOptions, "ht_progress": t.Progress,
           "ht_result": t.CResult}
NAMES = {**{f"HT_{e.name}": int(e) for e in t.Event}, **{f"HT_VALUE_{e.name}": int(e) for e in t.Kind},
         **{f"HT_{e.name}": int(e) for e in t.Element}, "HT_AVERAGE": _state.AVERAGE, "HT_COPY": _state.COPY,
         "HT_LINEAR": knobs.LINEAR, "HT_LOG": knobs.LOG, "HT_N_STATUS": len(errors.BY_STATUS) + 1,
         "HT_EFAILED": _callbacks.FAILED}


class Layout(Case):
    def test_structs_and_enums_are_those_of_the_headers(self):
        said = subprocess.run([os.environ["HT_LAYOUT"]], capture_output=True, text=True, check=True).stdout
        checked = set()
        for what, number in (line.split() for line in said.splitlines()):
            with self.subTest(what):
                struct, _, member = what.partition(".")
                if struct in STRUCTS:
                    ours = getattr(STRUCTS[struct], member).offset if member else t.c.sizeof(STRUCTS[struct])
                else:
                    ours = NAMES[what]
                self.assertEqual(ours, int(number))
                checked.add(what)
        options = {f"ht_options.{name}" for name, *_ in STRUCTS["ht_options"]._fields_}
        self.assertEqual((options | set(NAMES)) - checked, set())

    def test_each_status_has_an_exception_with_its_text(self):
        for status, kind in errors.BY_STATUS.items():
            text = _library.library().c.ht_status_text(status).decode()
            self.assertIn(text.split(",")[0], kind.__doc__[0].lower() + kind.__doc__[1:])
            self.assertEqual(kind("x").status, status)

    def test_a_library_that_is_not_there_is_named(self):
        done = self.run_python("import hottune; hottune.open('x')", HOTTUNE_LIBRARY="/no/such/libhottune.so")
        self.assertEqual(done.returncode, 1)
        self.assertIn("LibraryError", done.stderr)
        self.assertIn("/no/such/libhottune.so", done.stderr)

    def test_a_library_that_is_another_one_is_refused(self):
        done = self.run_python("import hottune; hottune.open('x')", HOTTUNE_LIBRARY="libc.so.6")
        self.assertEqual(done.returncode, 1)
        self.assertIn("another version", done.stderr)

    def test_the_package_imports_without_the_library(self):
        self.assertEqual(self.run_python("import hottune", HOTTUNE_LIBRARY="/no/such").returncode, 0)


if __name__ == "__main__":
    unittest.main()
