#!/usr/bin/env python3
"""Opens pages of `hottune report` in a browser and uses them as people do; says what does not hold and fails.

report_page.py [--shots FOLDER] BROWSER PAGE ...
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from browser import Browser

#: Shapes that stand for data: lines, points, bars, areas, images, error bars.
MARKS = ".js-line, .point, .barlayer path, .js-fill, .hm image, .yerror, .xerror"

#: Where the mouse has to be to stand on something: pixels of the window, for each point that is on view.
POINTS = """((id) => {
    const gd = document.getElementById(id), out = [];
    gd.scrollIntoView({block: 'center', behavior: 'instant'});
    const box = gd.getBoundingClientRect();
    for (const trace of gd.calcdata) {
        const full = trace[0].trace, xa = gd._fullLayout[full.xaxis === 'x' ? 'xaxis' : 'xaxis' + full.xaxis.slice(1)],
            ya = gd._fullLayout[full.yaxis === 'y' ? 'yaxis' : 'yaxis' + full.yaxis.slice(1)];
        if (!full.visible || full.hoverinfo === 'skip' || full.mode === 'text')
            continue;
        for (const d of full.type === 'heatmap' ? [{ct: [xa._length / 2, ya._length / 2]}] : trace) {
            const x = d.ct ? d.ct[0] : xa.c2p(d.x), y = d.ct ? d.ct[1] : ya.c2p(d.y);
            if (x > 1 && y > 1 && x < xa._length - 1 && y < ya._length - 1)
                out.push([box.left + xa._offset + x, box.top + ya._offset + y]);
        }
    }
    return out.filter((_, i) => i % Math.ceil(out.length / 12) === 0);
})"""


class Failed(Exception):
    pass


def hold(what: Any, sentence: str) -> None:
    if not what:
        raise Failed(sentence)


def hover(page: Browser, figure: str) -> None:
    """Some point of the figure tells its value."""
    for x, y in page.run(f"{POINTS}({figure!r})"):
        for dx, dy in ((-4, 0), (0, 4), (4, 0), (0, -4)):  # a bar may lie on any side of its end
            page.point(x + dx, y + dy)
            shows = f"document.querySelector('#{figure} .hoverlayer .hovertext')?.textContent"
            try:
                page.until(f"/[0-9]/.test({shows} ?? '')", 0.2)
                return
            except RuntimeError:
                continue
    raise Failed(f"{figure}: hovering shows no value")


def look(page: Browser, file: str, width: int, dark: bool, shots: str | None) -> int:
    """@return number of figures"""
    page.see(width, 900, dark)
    page.open(file)
    page.until("document.documentElement.dataset.drawn")
    drawn = page.run("document.documentElement.dataset.drawn")
    figures = page.run("[...document.querySelectorAll('div.plot')].map(p => p.id)")
    hold(drawn == str(len(figures)) and len(figures) > 0, f"{drawn} of {len(figures)} figures are drawn")
    hold(
        page.run("document.documentElement.classList.contains('dark')") == dark, "the system's theme is taken"
    )
    for figure in figures:
        hold(
            page.run(f"document.querySelectorAll('#{figure} :is({MARKS})').length"), f"{figure}: has no marks"
        )
    over = page.run("document.documentElement.scrollWidth - innerWidth")
    hold(over <= 0, f"the page is {over} pixels wider than the window")
    if shots:
        page.picture(
            os.path.join(shots, f"{os.path.basename(file)}-{width}-{'dark' if dark else 'light'}.png")
        )
    return len(figures)


def switch_theme(page: Browser, by_key: bool) -> None:
    state = (
        "[document.documentElement.classList.contains('dark'),"
        " getComputedStyle(document.body).backgroundColor, document.querySelector('div.plot"
        " text').style.fill].join()"
    )
    before = page.run(state).split(",")
    page.run("document.getElementById('theme').focus()")
    if by_key:
        page.press("Enter", 13)
    else:
        page.run("document.getElementById('theme').click()")
    page.until(
        f"{state} !== {','.join(before)!r} && document.querySelector('div.plot text').style.fill !=="
        f" {before[-1]!r}",
        20,
    )
    pressed = page.run("document.getElementById('theme').getAttribute('aria-pressed')")
    hold(pressed == ("false" if before[0] == "true" else "true"), "the theme button says how it stands")


def switch_replicas(page: Browser) -> None:
    """Each view of the learning curves shows other lines; the logarithmic axis is one."""
    visible = (
        "document.getElementById('learning-curves')._fullData.filter(t => t.visible === true).map(t =>"
        " t.name).join('|')"
    )
    boxes = "document.querySelectorAll('[name=learning-curves-view]')"
    seen = {page.run(visible)}
    for i in range(1, page.run(boxes + ".length")):
        before = page.run(visible)
        page.run(f"{boxes}[{i}].click()")
        page.until(f"{visible} !== {before!r}", 20)
        seen.add(page.run(visible))
    hold(len(seen) == page.run(boxes + ".length"), "the views of the replicas differ")
    axis = "document.getElementById('learning-curves')._fullLayout.yaxis.type"
    page.run("document.querySelector('figure:has(#learning-curves) input.log').click()")
    page.until(f"{axis} === 'log'", 20)


def take_numbers(page: Browser) -> None:
    """Every CSV button gives a table; the schedule can be copied."""
    tables = page.run("""(async () => {
        const out = [], make = URL.createObjectURL, click = HTMLAnchorElement.prototype.click;
        URL.createObjectURL = (blob) => { out.push(blob); return make(blob); };
        HTMLAnchorElement.prototype.click = () => {};
        document.querySelectorAll('button.csv').forEach(b => b.click());
        URL.createObjectURL = make; HTMLAnchorElement.prototype.click = click;
        return Promise.all(out.map(b => b.text()));
    })()""")
    hold(
        tables and all(t.startswith("series,") and t.count("\r\n") > 1 for t in tables),
        "each figure gives its numbers as CSV",
    )
    text = page.run("document.getElementById('schedule-yaml')?.textContent ?? ''")
    hold("- {from_epoch: 0, to_epoch: " in text, "the schedule is there as YAML")


def harmless(page: Browser) -> None:
    hold(page.run("document.querySelectorAll('script').length") <= 4, "no name became a script")
    hold(
        page.run(
            "document.querySelectorAll('main :is(img, iframe, object, form), svg :is(a, image):not(.hm"
            ' image), main a:not([href^="#"]):not(.modebar-btn)\').length'
        )
        == 0,
        "no name became an element",
    )
    hold(
        "<script>alert(1)</script>" in page.run("document.querySelector('h1').textContent"),
        "a name is shown as it is",
    )


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots")
    parser.add_argument("browser")
    parser.add_argument("pages", nargs="+")
    args = parser.parse_args()
    page = Browser(args.browser)
    at = ""
    try:
        for n, file in enumerate(args.pages):
            for width, dark in (
                ((1600, False), (360, True))
                if not args.shots
                else ((1600, False), (1600, True), (360, False), (360, True))
            ):
                at = f"{os.path.basename(file)} at {width} pixels, {'dark' if dark else 'light'}"
                figures = look(page, file, width, dark, args.shots)
                if n == 0 or width == 1600:
                    for figure in page.run("[...document.querySelectorAll('div.plot')].map(p => p.id)"):
                        hover(page, figure)
                switch_theme(page, by_key=width == 1600)
                switch_replicas(page)
                take_numbers(page)
                if "hostile" in file:
                    harmless(page)
                hold(not page.errors, f"the console is silent: {page.errors}")
                hold(not page.asked, f"nothing is asked for: {page.asked}")
            print(f"{os.path.basename(file)}: {figures} figures")
        return 0
    except (Failed, RuntimeError) as e:
        print(f"FAILED: {at}: {e}")
        return 1
    finally:
        page.close()


if __name__ == "__main__":
    sys.exit(main())
