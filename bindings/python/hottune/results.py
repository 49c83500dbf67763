"""How a run stands, and what it came to."""
from __future__ import annotations

import ctypes as c
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How a run stands; `max_steps` 0: unknown, `best` NaN: none yet."""

    step: int
    epoch: int
    max_steps: int
    replicas: int
    training: int
    best: float
    accepted: int
    rejected: int
    elapsed_s: float


@dataclass(frozen=True)
class Result:
    """What a run came to; complete on the coordinator. Elsewhere only best and best_step, of this replica."""

    mutations: int
    accepted: int
    rejected: int
    best: float
    best_step: int
    best_replica: int
    val: float
    test: float
    lost: int


def from_c(kind: Any, struct: c.Structure) -> Any:
    """One of the classes above from the struct of the same members."""
    return kind(**{f.name: getattr(struct, f.name) for f in fields(kind)})
