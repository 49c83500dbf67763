"""How a run stands, and what it came to."""
from __future__ import annotations

import ctypes as c
from dataclasses import dataclass, fields
from typing import Any, Optional


@dataclass(frozen=True)
class Progress:
    """How a run stands; `max_steps`, `epochs_total` 0, `done`, `utilisation` NaN: unknown, `best` NaN: none yet.

    `done` is the share of the run's budget, 0 to 1, `epochs` what all replicas together have trained; `stage` and
    `islands` are of a pooled run.
    """

    step: int
    epoch: int
    max_steps: int
    replicas: int
    training: int
    best: float
    accepted: int
    rejected: int
    elapsed_s: float
    lost: int
    best_replica: int
    islands: int
    done: float
    epochs: float
    epochs_total: float
    utilisation: float
    stage: Optional[str]


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
    def member(name: str) -> Any:
        value = getattr(struct, name)
        return value.decode(errors="replace") if isinstance(value, bytes) else value

    return kind(**{f.name: member(f.name) for f in fields(kind)})
