"""What happens when the interpreter ends and somebody did not close a run: it is closed then, MPI after it.

Only in the process that opened it: a forked child has no part in the run.
"""
from __future__ import annotations

import atexit
import logging
import os
from typing import Any, Dict

_open: Dict[int, Any] = {}      # strong: a kernel that nobody holds any more is still part of the run
_pid = 0


def prepare(library: Any) -> None:
    """Before MPI begins: what follows may fail, and MPI must be finalised all the same."""
    global _pid
    if _pid == 0:
        _pid = os.getpid()
        atexit.register(_end, library)


def remember(kernel: Any) -> None:
    _open[id(kernel)] = kernel


def forget(kernel: Any) -> None:
    _open.pop(id(kernel), None)


def _end(library: Any) -> None:
    if os.getpid() != _pid:
        return
    for kernel in list(_open.values()):
        try:
            kernel.close()
        except BaseException:
            logging.getLogger("hottune").exception("closing the run at the end of the program failed")
    library.end_mpi()
