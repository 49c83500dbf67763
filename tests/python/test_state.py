"""Arrays as training state: by pointer, really changed by order, kept alive, and refused where they cannot be used."""
import gc
import signal
import sys
import unittest
import weakref
from array import array

from case import POOLED, Case, np

import hottune
from hottune import _state


def train(k, step, lr, weights, epochs):
    """A plain loop; an epoch has 4 steps."""
    while k.running() and step[0] < 4 * epochs:
        step[0] += 1
        weights *= 1 - 0.1 * min(lr.value, 1)
        k.apply(hottune.TRAIN_BATCH_END, int(step[0]), loss=float((weights ** 2).sum()))
        if step[0] % 4 == 0:
            k.apply(hottune.VAL_EPOCH_END, int(step[0]), epoch=int(step[0]) // 4)


class State(Case):
    def test_two_registered_arrays_are_changed_by_order(self):
        w, b, step = np.full((2, 3), 5.0), np.full(4, 5.0, np.float32), np.zeros(1, np.int64)
        places = w.ctypes.data, b.ctypes.data
        seeds = []
        k = self.open(recipe=POOLED, max_epochs=6, seed=1)
        lr = k.knob("opt", "lr", 0.1, lo=1e-3, hi=3, log=True)
        k.training_state({"w": w, "b": b}, weights=True)
        k.replica_state({"step": step})

        @k.on_init
        def init(seed):
            seeds.append(seed)
            w[:], b[:] = 7.0 + len(seeds), 9.0

        @k.on_validate
        def validate():
            return float((w ** 2).sum() + (b ** 2).sum())

        self.assertTrue(k.running())
        self.assertGreater(len(seeds), 0)
        self.assertTrue((w == 7 + len(seeds)).all() and (b == 9).all())     # not what it was: begun anew
        train(k, step, lr, w, 6)
        first = w.copy()
        w[:] = -1
        b[:] = -1
        self.assertTrue(k.show_best())                                      # the library writes into both
        self.assertTrue((w > 0).all() and (w <= 9).all() and (b > 8).all())
        self.assertFalse((w == -1).any() or (b == -1).any())
        self.assertEqual((w.ctypes.data, b.ctypes.data), places)
        self.assertEqual(first.shape, w.shape)

    def test_arrays_live_as_long_as_the_kernel(self):
        k = self.open(recipe=POOLED, max_epochs=2)
        w = np.ones(8)
        gone = weakref.ref(w)
        k.training_state({"w": w}, weights=True)
        del w
        gc.collect()
        self.assertIsNotNone(gone())
        k.close()
        gc.collect()
        self.assertIsNone(gone())

    def test_a_registered_bytearray_cannot_be_resized_under_the_library(self):
        k = self.open()
        data = bytearray(16)
        k.replica_state({"data": data})
        with self.assertRaises(BufferError):
            data.extend(b"x")
        k.close()
        data.extend(b"x")

    def test_elements_are_found_by_their_format(self):
        rows = ((np.zeros(3, np.float32), 0, 3), (np.zeros((2, 2)), 1, 4), (np.zeros(2, np.int32), 3, 2),
                (np.zeros(2, np.uint64), 4, 2), (array("d", [1]), 1, 1), (bytearray(5), 5, 5), (np.zeros(3, bool), 5, 3),
                (np.zeros(()), 1, 1))
        for one, element, count in rows:
            with self.subTest(repr(one)):
                buffers, _ = _state.buffers_of({"x": one}, False, None, False)
                self.assertEqual((buffers[0].element, buffers[0].count), (element, count))
                self.assertEqual(buffers[0].use, 0 if element < 2 else 1)
        buffers, _ = _state.buffers_of({"x": np.zeros(3, np.uint16)}, True, None, True)
        self.assertEqual((buffers[0].element, buffers[0].count, buffers[0].use), (2, 3, 0))

    def test_wrong_arrays_are_refused_with_their_name_and_the_reason(self):
        frozen = np.zeros(3)
        frozen.flags.writeable = False
        k = self.open(recipe=POOLED, max_epochs=2)
        rows = (([1.0, 2.0], TypeError, "list has no buffer"), (frozen, TypeError, "cannot be written"),
                (np.zeros((4, 4))[:, 1], TypeError, "side by side"), (np.zeros(2, np.float16), TypeError, "not supported"),
                (np.zeros(2, ">f8"), TypeError, "not supported"), (np.zeros(2, complex), TypeError, "not supported"),
                (np.zeros(0), TypeError, "no elements"), (3.0, TypeError, "float has no buffer"))
        for one, kind, text in rows:
            with self.subTest(text), self.assertRaisesRegex(kind, f"'bad': .*{text}"):
                k.training_state({"bad": one})
        with self.assertRaisesRegex(TypeError, "dict of names and arrays"):
            k.training_state(np.zeros(3))
        with self.assertRaisesRegex(hottune.InvalidArgument, "whole numbers have no average"):
            k.training_state({"n": np.zeros(2, np.int64)}, average=True)
        k.training_state({"twice": np.zeros(2)})
        with self.assertRaisesRegex(hottune.InvalidArgument, "twice"):
            k.training_state({"twice": np.zeros(2)})

    def test_a_part_behind_functions_comes_and_goes_as_bytes(self):
        device = {"state": bytes(range(8)), "puts": 0}

        def get(to):
            to[:] = device["state"]

        def put(frm):
            device["state"] = bytes(frm)
            device["puts"] += 1

        w = np.ones(4)
        k = self.open(recipe=POOLED, max_epochs=4)
        k.training_state({"w": w}, weights=True)
        k.training_part("device", 8, get, put)
        k.knob("opt", "lr", 0.1, lo=1e-3, hi=3, log=True)
        k.on_init(lambda seed: w.fill(1))
        k.on_validate(lambda: float(w.sum()))
        train(k, np.zeros(1, np.int64), k.knob("opt", "other", 0.1, lo=0, hi=1), w, 4)
        self.assertGreater(device["puts"], 0)
        self.assertEqual(device["state"], bytes(range(8)))

    def test_a_run_that_left_goes_on_with_its_arrays(self):
        def start():
            k = self.open(recipe=POOLED, max_epochs=8, seed=2, resume=True, leave=(signal.SIGUSR1,))
            w, step = np.ones(4), np.zeros(1, np.int64)
            lr = k.knob("opt", "lr", 0.1, lo=1e-3, hi=3, log=True)
            k.training_state({"w": w}, weights=True)
            k.replica_state({"step": step})
            k.on_init(lambda seed: w.fill(1 + seed % 7))
            k.on_validate(lambda: float(w.sum()))
            return k, lr, w, step

        k, lr, w, step = start()
        history = {}
        while k.running():
            history[int(step[0])] = w.copy()
            if step[0] == 10:
                signal.raise_signal(signal.SIGUSR1)
            train(k, step, lr, w, (int(step[0]) + 1) / 4)
        k.close()
        self.assertTrue(k.has_left)
        left = int(step[0])
        history[left] = w.copy()
        self.assertLess(left, 32)
        k, lr, w, step = start()
        self.assertTrue(k.running())
        self.assertTrue(10 < step[0] <= left)       # from its last checkpoint
        self.assertTrue((w == history[int(step[0])]).all())
        train(k, step, lr, w, 100)
        k.close()
        self.assertFalse(k.has_left)
        self.assertTrue(k.is_champion)

    def test_after_close_nothing_is_written_and_calls_say_so(self):
        w = np.ones(4)
        k = self.open(recipe=POOLED, max_epochs=2)
        k.training_state({"w": w}, weights=True)
        k.close()
        k.close()
        self.assertFalse(k.running())
        for call in (lambda: k.metric("x", 1), lambda: k.apply("val_epoch_end", 1), k.show_best,
                     lambda: k.training_state({"v": w})):
            with self.assertRaisesRegex(hottune.Refused, "closed"):
                call()
        self.assertEqual(sys.getrefcount(w), 2)


if __name__ == "__main__":
    unittest.main()
