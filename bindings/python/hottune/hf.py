"""A callback that tunes a training of Hugging Face's Trainer while it runs. The manual is docs/huggingface.md.

    tune = HotTuneCallback("runs/x", recipe="recipe.yaml")
    trainer = Trainer(model, TrainingArguments(tune.dir, eval_strategy="epoch"), callbacks=[tune], ..)
    trainer.train()

Importing this module begins MPI if a launcher started the process, and takes the launcher's variables away:
TrainingArguments would make one distributed training of the ranks.
"""
from __future__ import annotations

import math
import os
import sys
from typing import Any, Dict, Mapping, Optional, Tuple

from . import _launch

_launch.stand_alone()

import torch                                                    # noqa: E402
from transformers import Trainer, TrainerCallback               # noqa: E402

from ._metrics import numbers                                   # noqa: E402
from ._tuning import Tuning                                     # noqa: E402
from .errors import InvalidArgument, Refused                    # noqa: E402

__all__ = ["HotTuneCallback"]

# In a pooled run a quick replica trains longer than planned; the trainer's loop cannot be made longer once it runs.
_LONGER = 16


def _word(value: Any) -> str:
    """Of an option that is an enum, or its text."""
    return str(getattr(value, "value", value))


class HotTuneCallback(Tuning, TrainerCallback):
    __doc__ = Tuning.__doc__

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._trainer: Optional[Trainer] = None
        self._planned = 0               # steps of the training, where the trainer was told more
        self._output: Optional[str] = None
        self._asked: Optional[Tuple[float, int]] = None     # epochs and steps, as the script said

    # ---- before the training ----------------------------------------------------------------------

    def on_init_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        """The trainer was made; its plan can still be changed."""
        self._trainer = self._caller()
        if _launch.size() > 1:          # the order of the batches follows from torch's seed
            torch.manual_seed(torch.initial_seed() + 1_000_003 * _launch.rank())
        if not self.pooled or self._trainer is None:
            return
        for callback in self._trainer.callback_handler.callbacks:
            if type(callback).__name__ == "EarlyStoppingCallback":
                raise Refused("EarlyStoppingCallback would take one replica out of a pooled run, which is one "
                              "search; leave it out: the population says when it is over")
        self._asked = args.num_train_epochs, args.max_steps
        if args.max_steps > 0:
            args.max_steps *= _LONGER
        args.num_train_epochs *= _LONGER
        create = self._trainer.create_scheduler

        def create_scheduler(num_training_steps: int, *more: Any, **named: Any) -> Any:
            self._planned = math.ceil(num_training_steps / _LONGER)
            return create(self._planned, *more, **named)
        self._trainer.create_scheduler = create_scheduler

    def _caller(self) -> Optional[Trainer]:
        """The trainer that is calling its callbacks; it does not tell them who it is."""
        frame = sys._getframe(1)
        while frame is not None:
            found = frame.f_locals.get("self")
            if isinstance(found, Trainer) and self in found.callback_handler.callbacks:
                return found
            frame = frame.f_back        # type: ignore[assignment]
        return None

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, optimizer: Any = None,
                       lr_scheduler: Any = None, **_more: Any) -> None:
        trainer = self._trainer = self._trainer or self._caller()
        if trainer is None or (self.pooled and self._planned == 0):
            raise Refused("the callback was added to a trainer that was there already; say Trainer(callbacks=[..])")
        if args.world_size != 1 or args.n_gpu > 1:
            raise Refused(f"the trainer uses {args.world_size} processes and {args.n_gpu} GPUs; a replica is one "
                          "process on one device (CUDA_VISIBLE_DEVICES)")
        if trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
            raise Refused("DeepSpeed and FSDP keep the weights elsewhere; a replica's lie on one device")
        steps = self._planned or state.max_steps
        self._open(steps, self._validations(args, state, steps))
        if self.is_coordinator:
            control.should_training_stop = True
            return
        apart = os.path.abspath(args.output_dir).startswith(os.path.abspath(self.dir))
        if self._running_kernel().replicas > 1 and not apart:
            self._output, args.output_dir = args.output_dir, self.dir
        inner = getattr(optimizer, "optimizer", optimizer)      # accelerate wraps both
        schedule = getattr(lr_scheduler, "scheduler", lr_scheduler)
        self._begin(model, [inner], [schedule], getattr(trainer.accelerator, "scaler", None))
        if self._planned:
            state.max_steps = self._planned
            for callback in trainer.callback_handler.callbacks:
                if getattr(callback, "training_bar", None) is not None:
                    callback.training_bar.total = self._planned
        state.global_step = max(state.global_step, self._training.steps)    # it was resumed
        if self._over:
            control.should_training_stop = True

    def _validations(self, args: Any, state: Any, steps: int) -> int:
        """How many validations the training will have; 0: not known."""
        strategy = _word(getattr(args, "eval_strategy", None) or getattr(args, "evaluation_strategy", "no"))
        if strategy == "no":
            raise InvalidArgument("the training has no validation: say TrainingArguments(eval_strategy=\"epoch\")")
        if strategy == "steps":
            return steps // int(state.eval_steps)
        epochs = self._asked[0] if self._asked else args.num_train_epochs
        return math.ceil(epochs) if args.max_steps <= 0 else 0

    # ---- while it trains --------------------------------------------------------------------------

    def on_step_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        self._batch()
        if self._over:
            self._end(control)
        elif self._planned and self._began and state.global_step >= self._planned:
            control.should_training_stop = False        # the population says when it is over

    def on_log(self, args: Any, state: Any, control: Any, logs: Optional[Mapping[str, Any]] = None,
               **_more: Any) -> None:
        self._values.update(numbers(logs or {}))

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Optional[Mapping[str, Any]] = None,
                    **_more: Any) -> None:
        self._validated(metrics or {})

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        self._act(control)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        self._act(control)

    def _act(self, control: Any) -> None:
        self._safe_point()
        if self._over:
            control.should_training_stop = True

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        if self._over:
            self._end(control)

    def _end(self, control: Any) -> None:
        """The trainer makes a step before it looks whether to stop; nobody needs what comes of that one."""
        control.should_training_stop = True
        control.should_evaluate = control.should_save = control.should_log = False

    def _evaluate(self) -> Dict[str, Any]:
        """The trainer's own validation, while its callbacks look away and its history stays as it is."""
        trainer = self._trainer
        assert trainer is not None
        callbacks, history = trainer.callback_handler.callbacks, list(trainer.state.log_history)
        trainer.callback_handler.callbacks = []
        try:
            return dict(trainer.evaluate())
        finally:
            trainer.callback_handler.callbacks = callbacks
            trainer.state.log_history = history

    # ---- after it ---------------------------------------------------------------------------------

    def on_train_end(self, args: Any, state: Any, control: Any, **_more: Any) -> None:
        if self._output is not None:
            args.output_dir, self._output = self._output, None
        if self._asked is not None:
            args.num_train_epochs, args.max_steps = self._asked
        self._finish()
