"""Knobs: values that the library changes."""
from __future__ import annotations

import ctypes as c
from typing import Any, Callable, Dict, Iterable, Optional

from . import _callbacks, _state, _types
from ._types import Element
from ._values import encode, make
from .errors import InvalidArgument

LINEAR, LOG = 0, 1
_HUGE = 1e300       # where one side of a range is not given


class Knob:
    """A value that the library changes inside `apply` and `running`; read `.value` where it is used."""

    __slots__ = ("actuator", "name", "_get", "_set")

    def __init__(self, actuator: str, name: str, get: Callable[[], Any], set: Callable[[Any], None]) -> None:
        self.actuator, self.name, self._get, self._set = actuator, name, get, set

    @property
    def value(self) -> Any:
        """What the training holds now. Assigning is what a schedule of your own does."""
        return self._get()

    @value.setter
    def value(self, value: Any) -> None:
        self._set(value)

    def __float__(self) -> float:
        return float(self._get())

    def __repr__(self) -> str:
        return f"Knob({self.actuator!r}, {self.name!r}, {self.value!r})"

    # ---- makers -----------------------------------------------------------------------------------

    @classmethod
    def named(cls, kernel: Any, actuator: str, name: str, value: Any, lo: Optional[float], hi: Optional[float],
              log: bool, choices: Optional[Iterable[Any]], get: Optional[Callable[[], Any]],
              set: Optional[Callable[[Any], Any]], type: Optional[str],
              behind_functions: Callable[[str, Any], "Knob"]) -> "Knob":
        """Which of the three kinds a call of Kernel.knob means."""
        if set is not None or choices is not None or type is not None or isinstance(value, (str, tuple, list)):
            kind = type or _kind_of(value if value is not None else get and get(), log, choices is not None)
            return behind_functions(kind, value if value is not None else get and get())
        if get is not None:
            raise InvalidArgument(f"knob '{name}': `get` needs `set`")
        if value is None:
            raise InvalidArgument(f"knob '{name}': its value is missing")
        if isinstance(value, bool):
            return cls._in_memory(kernel, actuator, name, c.c_bool(value), None, None, log)
        if isinstance(value, int) and not log and isinstance(lo, int) and isinstance(hi, int):
            return cls._in_memory(kernel, actuator, name, c.c_longlong(value), lo, hi, log)
        if isinstance(value, (int, float)):
            return cls._in_memory(kernel, actuator, name, c.c_double(value), lo, hi, log)
        return cls._in_memory(kernel, actuator, name, value, lo, hi, log)

    @classmethod
    def _in_memory(cls, kernel: Any, actuator: str, name: str, memory: Any, lo: Optional[float],
                   hi: Optional[float], log: bool) -> "Knob":
        v = _state.view(name, memory)
        boxes: Dict[str, Any] = {"?": c.c_bool, "d": c.c_double}
        box = boxes.get(v.format[-1])
        if v.itemsize == 8 and box is None and _state.element_of(name, v) == Element.INT64:
            box = c.c_longlong
        if box is None or v.nbytes != v.itemsize:
            raise TypeError(f"knob '{name}': one float64, int64 or bool is needed, not {v.nbytes // v.itemsize} "
                            f"elements of format '{v.format}'")
        at = box.from_address(_state.address(v))
        k, said, called = kernel._open_handle(), encode(actuator, "actuator"), encode(name, "name")
        if box is c.c_bool:
            status = kernel._c.ht_knob_bool(k, said, called, c.addressof(at))
        elif lo is None or hi is None:
            raise InvalidArgument(f"knob '{name}': its range is missing (lo, hi)")
        elif box is c.c_longlong:
            status = kernel._c.ht_knob_int(k, said, called, c.addressof(at), int(lo), int(hi))
        else:
            status = kernel._c.ht_knob_double(k, said, called, c.addressof(at), LOG if log else LINEAR, lo, hi)
        kernel._check(status)
        kernel._alive += [v, memory]

        held = (at, v, memory)      # as long as somebody reads the knob

        def get_value() -> Any:
            return held[0].value

        def put(value: Any) -> None:
            held[0].value = value
        return cls(actuator, name, get_value, put)

    @classmethod
    def behind_functions(cls, kernel: Any, actuator: str, name: str, kind: str, initial: Any, lo: Optional[float],
                         hi: Optional[float], choices: Optional[Iterable[Any]], set: Optional[Callable[..., Any]],
                         get: Optional[Callable[[], Any]], metric: Optional[str],
                         env: Optional[Callable[[Any], Any]] = None) -> "Knob":
        """A knob that is set by a function; of the value alone, or, if `env` is given, of value and environment."""
        held = [initial]

        def keep(value: Any, *_env: Any) -> Any:
            result = None if set is None else set(value, *_env) if env is not None else set(value)
            held[0] = value
            return result
        where, guard = f"knob '{name}'", kernel._guard
        options = _types.KnobOptions(
            actuator=encode(actuator, "actuator"), name=encode(name, "name"), type=encode(kind, "type"),
            metric=encode(metric, "metric"), bounded=lo is not None or hi is not None,
            lo=(0.0 if kind == "log_float" else -_HUGE) if lo is None else lo, hi=_HUGE if hi is None else hi,
            set=_callbacks.setter(guard, where, keep, env or kernel._env_dict))
        if initial is not None:
            options.initial = make(initial)
        if get is not None or set is None:
            options.get = _callbacks.getter(guard, where, get or (lambda: held[0]))
        values = [make(x) for x in choices] if choices is not None else []
        if values:
            options.choices, options.n_choices = (_types.Value * len(values))(*values), len(values)
        kernel._check(kernel._c.ht_knob(kernel._open_handle(), c.byref(options)))

        def put(value: Any) -> None:
            keep(value, {})
        return cls(actuator, name, get or (lambda: held[0]), put)


def _kind_of(value: Any, log: bool, has_choices: bool) -> str:
    if has_choices:
        return "choice"
    if isinstance(value, (tuple, list)):
        return "tuple"
    if isinstance(value, bool):
        return "bool"
    return "log_float" if log else "float"
