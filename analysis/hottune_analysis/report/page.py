"""The page around the sections: one HTML file that needs nothing else, and whose policy forbids it to ask for more."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Sequence

from .bundle import plotly_packed
from .chart import Chart, figures_json
from .text import esc

#: Scripts and styles of the page itself, images that figures make; no connection, no frame, no form, no font.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"


@dataclass
class Section:
    """`body` is HTML; charts follow it. `after` is HTML below them."""

    id: str
    title: str
    body: str = ""
    charts: list[Chart] = field(default_factory=list)
    after: str = ""
    pair: bool = False  # two charts side by side where there is room

    def html(self) -> str:
        figures = "".join(c.html() for c in self.charts)
        if figures:
            figures = f'<div class="figures{" pair" if self.pair else ""}">\n{figures}</div>\n'
        return (
            f'<section id="{self.id}" aria-labelledby="{self.id}-h">\n<h2'
            f' id="{self.id}-h">{esc(self.title)}</h2>\n{self.body}\n{figures}{self.after}</section>\n'
        )


def render(title: str, origin: str, sections: Sequence[Section]) -> str:
    """@param origin  HTML: where this comes from, one line"""
    here = Path(__file__).parent
    version, library = plotly_packed()
    charts = [c for s in sections for c in s.charts]
    links = "\n".join(f'<li><a href="#{s.id}">{esc(s.title)}</a></li>' for s in sections)
    body = "".join(s.html() for s in sections)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{esc(title)}</title>
<link rel="icon" href="data:,">
<style>
{(here / "page.css").read_text("utf-8")}</style>
</head>
<body>
<a class="skip" href="#short">Skip to the summary</a>
<header><div><h1>{esc(title)}</h1>
<p class="origin">{origin}</p></div>
<button id="theme" type="button" aria-pressed="false">Dark theme</button></header>
<div class="frame">
<nav aria-label="Parts of this report"><ul>
{links}
</ul></nav>
<main>
<noscript><p class="message">Figures need JavaScript; texts and tables are complete without.</p></noscript>
<p id="trouble" class="message" role="alert" hidden></p>
{body}<p class="note">Figures: plotly.js {esc(version)} (MIT), part of this file. The page asks nothing of any network.
In a figure: drag to zoom, double click to see all again, click a name in the legend to hide it.</p>
</main>
</div>
<script type="application/json" id="figures">{figures_json(charts)}</script>
<script type="text/plain" id="library" data-form="gzip">{library}</script>
<script>
{(here / "page.js").read_text("utf-8")}</script>
</body>
</html>
"""
