"""The kernel: what a training in Python talks to. The manual of what happens behind it is hottune.h.

All calls of one kernel come from one thread, the one that opened it. The library acts only inside these calls.
"""
from __future__ import annotations

import ctypes as c
import json
import logging
import math
import os
import signal
import threading
from types import TracebackType
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple, Type, Union

from . import _callbacks, _exit, _state, _types
from ._library import library, warn_of_missing_pmi
from ._types import Event
from ._values import encode
from .errors import Empty, InvalidArgument, Refused, error_of
from .knobs import Knob
from .recipe import TuneRecipe
from .results import Progress, Result, from_c

log = logging.getLogger("hottune")
Path = Union[str, "os.PathLike[str]"]
_EVENTS = {e.name.lower(): e for e in Event}
_BATCH = Event.TRAIN_BATCH_END
_AS_C: Dict[Any, c.c_int] = {e: c.c_int(e) for e in Event}


def _path(value: Optional[Path], what: str) -> Optional[bytes]:
    return None if value is None else encode(os.fspath(value), what)


def _words(settings: Union[None, str, Mapping[str, Any]], what: str) -> Optional[bytes]:
    if settings is None or isinstance(settings, str):
        return encode(settings, what)
    return encode(" ".join(f"{path}={v if isinstance(v, str) else json.dumps(v, separators=(',', ':'))}"
                           for path, v in settings.items()), what)


class Kernel:
    """An open run, seen from this rank; `hottune.open` makes it. A context manager: leaving it closes the run.

    run_dir: directory of the run, created if missing; None: as HOTTUNE_JOB_DIR says.
    recipe: path of a recipe, or the recipe as a dict or TuneRecipe; None: looked for in run_dir.
    recipe_text: the recipe as YAML or JSON. set, unless_given: fields to set, {"population.merge": "off"}.
    comm: ranks of the run: rank 0 coordinates, the others train. A communicator of mpi4py, or the number of an
        MPI_Comm. None: MPI_COMM_WORLD if MPI runs or a launcher started this process, else this process alone.
        False: this process alone, MPI is not touched.
    max_steps, max_epochs: of one replica; a pooled run needs max_epochs.
    mode: "off", "observe", "suggest", "active", "replay" (with replay=path of a mutation log).
    resume: go on with the unfinished run in run_dir. leave: signals, e.g. (signal.SIGTERM,), at which the
        run is written down and ends (`has_left`). end_time: when the job ends, seconds since 1970.
    checkpoint_s, checkpoint_bytes, patience_s, ema_every, check_transfers, fail_on_error: as in hottune.h.
    plan, warning: told texts; without them the logger "hottune" gets them. progress: told a Progress now and then.
    event: told lines on what happens: a race is over, a replica is lost, ..

    On the coordinator of several ranks this returns when the run is over: `running()` is False there, so that one
    program text serves all ranks.
    """

    def __init__(self, run_dir: Optional[Path] = None, *,
                 recipe: Union[None, Path, Dict[str, Any], TuneRecipe] = None, recipe_text: Optional[str] = None,
                 comm: Any = None, ranks_per_replica: int = 1, study: Optional[Path] = None,
                 name: Optional[str] = None, seed: int = 0, max_steps: int = 0, max_epochs: int = 0,
                 set: Union[None, str, Mapping[str, Any]] = None,
                 unless_given: Union[None, str, Mapping[str, Any]] = None, ema_every: int = 1,
                 check_transfers: bool = False, mode: Optional[str] = None, replay: Optional[Path] = None,
                 resume: bool = False, program: Optional[str] = None, checkpoint_s: float = 0,
                 checkpoint_bytes: int = 0, leave: Iterable[int] = (), end_time: float = 0,
                 patience_s: float = 0, fail_on_error: bool = False,
                 plan: Optional[Callable[[str], None]] = None, warning: Optional[Callable[[str], None]] = None,
                 progress: Optional[Callable[[Progress], None]] = None,
                 event: Optional[Callable[[str], None]] = None) -> None:
        self._handle = c.c_void_p()
        self._lib = lib = library()
        _exit.prepare(lib)
        self._c = lib.c
        self._guard = _callbacks.Guard()
        self._alive: List[Any] = []
        self._rank_parts: List[_state.RankPart] = []
        self.seed = seed
        self._leaves = c.c_int(0)
        self._handlers: List[Tuple[int, Tuple[Any, Any]]] = []      # signal, ours, what was there before
        self._opening = True
        self._env = _types.Env()
        self._env_at = c.byref(self._env)
        self._env_is_more = False                   # it holds more than step and loss
        self._quiet = self._skipped = False         # batches need not be told; some were not
        self._more: Optional[bool] = None           # while quiet: what ht_running said last
        self._max_steps = max_steps
        self._result: Optional[Result] = None
        self._left = self._champion = False
        if isinstance(recipe, dict):
            recipe = TuneRecipe.from_dict(recipe)
        if isinstance(recipe, TuneRecipe):
            recipe_text = recipe.to_json()
            recipe = None
        if isinstance(recipe, str) and "\n" in recipe:
            raise InvalidArgument("recipe: this is a recipe, not the path of one; give it as recipe_text")
        o = lib.Options(
            ranks_per_replica=ranks_per_replica, run_dir=_path(run_dir, "run_dir"), recipe=_path(recipe, "recipe"),
            recipe_text=encode(recipe_text, "recipe_text"), study=_path(study, "study"), name=encode(name, "name"),
            seed=seed, max_steps=max_steps, max_epochs=max_epochs, recipe_set=_words(set, "set"),
            recipe_unless_given=_words(unless_given, "unless_given"), ema_every=ema_every,
            check_transfers=check_transfers, mode=encode(mode, "mode"), replay=_path(replay, "replay"), resume=resume,
            program=encode(program, "program"), checkpoint_s=checkpoint_s, checkpoint_bytes=checkpoint_bytes,
            leave=c.addressof(self._leaves), end_time=end_time, patience_s=patience_s, fail_on_error=fail_on_error)
        self._listen(o, plan or log.info, warning or log.warning, progress, event)
        self._choose_ranks(o, comm)
        self._catch_signals(leave)
        status = self._guard.enter(self._c.ht_open, c.byref(o), c.byref(self._handle))
        self._opening = False
        if status != 0:
            text = self._message()
            self._free()
            raise error_of(status, text)
        _exit.remember(self)
        if self._guard.caught is not None:
            self.close()

    # ---- opening ----------------------------------------------------------------------------------

    def _listen(self, o: Any, plan: Callable[[str], None], warning: Callable[[str], None],
                progress: Optional[Callable[[Progress], None]], event: Optional[Callable[[str], None]]) -> None:
        def text_to(listener: Callable[[str], None], where: str) -> Any:
            def call(text: bytes) -> None:
                listener(text.decode(errors="replace"))
            return self._guard.wrap(_types.TellText, call, None, where)

        def tell(p: Any) -> None:       # also where nobody listens: Python's signal handlers run here
            if progress is not None:
                progress(from_c(Progress, p.contents))

        o.plan, o.warning = text_to(plan, "plan"), text_to(warning, "warning")
        if event is not None:
            o.event = text_to(event, "event")
        o.progress = self._guard.wrap(_types.TellProgress, tell, None, "progress")

    def _choose_ranks(self, o: Any, comm: Any) -> None:
        lib = self._lib
        if comm is None and not lib.mpi_runs() and not lib.was_launched():
            alone = warn_of_missing_pmi()
            if alone:
                log.warning(alone)
            comm = False
        if comm is False:
            o.no_mpi = True
            return
        lib.begin_mpi()
        o.comm = lib.world() if comm is None else comm if isinstance(comm, int) else lib.handle(comm)

    def _catch_signals(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            def ask(_number: int, _frame: Any) -> None:
                self._leaves.value = 1
            self._handlers.append((number, (ask, signal.signal(number, ask))))
        if threading.current_thread() is not threading.main_thread() or \
                signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            return

        def interrupt(number: int, frame: Any) -> None:
            if not self._guard.inside:
                signal.default_int_handler(number, frame)
            self._guard.catch(KeyboardInterrupt(), "")
            if self._opening:
                self._leaves.value = 1      # on the coordinator: the run is written down and ends
        self._handlers.append((signal.SIGINT, (interrupt, signal.signal(signal.SIGINT, interrupt))))

    # ---- errors -----------------------------------------------------------------------------------

    def _message(self) -> str:
        return self._c.ht_message(self._handle).decode(errors="replace")

    def _open_handle(self) -> c.c_void_p:
        if not self._handle:
            raise Refused("this kernel is closed")
        return self._handle

    def _check(self, status: int) -> None:
        """After a call: an exception of a callback comes first, it is the cause."""
        if self._guard.caught is not None:
            self._guard.raise_caught()
        if status != 0:
            raise error_of(status, self._message())

    # ---- who takes part ---------------------------------------------------------------------------

    @property
    def is_replica(self) -> bool:
        """This rank trains."""
        return self._c.ht_is_replica(self._open_handle())

    @property
    def replica(self) -> int:
        """0, 1, ..; -1 on the coordinator."""
        return self._c.ht_replica(self._open_handle())

    @property
    def replicas(self) -> int:
        """Replicas in the run."""
        return self._c.ht_replicas(self._open_handle())

    @property
    def replica_comm(self) -> Any:
        """The ranks of this rank's replica, for data-parallel training, as a communicator of mpi4py; None alone,
        on the coordinator, and without MPI. Not to be freed, nor used after close."""
        handle = self._c.ht_replica_comm(self._open_handle())
        return self._lib.communicator(handle) if self._lib.mpi_runs() else None

    # ---- what can be changed ----------------------------------------------------------------------

    def knob(self, actuator: str, name: str, value: Any = None, *, lo: Optional[float] = None,
             hi: Optional[float] = None, log: bool = False, choices: Optional[Iterable[Any]] = None,
             get: Optional[Callable[[], Any]] = None, set: Optional[Callable[[Any], Any]] = None,
             type: Optional[str] = None, metric: Optional[str] = None) -> Knob:
        """Name a knob: `actuator` and `name` are those of the recipe ("opt", "lr": its family lr_mult and so on).

        Without `set` the training reads `.value` of the Knob that is returned. `value` may also be an array of one
        float64 (or int64, bool), which is changed in place. With `set` the function gets each new value;
        `get` says what the training holds now, where a schedule may move it. lo..hi is the hard range.
        """
        def make_knob(kind: str, initial: Any) -> Knob:
            return Knob.behind_functions(self, actuator, name, kind, initial, lo, hi, choices, set, get, metric)
        return Knob.named(self, actuator, name, value, lo, hi, log, choices, get, set, type, make_knob)

    def actuator(self, name: str, actuator: Any) -> None:
        """An actuator of your own: an object with the methods of BaseActuator."""
        ops = _callbacks.actuator_ops(self._guard, name, actuator, self._c.ht_codes_add, self._env_dict)
        self._check(self._c.ht_actuator(self._open_handle(), encode(name, "name"), c.byref(ops), None))
        self._alive += [ops, actuator]

    def _env_dict(self, env: Any) -> Dict[str, Any]:
        return _callbacks.env_of(env if env else c.pointer(self._env))

    # ---- the training as a whole ------------------------------------------------------------------

    def training_state(self, arrays: Mapping[str, Any], *, weights: bool = False, average: Optional[bool] = None,
                       bfloat16: bool = False) -> None:
        """Arrays of the training state, by name: registered without copies, kept alive until the kernel is closed.

        weights: the objective is computed from them; the library keeps a moving average and the best of them.
        average: a mean over replicas makes sense; None: of floats yes, of integers no.
        bfloat16: the words of 2 bytes are bfloat16.
        """
        self._register(self._c.ht_training_state, arrays, weights, average, bfloat16)

    def replica_state(self, arrays: Mapping[str, Any]) -> None:
        """What belongs to this rank: counters, random state, position in the data. Never copied to others."""
        self._register(self._c.ht_replica_state, arrays, False, False, False)

    def _register(self, function: Any, arrays: Mapping[str, Any], weights: bool, average: Optional[bool],
                  bfloat16: bool) -> None:
        buffers, alive = _state.buffers_of(arrays, weights, average, bfloat16)
        self._check(function(self._open_handle(), buffers, len(arrays)))
        self._alive += alive

    def training_part(self, name: str, nbytes: int, get: Callable[[memoryview], None],
                      put: Callable[[memoryview], None]) -> None:
        """A part of the state behind functions (on a GPU): `get` fills the memory it is given, `put` reads it."""
        def with_memory(function: Callable[[memoryview], None]) -> Callable[[int], int]:
            def call(at: int) -> int:
                function(memoryview((c.c_ubyte * nbytes).from_address(at)).cast("B"))
                return _callbacks.OK
            return call
        wrapped = [self._guard.wrap(_types.PartGet, with_memory(f), _callbacks.FAILED, f"part '{name}'")
                   for f in (get, put)]
        self._check(self._c.ht_training_part(self._open_handle(), encode(name, "name"), nbytes, *wrapped, None))

    def training_mirror(self, fetch: Callable[[bool], None], store: Callable[[bool], None]) -> None:
        """The arrays of the training state are copies of what lives elsewhere (a GPU): `fetch` brings them up to
        date before the library reads them, `store` takes them over after it wrote them. Told True: those with
        weights=True are enough.
        """
        def with_extent(function: Callable[[bool], None]) -> Callable[[int], int]:
            def call(what: int) -> int:
                function(what != 0)
                return _callbacks.OK
            return call
        wrapped = [self._guard.wrap(_types.Move, with_extent(f), _callbacks.FAILED, "training_mirror")
                   for f in (fetch, store)]
        self._check(self._c.ht_training_mirror(self._open_handle(), *wrapped, None))

    def replica_part(self, name: str, nbytes: int, get: Callable[[memoryview], None],
                     put: Callable[[memoryview], None]) -> None:
        """A part of the replica state behind functions (random state): `put` is called when a resumed run has it
        again.
        """
        part = _state.RankPart(nbytes, get, put)
        self.replica_state({name: part.memory})
        self._rank_parts.append(part)

    def on_init(self, init: Callable[[int], None]) -> Callable[[int], None]:
        """How to begin anew: init(seed) writes fresh weights and zero moments into the arrays. A decorator, too."""
        def call(seed: int) -> int:
            init(seed)
            return _callbacks.OK
        self._check(self._c.ht_on_init(self._open_handle(), self._guard.wrap(
            _types.Init, call, _callbacks.FAILED, "on_init"), None))
        return init

    def on_validate(self, validate: Callable[[], float]) -> Callable[[], float]:
        """The validation: the objective of the weights that are in the arrays now. A decorator, too."""
        def call(out: Any) -> int:
            out[0] = float(validate())
            return _callbacks.OK
        self._check(self._c.ht_on_validate(self._open_handle(), self._guard.wrap(
            _types.Validate, call, _callbacks.FAILED, "on_validate"), None))
        return validate

    def show_best(self) -> bool:
        """Write the best weights that this replica validated into its arrays; False if there are none."""
        if not self.is_replica:
            return False
        try:
            self._check(self._guard.enter(self._c.ht_show_best, self._open_handle()))
        except Empty:
            return False
        return True

    # ---- what is observed -------------------------------------------------------------------------

    def metric(self, name: str, value: float) -> None:
        """Report a metric; it holds until it is reported again."""
        self._check(self._c.ht_metric(self._open_handle(), encode(name, "name"), float(value)))

    def metric_source(self, source: Callable[[str], Optional[float]]) -> None:
        """Or let the library ask: source(name) gives a number, or None where it is unknown."""
        def call(name: bytes, out: Any) -> bool:
            value = source(name.decode(errors="replace"))
            if value is None:
                return False
            out[0] = float(value)
            return True
        self._check(self._c.ht_metric_source(self._open_handle(), self._guard.wrap(
            _types.Accessor, call, False, "metric_source"), None))

    # ---- the loop ---------------------------------------------------------------------------------

    def running(self) -> bool:
        """More to train. False on the coordinator, and after close."""
        if self._quiet and self._more is not None:
            return self._more and not 0 < self._max_steps <= self._env.step
        if not self._handle:
            return False
        for part in self._rank_parts:
            part.take()
        self._more = self._guard.enter(self._c.ht_running, self._handle)
        for part in self._rank_parts:
            part.give()
        self._quiet = not self._c.ht_watches_batches(self._handle)
        if self._guard.caught is not None:
            self._guard.raise_caught()
        return self._more

    def apply(self, event: Union[Event, str], step: int, epoch: float = 0.0, loss: float = 0.0, max_steps: int = 0,
              anomaly_critical: bool = False, grad_spike: bool = False, phase: Optional[str] = None) -> None:
        """Tell what happened. At VAL_EPOCH_END, the safe point, knobs and state may be others when it returns.

        event: an Event, or its name in lower case. step: optimiser steps done. loss: of the last batch.
        """
        e = self._env
        if event is _BATCH and self._quiet and not max_steps:   # mode off: see ht_watches_batches
            e.step = step
            self._skipped = True
            return
        if event.__class__ is str:
            event = _EVENTS.get(event, event)
        code = _AS_C.get(event)
        if code is None:
            _unknown(event)
        self._skipped = False
        e.step, e.loss = step, loss
        more = epoch or max_steps or anomaly_critical or grad_spike or phase
        if more or self._env_is_more:
            e.epoch, e.max_steps, e.phase = epoch, max_steps, encode(phase, "phase")
            e.anomaly_critical, e.grad_spike = anomaly_critical, grad_spike
            self._env_is_more = bool(more)
            self._max_steps = max_steps or self._max_steps
        guard = self._guard
        parts = self._rank_parts if event is not _BATCH or self._more is None else ()
        for part in parts:
            part.take()
        guard.inside = True
        try:
            status = self._lib.apply(self._handle or self._open_handle(), self._env_at, code)
        finally:
            guard.inside = False
        for part in parts:
            part.give()
        if event is not _BATCH:
            self._more = None
            self._quiet = not self._c.ht_watches_batches(self._handle)
        if status != 0 or guard.caught is not None:
            self._check(status)

    @property
    def is_best(self) -> bool:
        """The best objective so far was read at the last safe point: in an independent run keep the weights."""
        return self._c.ht_is_best(self._open_handle())

    @property
    def is_champion(self) -> bool:
        """After a pooled run: its best weights are this replica's (show_best)."""
        return self._c.ht_is_champion(self._handle) if self._handle else self._champion

    @property
    def has_left(self) -> bool:
        """The run was written down and is to be resumed by another job: end with exit code 75."""
        return self._c.ht_has_left(self._handle) if self._handle else self._left

    # ---- the end ----------------------------------------------------------------------------------

    def report_result(self, val: float, test: float = math.nan) -> None:
        """Tell what this replica's best state is worth, once, before close."""
        self._check(self._c.ht_report_result(self._open_handle(), val, test))

    def result(self) -> Result:
        """What the run came to; also after close."""
        if self._result is None or self._handle:
            r = _types.CResult()
            self._c.ht_result_of(self._open_handle(), c.byref(r))
            self._result = from_c(Result, r)
        return self._result

    def close(self) -> None:
        """End the run: judge what is open, write summary and study. All ranks; a second call does nothing."""
        if not self._handle:
            return
        if self._skipped:
            self._guard.enter(self._c.ht_apply, self._handle, self._env_at, _BATCH)
        status = self._guard.enter(self._c.ht_close, self._handle)
        text = self._message() if status != 0 else ""
        self.result()
        self._left, self._champion = self.has_left, self.is_champion
        self._free()
        self._guard.raise_caught()
        if status != 0:
            raise error_of(status, text)

    def _free(self) -> None:
        handle, self._handle = self._handle, c.c_void_p()
        self._guard.enter(self._c.ht_free, handle)
        _exit.forget(self)
        self._quiet, self._more = False, None
        for number, (ours, before) in self._handlers:
            if signal.getsignal(number) is ours:
                signal.signal(number, before)
        self._handlers.clear()
        self._alive.clear()

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 traceback: Optional[TracebackType]) -> None:
        try:
            self.close()
        except Exception:
            if kind is None:
                raise
            log.exception("closing the run after an exception failed, too")     # the first one counts


def _unknown(event: Any) -> None:
    raise InvalidArgument(f"event '{event}' is unknown; it is one of {', '.join(_EVENTS)}")
