"""Values between Python and C: numbers, bools, short texts, tuples of numbers."""
from __future__ import annotations

from numbers import Integral
from typing import Any, Optional

from ._types import ITEMS_MAX, NAME_MAX, Kind, Scalar, Value


def encode(text: Optional[str], what: str = "text") -> Optional[bytes]:
    """UTF-8 for C; None stays None."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise TypeError(f"{what}: a str is needed, not {type(text).__name__}")
    if "\0" in text:
        raise ValueError(f"{what}: '{text!r}' has a 0 character in it")
    return text.encode()


def _fill_scalar(to: Scalar, value: Any) -> None:
    if value is None:
        to.kind = Kind.NULL
    elif isinstance(value, str):
        data = value.encode()
        if len(data) >= NAME_MAX:
            raise ValueError(f"'{value}' is longer than {NAME_MAX - 1} bytes")
        to.kind, to.text = Kind.TEXT, data
    elif isinstance(value, bool) or type(value).__name__ == "bool_":    # numpy's
        to.kind, to.number = Kind.BOOL, bool(value)
    elif isinstance(value, Integral):
        to.kind, to.number = Kind.INT, int(value)
    else:
        try:
            to.kind, to.number = Kind.REAL, float(value)
        except (TypeError, ValueError):
            raise TypeError(f"{type(value).__name__} is no number, bool, str or tuple of numbers") from None


def fill(to: Value, value: Any) -> None:
    """Write a Python value into an ht_value."""
    to.kind = Kind.NONE
    if isinstance(value, (tuple, list)):
        if len(value) > ITEMS_MAX:
            raise ValueError(f"{len(value)} elements; at most {ITEMS_MAX} are possible")
        for item, scalar in zip(value, to.items):
            _fill_scalar(scalar, item)
        to.kind, to.n_items = Kind.LIST, len(value)
    else:
        _fill_scalar(to.scalar, value)
        to.kind = to.scalar.kind


def make(value: Any) -> Value:
    v = Value()
    fill(v, value)
    return v


def _scalar(s: Scalar) -> Any:
    if s.kind == Kind.BOOL:
        return s.number != 0
    if s.kind == Kind.INT:
        return int(s.number)
    if s.kind == Kind.REAL:
        return s.number
    if s.kind == Kind.TEXT:
        return s.text.decode(errors="replace")
    return None


def read(v: Value) -> Any:
    """An ht_value as a Python value; lists are tuples."""
    if v.kind == Kind.LIST:
        return tuple(_scalar(v.items[i]) for i in range(min(v.n_items, ITEMS_MAX)))
    return _scalar(v.scalar)
