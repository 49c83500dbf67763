"""The package as users meet it: the command, the first look, and what pip makes of it."""
import os
import shutil
import subprocess
import sys

from case import SOURCE, Case, main


class Package(Case):
    def test_the_first_look_runs_to_its_end(self):
        done = subprocess.run([sys.executable, str(SOURCE / "analysis" / "first_look.py")], capture_output=True, text=True,
                              timeout=200, check=False, env={**os.environ, "STUDY": self.made(replicas=16, segments=600)})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("opt.weight_decay", done.stdout)

    def test_the_command_draws_densities_where_replicas_are_many(self):
        done = self.command(self.made("wide.h5", runs=1, replicas=64, segments=2000), "--run", "r1", "--figures",
                            self.path("out"), "--csv", self.path("csv"))
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for name in ("r1_learning", "r1_lineage", "r1_utilisation"):
            self.assertLess(os.path.getsize(self.path(f"out/{name}.svg")), 1_500_000, name)
        self.assertEqual(sorted(os.listdir(self.path("csv"))), sorted(n for n in os.listdir(self.path("out")) if n[-3:] == "csv"))

    def test_pip_installs_it(self):
        source = shutil.copytree(SOURCE / "analysis", self.path("source"))      # pip builds in it
        done = subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", self.path("site"),
                               source], capture_output=True, text=True, timeout=200, check=False)
        if "setuptools" in done.stderr or "No module named pip" in done.stderr:
            self.skipTest("pip or setuptools cannot be had here")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = subprocess.run([sys.executable, "-m", "hottune_analysis", self.made()], capture_output=True, text=True,
                              check=False, env={**os.environ, "PYTHONPATH": self.path("site")}, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 runs", done.stdout)


if __name__ == "__main__":
    main()
