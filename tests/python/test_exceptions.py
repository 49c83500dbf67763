"""Whatever function of the program raises: it comes out of the call with its traceback, and a run can end after it."""
import os
import sys
import traceback
import unittest

from case import POOLED, RECIPE, Case, np

import hottune


class Mine(Exception):
    pass


class Toy:
    """A training of one weight, whose functions raise from the `after`-th call of the one that is named on."""

    def __init__(self, fails="", after=1):
        self.fails, self.left = fails, after
        self.w, self.lr = np.array([10.0]), 0.1

    def may_fail(self, name):
        if name == self.fails:
            self.left -= 1
            if self.left <= 0:
                raise Mine(name)

    def on_init(self, seed):
        self.may_fail("on_init")
        self.w[:] = 10.0 + seed % 7 / 100

    def on_validate(self):
        self.may_fail("on_validate")
        return float(self.w[0] ** 2)

    def get(self, to):
        self.may_fail("get")
        to[:] = bytes(8)

    def put(self, there):
        self.may_fail("put")

    def set_lr(self, value):
        self.may_fail("set_lr")
        self.lr = value

    def get_lr(self):
        self.may_fail("get_lr")
        return self.lr

    def source(self, name):
        self.may_fail("source")
        return float(self.w[0] ** 2) if name == "val/loss" else None

    def plan(self, text):
        self.may_fail("plan")


class Exceptions(Case):
    def train(self, toy, pooled, name):
        """A run as programs have it, in which an exception is met once and the run goes on after it."""
        met = []
        k = hottune.open(self.dir + name, recipe=POOLED if pooled else RECIPE, comm=False, max_epochs=8, seed=2,
                         plan=toy.plan)
        with k:
            k.knob("opt", "lr", toy.lr, lo=1e-3, hi=1, log=True, set=toy.set_lr, get=toy.get_lr)
            if pooled:
                k.training_state({"w": toy.w}, weights=True)
                k.training_part("part", 8, toy.get, toy.put)
                k.on_init(toy.on_init)
                k.on_validate(toy.on_validate)
            else:
                k.metric_source(toy.source)
            epoch = 0
            while epoch < 60:
                try:
                    if not k.running():
                        break
                    toy.w *= 1 - 0.1 * toy.lr
                    epoch += 1
                    k.apply("val_epoch_end", epoch, epoch)
                except Mine:
                    met.append(traceback.format_exc())
                    toy.fails = ""
        return met

    def test_every_function_of_the_program(self):
        for pooled, name, after in ((True, "on_init", 1), (True, "on_validate", 1), (True, "on_validate", 3),
                                    (True, "get", 1), (True, "get", 3), (True, "put", 1), (True, "get_lr", 1),
                                    (True, "get_lr", 3), (True, "plan", 1),
                                    (False, "set_lr", 1), (False, "set_lr", 2), (False, "get_lr", 1),
                                    (False, "source", 1), (False, "source", 3)):
            with self.subTest(name, pooled=pooled, after=after):
                met = self.train(Toy(name, after), pooled, f"{name}{pooled}{after}")
                self.assertEqual(len(met), 1)
                self.assertIn(f"in {name}", met[0])         # where it was raised
                self.assertIn("self.may_fail(", met[0])
                self.assertIn("in train", met[0])           # and who called the library

    def test_no_exception_lasts_longer_than_its_call(self):
        """A traceback holds frames, and they hold the training's data: nothing of it may stay in the kernel."""
        toy = Toy("on_validate")
        before = sys.getrefcount(toy.w)
        self.train(toy, True, "kept")
        self.assertLessEqual(sys.getrefcount(toy.w), before)


class AtTheEnd(Case):
    """The interpreter ends in the middle of a pooled run, with functions of the program behind everything."""

    POOLED = """
import os, sys, hottune
sys.path.insert(0, os.path.join(os.environ["HT_SOURCE"], "tests", "python"))
from test_exceptions import Toy, POOLED
def begin(toy):
    k = hottune.open(sys.argv[1], recipe=POOLED, max_epochs=30, seed=2)
    if k.is_replica:
        k.knob("opt", "lr", toy.lr, lo=1e-3, hi=1, log=True, set=toy.set_lr, get=toy.get_lr)
        k.training_state({"w": toy.w}, weights=True)
        k.training_part("part", 8, toy.get, toy.put)
        k.on_init(toy.on_init)
        k.on_validate(toy.on_validate)
    return k
def train(k, toy, epochs=9999):
    epoch = 0
    while k.running() and epoch < epochs:
        toy.w *= 1 - 0.1 * toy.lr
        epoch += 1
        k.apply("val_epoch_end", epoch, epoch)
"""

    def end(self, text, code, ranks=0):
        done = self.run_python(self.POOLED + text, self.dir, ranks=ranks, timeout=100)
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def test_without_close(self):
        done = self.end("toy = Toy(); k = begin(toy); train(k, toy, 5)", 0)
        self.assertEqual(done.stderr, "")
        self.assertTrue(os.path.exists(os.path.join(self.dir, "hotcb.tune.summary.json")))

    def test_without_close_in_a_ring_of_references(self):
        self.end("toy = Toy(); k = begin(toy); toy.k = k; toy.me = toy; train(k, toy, 5); del k, toy", 0)

    def test_with_an_exception_of_a_function(self):
        for name, after in (("on_init", 1), ("on_validate", 2), ("get", 2), ("put", 1)):
            with self.subTest(name):
                self.dir += name
                done = self.end(f"toy = Toy({name!r}, {after}); k = begin(toy); train(k, toy)", 1)
                self.assertIn(f"Mine: {name}", done.stderr)
                self.assertEqual(done.stderr.count("Traceback"), 1)

    def test_several_ranks_without_close(self):
        self.end("toy = Toy(); k = begin(toy)\nif k.is_replica: train(k, toy, 3)", 0, ranks=3)

    def test_one_of_several_ranks_with_an_exception(self):
        done = self.end("toy = Toy(); k = begin(toy)\n"
                        "if k.replica == 1: toy.fails = 'on_validate'\n"
                        "train(k, toy)\n"
                        "print('finished')", 1, ranks=4)
        self.assertIn("Mine: on_validate", done.stderr)
        self.assertEqual(done.stdout.count("finished"), 3)


if __name__ == "__main__":
    unittest.main()
