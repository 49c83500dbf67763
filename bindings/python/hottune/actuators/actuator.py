"""Typed parameters: one value of the training, with its limits and the function that sets it."""
from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from enum import Enum
from typing import Any, Callable, Dict, Optional, Sequence

from .base import ApplyResult, Env, ValidationResult


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

    def validate(self, value: Any) -> ValidationResult:
        """Whether a value may be set: its type, then its limits."""
        error = _ERRORS[self.type](self, value)
        return ValidationResult(error is None, [] if error is None else [error])

    def snapshot(self) -> Dict[str, Any]:
        """What `MutableState.restore_all` brings back."""
        return {"value": self.current()}

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


def _is_number(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _number_error(a: HotActuator, value: Any) -> Optional[str]:
    if not _is_number(value) or (a.type is ActuatorType.INT and not isinstance(value, numbers.Integral)):
        return "type"
    if a.min_value is not None and value < a.min_value:
        return "below_min"
    if a.max_value is not None and value > a.max_value:
        return "above_max"
    if a.type is ActuatorType.LOG_FLOAT and value <= 0 and not (value == 0 and a.min_value == 0):
        return "not_positive"
    return None if math.isfinite(value) else "not_finite"


def _bool_error(_a: HotActuator, value: Any) -> Optional[str]:
    return None if isinstance(value, bool) else "type"


def _choice_error(a: HotActuator, value: Any) -> Optional[str]:
    equal = (value == c and isinstance(value, bool) == isinstance(c, bool) for c in a.choices or ())
    return None if a.choices is None or any(equal) else "not_in_choices"


def _tuple_error(_a: HotActuator, value: Any) -> Optional[str]:
    if not isinstance(value, (tuple, list)):
        return "type"
    if len(value) != 2:
        return "length"
    for x in value:
        if not _is_number(x):
            return "type"
        if not math.isfinite(x):
            return "not_finite"
        if not 0 <= x < 1:
            return "out_of_bounds"
    return None


# the same words and the same order as the library's own (src/tune/knob_validate.c)
_ERRORS: Dict[ActuatorType, Callable[[HotActuator, Any], Optional[str]]] = {
    ActuatorType.BOOL: _bool_error, ActuatorType.FLOAT: _number_error, ActuatorType.INT: _number_error,
    ActuatorType.LOG_FLOAT: _number_error, ActuatorType.CHOICE: _choice_error, ActuatorType.TUPLE: _tuple_error}
