"""`pip install ./bindings/python` gives a package that finds the library beside it, or where the loader looks."""
import os
import shutil
import subprocess
import sys
import unittest

from case import Case

TRAIN = "import hottune, sys; hottune.open(sys.argv[1], recipe={}, comm=False).close(); print(hottune.__file__)"


class Install(Case):
    def setUp(self):
        super().setUp()
        self.source = os.path.join(self.folder.name, "source")      # pip builds in it
        self.site = os.path.join(self.folder.name, "site")
        shutil.copytree(os.path.join(os.environ["HT_SOURCE"], "bindings", "python"), self.source)

    def python(self, **environment):
        given = {k: v for k, v in os.environ.items() if k not in ("HOTTUNE_LIBRARY", "PYTHONPATH")}
        return subprocess.run([sys.executable, "-c", TRAIN, self.dir], capture_output=True, text=True, check=False,
                              env={**given, "PYTHONPATH": self.site, **environment}, cwd=self.folder.name)

    def test_a_copy_of_the_package_finds_a_library_beside_it(self):
        shutil.copytree(os.path.join(self.source, "hottune"), os.path.join(self.site, "hottune"))
        missing = self.python()
        if missing.returncode != 0:     # else one is installed on this machine
            self.assertIn("HOTTUNE_LIBRARY", missing.stderr)
        shutil.copy(os.environ["HOTTUNE_LIBRARY"], os.path.join(self.site, "hottune", "libhottune.so"))
        found = self.python()
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn(self.site, found.stdout)

    def test_pip_installs_it(self):
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", self.site,
                               self.source], capture_output=True, text=True, timeout=200, check=False)
        if "setuptools" in done.stderr or "No module named pip" in done.stderr:
            self.skipTest("pip or setuptools cannot be had here")
        self.assertEqual(done.returncode, 0, done.stderr)
        library = os.path.join(self.folder.name, "lib")
        os.mkdir(library)
        shutil.copy(os.environ["HOTTUNE_LIBRARY"], os.path.join(library, "libhottune.so.0"))
        found = self.python(LD_LIBRARY_PATH=library)
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertIn(self.site, found.stdout)
        self.assertTrue(os.path.exists(os.path.join(self.site, "hottune", "py.typed")))


if __name__ == "__main__":
    unittest.main()
