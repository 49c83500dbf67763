"""The container of a script's typed parameters."""
from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from .actuator import HotActuator
from .base import ApplyResult, Env


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

    def initialize(self, env: Env) -> None:
        """Nothing is left to be done; scripts that call it may."""

    def apply(self, key: str, value: Any, env: Optional[Env] = None, step: int = 0) -> ApplyResult:
        """The script sets a value itself. The tuner goes on from there, as after a schedule of the script.

        A value that may not be set is refused, and nothing is changed. `step` is for scripts that say it.
        """
        parameter = self._by_key.get(key)
        if parameter is not None and not parameter.validate(value).valid:
            return ApplyResult(False, "invalid:" + ",".join(parameter.validate(value).errors))
        return self._set(key, value, env)

    def snapshot_all(self) -> Dict[str, Dict[str, Any]]:
        """What every parameter is now."""
        return {a.param_key: a.snapshot() for a in self}

    def restore_all(self, snapshot: Mapping[str, Mapping[str, Any]], env: Optional[Env] = None
                    ) -> Dict[str, ApplyResult]:
        """Bring back what `snapshot_all` saw: each parameter for itself."""
        return {key: self._set(key, saved["value"], env) for key, saved in snapshot.items()}

    def _set(self, key: str, value: Any, env: Optional[Env]) -> ApplyResult:
        if key not in self._by_key:
            return ApplyResult(False, f"unknown_param:{key}")
        try:
            return self._by_key[key].set(value, env or {})
        except Exception as e:
            return ApplyResult(False, f"apply_fn_exception: {e}")

    def describe_all(self) -> List[Dict[str, Any]]:
        return [a.describe_space() for a in self]


def mutable_state(actuators: Sequence[HotActuator]) -> MutableState:
    """A container of typed parameters: mutable_state(optimizer_actuators(opt) + loss_actuators(weights))."""
    return MutableState(actuators)
