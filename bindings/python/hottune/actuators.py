"""Actuators of Python classes, and the typed parameters and factories of hotcb's surface."""
from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import (Any, Callable, Dict, Iterator, List, Mapping, Optional, Protocol, Sequence, Tuple,
                    runtime_checkable)

Env = Dict[str, Any]        # the environment of a safe point


@dataclass
class ValidationResult:
    """Whether a patch is legal; `errors` are short words such as "not_positive"."""

    valid: bool
    errors: List[str] = field(default_factory=list)


@dataclass
class ApplyResult:
    """What became of a change."""

    success: bool
    error: Optional[str] = None
    detail: Optional[Dict[str, Any]] = None


@runtime_checkable
class BaseActuator(Protocol):
    """What can be changed in a training, as a class of your own.

    A patch is {"op": .., "value": ..}, with "key" for a family under `keys`. `env` is the environment of the safe
    point, for reading. The methods are called inside `apply` (of the kernel) only. An exception in one of them counts
    as failure: the change is not made, or undone.
    """

    name: str

    def snapshot(self, env: Env) -> Any:
        """What is needed to undo. None or {}: none could be taken, and the mutation is not made."""

    def validate(self, patch: Dict[str, Any], env: Env) -> ValidationResult:
        """Is this patch legal now? No effects. A bool, or a list of reasons against it, will do."""

    def apply(self, patch: Dict[str, Any], env: Env) -> ApplyResult:
        """Make the change. After a failure `restore` is called. None counts as success."""

    def restore(self, snapshot: Any, env: Env) -> ApplyResult:
        """Bring back what the snapshot holds. None counts as success."""

    def describe_space(self) -> Any:
        """Which patches are legal: for people and files. May be missing."""


class ActuatorType(Enum):
    """What values a typed parameter has."""

    BOOL = "bool"
    FLOAT = "float"
    INT = "int"
    CHOICE = "choice"
    LOG_FLOAT = "log_float"
    TUPLE = "tuple"


@dataclass
class HotActuator:
    """One typed parameter: a key, a type with limits, and a function that sets it in the training."""

    param_key: str
    type: ActuatorType
    apply_fn: Callable[[Any, Env], Optional[ApplyResult]]
    metrics_dict_name: str = ""
    label: str = ""
    group: str = ""
    min_value: Optional[float] = None
    max_value: Optional[float] = None
    step_size: Optional[float] = None
    log_base: float = 10.0
    choices: Optional[Sequence[Any]] = None
    current_value: Any = None
    read_fn: Optional[Callable[[], Any]] = None     # the value in the training now, where a schedule moves it

    def current(self) -> Any:
        """The value that is in the training now."""
        return self.current_value if self.read_fn is None else self.read_fn()

    def set(self, value: Any, env: Env) -> ApplyResult:
        """Write a value into the training; on success it is the current one."""
        result = self.apply_fn(value, env)
        if result is None:
            result = ApplyResult(True)
        if result.success:
            self.current_value = value
        return result

    def describe_space(self) -> Dict[str, Any]:
        log = self.type is ActuatorType.LOG_FLOAT
        return {"param_key": self.param_key, "type": self.type.value, "label": self.label or self.param_key,
                "group": self.group, "min": self.min_value, "max": self.max_value, "step": self.step_size,
                "log_base": self.log_base if log else None,
                "choices": None if self.choices is None else list(self.choices), "current": self.current()}


HotcbActuator = HotActuator     # scripts for hotcb name it so


class MutableState:
    """Typed parameters by their keys, in order. Given to a HotKernel they can be tuned and set by command."""

    def __init__(self, actuators: Sequence[HotActuator] = ()) -> None:
        self._by_key: Dict[str, HotActuator] = {}
        for a in actuators:
            if not isinstance(a, HotActuator):
                raise TypeError(f"mutable_state: {type(a).__name__} is no typed parameter (HotActuator)")
            if a.param_key in self._by_key:
                raise ValueError(f"mutable_state: two parameters are called '{a.param_key}'")
            self._by_key[a.param_key] = a

    def __iter__(self) -> Iterator[HotActuator]:
        return iter(self._by_key.values())

    def __len__(self) -> int:
        return len(self._by_key)

    def __getitem__(self, key: str) -> HotActuator:
        return self._by_key[key]

    def __contains__(self, key: object) -> bool:
        return key in self._by_key

    def get(self, key: str) -> Optional[HotActuator]:
        return self._by_key.get(key)

    def keys(self) -> List[str]:
        return list(self._by_key)

    def describe_all(self) -> List[Dict[str, Any]]:
        return [a.describe_space() for a in self]


def mutable_state(actuators: Sequence[HotActuator]) -> MutableState:
    """A container of typed parameters: mutable_state(optimizer_actuators(opt) + loss_actuators(weights))."""
    return MutableState(actuators)


class _Groups:
    """One key of all parameter groups of an optimizer, and the base rates of its scheduler.

    Setting writes the same value everywhere. Setting the value that was there before the last change writes what each
    group had then, so that an undo brings back groups that differed.
    """

    def __init__(self, optimizer: Any, key: str, scheduler: Any = None) -> None:
        self.optimizer, self.key, self.scheduler = optimizer, key, scheduler
        self.before: Optional[Tuple[Any, List[Any], Optional[List[float]]]] = None

    def read(self) -> Any:
        value = self.optimizer.param_groups[0][self.key]
        return tuple(float(b) for b in value) if self.key == "betas" else float(value)

    def _rates(self, env: Env) -> Optional[List[float]]:
        scheduler = env.get("scheduler") or self.scheduler
        return getattr(scheduler, "base_lrs", None) if self.key == "lr" else None

    def _put(self, group: Dict[str, Any], value: Any) -> None:
        old: Any = group.get(self.key)
        if hasattr(old, "fill_"):
            old.fill_(value)        # a tensor that a compiled step reads
        else:
            group[self.key] = value

    def set(self, value: Any, env: Env) -> ApplyResult:
        groups, rates = self.optimizer.param_groups, self._rates(env)
        value = tuple(float(b) for b in value) if self.key == "betas" else float(value)
        had, had_rates = [value] * len(groups), None
        if self.before is not None and self.before[0] == value and len(self.before[1]) == len(groups):
            _, had, had_rates = self.before
        now = [g.get(self.key) for g in groups]
        self.before = (self.read(), [float(v) if hasattr(v, "fill_") else v for v in now],
                       None if rates is None else list(rates))
        for group, v in zip(groups, had):
            self._put(group, v)
        if rates is not None:
            rates[:] = had_rates if had_rates is not None else [value] * len(rates)
        return ApplyResult(True, detail={self.key: value})


def optimizer_actuators(optimizer: Any, lr_bounds: Tuple[float, float] = (1e-7, 1.0),
                        wd_bounds: Tuple[float, float] = (0.0, 1.0), scheduler: Any = None) -> List[HotActuator]:
    """Parameters lr, weight_decay and betas of anything with `param_groups`, each if the first group has it.

    Setting writes the same value to every group, lr also to the base rates of the scheduler (given here or in env).
    """
    if not getattr(optimizer, "param_groups", None):
        raise TypeError(f"optimizer_actuators: {type(optimizer).__name__} has no param_groups")
    first, log = optimizer.param_groups[0], ActuatorType.LOG_FLOAT
    rows = (("lr", log, "Learning Rate", lr_bounds), ("weight_decay", log, "Weight Decay", wd_bounds),
            ("betas", ActuatorType.TUPLE, "Betas", (None, None)))
    made = []
    for key, kind, label, (low, high) in rows:
        if key in first:
            groups = _Groups(optimizer, key, scheduler)
            made.append(HotActuator(key, kind, groups.set, key, label, "optimizer", low, high, read_fn=groups.read,
                                    current_value=groups.read()))
    return made


def loss_actuators(loss_weights: Dict[str, float], global_bounds: Tuple[float, float] = (0.0, 100.0),
                   key_bounds: Optional[Mapping[str, Tuple[float, float]]] = None) -> List[HotActuator]:
    """One float parameter for each name of a dict of loss weights. The dict itself is changed."""
    def parameter(name: str) -> HotActuator:
        def set_weight(value: Any, env: Env) -> ApplyResult:
            loss_weights[name] = float(value)
            return ApplyResult(True, detail={"key": name, "value": loss_weights[name]})

        low, high = (key_bounds or {}).get(name, global_bounds)
        return HotActuator(name, ActuatorType.FLOAT, set_weight, name, name, "loss", low, high,
                           current_value=loss_weights[name], read_fn=lambda: float(loss_weights[name]))

    return [parameter(name) for name in loss_weights]
