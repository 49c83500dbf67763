"""A figure of the report: what Plotly is to draw, with numbers packed small, and the switches above it."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Sequence

import numpy as np

from .text import esc, script_json


def pack(values: Any) -> dict[str, Any]:
    """Numbers as base64 of little-endian 32-bit words; page.js makes an array of them. Matrices keep their rows."""
    array = np.asarray(values)
    if array.dtype.kind in "iub" and (array.size == 0 or np.abs(array.astype(np.float64)).max() < 2**31):
        kind, array = "i4", array.astype("<i4")
    else:
        array = array.astype(np.float64)
        with np.errstate(over="ignore"):
            exact = array.size == 0 or not np.nanmax(np.abs(array), initial=0) > 3e38
        kind = "f4" if exact else "f8"
        array = array.astype("<" + kind)
    out: dict[str, Any] = {
        "packed": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii"),
        "as": kind,
    }
    if array.ndim == 2:
        out["rows"] = array.shape[0]
    return out


def _small(value: Any) -> Any:
    """What JSON can hold: arrays of numbers packed, other arrays as lists."""
    if isinstance(value, dict):
        return {k: _small(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return pack(value) if value.dtype.kind in "iufb" else value.tolist()
    if isinstance(value, (list, tuple)):
        return [_small(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


@dataclass
class Views:
    """One choice of several: which groups of traces are to be seen."""

    title: str
    choices: Sequence[tuple[str, Sequence[str]]]
    first: int = 0


@dataclass
class Chart:
    """`id` names the element and the CSV file; traces and layout are Plotly's. Colours are names of page.css ("@c0").

    All texts in it must have gone through text.label. A trace's `group` is for `views`. `log`: the switch of a
    logarithmic axis, and how it stands at first; None = no switch."""

    id: str
    title: str
    about: str
    traces: list[dict[str, Any]]
    layout: dict[str, Any]
    height: int = 360
    views: Views | None = None
    log: bool | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "id": self.id,
            "height": self.height,
            "traces": _small(self.traces),
            "layout": _small(self.layout),
            **self.extra,
        }
        if self.log is not None:
            out["log"] = self.log
        if self.views is not None:
            out["views"] = {
                "title": self.views.title,
                "first": self.views.first,
                "choices": [{"label": text, "groups": list(groups)} for text, groups in self.views.choices],
            }
        return out

    def html(self) -> str:
        """`about` is HTML of ours and may hold escaped names."""
        return (
            f'<figure aria-labelledby="{self.id}-title"><div class="head"><h3'
            f' id="{self.id}-title">{esc(self.title)}</h3></div>\n<div class="plot" id="{self.id}" role="img"'
            f' aria-labelledby="{self.id}-title"'
            f' style="min-height:{self.height}px"></div>\n<figcaption>{self.about}</figcaption></figure>\n'
        )


def figures_json(charts: Sequence[Chart]) -> str:
    return script_json([c.data() for c in charts])
