"""hottune.hf: one callback makes a training of Hugging Face's Trainer a tuned one, alone and as a population."""
import os
import signal
import subprocess
import sys
import unittest

from frameworks import HERE, needs, recipe

needs("torch", "transformers", "accelerate")

from case import Case

import hottune
from with_hf import Counted, HotTuneCallback, trainer, transformers


class Watch(transformers.TrainerCallback):
    """What another callback sees of a training."""

    def __init__(self, at=0, act=None):
        self.losses, self.at, self.act = [], at, act

    def on_evaluate(self, args, state, control, metrics=None, **more):
        self.losses.append(metrics["eval_loss"])
        if len(self.losses) == self.at:
            self.act()


class HuggingFace(Case):
    def tune(self, which="pooled", **options):
        options.setdefault("plan", lambda text: None)
        tune = HotTuneCallback(self.dir, options.pop("recipe", recipe(which)), seed=1, **options)
        self.addCleanup(lambda: tune.kernel is None or tune.kernel.close())
        return tune

    def trainer(self, tune, *callbacks, **options):
        return trainer(tune, os.path.join(self.folder.name, "out"), *callbacks, **options)

    # ---- alone ------------------------------------------------------------------------------------

    def test_independent_the_validation_of_the_trainer_is_the_objective_and_is_not_run_twice(self):
        tune, watch = self.tune("independent"), Watch()
        t = self.trainer(tune, watch)
        t.train()
        self.assertEqual((t.state.global_step, t.validated, tune._training.epochs), (24, 3, 3))
        self.assertEqual(tune.kernel.result().best, min(watch.losses))
        self.assertFalse(tune.is_champion)

    def test_pooled_the_best_weights_are_in_the_model_afterwards(self):
        tune, watch = self.tune(), Watch()
        t = self.trainer(tune, watch)
        t.train()
        self.assertTrue(tune.is_champion)
        self.assertEqual(len(watch.losses), 3)      # what the run validates itself nobody sees
        self.assertEqual(sum("eval_loss" in line for line in t.state.log_history), 3)
        self.assertEqual(t.args.num_train_epochs, 3)
        self.assertAlmostEqual(t.evaluate()["eval_loss"], tune.kernel.result().best, places=6)

    def test_a_checkpoint_has_the_weights_that_were_validated(self):
        tune, watch = self.tune(), Watch()
        t = self.trainer(tune, watch, save_strategy="epoch")
        t.train()
        for n, loss in enumerate(list(watch.losses), start=1):
            folder = os.path.join(t.args.output_dir, f"checkpoint-{8 * n}")
            t.model = transformers.GPT2LMHeadModel.from_pretrained(folder)
            self.assertAlmostEqual(t.evaluate()["eval_loss"], loss, places=6)

    def test_schedules_go_on_as_planned_and_with_the_rate_that_is_set(self):
        for which, set in (("independent", "independent"), ("pooled", "pooled")):
            with self.subTest(which):
                self.dir += which
                tune = self.tune(which, mode="observe" if which == "independent" else None)

                def double():
                    if which == "independent":
                        tune._training.knobs["lr"].value = 6e-3
                t = self.trainer(tune, Watch(2, double), lr_scheduler_type="linear")
                t.train()
                factor = 2 if which == "independent" else 1
                for step, times in ((0, 1), (8, 1), (16, factor), (23, factor)):
                    self.assertAlmostEqual(t.rates[step], times * 3e-3 * (24 - step) / 24)

    def test_validations_by_steps_are_the_epochs_of_the_run(self):
        tune = self.tune("independent")
        self.trainer(tune, epochs=2, eval_steps=4, **{"eval_strategy": "steps"}).train()
        self.assertEqual(tune._training.epochs, 4)

    def test_a_run_that_leaves_ends_with_75_and_goes_on_where_it_was(self):
        for which in ("independent", "pooled"):
            with self.subTest(which):
                self.dir += which
                watch = Watch(2, lambda: os.kill(os.getpid(), signal.SIGTERM))
                with self.assertRaises(SystemExit) as left:
                    self.trainer(self.tune(which, resume=True, leave=(signal.SIGTERM,)), watch, epochs=4).train()
                self.assertEqual(left.exception.code, 75)
                tune, watch = self.tune(which, resume=True), Watch()
                t = self.trainer(tune, watch, epochs=4)
                t.train()
                self.assertEqual((len(watch.losses), tune._training.epochs), (2, 4))
                self.assertFalse(tune.has_left)

    # ---- what does not fit ------------------------------------------------------------------------

    def test_exceptions_come_out(self):
        class Fails(Counted):
            def training_step(self, *arguments, **named):
                raise ZeroDivisionError("in the training")

        def fails(model):
            raise KeyError("in the validation")
        with self.assertRaisesRegex(ZeroDivisionError, "in the training"):
            self.trainer(self.tune(), kind=Fails).train()
        self.dir += "x"
        with self.assertRaisesRegex(KeyError, "in the validation"):
            self.trainer(self.tune(validate=fails)).train()

    def test_what_cannot_be_right_is_refused(self):
        with self.assertRaisesRegex(hottune.InvalidArgument, "val/accuracy.*eval_loss.*metrics="):
            self.trainer(self.tune(recipe=recipe("independent", primary="val/accuracy"))).train()
        with self.assertRaisesRegex(hottune.Refused, "EarlyStoppingCallback"):
            self.trainer(self.tune(), transformers.EarlyStoppingCallback(), load_best_model_at_end=True,
                         save_strategy="epoch", metric_for_best_model="loss")
        with self.assertRaisesRegex(hottune.InvalidArgument, "eval_strategy"):
            self.trainer(self.tune(), **{"eval_strategy": "no"}).train()
        t = self.trainer(Watch())
        t.add_callback(self.tune())
        with self.assertRaisesRegex(hottune.Refused, "callbacks="):
            t.train()

    def test_the_example_runs(self):
        program = os.path.join(HERE.parents[1], "examples", "python", "hf_tiny.py")
        done = subprocess.run([sys.executable, program, self.dir, "--epochs", "1"], capture_output=True, text=True,
                              timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("champion: validation loss", done.stdout)

    # ---- as a population --------------------------------------------------------------------------

    def population(self, text):
        begin = f"import sys; sys.path.insert(0, {str(HERE)!r})\n" \
                "from frameworks import recipe\nfrom with_hf import *\n"
        done = self.run_python(begin + text, self.dir, ranks=3, timeout=250, OMP_NUM_THREADS="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted(done.stdout.splitlines())

    def test_one_of_the_ranks_is_champion_and_the_coordinator_never_leaves_train(self):
        said = self.population("""
tune = HotTuneCallback(sys.argv[1], recipe(), seed=1)
t = trainer(tune, sys.argv[1] + "-out", epochs=4, save_strategy="epoch")
assert torch.distributed.is_available() and not torch.distributed.is_initialized()
t.train()
say("rank", t.args.world_size, tune.has_left, t.args.output_dir == sys.argv[1] + "-out")
if tune.is_champion:
    say("champion", abs(t.evaluate()["eval_loss"] - tune.kernel.result().best) < 1e-6)
""")
        self.assertEqual(said, ["champion True", "rank 1 False True", "rank 1 False True"])
        for n in range(2):      # replicas do not write over one another
            self.assertTrue(any(name.startswith("checkpoint-")
                                for name in os.listdir(os.path.join(self.dir, f"replica-{n}"))))

    def test_replicas_draw_batches_of_their_own(self):
        said = self.population("""
class Looks(Counted):
    first = None
    def training_step(self, model, inputs, *more):
        self.first = self.first or inputs["input_ids"][:, 1].tolist()
        return super().training_step(model, inputs, *more)
tune = HotTuneCallback(sys.argv[1], recipe("independent"), seed=1)
t = trainer(tune, sys.argv[1] + "-out", epochs=1, kind=Looks)
t.train()
say(t.first)
""")
        self.assertEqual(len(said), 2)
        self.assertNotEqual(*said)


if __name__ == "__main__":
    unittest.main()
