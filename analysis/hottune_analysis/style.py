"""How figures look, and how texts of others are shown in them and in a terminal."""
from __future__ import annotations

import unicodedata
from typing import Any, Iterable, Sequence, Tuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

# Okabe and Ito's colours ("Color Universal Design", 2008): told apart with any colour vision.
BLUE, ORANGE, GREEN, RED, SKY, PINK, YELLOW = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9",
                                               "#CC79A7", "#F0E442")
INK, GREY, FAINT = "#1a1a1a", "#6b6b6b", "#c8c8c8"
SERIES = (BLUE, RED, GREEN, PINK, ORANGE, SKY, INK)
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "figure.dpi": 150,
    "axes.edgecolor": GREY,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.labelcolor": INK,
    "text.color": INK,
    "axes.titlepad": 8,
    "svg.fonttype": "none",
    "svg.hashsalt": "hottune"
}
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def shown(text: Any, width: int = 0) -> str:
    """A text of others on one line; what is not visible is written out. Cut to a width above 0."""
    out = "".join(c if unicodedata.category(c) not in HIDDEN else c.encode("unicode_escape").decode("ascii")
                  if not 0xd800 <= ord(c) < 0xe000 else f"\\u{ord(c):04x}" for c in str(text))
    return out if not width or len(out) <= width else out[:max(width - 1, 0)] + "\u2026"


def label(text: Any, width: int = 40) -> str:
    """The same in a figure, where a dollar would begin a formula."""
    return shown(text, width).replace("$", r"\$")


def figure(width: float,
           height: float,
           rows: int = 1,
           columns: int = 1,
           **options: Any) -> Tuple[Figure, np.ndarray]:
    """A figure that belongs to no window, and its axes [rows x columns]."""
    with matplotlib.rc_context(STYLE):
        f = Figure(figsize=(width, height), constrained_layout=True)
        FigureCanvasAgg(f)
        return f, f.subplots(rows, columns, squeeze=False, **options)


def nothing(why: str) -> Figure:
    """A figure that says why there is nothing to see."""
    f, axes = figure(6.4, 1.2)
    axes[0, 0].set_axis_off()
    axes[0, 0].text(0, .5, why, color=GREY, va="center", transform=axes[0, 0].transAxes)
    return f


def end_label(ax: Axes, x: float, y: float, text: str, color: str) -> None:
    """A label right of the end of a line, in its colour."""
    halo(
        ax.annotate(text, (x, y),
                    xytext=(4, 0),
                    textcoords="offset points",
                    color=color,
                    va="center",
                    fontsize=8,
                    annotation_clip=False))


def spread_labels(ys: Sequence[float], low: float, high: float, n_lines: float) -> np.ndarray:
    """Heights of labels at ys, moved apart. @param n_lines  of text that fit on the axis"""
    order = np.argsort(ys)
    out = np.array(ys, float)[order]
    gap = (high - low) / max(n_lines, 1)
    for i in range(1, len(out)):
        out[i] = max(out[i], out[i - 1] + gap)
    over = max(0.0, out[-1] - high) if len(out) else 0
    for i in range(len(out) - 1, -1, -1):
        out[i] = min(out[i], (high if i == len(out) - 1 else out[i + 1] - gap)) if over else out[i]
    back = np.empty(len(out))
    back[order] = out
    return back


def log_ticks(axis: Axis, low: float, high: float) -> None:
    """Numbers at 1, 2 and 5 where the range is short, at powers of ten where it is long."""
    decades = np.log10(high / low)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.2 else (1, )))
    if decades < .5:
        axis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 4, 5, 6, 7, 8, 9)))
    axis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
    axis.set_minor_formatter(NullFormatter())


def halo(artist: Any) -> Any:
    """Lets a text be read that lies on lines."""
    artist.set_path_effects([withStroke(linewidth=2, foreground="white")])
    return artist


def number(x: float) -> str:
    """A number for people: four digits."""
    return "" if not np.isfinite(x) else f"{x:.4g}"


def robust_limits(values: Iterable[float],
                  keep: Iterable[float] = (),
                  share: float = .02) -> Tuple[float, float]:
    """Limits that leave out the wildest values, but never those to keep."""
    v = np.asarray([x for x in values if np.isfinite(x)], float)
    k = np.asarray([x for x in keep if np.isfinite(x)], float)
    both = np.concatenate([np.quantile(v, [share, 1 - share]), k]) if len(v) else k
    if not len(both):
        return 0.0, 1.0
    low, high = float(both.min()), float(both.max())
    pad = .06 * (high - low) or .05 * abs(high) or 1
    return low - pad, high + pad
