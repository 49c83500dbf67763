"""Tables and texts of several lines as HTML."""

from __future__ import annotations

import re
from typing import Sequence

from .text import esc, lines

MOST_TABLE_ROWS = 60
TALL = 24  # rows from which on a table scrolls by itself


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    texts: Sequence[int] = (0,),
    marked: Sequence[bool] | None = None,
) -> str:
    """An HTML table; cells are HTML. `texts`: columns that are aligned left."""
    side = [' class="text"' if i in texts else "" for i in range(len(head))]
    out = [
        (
            f'<div class="scroll{" tall" if len(rows) > TALL else ""}" tabindex="0" role="region"'
            f' aria-label="{esc(caption)}"><table><caption>{esc(caption)}</caption><thead><tr>'
        ),
        "".join(f'<th scope="col"{side[i]}>{h}</th>' for i, h in enumerate(head)),
        "</tr></thead><tbody>\n",
    ]
    for r, row in enumerate(rows):
        out.append(
            f'<tr{" class=changed" if marked is not None and marked[r] else ""}>'
            + "".join(f"<td{side[i]}>{c}</td>" for i, c in enumerate(row))
            + "</tr>\n"
        )
    return "".join(out) + "</tbody></table></div>\n"


def breakable(name: str) -> str:
    """A name as HTML that may be broken behind its dots, lines and slashes."""
    return re.sub(r"([._/:])(?=.)", r"\1<wbr>", esc(name))


def esc_block(text: str) -> str:
    """Lines of text for a pre element."""
    return "\n".join(esc(line) for line in lines(text).split("\n"))
