"""hotcb's surface: a script written for its tune module changes its import and runs, alone and as a population.

What `apply` does with what it is given stands in docs/python.md; the loop behind it is the library's.
"""
from __future__ import annotations

import logging
import os
import sys
from typing import Any, Dict, Iterable, List, Mapping, Optional, Union

from ._types import Event
from .actuators import BaseActuator, HotActuator, MutableState, loss_actuators
from .core import Kernel
from .errors import InvalidArgument
from .knobs import Knob

log = logging.getLogger("hottune")
# hotcb's events; those that are not here mean nothing to the tuner
_EVENTS = {"fit_start": Event.FIT_START, "train_begin": Event.FIT_START, "train_batch_end": Event.TRAIN_BATCH_END,
           "train_step_end": Event.TRAIN_BATCH_END, "val_epoch_end": Event.VAL_EPOCH_END, "run_end": Event.RUN_END}
_BATCHES = ("train_step_end", "train_batch_end")
_GROUPS = {"optimizer": "opt"}      # of typed parameters; any other group is its actuator's name
_FILES = {"commands_path": "hotcb.commands.jsonl", "applied_path": "hotcb.applied.jsonl",
          "recipe_path": "hotcb.recipe.jsonl", "freeze_path": "hotcb.freeze.json", "yaml_path": "hotcb.yaml",
          "log_path": "hotcb.log"}


def _number(value: Any) -> Optional[float]:
    """A number, a bool, a text that holds a number, or a tensor of one element; else None."""
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError):
        return None


def _is_of_run(path: Any, run_dir: str) -> bool:
    folder, name = os.path.split(os.path.abspath(path))
    return folder == os.path.abspath(run_dir) and name == "hotcb.metrics.jsonl"


class HotKernel:
    """The kernel of hotcb's scripts.

    mode: None: off, until hotcb.yaml or a command switches tuning on, as there; "active" tunes from the start.
    auto_disable_on_error: failures of actuators and callbacks are logged with their traceback, and the training goes
        on. False: they are raised by `apply`.
    options: the keyword arguments of hottune.open (seed, max_steps, comm ..).

    In a population the coordinator trains nothing: its process ends in here when the run is over.
    """

    def __init__(self, run_dir: str, debounce_steps: int = 1, poll_interval_sec: float = 0.0,
                 auto_disable_on_error: bool = True, tune_recipe_path: Optional[str] = None,
                 metrics_collector: Any = None,
                 mutable_state: Union[None, MutableState, List[HotActuator], Dict[str, Any]] = None, *,
                 mode: Optional[str] = None, **options: Any) -> None:
        for name, usual in _FILES.items():
            given = options.pop(name, None)
            if given is not None and os.path.abspath(given) != os.path.abspath(os.path.join(run_dir, usual)):
                raise InvalidArgument(f"{name}: files of a run have fixed names here; this one is {usual} in run_dir")
        writes = getattr(metrics_collector, "path", None)
        if writes is not None and _is_of_run(writes, run_dir):
            raise InvalidArgument(f"metrics_collector: {os.path.basename(writes)} is a file of the run, which the run "
                                  "itself writes; give the collector another one")
        if mode is None and not os.path.exists(os.path.join(run_dir, "hotcb.yaml")):
            mode = "off"
        self.run_dir = run_dir
        self.auto_disable_on_error = auto_disable_on_error
        self._collector = metrics_collector
        self._env: Mapping[str, Any] = {}
        self._calls = 0
        self._asks = False
        self._actuators: Dict[str, Any] = {}
        self.kernel = Kernel(run_dir, recipe=tune_recipe_path, mode=mode, fail_on_error=not auto_disable_on_error,
                             **options)
        if not self.kernel.is_replica:
            self.kernel.close()
            sys.exit(75 if self.kernel.has_left else 0)
        self.kernel._guard.when_caught = self._keeps
        if isinstance(mutable_state, dict):     # {"weights": {name: value}}
            mutable_state = loss_actuators(mutable_state.get("weights", {}))
        for parameter in mutable_state or ():
            self._register_parameter(_GROUPS.get(parameter.group, parameter.group or "params"), parameter)

    def _keeps(self, e: BaseException, where: str) -> bool:
        if self.auto_disable_on_error:
            log.error("%s failed; the training goes on", where, exc_info=e)
        return not self.auto_disable_on_error

    # ---- actuators --------------------------------------------------------------------------------

    def register_actuator(self, name: str, actuator: Any) -> None:
        """An actuator class (BaseActuator), or a typed parameter, under the recipe's name."""
        if isinstance(actuator, HotActuator):
            self._register_parameter(name, actuator)
        else:
            self.kernel._alive.append(actuator)
            self.kernel.actuator(name, _WithEnv(self, actuator))
        self._actuators[name] = actuator

    def get_actuator(self, name: str) -> Optional[BaseActuator]:
        return self._actuators.get(name)

    def list_actuators(self) -> Dict[str, Any]:
        return dict(self._actuators)

    def _register_parameter(self, actuator: str, p: HotActuator) -> None:
        # read where it is: a schedule, or the script through MutableState.apply, may have set it
        get = p.current if p.read_fn is not None or p.current_value is not None else None
        Knob.behind_functions(self.kernel, actuator, p.param_key, p.type.value, p.current_value, p.min_value,
                              p.max_value, p.choices, p.set, get, p.metrics_dict_name or None,
                              env=lambda _env: dict(self._env))

    # ---- the loop ---------------------------------------------------------------------------------

    @property
    def running(self) -> bool:
        """More to train: for loops that end where the run does (max_steps, a coordinator that asks to stop)."""
        return self.kernel.running()

    def apply(self, env: Mapping[str, Any], events: Iterable[str] = ()) -> None:
        """The safe point: what happened, and what the training says of itself (docs/python.md has the keys)."""
        self._calls += 1
        self._env = env
        kernel = self.kernel
        if events.__class__ is not list:
            events = list(events or ())
        if kernel._quiet and self._collector is None and len(events) == 1 and events[0] in _BATCHES:
            kernel.apply(Event.TRAIN_BATCH_END, int(env.get("step", self._calls)))
            return
        if not self._asks and callable(env.get("metric")):
            self._asks = True
            kernel.metric_source(self._read)
        step = int(env.get("step", self._calls))
        known = [_EVENTS[e] for e in events if e in _EVENTS]
        for event in known:
            kernel.apply(
                event, step, epoch=_number(env.get("epoch")) or 0.0, loss=_number(env.get("loss")) or 0.0,
                max_steps=int(env.get("max_steps") or env.get("total_steps") or 0),
                anomaly_critical=bool(env.get("anomaly_critical")), grad_spike=bool(env.get("grad_spike")),
                phase=None if env.get("phase") is None else str(env["phase"]))
        if self._collector is not None and not env.get("is_accumulation_step"):
            try:
                self._collector.collect(env)
            except Exception as e:
                log.error("the metrics collector failed; the training goes on", exc_info=e)

    def _read(self, name: str) -> Optional[float]:
        metric = self._env.get("metric")
        return _number(metric(name, None)) if callable(metric) else None

    def close(self, env: Optional[Mapping[str, Any]] = None) -> None:
        """End the run: what is open is judged, the summary written. Without env no metric is known any more."""
        self._env = env or {}
        if env:
            self.apply(env, ["run_end"])
        self.kernel.close()

    def __enter__(self) -> "HotKernel":
        return self

    def __exit__(self, *_error: Any) -> None:
        self.close()


class _WithEnv:
    """An actuator that gets the environment of the script, not only what C knows of it."""

    def __init__(self, kernel: HotKernel, actuator: Any) -> None:
        self.kernel, self.actuator = kernel, actuator

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.actuator, name)
        if name not in ("snapshot", "validate", "apply", "restore"):
            return method
        return lambda *arguments: method(*arguments[:-1], dict(self.kernel._env))
