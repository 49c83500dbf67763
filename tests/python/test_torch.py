"""hottune.torch: what is registered of a model and its optimizer, and that it comes back to the bit."""
import copy
import hashlib
import signal
import subprocess
import sys
import unittest
import warnings

try:
    import torch
except ImportError:
    print(f"skipped: {sys.executable} has no torch; scripts/setup test installs python3-torch")
    sys.exit(77)

from case import HERE, POOLED, Case

import hottune
import hottune.torch
from hottune._torch_optimizer import Moments, Rate, ScalerNumbers, schedulers_in
from hottune._torch_state import Part, Source, is_dense, model_sources, parts_of, short

nn, optim = torch.nn, torch.optim
torch.set_num_threads(1)
PLAIN = {**POOLED, "objective": {"ema": 0}}
OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, 0.1), "momentum": lambda p: optim.SGD(p, 0.1, 0.9, weight_decay=0.1),
    "nesterov": lambda p: optim.SGD(p, 0.1, 0.9, nesterov=True), "Adam": lambda p: optim.Adam(p, 0.01),
    "amsgrad": lambda p: optim.Adam(p, 0.01, amsgrad=True), "AdamW": lambda p: optim.AdamW(p, 0.01),
    "AdamW amsgrad": lambda p: optim.AdamW(p, 0.01, amsgrad=True),
    "RMSprop": lambda p: optim.RMSprop(p, 0.01),
    "centered": lambda p: optim.RMSprop(p, 0.01, momentum=0.9, centered=True, weight_decay=0.1),
    "Adagrad": lambda p: optim.Adagrad(p, 0.1, initial_accumulator_value=0.5),
    "Adadelta": lambda p: optim.Adadelta(p),
    "Adamax": lambda p: optim.Adamax(p), "NAdam": lambda p: optim.NAdam(p), "RAdam": lambda p: optim.RAdam(p)}


def digest(model, optimizer):
    """Of weights, buffers, moments and counters."""
    h = hashlib.sha256()

    def add(value):
        if isinstance(value, dict):
            for key in sorted(value, key=str):
                add(value[key])
        elif isinstance(value, torch.Tensor):
            h.update(value.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        else:
            h.update(repr(value).encode())
    add(dict(model.state_dict()))
    add(optimizer.state_dict()["state"])
    return h.hexdigest()


def network():
    return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))


def data():
    g = torch.Generator().manual_seed(1)
    x = torch.randn(64, 2, generator=g)
    return x, (x[:, 0] * x[:, 1]).sign()


class Own(optim.SGD):
    """An optimizer that hottune.torch does not know."""


class Torch(Case):
    def attach(self, model, optimizer, recipe=PLAIN, max_epochs=8, options=None, **more):
        k = self.open(recipe=recipe, max_epochs=max_epochs, seed=3, **(options or {}))
        return k, hottune.torch.attach(k, model, optimizer, **more)

    def train_epoch(self, tuned, scheduler=None):
        """Four batches of 16, drawn and thinned out by torch's random state."""
        x, y = data()
        for i in torch.randperm(64).split(16):
            tuned.optimizer.zero_grad()
            loss = ((tuned.model(x[i])[:, 0] - y[i]) ** 2).mean()
            loss.backward()
            tuned.optimizer.step()
            tuned.batch_end(loss)
        if scheduler is not None:
            scheduler.step()
        tuned.epoch_end()

    def validation(self, tuned):
        x, y = data()
        tuned.on_validate(lambda: ((tuned.model(x)[:, 0] - y) ** 2).mean())

    # ---- the optimizer's state --------------------------------------------------------------------

    def test_first_steps_after_attach_are_those_of_the_optimizer_alone(self):
        for name, make in OPTIMIZERS.items():
            with self.subTest(name):
                model = network()
                alone = copy.deepcopy(model)
                optimizer, plain = make(model.parameters()), make(alone.parameters())
                Moments(optimizer, None)
                x, y = data()
                for _ in range(3):
                    for m, o in ((model, optimizer), (alone, plain)):
                        torch.manual_seed(5)
                        o.zero_grad()
                        ((m(x)[:, 0] - y) ** 2).mean().backward()
                        o.step()
                self.assertEqual(digest(model, optimizer), digest(alone, plain))

    def test_a_state_that_is_there_is_kept_and_begun_anew_in_place(self):
        model = network()
        optimizer = optim.Adam(model.parameters())
        model(data()[0]).sum().backward()
        optimizer.step()
        before = digest(model, optimizer)
        moments = Moments(optimizer, None)
        self.assertEqual(digest(model, optimizer), before)
        first = optimizer.state[model[0].weight]
        at = first["exp_avg"].data_ptr()
        moments.fresh()
        self.assertEqual((float(first["step"]), float(first["exp_avg"].abs().sum())), (0, 0))
        self.assertEqual(first["exp_avg"].data_ptr(), at)

    def test_an_optimizer_that_is_not_known_is_refused_with_what_to_do(self):
        model = network()
        optimizer = Own(model.parameters(), 0.1, 0.9)
        with self.assertRaisesRegex(TypeError, "a fresh Own looks.*fresh='zeros'.*fresh=f"):
            self.attach(model, optimizer)
        self.assertEqual(len(Moments(optimizer, "zeros").sources()), 6)

        def fresh(o):
            for p in model.parameters():
                o.state[p].setdefault("momentum_buffer", torch.zeros_like(p)).zero_()
        self.assertEqual(len(Moments(Own(model.parameters(), 0.1, 0.9), fresh).sources()), 6)

    # ---- the model --------------------------------------------------------------------------------

    def test_statistics_have_a_mean_and_counters_and_masks_are_copied(self):
        model = network()
        model.register_buffer("mask", torch.tensor([0.0, float("-inf")]))
        model.register_buffer("cache", torch.zeros(3), persistent=False)
        found = {s.name: (s.weights, s.average) for s in model_sources(model)}
        self.assertEqual(found["1.running_mean"], (True, True))
        self.assertEqual(found["1.num_batches_tracked"], (False, False))
        self.assertEqual(found["mask"], (False, False))
        self.assertNotIn("cache", found)

    def test_tied_weights_are_registered_once(self):
        model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        model[1].weight = model[0].weight
        self.assertEqual([s.name for s in model_sources(model)], ["0.weight", "0.bias", "1.bias"])
        same = nn.Parameter(model[0].weight.detach())       # another parameter, the same memory
        model[1].weight = same
        names = [p.source.name for p in parts_of(model_sources(model), False)]
        self.assertEqual(names, ["0.weight", "0.bias", "1.bias"])
        model[1].weight = nn.Parameter(model[0].weight.detach()[:2])
        with self.assertRaisesRegex(TypeError, "weight' shares a part of the memory of '..weight'"):
            parts_of(model_sources(model), False)

    def test_memory_in_any_order_is_used_and_memory_with_gaps_is_staged(self):
        t = torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)
        self.assertTrue(is_dense(t) and is_dense(torch.randn(3, 4).t()) and is_dense(torch.tensor(1.0)))
        part = Part(Source("t", t, lambda: t, True, True), False)
        self.assertIsNone(part.stage)
        part.row.fill_(2)
        self.assertTrue((t == 2).all())
        for gaps in (torch.zeros(4, 4)[:, :2], torch.zeros(3, dtype=torch.float16)):
            part = Part(Source("gaps", gaps, lambda: gaps, True, True), False)
            self.assertEqual((part.stage.dtype, part.row.numel(), part.average), (torch.float32, gaps.numel(), True))
            part.row.fill_(3)
            part.store()
            self.assertTrue((gaps == 3).all())
            gaps.fill_(4)
            part.fetch()
            self.assertTrue((part.row == 4).all())
        small = torch.ones(2, dtype=torch.bfloat16)
        self.assertIsNone(Part(Source("b", small, lambda: small, True, True), False).stage)

    def test_what_cannot_be_registered_is_refused_by_name(self):
        rows = ((torch.zeros(2, 2).to_sparse(), "layout"), (torch.zeros(2, dtype=torch.complex64), "complex"),
                (nn.parameter.UninitializedParameter(), "no shape yet"))
        for t, text in rows:
            with self.subTest(text), self.assertRaisesRegex(TypeError, f"'bad'.*{text}"):
                parts_of([Source("bad", t, lambda: t, True, True)], False)
        self.assertLessEqual(len(short("x." * 60).encode()), 63)
        self.assertNotEqual(short("a." * 60), short("b" + "a." * 60))

    # ---- in a run ---------------------------------------------------------------------------------

    def test_after_a_rollback_weights_moments_and_rates_are_those_of_the_root(self):
        for staged in (False, True):
            for name in ("SGD", "momentum", "AdamW amsgrad", "centered"):
                with self.subTest(name, staged=staged):
                    self.dir += "x"
                    model = network().to(memory_format=torch.contiguous_format)
                    optimizer = OPTIMIZERS[name]([{"params": model[:3].parameters()},
                                                  {"params": model[3:].parameters(), "lr": 0.002}])
                    first = optimizer.param_groups[0]["lr"]
                    k, tuned = self.attach(model, optimizer, _staged=staged)
                    self.validation(tuned)
                    self.assertTrue(k.running())
                    seen = [digest(model, optimizer)]
                    for epoch in range(4):
                        self.train_epoch(tuned)
                        seen.append(digest(model, optimizer))
                    self.assertEqual(len(set(seen)), 5)
                    with torch.no_grad():
                        model[0].weight.fill_(float("nan"))
                    self.train_epoch(tuned)
                    self.assertEqual(digest(model, optimizer), seen[-1])
                    lr = optimizer.param_groups[0]["lr"]
                    self.assertLess(lr, first)          # half of it, after everything diverged
                    self.assertAlmostEqual(optimizer.param_groups[1]["lr"] / 0.002, lr / first, 12)
                    k.close()

    def test_the_best_weights_come_back_with_their_statistics(self):
        for staged in (False, True):
            with self.subTest(staged=staged):
                self.dir += "x"
                model = network()
                k, tuned = self.attach(model, optim.SGD(model.parameters(), 0.1), _staged=staged)
                shown, losses = [], iter((3.0, 2.0, 1.0, 2.0, 2.0, 2.0))

                @tuned.on_validate
                def validate():
                    shown.append(copy.deepcopy(model.state_dict()))
                    return next(losses)
                k.running()
                for _ in range(6):
                    self.train_epoch(tuned)
                self.assertTrue(k.show_best())
                for key, value in model.state_dict().items():
                    if "num_batches" not in key:
                        self.assertTrue(torch.equal(value, shown[2][key]), key)
                k.close()

    def test_begun_anew_is_a_function_of_the_seed_and_leaves_the_random_state(self):
        model = network()
        optimizer = optim.Adam(model.parameters())
        begin = []
        k = self.open(recipe=PLAIN, max_epochs=4)
        k.on_init = begin.append
        hottune.torch.attach(k, model, optimizer)
        state = torch.get_rng_state()
        begin[0](11)
        one = digest(model, optimizer)
        self.assertTrue(torch.equal(state, torch.get_rng_state()))
        model.train()(data()[0]).sum().backward()
        optimizer.step()
        begin[0](12)
        other = digest(model, optimizer)
        begin[0](11)
        self.assertEqual(digest(model, optimizer), one)
        self.assertNotEqual(other, one)

    def test_a_model_that_cannot_be_begun_anew_says_what_to_do(self):
        class Scale(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.ones(1))

        model = nn.Sequential(nn.Linear(2, 1), Scale())
        with self.assertRaisesRegex(hottune.InvalidArgument, "'1.scale' lies in a Scale.*init=f"):
            self.attach(model, optim.SGD(model.parameters(), 0.1))
        self.dir += "x"
        with self.assertRaisesRegex(hottune.InvalidArgument, "parameters that are not in the model.*ModuleList"):
            self.attach(model[0], optim.SGD(model.parameters(), 0.1))
        self.dir += "x"
        begin = []
        k = self.open(recipe=PLAIN, max_epochs=4)
        k.on_init = begin.append
        hottune.torch.attach(k, model, optim.SGD(model.parameters(), 0.1), init="present")
        before = copy.deepcopy(model.state_dict())
        with torch.no_grad():
            model[1].scale.fill_(7)
        begin[0](1)
        self.assertTrue(all(torch.equal(v, before[key]) for key, v in model.state_dict().items()))

    def test_validation_leaves_modes_gradients_and_random_state(self):
        model = network()
        model[1].eval()
        k, tuned = self.attach(model, optim.SGD(model.parameters(), 0.1))
        state, told = torch.get_rng_state(), []

        def validate():
            torch.rand(3)
            told.append((any(m.training for m in model.modules()), torch.is_grad_enabled()))
            return torch.tensor(1.0)
        check = []
        k.on_validate = check.append
        tuned.on_validate(validate)
        self.assertEqual(check[0](), 1.0)
        self.assertEqual(told, [(False, False)])
        self.assertEqual([m.training for m in model.modules()], [True, True, False, True, True, True])
        self.assertTrue(torch.equal(state, torch.get_rng_state()))

    def test_exceptions_come_through_and_moved_memory_is_one(self):
        model = network()
        optimizer = optim.Adam(model.parameters())
        k, tuned = self.attach(model, optimizer)
        tuned.on_validate(lambda: 1 / 0)
        k.running()
        with self.assertRaises(ZeroDivisionError):
            self.train_epoch(tuned)
        k.close()
        self.dir += "x"
        k, tuned = self.attach(model, optimizer)
        self.validation(tuned)
        k.running()
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
        with self.assertRaisesRegex(RuntimeError, "'opt.0.*' lies elsewhere than"):
            self.train_epoch(tuned)

    def test_a_run_that_left_ends_as_one_that_did_not(self):
        def run(leave_after):
            model = network()
            optimizer = optim.RMSprop(model.parameters(), 0.01, momentum=0.9)
            scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)
            k, tuned = self.attach(model, optimizer, scheduler=scheduler, random=("python", "numpy"),
                                   options={"resume": True, "leave": (signal.SIGUSR1,)})
            self.validation(tuned)
            while k.running():
                if tuned.epochs == leave_after:
                    signal.raise_signal(signal.SIGUSR1)
                self.train_epoch(tuned, scheduler)
            k.close()
            return k.has_left, tuned.epochs, tuned.steps, digest(model, optimizer), scheduler.last_epoch

        torch.manual_seed(1)
        whole = run(-1)
        self.assertFalse(whole[0])
        self.dir += "x"
        torch.manual_seed(2)
        self.assertTrue(run(3)[0])
        torch.manual_seed(3)
        self.assertEqual(run(-1), whole)


class Rates(unittest.TestCase):
    def groups(self, **first):
        a, b = nn.Linear(2, 2), nn.Linear(2, 2)
        return optim.AdamW([{"params": a.parameters(), **first}, {"params": b.parameters(), "lr": 0.003}],
                           lr=0.01, weight_decay=0.1)

    def test_groups_keep_their_proportions_and_an_undo_brings_back_the_bits(self):
        o = self.groups(weight_decay=0.0)
        for option, start in (("lr", [0.01, 0.003]), ("weight_decay", [0.0, 0.1])):
            rate = Rate(option, o.param_groups)
            value = rate.get()
            self.assertEqual(value, start[0] or start[1])
            rate.set(value * 0.7)
            self.assertEqual(rate.get(), value * 0.7)
            rate.set(value * 0.7 * 0.3)
            self.assertAlmostEqual(o.param_groups[1][option], start[1] * 0.21, 12)
            rate.set(value)
            self.assertEqual([g[option] for g in o.param_groups], start)

    def test_with_a_scheduler_the_knob_is_its_base_rate(self):
        o = self.groups()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            step = optim.lr_scheduler.StepLR
            s = optim.lr_scheduler.SequentialLR(o, [step(o, 2, 0.5), step(o, 1, 0.1)], [100])
            rate = Rate("lr", o.param_groups, schedulers_in(s))
            s.step()
            s.step()
            at_half = rate.save()
            self.assertEqual((rate.get(), o.param_groups[0]["lr"]), (0.01, 0.005))
            rate.set(0.02)
            self.assertEqual((rate.get(), [g["lr"] for g in o.param_groups]), (0.02, [0.01, 0.003]))
            s.step()
            s.step()
            self.assertAlmostEqual(o.param_groups[0]["lr"], 0.005, 12)
            rate.load(at_half)      # of a state whose schedule was elsewhere; the value is a knob and stays
            self.assertEqual((rate.get(), o.param_groups[0]["lr"]), (0.02, 0.01))
            rate.set(0.01)
            self.assertEqual((rate.get(), o.param_groups[0]["lr"]), (0.01, 0.005))
            rate.begin_anew()
            self.assertEqual(o.param_groups[0]["lr"], 0.01)

    def test_whole_and_tensor_rates_stay_what_they_are(self):
        o = optim.SGD(nn.Linear(1, 1).parameters(), lr=1)
        rate = Rate("lr", o.param_groups)
        rate.set(0.5)
        self.assertEqual(o.param_groups[0]["lr"], 0.5)
        held = o.param_groups[0]["lr"] = torch.tensor(0.25)
        rate = Rate("lr", o.param_groups)
        rate.set(0.5)
        self.assertIs(o.param_groups[0]["lr"], held)
        self.assertEqual(float(held), 0.5)


class Scaler:
    """What is used of a GradScaler."""

    def __init__(self, **state):
        self.state = state

    def state_dict(self):
        return dict(self.state)

    def load_state_dict(self, state):
        self.state = state


class Numbers(unittest.TestCase):
    def test_a_scaler_keeps_its_settings_and_a_switched_off_one_has_no_numbers(self):
        scaler = Scaler(scale=1024.0, growth_factor=2.0, _growth_tracker=7)
        numbers = ScalerNumbers(scaler)
        kept = numbers.save()
        scaler.load_state_dict({"scale": 512.0, "growth_factor": 2.0, "_growth_tracker": 0})
        numbers.load(kept)
        self.assertEqual(scaler.state, {"scale": 1024.0, "growth_factor": 2.0, "_growth_tracker": 7})
        off = ScalerNumbers(Scaler())
        self.assertEqual(off.save(), [])
        off.load([])


class Package(unittest.TestCase):
    def test_importing_hottune_imports_no_torch(self):
        done = subprocess.run([sys.executable, "-c", "import hottune, sys; print('torch' in sys.modules)"],
                              capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout.strip(), "False")

    def test_what_is_checked_on_a_gpu_holds_for_tensors_that_are_treated_as_if_they_were_there(self):
        done = subprocess.run([sys.executable, str(HERE / "gpu_check.py"), "cpu"], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
