"""Scripts written for hotcb's tune module, with another import."""
import json
import os
import subprocess
import sys
import unittest

from case import MPIRUN, RECIPE, Case, np

import hottune
from hottune.actuators import (ActuatorType, ApplyResult, HotActuator, ValidationResult, loss_actuators,
                               mutable_state, optimizer_actuators)
from hottune.kernel import HotKernel

HALVE = {"actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 0.5], "prior_center": 0.5}}}},
         "acceptance": {"epsilon": 0}}
WEIGH = {"actuators": {"loss": {"keys": {"aux_w": {"mode": "mult", "bounds": [2.0, 2.0], "prior_center": 2.0}}}},
         "acceptance": {"epsilon": 0}}
OWN = {"actuators": {"noise": {"mutations": {"sigma_set": {"bounds": [0.1, 0.2]}}}}, "acceptance": {"epsilon": 0}}


class Optimizer:
    """Anything with param_groups."""

    def __init__(self, *groups):
        self.param_groups = [dict(g) for g in groups]


class Scheduler:
    def __init__(self, *rates):
        self.base_lrs = list(rates)


class Noise:
    """An actuator class as scripts have them: a plain class, methods of the protocol."""

    name = "noise"

    def __init__(self, fail=False):
        self.sigma, self.fail, self.envs = 1.0, fail, []

    def snapshot(self, env):
        return {"sigma": self.sigma}

    def validate(self, patch, env):
        return ValidationResult(valid=patch.get("op") == "sigma_set", errors=[])

    def apply(self, patch, env):
        self.envs.append(env)
        if self.fail:
            raise RuntimeError("cannot")
        self.sigma = float(patch["value"])
        return ApplyResult(success=True)

    def restore(self, snapshot, env):
        self.sigma = snapshot["sigma"]
        return ApplyResult(success=True)

    def describe_space(self):
        return {"mutations": {"sigma_set": {"bounds": [0.1, 0.2]}}}


class Hotcb(Case):
    def kernel(self, recipe=HALVE, **options):
        path = os.path.join(self.folder.name, "tune.yaml")
        hottune.TuneRecipe.from_dict(recipe).save(path)
        k = HotKernel(run_dir=self.dir, tune_recipe_path=path, comm=False, **{"mode": "active", **options})
        self.addCleanup(k.close)
        return k

    def safe_point(self, k, step, loss, **env):
        k.apply(env={"step": step, "epoch": step, "max_steps": 100, "loss": loss,
                     "metric": lambda name, default=None: {"val/loss": loss}.get(name, default), **env},
                events=["val_epoch_end"])

    def test_the_quick_start_tunes(self):
        optimizer, weights = Optimizer({"lr": 0.5, "weight_decay": 0.1, "betas": (0.9, 0.99)}), {"aux_w": 1.0}
        k = self.kernel({**HALVE, "actuators": {**HALVE["actuators"], **WEIGH["actuators"]}},
                        mutable_state=mutable_state(optimizer_actuators(optimizer) + loss_actuators(weights)))
        for step in range(1, 9):
            k.apply(env={"step": step, "loss": 1 / step}, events=["train_step_end"])
            self.safe_point(k, step, 1 / step)
        k.close()
        self.assertLess(optimizer.param_groups[0]["lr"], 0.5)
        self.assertGreater(weights["aux_w"], 1.0)
        with open(os.path.join(self.dir, "hotcb.tune.summary.json"), encoding="utf-8") as f:
            self.assertGreater(json.load(f)["segments_by_decision"]["accepted"], 1)
        with open(os.path.join(self.dir, "hotcb.actuators.json"), encoding="utf-8") as f:
            kinds = {c["param_key"]: c["type"] for c in json.load(f)["controls"]}
        self.assertEqual(kinds, {"lr": "log_float", "weight_decay": "log_float", "betas": "tuple", "aux_w": "float"})

    def test_weights_may_come_as_hotcb_keeps_them(self):
        state = {"weights": {"aux_w": 1.0}, "terms": {}, "ramps": {}}
        k = self.kernel(WEIGH, mutable_state=state)
        self.safe_point(k, 1, 1.0, mutable_state=state)
        self.assertEqual(state["weights"]["aux_w"], 2.0)
        k.apply({"step": 2}, events=("train_step_end",))
        k.apply({"step": 3}, events=None)

    def test_an_undo_brings_back_every_group_and_base_rate(self):
        optimizer, scheduler = Optimizer({"lr": 0.5}, {"lr": 0.25}), Scheduler(0.5, 0.125)
        k = self.kernel(mutable_state=mutable_state(optimizer_actuators(optimizer)))
        self.safe_point(k, 1, 1.0, scheduler=scheduler)
        self.assertEqual([g["lr"] for g in optimizer.param_groups] + scheduler.base_lrs, [0.25] * 4)
        self.safe_point(k, 2, 2.0, scheduler=scheduler)
        self.assertEqual([g["lr"] for g in optimizer.param_groups] + scheduler.base_lrs, [0.5, 0.25, 0.5, 0.125])

    def test_a_schedule_of_the_script_is_respected(self):
        optimizer = Optimizer({"lr": 0.5})
        k = self.kernel(mutable_state=mutable_state(optimizer_actuators(optimizer)))
        optimizer.param_groups[0]["lr"] = 0.125
        self.safe_point(k, 1, 1.0)
        self.assertEqual(optimizer.param_groups[0]["lr"], 0.0625)
        optimizer.param_groups[0]["lr"] = 0.03125
        self.safe_point(k, 2, 2.0)      # worse: the factor is taken back, the schedule stays
        self.assertEqual(optimizer.param_groups[0]["lr"], 0.0625)

    def test_an_actuator_class_gets_the_environment_of_the_script(self):
        noise = Noise()
        k = self.kernel(OWN)
        k.register_actuator("noise", noise)
        self.safe_point(k, 1, 1.0, mine="here")
        self.assertTrue(0.1 <= noise.sigma <= 0.2)
        self.assertEqual(noise.envs[0]["mine"], "here")
        self.safe_point(k, 2, 2.0)
        self.assertEqual(noise.sigma, 1.0)
        self.assertIs(k.get_actuator("noise"), noise)
        self.assertEqual(list(k.list_actuators()), ["noise"])

    def test_failures_are_logged_and_the_training_goes_on(self):
        k = self.kernel(OWN)
        k.register_actuator("noise", Noise(fail=True))
        with self.assertLogs("hottune", "ERROR") as logged:
            self.safe_point(k, 1, 1.0)
        self.assertIn("RuntimeError: cannot", logged.output[0])
        k.close()
        self.assertEqual(self.lines("hotcb.tune.mutations.jsonl")[0]["status"], "failed")

    def test_or_they_are_raised_where_the_script_wants_that(self):
        k = self.kernel(OWN, auto_disable_on_error=False)
        k.register_actuator("noise", Noise(fail=True))
        with self.assertRaisesRegex(RuntimeError, "cannot"):
            self.safe_point(k, 1, 1.0)

    def test_a_metric_that_raises_is_a_missing_reading(self):
        def metric(name, default=None):
            raise KeyError(name)
        k = self.kernel(mutable_state=mutable_state(optimizer_actuators(Optimizer({"lr": 0.5}))))
        with self.assertLogs("hottune", "WARNING"):
            self.safe_point(k, 1, 1.0, metric=metric)
        self.assertFalse(os.path.exists(os.path.join(self.dir, "hotcb.tune.mutations.jsonl"))
                         and self.lines("hotcb.tune.mutations.jsonl"))

    def test_losses_may_be_arrays_texts_or_nonsense(self):
        optimizer = Optimizer({"lr": 0.5})
        k = self.kernel(mutable_state=mutable_state(optimizer_actuators(optimizer)))
        for step, loss in enumerate((np.float32(1), np.array(1.0), "0.5", object(), None), start=1):
            k.apply(env={"step": step, "loss": loss}, events=["train_batch_end", "something_else"])
        k.apply(env={"step": 6, "loss": "nan", "metric": lambda name, default: 1.0}, events=["val_epoch_end"])
        self.assertEqual(optimizer.param_groups[0]["lr"], 0.5)      # blocked
        k.close()
        self.assertEqual(self.lines("hotcb.metrics.jsonl")[-1]["blockers"], ["nan_or_inf_loss"])

    def test_tuning_starts_off_and_a_command_switches_it_on(self):
        optimizer = Optimizer({"lr": 0.5})
        k = self.kernel(mode=None, mutable_state=mutable_state(optimizer_actuators(optimizer)))
        self.safe_point(k, 1, 1.0)
        self.assertEqual(optimizer.param_groups[0]["lr"], 0.5)
        with open(os.path.join(self.dir, "hotcb.commands.jsonl"), "a", encoding="utf-8") as f:
            f.write('{"module": "tune", "op": "enable", "params": {"mode": "active"}}\n')
            f.write('{"module": "opt", "op": "set_params", "params": {"lr": 0.25}}\n')
        rates = []
        for step in range(2, 6):
            self.safe_point(k, step, 1.0)
            rates.append(optimizer.param_groups[0]["lr"])
        self.assertEqual(rates, [0.125, 0.25, 0.125, 0.25])     # tuned at once, judged, a pause, tuned
        k.close()
        self.assertEqual([line["decision"] for line in self.lines("hotcb.applied.jsonl")], ["applied", "applied"])

    def test_close_needs_no_environment_and_takes_one(self):
        for env in (None, {}, {"step": 3, "loss": 1.0}):
            with self.subTest(env):
                self.dir += "x"
                optimizer = Optimizer({"lr": 0.5})
                k = self.kernel(mutable_state=mutable_state(optimizer_actuators(optimizer)))
                self.safe_point(k, 1, 1.0)
                k.close(env)
                k.close()
                self.assertEqual(optimizer.param_groups[0]["lr"], 0.5)      # nothing says that it was good
                self.assertTrue(os.path.exists(os.path.join(self.dir, "hotcb.tune.summary.json")))

    def test_what_cannot_be_is_refused(self):
        with self.assertRaisesRegex(ValueError, "two parameters are called 'lr'"):
            mutable_state(optimizer_actuators(Optimizer({"lr": 1})) + loss_actuators({"lr": 1.0}))
        with self.assertRaisesRegex(TypeError, "no param_groups"):
            optimizer_actuators(object())
        with self.assertRaisesRegex(hottune.InvalidArgument, "commands_path"):
            self.kernel(commands_path="/elsewhere/commands.jsonl")
        with self.assertRaises(hottune.NotFound):
            HotKernel(run_dir=self.dir, tune_recipe_path="no/such.yaml", comm=False)
        k = self.kernel(OWN)
        with self.assertRaisesRegex(TypeError, "no method validate"):
            k.register_actuator("noise", type("Half", (), {"snapshot": print, "apply": print, "restore": print})())

    def test_values_that_the_script_sets_itself_are_where_the_tuner_goes_on(self):
        held = {"width": 1.0}
        own = HotActuator("width", ActuatorType.FLOAT, lambda value, env: held.update(width=value), group="opt",
                          min_value=0, max_value=10, current_value=1.0)     # nobody can read it: it is what was set
        state = mutable_state(optimizer_actuators(Optimizer({"lr": 0.5})) + [own])
        recipe = {"actuators": {"opt": {"mutations": {"width_mult": {"bounds": [0.5, 0.5], "prior_center": 0.5}}}},
                  "acceptance": {"epsilon": 0}}
        k = self.kernel(recipe, mutable_state=state)
        self.assertTrue(state.apply("width", 4.0, {}, 1).success)
        self.safe_point(k, 1, 1.0)
        self.assertEqual(held["width"], 2.0)
        self.safe_point(k, 2, 2.0)      # worse: back to what the script had set
        self.assertEqual(held["width"], 4.0)

    def test_what_a_script_sets_is_checked_and_can_be_brought_back(self):
        optimizer, weights = Optimizer({"lr": 0.5, "betas": (0.9, 0.99)}), {"aux_w": 1.0}
        state = mutable_state(optimizer_actuators(optimizer) + loss_actuators(weights))
        state.initialize({})
        before = state.snapshot_all()
        for key, value, error in (("lr", 2.0, "invalid:above_max"), ("lr", 0, "invalid:below_min"),
                                  ("lr", True, "invalid:type"), ("aux_w", float("nan"), "invalid:not_finite"),
                                  ("betas", (0.9,), "invalid:length"), ("betas", (0.9, 1), "invalid:out_of_bounds"),
                                  ("momentum", 1.0, "unknown_param:momentum")):
            with self.subTest(key=key, value=value):
                self.assertEqual(state.apply(key, value).error, error)
        self.assertEqual(state.snapshot_all(), before)
        self.assertTrue(state.apply("lr", np.float32(0.25)).success and state.apply("aux_w", 3).success)
        self.assertEqual((optimizer.param_groups[0]["lr"], weights["aux_w"]), (0.25, 3.0))
        self.assertTrue(all(r.success for r in state.restore_all(before).values()))
        self.assertEqual((optimizer.param_groups[0]["lr"], weights["aux_w"]), (0.5, 1.0))
        self.assertFalse(state.restore_all({"gone": {"value": 1}})["gone"].success)

        def refuse(value, env):
            raise RuntimeError("no")
        loud = mutable_state([HotActuator("x", ActuatorType.CHOICE, refuse, choices=["a", 1])])
        self.assertEqual([loud.apply("x", v).error for v in ("a", True)],
                         ["apply_fn_exception: no", "invalid:not_in_choices"])

    def test_a_collector_gets_each_environment_and_has_a_file_of_its_own(self):
        class Collector:
            def __init__(self, path):
                self.path, self.seen = path, []

            def collect(self, env):
                self.seen.append(env["step"])
        with self.assertRaisesRegex(hottune.InvalidArgument, "hotcb.metrics.jsonl is a file of the run"):
            self.kernel(metrics_collector=Collector(os.path.join(self.dir, "hotcb.metrics.jsonl")))
        mine = Collector(os.path.join(self.dir, "mine.jsonl"))
        k = self.kernel(metrics_collector=mine)
        for step in (1, 2):
            k.apply({"step": step, "is_accumulation_step": step == 2}, ["train_step_end"])
        self.assertEqual(mine.seen, [1])

    def test_a_script_runs_as_a_population(self):
        script = os.path.join(self.folder.name, "train.py")
        with open(script, "w", encoding="utf-8") as f:
            f.write("""import sys
from hottune.kernel import HotKernel
from hottune.actuators import mutable_state, optimizer_actuators
class Opt: param_groups = [{"lr": 0.5}]
kernel = HotKernel(run_dir=sys.argv[1], tune_recipe_path=sys.argv[2], mode="active", seed=3,
                   mutable_state=mutable_state(optimizer_actuators(Opt)))
for step in range(1, 13):
    loss = 1 / step
    kernel.apply(env={"step": step, "epoch": step, "loss": loss, "max_steps": 12, "metric": lambda n, d=None: loss},
                 events=["train_step_end", "val_epoch_end"])
kernel.close()
print(f"trained {step}\\n", end="", flush=True)
""")
        path = os.path.join(self.folder.name, "tune.json")
        hottune.TuneRecipe.from_dict(RECIPE).save(path)
        done = subprocess.run([*MPIRUN, "4", sys.executable, script, self.dir, path], capture_output=True, text=True,
                              timeout=100, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.count("trained"), 3)       # the coordinator's script ends in HotKernel
        self.assertEqual({line["replica"] for line in self.lines("hotcb.tune.mutations.jsonl")}, {0, 1, 2})


if __name__ == "__main__":
    unittest.main()
