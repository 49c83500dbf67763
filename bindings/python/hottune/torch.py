"""PyTorch trainings in a population: `attach` registers a model and its optimizer. The manual is docs/pytorch.md.

    tuned = hottune.torch.attach(k, model, optimizer, scheduler=scheduler)
    tuned.on_validate(lambda: mean_loss(model, validation))
    while k.running():
        for x, y in loader:
            ...                             # forward, backward, optimizer.step() as ever
            tuned.batch_end(loss)
        tuned.epoch_end()
"""
from __future__ import annotations

import contextlib
import ctypes as c
import hashlib
import logging
import struct
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Tuple, Union

import torch

from ._torch_optimizer import (CellNumbers, Fresh, Moments, Numbers, Rate, ScalerNumbers, betas_knob,
                               scheduler_numbers, schedulers_in)
from ._torch_random import Random, sources_of
from ._torch_state import Part, array_of, model_sources, parts_of
from ._types import Event
from .core import Kernel
from .errors import InvalidArgument
from .knobs import Knob

__all__ = ["Training", "attach"]

log = logging.getLogger("hottune")
Init = Union[None, bool, str, Callable[[int], None]]


def attach(kernel: Kernel, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, scheduler: Any = None,
           scaler: Any = None, init: Init = None, fresh: Fresh = None, actuator: str = "opt",
           lr_bounds: Tuple[float, float] = (1e-8, 100.0), wd_bounds: Tuple[float, float] = (0.0, 10.0),
           seed: Union[None, int, bool] = None, random: Iterable[str] = (),
           generators: Iterable[torch.Generator] = (), _staged: bool = False) -> "Training":
    """Register what there is of a training: state, knobs, how to begin anew, random state. Before `running`.

    model: parameters and persistent buffers are weights; on the CPU by pointer, elsewhere through staging copies.
    optimizer: its state is made now, as it is before the first step, and registered. lr, weight_decay and betas
        of all groups are knobs of the recipe's actuator `actuator` (lr_mult, wd_mult, betas_set).
    scheduler: one, or several: the knob lr is its base rate, its position is part of the state.
    scaler: a GradScaler, whose scale is part of the state.
    init: how to begin anew. None: `reset_parameters()` of all modules; "present": the weights that the model has
        now (pretrained); a function init(seed), called after torch.manual_seed(seed); False: not at all.
    fresh: for optimizers that this module does not know: "zeros", or a function (the error says when).
    seed: torch's random state begins with seed and replica, so that each replica draws its own batches; None: the
        seed of the run; False: it stays as it is.
    random: "python", "numpy": the random states of these, too. generators: of your own (a DataLoader's).
    """
    return Training(kernel, model, optimizer, scheduler, scaler, init, fresh, actuator, lr_bounds, wd_bounds,
                    seed, sources_of(random, generators, model), _staged)


class Training:
    """A model and its optimizer in a run; `attach` makes it.

    knobs: those of the optimizer by name ("lr", "weight_decay", "betas").
    """

    def __init__(self, kernel: Kernel, model: torch.nn.Module, optimizer: Any, scheduler: Any, scaler: Any,
                 init: Init, fresh: Fresh, actuator: str, lr_bounds: Tuple[float, float],
                 wd_bounds: Tuple[float, float], seed: Union[None, int, bool], random: List[Random],
                 staged: bool) -> None:
        self.kernel, self.model, self.optimizer = kernel, model, optimizer
        self.knobs: Dict[str, Knob] = {}
        self._counts = (c.c_int64 * 2)()
        self._loss = 0.0
        self._random = random
        kernel._alive.append(self)
        if not kernel.is_replica:       # the coordinator of several ranks: the run is over
            return
        self._moments = Moments(optimizer, fresh)
        self._schedulers = schedulers_in(scheduler)
        if not self._schedulers and any("initial_lr" in g for g in optimizer.param_groups):
            log.warning("the optimizer seems to have a learning rate scheduler: give it to hottune.torch.attach, or "
                        "its position does not travel with the weights")
        self._register_state(staged)
        self._register_knobs(actuator, lr_bounds, wd_bounds)
        self._register_numbers(scaler)
        self._register_random(seed)
        self._register_init(init)

    # ---- state ------------------------------------------------------------------------------------

    def _register_state(self, staged: bool) -> None:
        sources = model_sources(self.model)
        self._loose = self._moments.loose({id(s.tensor) for s in sources})
        self._parts = parts_of(sources + self._loose + self._moments.sources(), staged)
        for p in self._parts:
            self.kernel.training_state({p.source.name: array_of(p.row)}, weights=p.source.weights,
                                       average=p.average, bfloat16=p.row.dtype == torch.bfloat16)
        self._staged = [p for p in self._parts if p.stage is not None]
        if self._staged:
            self.kernel.training_mirror(self._fetch, self._store)

    def _fetch(self, weights_only: bool) -> None:
        self._move(Part.fetch, weights_only)

    def _store(self, weights_only: bool) -> None:
        self._move(Part.store, weights_only)

    @torch.no_grad()
    def _move(self, how: Callable[[Part], None], weights_only: bool) -> None:
        for p in self._staged:
            if p.source.weights or not weights_only:
                how(p)
        for device in {p.source.tensor.device for p in self._staged if p.source.tensor.is_cuda}:
            torch.cuda.synchronize(device)

    def check(self) -> None:
        """An exception if the training no longer uses the tensors that are registered. Part of each validation."""
        for p in self._parts:
            p.check()
        if len(self._moments.parameters()) != self._n_parameters:
            raise RuntimeError("the optimizer has other parameters than when hottune.torch.attach saw it")

    def _register_numbers(self, scaler: Any) -> None:
        """Plain Python numbers: counters, positions of schedulers, the rates that these have made."""
        self._n_parameters = len(self._moments.parameters())
        positions = CellNumbers(scheduler_numbers(self._schedulers))
        self._anew = list(zip(positions.cells, positions.save()))
        numbers: List[Numbers] = [CellNumbers(self._moments.numbers()), positions, *self._rates]
        if scaler is not None:
            numbers.append(ScalerNumbers(scaler))
        sizes = [len(n.save()) for n in numbers]
        if sum(sizes) == 0:
            return
        form = struct.Struct(f"{sum(sizes)}d")

        def get(memory: memoryview) -> None:
            form.pack_into(memory, 0, *(x for n in numbers for x in n.save()))

        def put(memory: memoryview) -> None:
            values, at = form.unpack(memory), 0
            for n, size in zip(numbers, sizes):
                n.load(list(values[at:at + size]))
                at += size
        self.kernel.training_part("torch.numbers", form.size, get, put)

    # ---- knobs ------------------------------------------------------------------------------------

    def _register_knobs(self, actuator: str, lr_bounds: Tuple[float, float],
                        wd_bounds: Tuple[float, float]) -> None:
        groups = self.optimizer.param_groups
        self._rates: List[Rate] = []
        for name, kind, (lo, hi) in (("lr", "log_float", lr_bounds), ("weight_decay", "float", wd_bounds)):
            if any(name in g for g in groups):
                rate = Rate(name, groups, self._schedulers)
                self._rates.append(rate)
                self.knobs[name] = self.kernel.knob(actuator, name, rate.get(), lo=lo, hi=hi, type=kind,
                                                    get=rate.get, set=rate.set)
        betas = betas_knob(groups)
        if betas is not None:
            get, put = betas
            self.knobs["betas"] = self.kernel.knob(actuator, "betas", get(), get=get, set=put)

    # ---- beginning anew, random state -------------------------------------------------------------

    def _register_random(self, seed: Union[None, int, bool]) -> None:
        kernel = self.kernel
        kernel.replica_state({"torch.counts": self._counts})
        for r in self._random:
            if seed is not False:
                text = f"{kernel.seed if seed is None else seed}/{kernel.replica}/{r.name}"
                r.seed(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little"))
            kernel.replica_part(f"torch.random.{r.name}", len(r.get()), _filler(r), _taker(r))

    @contextlib.contextmanager
    def _random_kept(self) -> Iterator[None]:
        kept = [r.get() for r in self._random]
        try:
            yield
        finally:
            for r, state in zip(self._random, kept):
                r.put(state)

    def _register_init(self, init: Init) -> None:
        if init is False:
            return
        begin: Callable[[int], None]
        if init == "present":
            weights = [p.source.tensor for p in self._parts if p.source.weights]
            kept = [(t, t.detach().clone()) for t in weights]

            def put_back(_seed: int) -> None:
                for t, value in kept:
                    t.detach().copy_(value)
            begin = put_back
        elif init is None or init is True:
            _refuse_bare(self.model)
            if self._loose:
                raise InvalidArgument("the optimizer has parameters that are not in the model: attach all modules "
                                      "as one ModuleList, or say init=f, a function f(seed) that begins them anew")
            begin = self._reset_parameters
        elif callable(init):
            begin = init
        else:
            raise InvalidArgument(f"init: '{init}' is not \"present\", a function of a seed, or False")

        def init_all(seed: int) -> None:
            with self._random_kept():
                torch.manual_seed(seed)
                begin(seed)
            self._moments.fresh()
            for cell, x in self._anew:
                cell.put(x)
            for rate in self._rates:
                rate.begin_anew()
            self.check()
        self.kernel.on_init(init_all)

    @torch.no_grad()
    def _reset_parameters(self, _seed: int) -> None:
        for p in self.model.parameters():
            p.fill_(float("nan"))       # so that what no module resets is noticed
        self.model.apply(_reset)
        left = [n for n, p in self.model.named_parameters() if bool(torch.isnan(p).any())]
        if left:
            raise RuntimeError(f"no module's reset_parameters() writes '{left[0]}'; say init=f, a function f(seed) "
                               "that begins the model anew")

    # ---- validation and the loop ------------------------------------------------------------------

    def on_validate(self, validate: Callable[[], Any]) -> Callable[[], Any]:
        """The validation: a number, or a tensor of one element, for the weights that are in the model now. Called
        in eval mode and without gradients; modes and random state are afterwards what they were. A decorator, too.
        """
        def call() -> float:
            self.check()
            modes = [(m, m.training) for m in self.model.modules()]
            self.model.eval()
            try:
                with self._random_kept(), torch.no_grad():
                    return float(validate())
            finally:
                for m, training in modes:
                    m.training = training
        self.kernel.on_validate(call)
        return validate

    @property
    def steps(self) -> int:
        """Of this replica so far, counted by batch_end; a resumed run has them again."""
        return self._counts[0]

    @property
    def epochs(self) -> int:
        """The same, counted by epoch_end."""
        return self._counts[1]

    def batch_end(self, loss: Any = None) -> None:
        """After each optimizer.step(). loss: of the batch, if it is at hand; one on a GPU is waited for."""
        self._counts[0] += 1
        if loss is not None:
            self._loss = float(loss.detach() if isinstance(loss, torch.Tensor) else loss)
        self.kernel.apply(Event.TRAIN_BATCH_END, self._counts[0], self._counts[1], loss=self._loss)

    def epoch_end(self) -> None:
        """The safe point: validates; weights, moments and knobs may be others afterwards."""
        self._counts[1] += 1
        self.kernel.apply(Event.VAL_EPOCH_END, self._counts[0], self._counts[1], loss=self._loss)


def _filler(r: Random) -> Callable[[memoryview], None]:
    def get(memory: memoryview) -> None:
        memory[:] = r.get()
    return get


def _taker(r: Random) -> Callable[[memoryview], None]:
    return lambda memory: r.put(bytes(memory))


def _resetter(module: torch.nn.Module) -> Optional[Callable[[], Any]]:
    """MultiheadAttention and Transformer have it under a private name."""
    return getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)


def _reset(module: torch.nn.Module) -> None:
    reset = _resetter(module)
    if reset is not None:
        reset()


def _refuse_bare(model: torch.nn.Module) -> None:
    for prefix, module in model.named_modules():
        own = [name for name, p in module._parameters.items() if p is not None]
        if own and _resetter(module) is None:
            raise InvalidArgument(
                f"'{prefix + '.' if prefix else ''}{own[0]}' lies in a {type(module).__name__}, which has no "
                "reset_parameters(); write one, or say init=f, a function f(seed) that begins the model anew, or "
                "init=\"present\" to begin with the weights of now (pretrained)")
