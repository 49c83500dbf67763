"""Typed parameters of what trainings usually have: an optimizer, a dict of loss weights."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from .actuator import ActuatorType, HotActuator
from .base import ApplyResult, Env


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
