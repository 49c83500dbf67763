"""The command line of the report. Exit codes as of `hottune`: 0 done, 1 it could not be made, 2 wrong usage or input."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
from typing import Any, Iterator, NoReturn

#: What has to be there, and how it is called where.
PACKAGES = (
    ("numpy", "python3-numpy", "numpy"),
    ("pandas", "python3-pandas", "pandas"),
    ("h5py", "python3-h5py", "h5py"),
    ("yaml", "python3-yaml", "PyYAML"),
    ("plotly", "python3-plotly", "plotly"),
)
FOR_FIGURES = (("matplotlib", "python3-matplotlib", "matplotlib"),)


def stop(code: int, message: str) -> NoReturn:
    printable = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in message)
    print(f"hottune: report: {printable}", file=sys.stderr)
    sys.exit(code)


#: Where packages of the system go, when another Python (pyenv, conda, a module) comes first in the PATH.
SYSTEM = "/usr/bin/python3"


def hand_over(packages: tuple[tuple[str, str, str], ...]) -> None:
    """Become the system's Python if that has what we lack, unless a Python was named."""
    if os.environ.get("HOTTUNE_PYTHON") or os.path.realpath(sys.executable) == os.path.realpath(SYSTEM):
        return
    look = f"import {', '.join(module for module, _, _ in packages)}"
    try:
        has_them = subprocess.run([SYSTEM, "-c", look], capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return
    if has_them:
        os.execv(SYSTEM, [SYSTEM, "-m", "hottune_analysis.report", *sys.argv[1:]])


def need(packages: tuple[tuple[str, str, str], ...]) -> None:
    """Stop with the names of what to install if something is missing."""
    missing = []
    for module, debian, pypi in packages:
        try:
            importlib.import_module(module)
        except ImportError:
            missing.append((debian, pypi))
    if missing:
        hand_over(packages)
        stop(
            1,
            f"{sys.executable} lacks Python packages: apt-get install {' '.join(d for d, _ in missing)}, or"
            f" {sys.executable} -m pip install {' '.join(p for _, p in missing)}; HOTTUNE_PYTHON names"
            " another Python",
        )


def write_whole(path: str, text: str) -> None:
    """The file is the old or the new one, never a part."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8") as f:  # a pipe or a device
            f.write(text)
        return
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=folder, prefix=".report.", delete=False) as f:
        try:
            f.write(text)
            f.flush()
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(f.name, 0o666 & ~mask)
            os.replace(f.name, path)
        except BaseException:
            os.unlink(f.name)
            raise


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="hottune report", description="Write a page about a run or a study."
    )
    parser.add_argument("--dir", help="the run directory")
    parser.add_argument("--study", help="the study (default: study.h5 in the run directory)")
    parser.add_argument("--run", help="the run to tell of: its id, or r1, r2 ..")
    parser.add_argument("--out", help="the page (default: report.html in the run directory, or here)")
    parser.add_argument("--figures", help="also write figures as PNG, SVG and CSV into this directory")
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")
    parser.add_argument("--quiet", action="store_true")
    return parser.parse_args()


def main() -> int:
    args = read_arguments()
    need(PACKAGES + (FOR_FIGURES if args.figures else ()))
    from ..files import StudyError
    from .data import Told, chosen_run, open_for_report
    from .page import render
    from .sections import all_sections, origin_of, title_of

    out = args.out if args.out is not None else os.path.join(args.dir or ".", "report.html")
    try:
        study = open_for_report(args.dir, args.study)
        label = chosen_run(study, args.dir, args.run)
        told = Told(study, label, whole_study=args.dir is None and args.run is None and len(study.labels) > 1)
        page = render(title_of(told), origin_of(told), all_sections(told))
    except StudyError as e:
        stop(2, str(e))
    except FileNotFoundError as e:
        stop(2, f"{e.filename!r}: {e.strerror}")
    try:
        write_whole(out, page)
        written = write_figures(study, label, told.whole_study, args.figures) if args.figures else []
    except OSError as e:
        stop(1, f"cannot write {e.filename or out!r}: {e.strerror}")
    if args.json:
        print(
            json.dumps(
                {
                    "report": out,
                    "bytes": len(page.encode("utf-8")),
                    "run": str(told.row["id"]),
                    "figures": written,
                },
                indent=2,
            )
        )
    elif not args.quiet:
        print(f"Wrote {len(page.encode('utf-8')) / 1e6:.1f} MB -> {out}")
        if written:
            print(f"Wrote {len(written)} files -> {args.figures}")
    return 0


def write_figures(study: Any, label: str, whole_study: bool, directory: str) -> list[str]:
    """The figures of the package as PNG and SVG, of one run or of all, and all tables as CSV. @return names of the files"""
    from .. import figures
    from ..__main__ import write_csv

    run = None if whole_study else label
    before = set(os.listdir(directory)) if os.path.isdir(directory) else set()
    write_csv(study, directory, run)
    names = [
        f"{name}.{kind}" for name, figure in saved(figures, study, run, directory) for kind in ("png", "svg")
    ]
    return sorted(set(names) | (set(os.listdir(directory)) - before))


def saved(figures: Any, study: Any, run: str | None, directory: str) -> Iterator[tuple[str, Any]]:
    for name, figure in figures.all_figures(study, run):
        figures.save(figure, directory, name)
        yield name, figure


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
