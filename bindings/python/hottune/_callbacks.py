"""Python functions as C callbacks: an exception in one is kept, reported to C as failure, and raised again when the
call of the library that led there has returned, so that the library is never left in the middle of something."""
from __future__ import annotations

import ctypes as c
import json
from typing import Any, Callable, Dict, List, Optional

from . import _types as t
from ._values import encode, fill, read
from .actuators import ApplyResult, ValidationResult

OK, FAILED = 0, 8


class Guard:
    """Keeps callbacks alive and the first exception that came out of one.

    `inside`: C runs, and no function of the user in it. Ctrl-C is kept then: Python would raise it at the first
    instruction of a callback, outside of any `try`, where it is lost.
    """

    def __init__(self) -> None:
        self.alive: List[Any] = []
        self.caught: Optional[BaseException] = None
        self.inside = False
        self.when_caught: Callable[[BaseException, str], bool] = lambda e, where: True     # keep it?

    def wrap(self, prototype: Any, function: Callable[..., Any], failed: Any, where: str) -> Any:
        """`function` gets the arguments of C but for the context, which comes first everywhere."""
        def call(_ctx: Any, *arguments: Any) -> Any:
            try:
                self.inside = False
                return failed if isinstance(self.caught, KeyboardInterrupt) else function(*arguments)
            except BaseException as e:      # KeyboardInterrupt, too: it cannot pass through C
                self.catch(e, where)
                return failed
            finally:
                self.inside = True

        callback = prototype(call)
        self.alive.append(callback)
        return callback

    def enter(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the library that may call back."""
        self.inside = True
        try:
            return function(*arguments)
        finally:
            self.inside = False

    def catch(self, e: BaseException, where: str) -> None:
        fatal = not isinstance(e, Exception)
        if (fatal or self.when_caught(e, where)) and (self.caught is None or fatal):
            self.caught = e

    def raise_caught(self) -> None:
        if self.caught is not None:
            e, self.caught = self.caught, None
            raise e


def say(error: Any, text: Optional[str]) -> int:
    """Fill an ht_error."""
    if error:
        error.contents.text = (text or "failed").encode()[:511]
    return FAILED


def env_of(env: Any) -> Dict[str, Any]:
    """An ht_env as the dict that actuators get."""
    e = env.contents
    return {"step": e.step, "epoch": e.epoch, "max_steps": e.max_steps, "loss": e.loss,
            "anomaly_critical": e.anomaly_critical, "grad_spike": e.grad_spike,
            "phase": e.phase.decode(errors="replace") if e.phase else None}


def setter(guard: Guard, where: str, function: Callable[[Any, Dict[str, Any]], Any],
           env: Callable[[Any], Dict[str, Any]]) -> Any:
    """`function(value, env)` may return an ApplyResult, or raise."""
    def call(value: Any, c_env: Any, error: Any) -> int:
        try:
            result = function(read(value.contents), env(c_env))
        except Exception as e:
            say(error, "apply_fn_exception")
            raise e
        if isinstance(result, ApplyResult) and not result.success:
            return say(error, result.error)
        return OK

    return guard.wrap(t.Setter, call, FAILED, where)


def getter(guard: Guard, where: str, function: Callable[[], Any]) -> Any:
    def call(out: Any) -> bool:
        fill(out.contents, function())
        return True

    return guard.wrap(t.Getter, call, False, where)


def _patch(patch: Any) -> Dict[str, Any]:
    p = patch.contents
    said = {"op": p.op.decode(), "value": read(p.value)}
    if p.key:
        said["key"] = p.key.decode()
    return said


def _reasons(result: Any) -> List[str]:
    if isinstance(result, ValidationResult):
        return [] if result.valid else [str(e) for e in result.errors] or ["invalid"]
    if isinstance(result, (list, tuple)):
        return [str(e) for e in result]
    return [] if result is None or result else ["invalid"]


def actuator_ops(guard: Guard, name: str, actuator: Any, add_code: Callable[..., None],
                 env: Callable[[Any], Dict[str, Any]]) -> t.ActuatorOps:
    """The callbacks of an actuator class; snapshots stay in Python, C holds their numbers."""
    missing = [m for m in ("snapshot", "validate", "apply", "restore") if not callable(getattr(actuator, m, None))]
    if missing:
        raise TypeError(f"actuator '{name}': {type(actuator).__name__} has no method {', '.join(missing)}")
    snapshots: Dict[int, Any] = {}
    last = {"number": 0}

    def snapshot(patch: Any, out: Any) -> int:
        taken = actuator.snapshot(env(None))
        if taken is None or (isinstance(taken, dict) and not taken):
            out[0] = None
            return OK
        last["number"] += 1
        snapshots[last["number"]] = taken
        out[0] = last["number"]
        return OK

    def validate(patch: Any, codes: Any) -> None:
        try:
            reasons = _reasons(actuator.validate(_patch(patch), env(None)))
        except Exception as e:
            add_code(codes, b"exception")
            raise e
        for reason in reasons:
            add_code(codes, reason.encode()[:31])

    def finish(call: Callable[[], Any], error: Any) -> int:
        try:
            result = call()
        except Exception as e:
            say(error, f"{type(e).__name__}: {e}")
            raise e
        failed = result is False or (isinstance(result, ApplyResult) and not result.success)
        return say(error, getattr(result, "error", None)) if failed else OK

    def apply(patch: Any, c_env: Any, error: Any) -> int:
        return finish(lambda: actuator.apply(_patch(patch), env(c_env)), error)

    def restore(number: Any, error: Any) -> int:
        return finish(lambda: actuator.restore(snapshots[number], env(None)), error)

    def discard(number: Any) -> None:
        snapshots.pop(number, None)

    def describe(to: int, size: int) -> None:
        described = getattr(actuator, "describe_space", lambda: name)()
        text = described if isinstance(described, str) else json.dumps(described, default=str)
        data = (encode(text.replace("\n", " ")) or b"")[:size - 1] + b"\0"
        c.memmove(to, data, len(data))

    def wrap(prototype: Any, function: Callable[..., Any], failed: Any) -> Any:
        return guard.wrap(prototype, function, failed, f"actuator '{name}'")

    return t.ActuatorOps(wrap(t.Snapshot, snapshot, FAILED), wrap(t.CheckPatch, validate, None),
                         wrap(t.ApplyPatch, apply, FAILED), wrap(t.Restore, restore, FAILED),
                         wrap(t.Discard, discard, None), wrap(t.Describe, describe, None))
