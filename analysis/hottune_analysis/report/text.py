"""Names and numbers from files as texts of a page. Names are data: whatever they hold, they are shown, never obeyed."""

from __future__ import annotations

import html
import json
import math
import re
from typing import Any

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")


def plain(value: Any) -> str:
    """Any value as one line of text: bytes as UTF-8 as far as they are, control and direction characters as \\uXXXX."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return _CONTROLS.sub(lambda m: f"\\u{ord(m.group()):04x}", str(value))


def lines(value: Any) -> str:
    """The same for texts of several lines: line feeds and tabs stay."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    return "\n".join(
        plain(line).replace("\\u0009", "    ") for line in str(value).replace("\r\n", "\n").split("\n")
    )


def esc(value: Any) -> str:
    """For HTML, between tags and in quoted attributes."""
    return html.escape(plain(value), quote=True)


def label(value: Any, most: int = 42) -> str:
    """For a label of a figure. Plotly reads a few tags and entities in labels (<b>, <a href>); these become text."""
    text = plain(value)
    if len(text) > most:
        text = text[: most - 1] + "\u2026"
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def template(value: Any) -> str:
    """A label inside a hover template, where %{..} would be looked up."""
    return label(value).replace("%", "&#37;")


def script_json(value: Any) -> str:
    """JSON that can stand inside a script element: no < in it, so no tag begins or ends there."""
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def number(value: Any, digits: int = 4) -> str:
    """A number for people: `digits` significant ones; an en dash when there is none."""
    try:
        x = float(value)
    except (TypeError, ValueError):
        return "\u2013"
    if math.isnan(x):
        return "\u2013"
    if math.isinf(x):
        return "\u221e" if x > 0 else "\u2212\u221e"
    if x == 0:
        return "0"
    size = abs(x)
    if size >= 1e6 or size < 1e-4:
        text = f"{x:.{digits - 1}e}"
        mantissa, exponent = text.split("e")
        text = f"{mantissa.rstrip('0').rstrip('.') if '.' in mantissa else mantissa}e{int(exponent)}"
    else:
        text = f"{x:.{max(0, digits - 1 - math.floor(math.log10(size)))}f}"
        if "." in text and float(f"{x:.2g}") == x:  # 0.001 and 40, as somebody wrote them
            text = text.rstrip("0").rstrip(".")
    return text.replace("-", "\u2212")


def fixed(value: float, places: int) -> str:
    """With as many decimals as its neighbours, so that a sum can be checked."""
    return f"{value:.{places}f}".replace("-", "\u2212")


def percent(share: float) -> str:
    return (
        "\u2013"
        if not math.isfinite(share)
        else f"{100 * share:.0f} %".replace("-0 ", "0 ").replace("-", "\u2212")
    )


def interval(lo: float, hi: float, digits: int = 3) -> str:
    return f"{number(lo, digits)} .. {number(hi, digits)}"


def duration(seconds: float) -> str:
    """12.3 s, 4 min 5 s, 3 h 20 min, 2 d 4 h."""
    if not math.isfinite(seconds) or seconds < 0:
        return "\u2013"
    if seconds < 60:
        return f"{seconds:.1f} s"
    s = round(seconds)
    for size, unit, small, small_unit in (
        (86400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if s >= size:
            rest = s % size // small
            return f"{s // size} {unit}" + (f" {rest} {small_unit}" if rest else "")
    return f"{s} s"


def count(n: int, one: str, many: str | None = None) -> str:
    """1 run, 2 runs."""
    return f"{n} {one if n == 1 else many or one + 's'}"
