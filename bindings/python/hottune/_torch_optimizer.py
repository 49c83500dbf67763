"""An optimizer's state before its first step, and its rates as knobs that keep the groups' proportions."""
from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Protocol, Set, Tuple, Union

import torch

from ._torch_state import Source, short

# Optimizers whose state is 0 before the first step, but for what is said here: a number, or a group's option.
_KNOWN: Dict[str, Dict[str, Union[float, str]]] = {
    "SGD": {}, "Adam": {}, "AdamW": {}, "RMSprop": {}, "Adadelta": {}, "Adamax": {}, "RAdam": {},
    "Adagrad": {"sum": "initial_accumulator_value"}, "NAdam": {"mu_product": 1.0}}
Fresh = Union[None, str, Callable[[Any], None]]


class Moments:
    """The state of every parameter of an optimizer: there from the start, and back to it in place.

    Made as the optimizer itself makes it: by a step with zero gradients, after which weights and gradients are what
    they were, and the state is set to that before the first step. What is there already is kept.
    """

    def __init__(self, optimizer: Any, fresh: Fresh) -> None:
        self.optimizer, self._fresh = optimizer, fresh
        name = type(optimizer).__name__
        known = type(optimizer).__module__.startswith("torch.optim") and name in _KNOWN
        if fresh is None and not known:
            raise TypeError(
                f"how a fresh {name} looks is not known to hottune.torch; say fresh='zeros' if its state is "
                "0 throughout before the first step, else fresh=f: f(optimizer) makes, or sets in place, the "
                "state that every parameter has before the first step")
        self._start = _KNOWN[name] if known and fresh is None else {}
        if callable(fresh):
            if any(not optimizer.state.get(p) for p in self.parameters()):
                fresh(optimizer)
        else:
            self._create([p for p in self.parameters() if not optimizer.state.get(p)])

    def parameters(self) -> List[torch.Tensor]:
        return [p for g in self.optimizer.param_groups for p in g["params"]]

    @torch.no_grad()
    def _create(self, bare: List[torch.Tensor]) -> None:
        everything = self.parameters()
        gradients = [p.grad for p in everything]
        weights = [p.detach().clone() for p in bare]
        try:
            for p in everything:
                p.grad = None
            for p in bare:
                p.grad = torch.zeros_like(p)
            type(self.optimizer).step(self.optimizer)       # not the instance's: a scheduler counts its calls
        finally:
            for p, g in zip(everything, gradients):
                p.grad = g
            for p, w in zip(bare, weights):
                p.copy_(w)
        self._reset(bare)

    def fresh(self) -> None:
        """The state before the first step, in the same tensors."""
        if callable(self._fresh):
            self._fresh(self.optimizer)
        else:
            self._reset(self.parameters())

    @torch.no_grad()
    def _reset(self, parameters: List[torch.Tensor]) -> None:
        groups = {id(p): g for g in self.optimizer.param_groups for p in g["params"]}
        for p in parameters:
            state = self.optimizer.state.get(p, {})
            for key, value in state.items():
                start = self._start.get(key, 0)
                start = groups[id(p)][start] if isinstance(start, str) else start
                if isinstance(value, torch.Tensor):
                    value.fill_(start)
                elif _is_number(value):
                    state[key] = type(value)(start)

    def sources(self) -> List[Source]:
        """Moments have a mean, counters (of no dimension) are copied."""
        def now(p: torch.Tensor, key: str) -> Callable[[], Any]:
            return lambda: self.optimizer.state.get(p, {}).get(key)

        def has_mean(p: torch.Tensor, key: str, value: torch.Tensor) -> bool:
            return key != "step" and (value.dim() > 0 or p.dim() == 0)
        return [Source(short(f"opt.{i}.{key}"), value, now(p, key), False, has_mean(p, key, value))
                for i, p in enumerate(self.parameters())
                for key, value in self.optimizer.state.get(p, {}).items() if isinstance(value, torch.Tensor)]

    def loose(self, registered: Set[int]) -> List[Source]:
        """Parameters that belong to no module of the model: a loss with weights of its own."""
        def itself(p: torch.Tensor) -> Callable[[], Any]:
            return lambda: p
        return [Source(f"opt.{i}.weights", p, itself(p), True, True)
                for i, p in enumerate(self.parameters()) if id(p) not in registered]

    def numbers(self) -> List["Cell"]:
        """Counters that are plain numbers."""
        return [Cell(state, key) for p in self.parameters() for state in [self.optimizer.state.get(p, {})]
                for key, value in state.items() if _is_number(value)]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


class Cell:
    """A number in a dict or list, which keeps its type; a tensor of one element is filled in place."""

    __slots__ = ("holder", "key")

    def __init__(self, holder: Any, key: Any) -> None:
        self.holder, self.key = holder, key

    def get(self) -> float:
        return float(self.holder[self.key])

    def put(self, x: float) -> None:
        now = self.holder[self.key]
        if isinstance(now, torch.Tensor):
            now.fill_(x)        # a tensor that a compiled step reads
        else:
            self.holder[self.key] = type(now)(x) if isinstance(now, int) and float(x).is_integer() else x


def number_cells(holder: Any, leave_out: Tuple[str, ...] = ()) -> List[Cell]:
    """All numbers in nested dicts and lists."""
    cells: List[Cell] = []
    items = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in items:
        if key in leave_out:
            continue
        if isinstance(value, (dict, list)):
            cells += number_cells(value, leave_out)
        elif isinstance(value, (bool, int, float)):
            cells.append(Cell(holder, key))
    return cells


class Rate:
    """One option of all parameter groups as one number, that of the first group in which it is not 0. Setting it
    multiplies what a scheduler makes of it and what other groups have; groups with 0 stay at 0.

    `anchor` is a value with all numbers that belonged to it. Numbers of another value are computed from it, not
    from one another: coming back to a value brings back the same bits. A schedule that moved them makes a new one.
    """

    def __init__(self, option: str, groups: List[Dict[str, Any]], schedulers: List[Any] = []) -> None:
        keys = (option, "initial_lr", "max_lr", "min_lr") if option == "lr" else (option,)
        own = [Cell(g, option) for g in groups if option in g]
        self.cells = own + [Cell(g, key) for key in keys[1:] for g in groups if key in g]
        bases: List[Cell] = []
        for s in schedulers if option == "lr" else ():
            for name in ("base_lrs", "max_lrs"):
                rates = getattr(s, name, None)
                cells = [Cell(rates, i) for i in range(len(rates))] if isinstance(rates, list) else []
                bases = bases or (cells if name == "base_lrs" else [])
                self.cells += cells
        values = [cell.get() for cell in bases or own]
        self.main = (bases or own)[next((i for i, v in enumerate(values) if v != 0), 0)]
        self.wrote = self._now()
        self.anchor = self.first = (self.main.get(), self.wrote)

    def _now(self) -> List[float]:
        return [cell.get() for cell in self.cells]

    def _follow(self) -> None:
        now = self._now()
        if now != self.wrote:
            self.anchor, self.wrote = (self.main.get(), now), now

    def _write(self, x: float) -> None:
        value, numbers = self.anchor
        self.wrote = list(numbers) if x == value else [x * (n / value) if value else x for n in numbers]
        for cell, n in zip(self.cells, self.wrote):
            cell.put(n)

    def get(self) -> float:
        return self.main.get()

    def set(self, x: float) -> None:
        self._follow()
        self._write(float(x))

    def begin_anew(self) -> None:
        """What schedules made of it is undone, its value stays."""
        x, self.anchor = self.get(), self.first
        self._write(x)

    def save(self) -> List[float]:
        self._follow()
        return [self.anchor[0], *self.anchor[1]]

    def load(self, saved: List[float]) -> None:
        """The value is a knob, and stays: what a state brings is what a schedule had made of its own."""
        x, self.anchor = self.get(), (saved[0], list(saved[1:]))
        self._write(x)


class Numbers(Protocol):
    """Plain numbers of a training, always as many, that are part of its state."""

    def save(self) -> List[float]: ...

    def load(self, saved: List[float]) -> None: ...


class ScalerNumbers:
    """Scale and growth counter of a GradScaler."""

    _NAMES = ("scale", "_growth_tracker")

    def __init__(self, scaler: Any) -> None:
        self.scaler = scaler

    def save(self) -> List[float]:
        said = self.scaler.state_dict()     # {} where it is switched off
        return [float(said[name]) for name in self._NAMES if name in said]

    def load(self, saved: List[float]) -> None:
        if saved:
            now = self.scaler.state_dict()
            self.scaler.load_state_dict({**now, "scale": saved[0], "_growth_tracker": int(saved[1])})


class CellNumbers:
    """Cells."""

    def __init__(self, cells: List[Cell]) -> None:
        self.cells = cells

    def save(self) -> List[float]:
        return [cell.get() for cell in self.cells]

    def load(self, saved: List[float]) -> None:
        for cell, x in zip(self.cells, saved):
            cell.put(x)


def schedulers_in(scheduler: Any) -> List[Any]:
    """A scheduler, or several, and those that they consist of."""
    if scheduler is None:
        return []
    if isinstance(scheduler, (list, tuple)):
        return [s for one in scheduler for s in schedulers_in(one)]
    return [scheduler, *schedulers_in(list(getattr(scheduler, "_schedulers", ())))]


def scheduler_numbers(schedulers: List[Any]) -> List[Cell]:
    """Positions in the schedules; rates are left to Rate."""
    cells: List[Cell] = []
    others = ("base_lrs", "max_lrs", "_last_lr", "optimizer", "_schedulers", "verbose")
    for s in schedulers:
        cells += number_cells(vars(s), others)
    return cells


def betas_knob(groups: List[Dict[str, Any]]) -> Optional[Tuple[Callable[[], Any], Callable[[Any], None]]]:
    """Getter and setter of betas, the same in all groups; undoing brings back what each had."""
    having = [g for g in groups if "betas" in g]
    if not having:
        return None
    start = [tuple(g["betas"]) for g in having]

    def get() -> Tuple[float, ...]:
        return tuple(float(b) for b in having[0]["betas"])

    def put(value: Any) -> None:
        back = tuple(value) == tuple(float(b) for b in start[0])
        for g, first in zip(having, start):
            g["betas"] = first if back else tuple(float(b) for b in value)
    return get, put
