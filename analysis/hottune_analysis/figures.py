"""All figures by name, and how they are written."""
from __future__ import annotations

import os
import warnings
from typing import Callable, Dict, Iterator, Optional, Tuple

import matplotlib
from matplotlib.figure import Figure

from . import figures_run, figures_study
from .style import STYLE
from .study import Study

# of one run
OF_RUN: Dict[str, Callable[[Study, str], Figure]] = {
    "learning": figures_run.learning, "knobs": figures_run.knobs, "lineage": figures_run.lineage,
    "gain": figures_run.gain, "utilisation": figures_run.utilisation, "paid": figures_study.paid,
    "mattered": figures_study.mattered, "parallel": figures_study.parallel}
# of all runs together
OF_STUDY: Dict[str, Callable[[Study], Figure]] = {
    "compare": figures_study.compare, "priors": figures_study.priors, "paid": figures_study.paid,
    "mattered": figures_study.mattered, "parallel": figures_study.parallel}


def draw(study: Study, name: str, run: Optional[str] = None) -> Figure:
    """A figure by name; with a run that of the run, else that of all runs."""
    with matplotlib.rc_context(STYLE):
        return OF_RUN[name](study, study.label(run)) if run is not None else OF_STUDY[name](study)


def all_figures(study: Study, run: Optional[str] = None) -> Iterator[Tuple[str, Figure]]:
    """Names for files, and figures: those of the study, and those of a run, or else of each run."""
    for name in OF_STUDY:
        yield f"study_{name}", draw(study, name)
    for one in [study.label(run)] if run is not None else study.labels:
        for name in OF_RUN:
            yield f"{one}_{name}", draw(study, name, one)


def save(figure: Figure, folder: str, name: str) -> None:
    """Write `name`.png and `name`.svg."""
    os.makedirs(folder, exist_ok=True)
    with warnings.catch_warnings(), matplotlib.rc_context(STYLE):
        warnings.filterwarnings("ignore", message="Glyph")     # names may be in scripts that the font lacks
        figure.savefig(os.path.join(folder, f"{name}.png"), dpi=150)
        figure.savefig(os.path.join(folder, f"{name}.svg"), dpi=150, metadata={"Date": None})
