"""hottune.lightning: one callback makes a Lightning training a tuned one, alone and as a population."""
import os
import signal
import subprocess
import sys
import unittest

from frameworks import HERE, needs, recipe

needs("torch", "lightning", "pytorch_lightning")

from case import Case

import hottune
from hottune._metrics import find
from hottune.lightning import HotTuneCallback
from with_lightning import Model, data, fit, pl, torch, trainer


class Watch(pl.Callback):
    """What another callback sees of a training."""

    def __init__(self):
        self.losses, self.epochs, self.at = [], 0, {}

    def on_validation_end(self, trainer, model):
        self.losses.append(float(trainer.callback_metrics["val_loss"]))

    def on_train_epoch_end(self, trainer, model):
        self.epochs += 1
        self.at.get(self.epochs, lambda t: None)(trainer)


class Lightning(Case):
    def tune(self, which="pooled", **options):
        torch.manual_seed(1)
        options.setdefault("plan", lambda text: None)
        return HotTuneCallback(self.dir, options.pop("recipe", recipe(which)), seed=1, **options)

    # ---- alone ------------------------------------------------------------------------------------

    def test_independent_the_validation_of_the_trainer_is_the_objective_and_is_not_run_twice(self):
        tune, watch = self.tune("independent"), Watch()
        t = trainer(tune, watch)
        model = fit(t, Model())
        self.assertEqual((t.current_epoch, t.global_step, model.validated), (4, 32, 4 * 4))
        self.assertEqual(tune.kernel.result().best, min(watch.losses))
        self.assertFalse(tune.is_champion)

    def test_pooled_the_best_weights_are_in_the_model_afterwards(self):
        tune, watch = self.tune(init=True), Watch()
        t = trainer(tune, watch, epochs=6)
        model = fit(t, Model())
        self.assertTrue(tune.is_champion)
        seen = len(watch.losses)
        self.assertEqual(seen, watch.epochs)        # what the run validates itself nobody sees
        worth = t.validate(model, data(2, 64), verbose=False)[0]["val_loss"]
        self.assertAlmostEqual(worth, tune.kernel.result().best, places=6)

    def test_a_checkpoint_has_the_weights_that_were_validated(self):
        tune = self.tune(init=True)
        keep = pl.callbacks.ModelCheckpoint(dirpath=self.folder.name, monitor="val_loss", save_top_k=-1)
        t = trainer(tune, keep, enable_checkpointing=True)
        fit(t, Model())
        self.assertEqual(len(keep.best_k_models), 4)
        for path, loss in keep.best_k_models.items():
            model = Model()
            model.load_state_dict(torch.load(path)["state_dict"])
            worth = trainer(self.tune()).validate(model, data(2, 64), verbose=False)[0]["val_loss"]
            self.assertAlmostEqual(worth, float(loss), places=6)

    def test_the_rate_that_is_set_goes_on_with_the_schedule(self):
        tune, watch = self.tune("independent", mode="observe"), Watch()

        def triple(t):
            tune._training.knobs["lr"].value = 0.009
        watch.at[2] = triple
        model = fit(trainer(tune, watch, epochs=3), Model(schedule=True))
        self.assertEqual([round(r, 6) for r in model.rates[4::8]], [0.003, 0.0015, 0.00225])

    def test_several_validations_in_an_epoch_are_several_safe_points(self):
        tune = self.tune("independent")
        fit(trainer(tune, epochs=2, val_check_interval=0.25), Model())
        self.assertEqual(tune._training.epochs, 8)

    def test_a_step_counts_when_the_optimizer_makes_it(self):
        tune = self.tune("independent")
        t = trainer(tune, epochs=2, accumulate_grad_batches=3)
        fit(t, Model())
        self.assertEqual((t.global_step, tune._training.steps), (6, 6))

    def test_a_run_that_leaves_ends_with_75_and_goes_on_where_it_was(self):
        for mode in ("independent", "pooled"):
            with self.subTest(mode):
                self.dir += mode
                watch = Watch()
                watch.at[3] = lambda t: os.kill(os.getpid(), signal.SIGUSR2)
                with self.assertRaises(SystemExit) as left:
                    fit(trainer(self.tune(mode, resume=True, leave=(signal.SIGUSR2,)), watch, epochs=6), Model())
                self.assertEqual(left.exception.code, 75)
                tune, watch = self.tune(mode, resume=True), Watch()
                t = trainer(tune, watch, epochs=6)
                fit(t, Model())
                self.assertEqual((watch.epochs, tune._training.epochs, tune._training.steps), (3, 6, 48))
                self.assertEqual(t.current_epoch, 6)
                self.assertFalse(tune.has_left)

    def test_a_validation_of_ones_own_decides(self):
        def worth(model):
            assert not model.training
            return 7.0
        tune = self.tune("independent", validate=worth)
        fit(trainer(tune, epochs=2), Model())
        self.assertEqual(tune.kernel.result().best, 7)

    def test_names_are_found_by_their_usual_spellings(self):
        for name, logged in (("val/loss", "val_loss"), ("val/acc", "valid/acc"), ("val/f1", "eval_f1"),
                             ("train/loss", "train_loss_epoch"), ("train/loss", "loss"), ("lr", "learning_rate"),
                             ("grad/norm", "grad_norm"), ("val/news_loss", "eval_news_loss"), ("mine", "mine")):
            self.assertEqual(find(name, {logged: 3.0, "x": 1.0}), 3.0, name)
        self.assertEqual(find("val/loss", {"eval_loss": 1.0, "val_loss": 2.0}), 2.0)
        self.assertIsNone(find("val/loss", {"loss": 1.0, "train_loss": 1.0}))

    # ---- what does not fit ------------------------------------------------------------------------

    def test_exceptions_come_out_and_the_run_is_closed(self):
        class Fails(Model):
            def training_step(self, batch, index):
                if self.trainer.global_step == 3:
                    raise ZeroDivisionError("in the training")
                return super().training_step(batch, index)

        def fails(model):
            raise KeyError("in the validation")
        for error, model, options in ((ZeroDivisionError, Fails(), {}), (KeyError, Model(), {"validate": fails})):
            with self.subTest(error):
                self.dir += "x"
                tune = self.tune("independent", **options)
                with self.assertRaisesRegex(error, "in the"):
                    fit(trainer(tune), model)
                with self.assertRaises(hottune.Refused):
                    tune.kernel.is_best

    def test_an_objective_that_is_not_logged_is_said_with_what_is(self):
        tune = self.tune(recipe=recipe("independent", primary="val/accuracy"))
        with self.assertRaisesRegex(hottune.InvalidArgument, "val/accuracy.*train_loss, val_loss.*metrics="):
            fit(trainer(tune), Model())

    def test_what_cannot_be_right_is_refused(self):
        with self.assertRaisesRegex(hottune.Refused, "EarlyStopping"):
            fit(trainer(self.tune(), pl.callbacks.EarlyStopping("val_loss")), Model())
        with self.assertRaisesRegex(hottune.Refused, "StochasticWeightAveraging"):
            fit(trainer(self.tune(), pl.callbacks.StochasticWeightAveraging(0.1)), Model())
        with self.assertRaisesRegex(hottune.InvalidArgument, "ranks_per_replica"):
            self.tune(ranks_per_replica=2)
        with self.assertRaisesRegex(hottune.InvalidArgument, "say max_epochs="):
            fit(trainer(self.tune(), val_check_interval=4), Model())

    def test_the_example_runs(self):
        program = os.path.join(HERE.parents[1], "examples", "python", "lightning_fashion.py")
        done = subprocess.run([sys.executable, program, self.dir, "--epochs", "1"], capture_output=True, text=True,
                              timeout=200, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("champion: validation loss", done.stdout)

    # ---- as a population --------------------------------------------------------------------------

    def population(self, text, **environment):
        begin = f"import sys; sys.path.insert(0, {str(HERE)!r})\nfrom frameworks import recipe\n" \
                "from with_lightning import *\nfrom hottune.lightning import HotTuneCallback\n"
        done = self.run_python(begin + text, self.dir, ranks=3, timeout=250, OMP_NUM_THREADS="1", **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return sorted(done.stdout.splitlines())

    def test_one_of_the_ranks_is_champion_and_the_coordinator_never_leaves_fit(self):
        # under Slurm Lightning would look for its peers
        said = self.population("""
tune = HotTuneCallback(sys.argv[1], recipe(), seed=1, init=True, plan=print)
t = trainer(tune, epochs=5, logger=True)
model = fit(t, Model())
say("rank", t.world_size, t.global_rank, tune.kernel.has_left)
if tune.is_champion:
    worth = t.validate(model, data(2, 64), verbose=False)[0]["val_loss"]
    say("champion", abs(worth - tune.kernel.result().best) < 1e-6)
""", SLURM_NTASKS="3", SLURM_JOB_NAME="train", SLURM_PROCID="2", SLURM_LOCALID="2", SLURM_NODEID="0",
                               SLURM_JOB_ID="77")
        self.assertEqual([line for line in said if line.startswith(("rank", "champion "))],
                         ["champion True", "rank 1 0 False", "rank 1 0 False"])
        self.assertTrue(any("race" in line for line in said), said)
        self.assertTrue(os.path.exists(os.path.join(self.dir, "champion.h5")))

    def test_replicas_are_independent_and_the_coordinator_may_go_on(self):
        said = self.population("""
tune = HotTuneCallback(sys.argv[1], recipe("independent"), seed=1, exit=False)
t = trainer(tune, epochs=3)
t.fit(Model(), data(1, 128, True), data(2, 64))
say(tune.is_coordinator, t.global_step, tune.dir[-9:])
""", HT_LIGHTNING="pytorch_lightning")
        self.assertEqual(said, ["False 24 replica-0", "False 24 replica-1", "True 0 ordinator"])


if __name__ == "__main__":
    unittest.main()
