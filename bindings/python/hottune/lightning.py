"""A callback that tunes a Lightning training while it runs. The manual is docs/lightning.md.

    tune = HotTuneCallback("runs/x", recipe="recipe.yaml")
    trainer = Trainer(max_epochs=30, callbacks=[tune], default_root_dir=tune.dir)
    trainer.fit(model, data)
"""
from __future__ import annotations

import importlib
import logging
import os
import sys
from typing import Any, Dict, List, Mapping, Tuple

from ._metrics import numbers
from ._tuning import Tuning
from .errors import InvalidArgument, Refused

__all__ = ["HotTuneCallback"]

log = logging.getLogger("hottune")
_PACKAGES = ("lightning.pytorch", "pytorch_lightning")
_KEEP_WEIGHTS = ("StochasticWeightAveraging", "WeightAveraging", "EMAWeightAveraging")
# what a validation leaves in Lightning's connector of loggers
_CONNECTOR = ("_callback_metrics", "_progress_bar_metrics", "_logged_metrics", "_epoch_end_reached",
              "_first_loop_iter", "_current_fx")


def _packages() -> List[str]:
    """The packages whose Trainer may come: both have classes of their own."""
    found = [name for name in _PACKAGES if name in sys.modules]
    for name in _PACKAGES if not found else ():
        try:
            importlib.import_module(name)
            return [name]
        except ModuleNotFoundError:
            continue
    if not found:
        raise ImportError("neither the package lightning nor pytorch_lightning is installed")
    return found


class HotTuneCallback(Tuning):
    __doc__ = Tuning.__doc__

    def __new__(cls, *_arguments: Any, **_options: Any) -> "HotTuneCallback":
        bases = tuple(sys.modules[name].Callback for name in _packages())
        if issubclass(cls, bases):
            return super().__new__(cls)
        return super().__new__(type(cls.__name__, (cls, *bases), {"__module__": cls.__module__}))

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trainer: Any = None
        self._limits: Tuple[int, int] = (-1, -1)
        self._batches: Tuple[Any, Any] = (None, None)
        for name in ("lightning_utilities.core.rank_zero", "lightning_fabric.utilities.rank_zero"):
            if name in sys.modules:     # it took SLURM_PROCID for the rank of a training
                sys.modules[name].rank_zero_only.rank = 0

    # ---- before the training ----------------------------------------------------------------------

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        if stage != "fit":
            return
        self._refuse(trainer)
        self._trainer = trainer
        steps = max(0, trainer.max_steps)
        self._open(steps, self._validations(trainer))
        if self.is_coordinator:         # told not to exit: fit returns at once
            self._batches = trainer.limit_train_batches, trainer.limit_val_batches
            trainer.limit_train_batches = trainer.limit_val_batches = 0
            return
        kernel = self._running_kernel()
        here = os.path.abspath(self.dir)
        if kernel.replicas > 1 and kernel.replica == 0 and (trainer.loggers or trainer.checkpoint_callbacks) and \
                not os.path.abspath(trainer.default_root_dir).startswith(here):
            log.warning("all replicas write logs and checkpoints to %s; say Trainer(default_root_dir=callback.dir)",
                        trainer.default_root_dir)

    def _refuse(self, trainer: Any) -> None:
        if trainer.world_size != 1:
            raise Refused(f"the trainer spreads over {trainer.world_size} devices; a replica is one process on one "
                          "device: Trainer(devices=1)")
        if trainer.fast_dev_run:
            raise Refused("fast_dev_run makes no training that could be tuned")
        for callback in trainer.callbacks if self.pooled else ():
            name = type(callback).__name__
            if name in _KEEP_WEIGHTS:
                raise Refused(f"{name} keeps weights of its own, while in a pooled run other weights come into the "
                              "model; hottune averages itself (objective.ema)")
            if name == "EarlyStopping":
                raise Refused("EarlyStopping would take one replica out of a pooled run, which is one search; leave "
                              "it out: the population says when it is over")

    def _validations(self, trainer: Any) -> int:
        """How many validations the training would have; 0: not known."""
        epochs, every = trainer.fit_loop.max_epochs, trainer.check_val_every_n_epoch
        interval = trainer.val_check_interval
        if epochs is None or epochs < 0 or every is None or interval is None:
            return 0
        if not isinstance(interval, int):
            return epochs // every * max(1, int(1 / interval))
        return 0

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        if not self.is_coordinator:
            self._seed()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if self.is_coordinator:
            return
        self._begin(pl_module, trainer.optimizers, [c.scheduler for c in trainer.lr_scheduler_configs],
                    getattr(trainer.precision_plugin, "scaler", None))
        loop, resumed = trainer.fit_loop, self._training.epochs > 0
        self._limits = loop.max_epochs, loop.epoch_loop.max_steps
        if self.pooled:                 # the population says when it is over
            loop.max_epochs = loop.epoch_loop.max_steps = -1
        elif resumed and loop.epoch_loop.max_steps >= 0:
            loop.epoch_loop.max_steps = max(0, loop.epoch_loop.max_steps - self._training.steps)
        if resumed:
            now = loop.epoch_progress.current
            now.ready = now.started = now.processed = now.completed = self._epochs_done(trainer)
        if self._over:
            self._stop(trainer)

    def _epochs_done(self, trainer: Any) -> int:
        batches = trainer.num_training_batches
        steps = -(-batches // trainer.accumulate_grad_batches) if batches != float("inf") else 0
        return self._training.steps // steps if steps else self._training.epochs

    # ---- while it trains --------------------------------------------------------------------------

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        loss = outputs.get("loss") if isinstance(outputs, Mapping) else outputs
        if not trainer.fit_loop._should_accumulate():
            self._batch(loss)

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if not trainer.sanity_checking and trainer.state.fn == "fit":
            self._validated(trainer.callback_metrics)

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._values.update(numbers(trainer.callback_metrics))
        if not trainer.enable_validation:
            self._validated(trainer.callback_metrics)

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._act(trainer)

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._act(trainer)

    def _act(self, trainer: Any) -> None:
        if self._due:
            self._safe_point()
            if self._over:
                self._stop(trainer)
                raise StopIteration     # as if the module's on_train_batch_start had returned -1

    def _stop(self, trainer: Any) -> None:
        trainer.fit_loop.min_epochs = 0
        trainer.fit_loop.epoch_loop.min_steps = None
        trainer.should_stop = True

    def _evaluate(self) -> Dict[str, Any]:
        """The trainer's own validation, while callbacks and loggers look away."""
        trainer = self._trainer
        if not trainer.enable_validation:
            raise InvalidArgument("the training has no validation; give the callback one: validate=f")
        connector, loop = trainer._logger_connector, trainer.fit_loop.epoch_loop.val_loop
        kept = {name: getattr(connector, name) for name in _CONNECTOR if hasattr(connector, name)}
        progress = loop.batch_progress.state_dict()
        callbacks, loggers = trainer.callbacks, trainer.loggers
        dummy = importlib.import_module(type(trainer).__module__.split(".trainer")[0] + ".loggers.logger").DummyLogger
        for name in _CONNECTOR[:3]:
            setattr(connector, name, {})
        trainer.callbacks, trainer.loggers = [], [dummy() for _ in loggers]
        try:
            trainer.validating = True
            loop.run()
            return dict(trainer.callback_metrics)
        finally:
            trainer.training = True
            trainer.callbacks, trainer.loggers = callbacks, loggers
            loop.batch_progress.load_state_dict(progress)
            for name, value in kept.items():
                setattr(connector, name, value)

    # ---- after it ---------------------------------------------------------------------------------

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self.is_coordinator or self._training is None:
            return
        trainer.fit_loop.max_epochs, trainer.fit_loop.epoch_loop.max_steps = self._limits
        self._finish()

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        if self.is_coordinator:
            trainer.limit_train_batches, trainer.limit_val_batches = self._batches

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._give_up()
