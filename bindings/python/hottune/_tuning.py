"""What the callbacks for Lightning and Hugging Face share: a training that somebody else's loop drives.

The framework tells when a batch or a validation is over; the run acts before the next batch, so that whatever the
framework does after a validation (checkpoints, early stopping) sees the weights that were validated.
"""
from __future__ import annotations

import logging
import os
import sys
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

import torch

from . import _launch
from ._metrics import find, numbers, spellings
from .core import Kernel, Path
from .errors import InvalidArgument, Refused
from .recipe import TuneRecipe
from .torch import attach

log = logging.getLogger("hottune")
AGAIN = 75          # exit code of a process whose run is to be resumed
_RARE = 20          # of a GPU the loss is read at every so many batches: reading it waits for the device


def _recipe_of(run_dir: Optional[Path], given: Any, options: Mapping[str, Any]) -> TuneRecipe:
    """The recipe that the run will have, as far as it is known here."""
    if isinstance(given, TuneRecipe):
        return given
    if isinstance(given, dict):
        return TuneRecipe.from_dict(given)
    if given is None and options.get("recipe_text") is not None:
        return TuneRecipe.from_text(options["recipe_text"])
    usual = os.path.join(os.fspath(run_dir or os.environ.get("HOTTUNE_JOB_DIR", ".")), "hotcb.tune.recipe.yaml")
    path = given or os.environ.get("HOTTUNE_JOB_RECIPE") or usual
    if given is None and not os.path.exists(path):
        raise InvalidArgument(f"recipe: none was given, and there is no {path}")
    return TuneRecipe.load(path)


def _field(recipe: TuneRecipe, options: Mapping[str, Any], section: str, name: str) -> Any:
    """A field of the recipe, or what the option `set` makes of it."""
    key, settings = f"{section}.{name}", options.get("set") or {}
    if isinstance(settings, str):
        settings = dict(word.split("=", 1) for word in settings.split())
    return settings.get(key, recipe.to_dict()[section][name])


def fingerprint(model: torch.nn.Module) -> List[float]:
    """Two sums over each tensor: other weights have others."""
    with torch.no_grad():
        found = [x for t in (*model.parameters(), *model.buffers()) if t.is_floating_point() and t.numel() > 0
                 for x in (t.sum(dtype=torch.float64), t.double().norm())]
        return torch.stack(found).tolist() if found else []


class Tuning:
    """Options of both callbacks; the manual is docs/lightning.md and docs/huggingface.md.

    run_dir, recipe: as in hottune.open, and so are `options` (seed, study, resume, leave ..); max_epochs counts
        validations, and is taken from the trainer if it is not given.
    metrics: names of the recipe -> names under which the training logs them, {"val/loss": "my_loss"}. Those that
        differ in "/" and "_" alone, or say valid, validation or eval for val, are found without.
    validate: validate(model) -> objective; without it the trainer's own validation is run.
    init: how a training begins anew: "present", with the weights that the model has when the training begins (a
        pretrained one); True, by reset_parameters() of all modules; a function init(seed); False, not at all.
    attach: options for hottune.torch.attach (lr_bounds, fresh ..).
    extend: extend(kernel, model) registers further knobs and state, before the run begins.
    exit: the coordinator's process ends when the run is over, and every process with exit code 75 if the run is
        to be resumed. False: the trainer returns; look at is_coordinator and has_left.
    """

    def __init__(self, run_dir: Optional[Path] = None,
                 recipe: Union[None, Path, Dict[str, Any], TuneRecipe] = None, *,
                 metrics: Optional[Mapping[str, str]] = None,
                 validate: Optional[Callable[[Any], float]] = None,
                 init: Union[None, bool, str, Callable[[int], None]] = "present",
                 attach: Optional[Mapping[str, Any]] = None,
                 extend: Optional[Callable[[Kernel, Any], None]] = None, exit: bool = True, **options: Any) -> None:
        if options.get("ranks_per_replica", 1) != 1:
            raise InvalidArgument("ranks_per_replica: a replica is one process here, on one device")
        _launch.stand_alone()
        self.run_dir, self.recipe = run_dir, recipe
        self._known = _recipe_of(run_dir, recipe, options)
        self.objective = str(_field(self._known, options, "objective", "primary"))
        self.pooled = _field(self._known, options, "population", "mode") == "pooled"
        self._names, self._validation, self._extend = dict(metrics or {}), validate, extend
        self._attach = {"init": init, "random": ("python", "numpy") if "numpy" in sys.modules else ("python",),
                        **(attach or {})}
        self._exits, self._options = exit, options
        self.kernel: Optional[Kernel] = None
        self.is_coordinator = False
        self._reset()

    def _reset(self) -> None:
        self._training: Any = None                  # of hottune.torch
        self._values: Dict[str, float] = {}         # what the training says of itself
        self._due = self._over = self._began = False
        self._acted = 0                             # steps that were done at the last safe point
        self._model: Any = None
        self._measured: Optional[Tuple[List[float], float]] = None

    # ---- for scripts ------------------------------------------------------------------------------

    @property
    def dir(self) -> str:
        """A directory for this process alone, in the run directory: for checkpoints and logs of the trainer."""
        at = os.fspath(self.run_dir or os.environ.get("HOTTUNE_JOB_DIR", "."))
        if _launch.size() == 1:
            return os.path.join(at, "replica-0")
        return os.path.join(at, f"replica-{_launch.rank() - 1}" if _launch.rank() > 0 else "coordinator")

    @property
    def is_champion(self) -> bool:
        """After a pooled run: its best weights are in the model of this process."""
        return self.kernel is not None and self.kernel.is_champion

    @property
    def has_left(self) -> bool:
        """The run was written down and is to be resumed: what ended is no result."""
        return self.kernel is not None and self.kernel.has_left

    # ---- the life of a training -------------------------------------------------------------------

    def _open(self, max_steps: int, validations: int) -> None:
        """Join the run; returns on the coordinator only if it was told not to exit."""
        if self.kernel is not None:
            raise Refused("this callback had its training; a second one needs another callback and run directory")
        options = {"max_steps": max_steps, "max_epochs": validations, **self._options}
        if self.pooled and options["max_epochs"] < 1:
            raise InvalidArgument("how many validations the training will have is not known; say max_epochs=")
        if self.pooled:
            options["max_steps"] = 0        # the population says when it is over
        self._reset()
        self.kernel = k = Kernel(self.run_dir, recipe=self.recipe, **options)
        self.is_coordinator = not k.is_replica
        if self.is_coordinator:
            self._close()

    def _seed(self) -> None:
        """Each replica draws batches of its own; workers of a data loader begin before the run does."""
        k = self._running_kernel()
        if k.replicas > 1:
            torch.manual_seed(torch.initial_seed() + 1_000_003 * (k.replica + 1))

    def _running_kernel(self) -> Kernel:
        if self.kernel is None:
            raise Refused("the run is not open")
        return self.kernel

    def _begin(self, model: Any, optimizers: List[Any], schedulers: List[Any], scaler: Any) -> None:
        """Register everything and begin; afterwards weights and knobs may be others."""
        k, self._model = self._running_kernel(), model
        if len(optimizers) != 1:
            raise Refused(f"the training has {len(optimizers)} optimizers; one can be tuned")
        self._training = attach(k, model, optimizers[0], scheduler=schedulers, scaler=scaler, **self._attach)
        k.metric_source(self._read)
        self._training.on_validate(self._validate)
        if self._extend is not None:
            self._extend(k, model)
        self._began = True
        self._over = not k.running()
        self._acted = self._training.steps

    def _batch(self, loss: Any = None) -> None:
        """The optimizer has made a step."""
        if self._over or not self._began:
            return
        if getattr(loss, "is_cuda", False) and self._training.steps % _RARE != 0:
            loss = None
        self._training.batch_end(loss)

    def _validated(self, values: Mapping[str, Any]) -> None:
        """The framework has validated: the safe point is due before the next batch."""
        self._values.update(numbers(values))
        if self._began and not self._over and self._training.steps > self._acted:
            self._due, self._measured = True, None
            value = self._find(self.objective, self._values)
            if value is not None:
                self._measured = fingerprint(self._model), value

    def _safe_point(self) -> None:
        if not self._due or self._over:
            return
        self._due, self._acted = False, self._training.steps
        k = self._running_kernel()
        if self._validation is None and self._find(self.objective, self._values) is None:
            raise InvalidArgument(self._unknown(self._values))
        self._training.epoch_end()
        self._measured = None
        self._over = not k.running()

    def _finish(self) -> None:
        """The trainer is done: what is due is judged, the champion gets its weights."""
        if self.kernel is None or not self._began:
            return
        self._safe_point()
        self._began = False
        if self.kernel.is_champion:
            self.kernel.show_best()
        self._close()

    def _close(self) -> None:
        k = self._running_kernel()
        k.close()
        if self._exits and (k.has_left or self.is_coordinator):
            sys.exit(AGAIN if k.has_left else 0)

    def _give_up(self) -> None:
        """After an exception, which is the one that counts."""
        self._began = False
        try:
            if self.kernel is not None:
                self.kernel.close()
        except Exception:
            log.exception("closing the run after an exception failed, too")

    # ---- what the run asks ------------------------------------------------------------------------

    def _find(self, name: str, values: Mapping[str, float]) -> Optional[float]:
        return find(self._names.get(name, name), values)

    def _read(self, name: str) -> Optional[float]:
        """What the library asks for; the objective it knows from the validation."""
        return None if name in spellings(self.objective) else self._find(name, self._values)

    def _unknown(self, values: Mapping[str, float]) -> str:
        said = ", ".join(sorted(values)) or "nothing"
        return (f"the objective '{self.objective}' is unknown after a validation, which logged: {said}; say which it "
                f"is, metrics={{'{self.objective}': '..'}}, or name it in the recipe (objective.primary)")

    def _validate(self) -> Any:
        """The objective of the weights as they are: known, if the framework has just validated these."""
        if self._validation is None and self._measured is not None and self._measured[0] == fingerprint(self._model):
            return self._measured[1]
        if self._validation is not None:
            return self._validation(self._model)
        values = numbers(self._evaluate())
        value = self._find(self.objective, values)
        if value is None:
            raise InvalidArgument(self._unknown(values))
        return value

    def _evaluate(self) -> Mapping[str, Any]:
        """Run the framework's validation without anybody noticing; its metrics."""
        raise NotImplementedError
