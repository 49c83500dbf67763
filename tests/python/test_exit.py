"""However a program ends, its run is closed, MPI is finalised, and nothing hangs."""
import json
import os
import unittest

from case import Case

BEGIN = """
import os, sys, hottune
def begin(**options):
    k = hottune.open(sys.argv[1], recipe={"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 2.0]}}}}},
                     max_steps=40, **options)
    if k.is_replica:
        k.knob("opt", "lr", 0.1, lo=1e-3, hi=1, log=True)
    return k
def train(k, steps):
    for step in range(1, steps + 1):
        k.metric("val/loss", 1 / step)
        k.apply("val_epoch_end", step, epoch=step)
"""


class Exit(Case):
    def end(self, text, code, ranks=0):
        done = self.run_python(BEGIN + text, self.dir, ranks=ranks, timeout=100)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def summary(self):
        with open(os.path.join(self.dir, "hotcb.tune.summary.json"), encoding="utf-8") as f:
            return json.load(f)

    def test_a_program_that_does_not_close_ends_its_run(self):
        done = self.end("k = begin(); train(k, 4)", 0)
        self.assertTrue(self.summary()["final"])
        self.assertEqual(done.stderr, "")

    def test_a_kernel_that_nobody_holds_is_closed_at_the_end(self):
        self.end("import gc; k = begin(); train(k, 4); del k; gc.collect(); print('alive')", 0)
        self.assertTrue(self.summary()["final"])

    def test_an_uncaught_exception_is_shown_and_the_run_closed(self):
        done = self.end("k = begin(); train(k, 4); raise ValueError('mine')", 1)
        self.assertIn("ValueError: mine", done.stderr)
        self.assertTrue(self.summary()["final"])

    def test_sys_exit_inside_a_callback_ends_the_program(self):
        self.end("k = begin()\n@k.on_validate\ndef validate(): sys.exit(3)\ntrain(k, 2)", 3)
        self.assertTrue(self.summary()["final"])

    def test_a_forked_child_leaves_the_run_alone(self):
        done = self.end("k = begin(); train(k, 2); child = os.fork()\n"
                        "if child == 0: sys.exit(0)\n"
                        "os.waitpid(child, 0); train(k, 4); print(k.running())", 0)
        self.assertEqual(done.stdout.strip(), "True")
        self.assertTrue(self.summary()["final"])

    def test_ranks_that_do_not_close_do_not_hang(self):
        self.end("k = begin(); train(k, 4) if k.is_replica else None", 0, ranks=3)
        self.assertTrue(self.summary()["final"])

    def test_one_rank_that_fails_is_seen_and_the_others_finish(self):
        done = self.end("with begin() as k:\n"
                        "    if k.is_replica:\n"
                        "        train(k, 2)\n"
                        "        if k.replica == 1: raise ValueError('mine')\n"
                        "        train(k, 6)\n"
                        "        print('finished', k.replica)", 1, ranks=4)
        self.assertIn("ValueError: mine", done.stderr)
        self.assertTrue(self.summary()["final"])

    def test_an_interrupt_on_the_coordinator_ends_the_run(self):
        done = self.end("import signal, threading, time\n"
                        "first = os.environ['OMPI_COMM_WORLD_RANK'] == '0'\n"
                        "if first: threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
                        "try:\n"
                        "    k = begin()\n"
                        "except KeyboardInterrupt:\n"
                        "    print('interrupted'); sys.exit(0)\n"
                        "step = 0\n"
                        "while k.running():\n"
                        "    step += 1; time.sleep(.01); k.metric('val/loss', 1.0)\n"
                        "    k.apply('val_epoch_end', min(step, 39), epoch=step)\n"
                        "k.close(); print('left', k.has_left)", 0, ranks=3)
        self.assertIn("interrupted", done.stdout)
        self.assertEqual(done.stdout.count("left True"), 2)


if __name__ == "__main__":
    unittest.main()
