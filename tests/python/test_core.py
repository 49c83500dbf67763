"""Knobs, actuators, metrics and the loop; exceptions that go through C."""
import gc
import signal
import threading
import traceback
import unittest

from case import RECIPE, Case, np

import hottune

OWN = {"actuators": {"own": {"mutations": {"size_set": {"bounds": [2.0, 3.0]}}}}, "acceptance": {"epsilon": 0}}
HALVE = {"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 0.5], "prior_center": 0.5}}}}}


class Size:
    """An actuator of the program's own; `fail` names the method that raises."""

    name = "own"

    def __init__(self, fail=None):
        self.size, self.fail, self.calls = 1.0, fail, []

    def called(self, what):
        self.calls.append(what)
        if what == self.fail:
            raise ZeroDivisionError(f"in {what}")

    def snapshot(self, env):
        self.called("snapshot")
        return {"size": self.size}

    def validate(self, patch, env):
        self.called("validate")
        return hottune.ValidationResult(patch["op"] == "size_set" and patch["value"] > 0)

    def apply(self, patch, env):
        self.called("apply")
        self.size = patch["value"]
        return hottune.ApplyResult(True)

    def restore(self, snapshot, env):
        self.called("restore")
        self.size = snapshot["size"]
        return hottune.ApplyResult(True)

    def describe_space(self):
        return {"size_set": "any size above 0"}


def safe_points(k, n, losses=None, first=1):
    for i in range(n):
        k.metric("val/loss", losses[i] if losses else 1.0)
        k.apply(hottune.VAL_EPOCH_END, first + i, epoch=first + i)


class Core(Case):
    def test_a_run_is_a_context_and_leaves_a_result(self):
        with hottune.open(self.dir, recipe=HALVE, comm=False, max_steps=8) as k:
            lr = k.knob("opt", "lr", 0.5, lo=1e-3, hi=1, log=True)
            self.assertTrue(k.is_replica)
            self.assertEqual((k.replica, k.replicas), (0, 1))
            step = 0
            while k.running():
                step += 1
                k.apply(hottune.TRAIN_BATCH_END, step, loss=1 / step)
                if step % 2 == 0:
                    k.metric("val/loss", 1 / step)
                    k.apply("val_epoch_end", step, epoch=step // 2)
                    self.assertTrue(k.is_best)
            self.assertEqual(step, 8)
            k.report_result(0.5, 0.25)
        result = k.result()
        self.assertGreater(result.accepted, 0)
        self.assertEqual((result.best, result.best_step, result.val, result.test), (1 / 8, 8, 0.5, 0.25))
        self.assertLess(lr.value, 0.5)

    def test_knobs_of_every_kind_are_written_in_place(self):
        k = self.open(recipe={"actuators": {"a": {"keys": {n: {"mode": "set", "bounds": [2, 2], "prior_center": 2}
                                                           for n in ("real", "whole", "array", "set")}}},
                              "acceptance": {"epsilon": 0, "rollback_on_reject": False}})
        place, seen = np.ones(1), {"x": 1.0}
        real = k.knob("a", "real", 1.0, lo=0, hi=5)
        whole = k.knob("a", "whole", 1, lo=0, hi=5)
        array = k.knob("a", "array", place, lo=0, hi=5)
        k.knob("a", "set", lo=0, hi=5, get=lambda: seen["x"], set=lambda x: seen.update(x=x))
        safe_points(k, 40, [1 / (i + 1) for i in range(40)])
        self.assertEqual((real.value, whole.value, float(array), place[0], seen["x"]), (2, 2, 2, 2, 2))
        self.assertIs(type(whole.value), int)
        place[0] = 4
        self.assertEqual(array.value, 4)
        real.value = 3
        self.assertEqual(real.value, 3)

    def test_a_knob_behind_functions_starts_from_what_a_schedule_left(self):
        k = self.open(recipe=HALVE)
        group = {"lr": 0.5}
        k.knob("opt", "lr", lo=1e-6, hi=1, log=True, get=lambda: group["lr"], set=lambda x: group.update(lr=x))
        group["lr"] = 0.125
        safe_points(k, 1)
        self.assertEqual(group["lr"], 0.0625)

    def test_wrong_knobs_are_refused_with_the_reason(self):
        k = self.open()
        rows = ((dict(value=1.0), hottune.InvalidArgument, "range is missing"),
                (dict(value=None, lo=0, hi=1), hottune.InvalidArgument, "value is missing"),
                (dict(value=1.0, lo=2, hi=1), hottune.InvalidArgument, "no range"),
                (dict(value=np.ones(2), lo=0, hi=1), TypeError, "one float64, int64 or bool"),
                (dict(value=np.ones(1, np.float32), lo=0, hi=1), TypeError, "one float64, int64 or bool"),
                (dict(value=1.0, type="floot", set=print), hottune.InvalidArgument, "floot"),
                (dict(value=object(), lo=0, hi=1), TypeError, "object has no buffer"))
        for options, kind, text in rows:
            with self.subTest(text), self.assertRaisesRegex(kind, text):
                k.knob("opt", "bad", **options)
        with self.assertRaisesRegex(TypeError, "a str is needed, not int"):
            k.knob(3, "lr", 1.0, lo=0, hi=1)
        with self.assertRaisesRegex(hottune.InvalidArgument, "event 'epoch' is unknown"):
            k.apply("epoch", 1)
        with self.assertRaisesRegex(TypeError, "no method snapshot"):
            k.actuator("own", object())
        k.running()
        with self.assertRaises(hottune.Refused):
            k.knob("opt", "late", 1.0, lo=0, hi=1)

    def test_a_wrong_recipe_is_refused_and_named(self):
        with self.assertRaisesRegex(hottune.FormatError, "objective.mode"):
            hottune.open(self.dir, recipe={"objective": {"mode": "best"}}, comm=False)
        with self.assertRaisesRegex(hottune.NotFound, "no/such.yaml"):
            hottune.open(self.dir, recipe="no/such.yaml", comm=False)
        with self.assertRaisesRegex(hottune.InvalidArgument, "recipe_text"):
            hottune.open(self.dir, recipe="version: 1\n", comm=False)
        with self.assertRaisesRegex(hottune.InvalidArgument, "aktiv"):
            hottune.open(self.dir, mode="aktiv", comm=False)
        with self.assertRaisesRegex(TypeError, "no communicator"):
            hottune.open(self.dir, comm="world")

    def test_an_actuator_of_python_mutates_and_undoes(self):
        k, own = self.open(recipe=OWN), Size()
        k.actuator("own", own)
        safe_points(k, 1)
        self.assertTrue(2 <= own.size <= 3)
        safe_points(k, 1, [2.0], first=2)        # worse: taken back
        self.assertEqual(own.size, 1.0)
        self.assertEqual(own.calls[-1], "restore")
        self.assertEqual(k._guard.caught, None)

    def test_exceptions_of_an_actuator_come_back_as_themselves(self):
        for fail in ("snapshot", "validate", "apply", "restore"):
            with self.subTest(fail), hottune.open(self.dir + fail, recipe=OWN, comm=False) as k:
                own = Size(fail)
                k.actuator("own", own)
                try:        # assertRaises would drop the traceback
                    safe_points(k, 1)
                    safe_points(k, 1, [2.0], first=2)
                    self.fail("no exception")
                except ZeroDivisionError:
                    text = traceback.format_exc()
                self.assertIn(f"in {fail}", text)
                self.assertIn("in called", text)            # the user's own line
                self.assertIn("safe_points", text)
                own.fail = None
                if fail != "restore":
                    self.assertEqual(own.size, 1.0)         # nothing is left half done
                safe_points(k, 2, first=3)                  # and the run goes on

    def test_exceptions_of_callbacks_come_back_as_themselves(self):
        class Mine(Exception):
            pass

        def fails(*_):
            raise Mine("on purpose")

        def check(prepare, act):
            with hottune.open(self.dir + act.__name__, recipe=HALVE, comm=False, max_epochs=4) as k:
                prepare(k)
                with self.assertRaisesRegex(Mine, "on purpose"):
                    act(k)

        def validation(k):
            k.apply("val_epoch_end", 1)

        def setter(k):
            safe_points(k, 1)

        def source(k):
            k.apply("val_epoch_end", 1)
        check(lambda k: k.on_validate(fails), validation)
        check(lambda k: k.knob("opt", "lr", 0.5, lo=1e-3, hi=1, log=True, set=fails), setter)
        check(lambda k: k.metric_source(fails), source)
        with self.assertRaisesRegex(Mine, "on purpose"):
            hottune.open(self.dir + "warning", comm=False, warning=fails)

    def test_an_interrupt_inside_a_callback_passes_through_c(self):
        k = self.open(recipe=HALVE, max_epochs=4)

        def validate():
            signal.raise_signal(signal.SIGINT)
            return 1.0
        k.on_validate(validate)
        with self.assertRaises(KeyboardInterrupt):
            k.apply("val_epoch_end", 1)

    def test_callbacks_live_as_long_as_the_kernel(self):
        k = self.open(recipe=HALVE)
        seen = []
        k.knob("opt", "lr", 0.5, lo=1e-3, hi=1, log=True, set=seen.append)
        k.metric_source(lambda name: 1.0 if name == "val/loss" else None)
        k.actuator("own", Size())
        gc.collect()
        garbage = [bytes(100) for _ in range(10000)]
        for step in range(1, 20):
            k.apply("val_epoch_end", step)
        self.assertGreater(len(seen), 0)
        self.assertEqual(len(garbage), 10000)

    def test_other_threads_run_while_the_library_works(self):
        k = self.open(recipe=HALVE, max_epochs=4)
        inside, done = threading.Event(), threading.Event()

        def other():
            inside.wait(10)
            done.set()

        def validate():
            inside.set()
            self.assertTrue(done.wait(10))      # the other thread gets its turn inside our callback
            return 1.0
        thread = threading.Thread(target=other)
        thread.start()
        k.on_validate(validate)
        k.apply("val_epoch_end", 1)
        thread.join()

    def test_plan_warnings_and_progress_are_told(self):
        plans, warnings, progress, events = [], [], [], []
        k = self.open(recipe={**HALVE, "population": {"mode": "pooled"}}, plan=plans.append, warning=warnings.append,
                      progress=progress.append, event=events.append, max_epochs=3)
        safe_points(k, 3)
        k.close()
        self.assertTrue(any("not pooled" in text for text in plans))
        self.assertTrue(any("not pooled" in text for text in events))
        self.assertTrue(all(0 <= p.done <= 1 and p.stage is None and p.lost == 0 for p in progress))
        self.assertIsInstance(warnings, list)
        with self.assertLogs("hottune", "WARNING") as logged:
            hottune.open(self.dir + "2", comm=False).close()
        self.assertIn("no recipe", logged.output[0])

    def test_in_mode_off_batches_are_counted_without_calls(self):
        with hottune.open(self.dir, recipe=RECIPE, comm=False, mode="off", max_steps=5) as k:
            steps = 0
            while k.running():
                steps += 1
                k.apply(hottune.TRAIN_BATCH_END, steps, loss=1.0)
                self.assertTrue(k._quiet)
            self.assertEqual(steps, 5)

    def test_a_signal_writes_the_run_down_and_ends_it(self):
        before = signal.getsignal(signal.SIGUSR1)
        with hottune.open(self.dir, recipe=RECIPE, comm=False, max_steps=100000, leave=(signal.SIGUSR1,)) as k:
            k.knob("opt", "lr", 0.1, lo=1e-3, hi=1, log=True)
            step = 0
            while k.running():
                step += 1
                if step == 4:
                    signal.raise_signal(signal.SIGUSR1)
                safe_points(k, 1, first=step)
            self.assertLess(step, 1000)
        self.assertTrue(k.has_left)
        self.assertEqual(signal.getsignal(signal.SIGUSR1), before)


if __name__ == "__main__":
    unittest.main()
