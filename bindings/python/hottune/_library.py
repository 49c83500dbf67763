"""Finds and loads the shared library, and the MPI that it is linked with.

The library is loaded for itself (its HDF5 and SQLite stay invisible to other packages); its MPI alone is made
visible to everybody, because Open MPI opens plugins that look for it there.
"""
from __future__ import annotations

import ctypes as c
import ctypes.util
import os
import sys
from pathlib import Path
from typing import Any, List, Optional

from . import _types
from .errors import LibraryError

VERSION = "0.1.0"
# set by launchers in what they start; without any of them this process is alone and needs no MPI
LAUNCHED = ("OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "MV2_COMM_WORLD_SIZE")


class _Symbol(c.Structure):         # Dl_info
    _fields_ = [("file", c.c_char_p), ("base", c.c_void_p), ("name", c.c_char_p), ("address", c.c_void_p)]


def _build_trees(package: Path) -> List[Path]:
    """Libraries in the source tree that the package lies in, the newest first."""
    root = package.parents[2] if len(package.parents) > 2 else package
    if not (root / "include" / "hottune" / "hottune.h").exists():
        return []
    found = [p for pattern in ("build*/src/libhottune.so", "build*/*/src/libhottune.so") for p in root.glob(pattern)]
    found = [p for p in found if "sanitize" not in p.parts]     # it would end an interpreter that is not prepared
    return sorted(found, key=lambda p: -p.stat().st_mtime)


def candidates() -> List[str]:
    """Where the library is looked for, in this order."""
    said = os.environ.get("HOTTUNE_LIBRARY")
    if said:
        return [said]               # who says where it is does not want another one
    package = Path(__file__).resolve().parent
    beside = [p for name in ("libhottune.so.0", "libhottune.so") for p in (package / name, package / "lib" / name)]
    there = [str(p) for p in beside + _build_trees(package) if p.exists()]
    named = ctypes.util.find_library("hottune")
    return there + ([named] if named else []) + ["libhottune.so.0", "libhottune.so"]


def _open() -> c.CDLL:
    tried = []
    for path in candidates():
        try:
            return c.CDLL(path)
        except OSError as e:
            tried.append(f"  {path}: {e}")
    raise LibraryError("the shared library of hottune cannot be loaded; build it, then set HOTTUNE_LIBRARY "
                       "to its file. Tried:\n" + "\n".join(tried))


class Library:
    """The loaded library `c`, what this package needs to know of its MPI, and the type of ht_options."""

    def __init__(self) -> None:
        self.c = lib = _open()
        try:
            _types.declare(lib)
        except AttributeError as e:
            raise LibraryError(f"{lib._name} is another version than this package ({VERSION}): {e}") from None
        self.is_open_mpi = hasattr(lib, "ompi_mpi_comm_world")
        # a pointer there, a number in MPICH and its relatives
        self.comm_type: Any = c.c_void_p if self.is_open_mpi else c.c_int
        lib.ht_replica_comm.restype, lib.ht_replica_comm.argtypes = self.comm_type, [c.c_void_p]
        self.Options = _types.options_type(self.comm_type)
        size = lib.ht_options_size()
        if lib.ht_version() != VERSION.encode() or size != c.sizeof(self.Options):
            theirs = lib.ht_version().decode()
            raise LibraryError(f"{lib._name} is version {theirs} with options of {size} bytes; "
                               f"this package is {VERSION} with {c.sizeof(self.Options)}: install both from one source")
        # without a prototype, for arguments that are C objects already: half the cost of a call
        self.apply = lib["ht_apply"]
        self._began_mpi = False

    # ---- MPI --------------------------------------------------------------------------------------

    def _asks(self, name: str) -> bool:
        flag = c.c_int(0)
        getattr(self.c, name)(c.byref(flag))
        return bool(flag.value)

    def mpi_runs(self) -> bool:
        """Somebody has initialised MPI, and nobody has finalised it."""
        return self._asks("MPI_Initialized") and not self._asks("MPI_Finalized")

    def was_launched(self) -> bool:
        """mpirun or srun started this process."""
        return any(name in os.environ for name in LAUNCHED)

    def _show_mpi(self) -> None:
        symbol = _Symbol()
        process = c.CDLL(None)
        if not hasattr(process, "dladdr"):
            process = c.CDLL("libdl.so.2")
        address = c.cast(self.c.MPI_Init_thread, c.c_void_p)
        if process.dladdr(address, c.byref(symbol)) and symbol.file:
            c.CDLL(os.fsdecode(symbol.file), mode=c.RTLD_GLOBAL)

    def begin_mpi(self) -> None:
        """Initialise MPI, if nobody did; then `end_mpi` finalises it."""
        if self._asks("MPI_Finalized"):
            raise LibraryError("MPI was finalised already: it cannot be used again in this process")
        if self._asks("MPI_Initialized"):
            return
        self._show_mpi()
        funneled, provided = 1, c.c_int(0)      # other threads of Python do not call MPI
        if self.c.MPI_Init_thread(None, None, funneled, c.byref(provided)) != 0:
            raise LibraryError("MPI_Init_thread failed")
        self._began_mpi = True

    def end_mpi(self) -> None:
        if self._began_mpi and not self._asks("MPI_Finalized"):
            self.c.MPI_Finalize()

    def world(self) -> Any:
        """MPI_COMM_WORLD."""
        if self.is_open_mpi:
            return c.addressof(c.c_char.in_dll(self.c, "ompi_mpi_comm_world"))
        return 0x44000000                       # by the common ABI of MPICH

    def handle(self, comm: Any) -> Any:
        """The MPI_Comm of a communicator of mpi4py."""
        try:
            mpi = self.mpi4py()     # whoever has a communicator has it
            if not isinstance(comm, mpi.Comm):
                raise TypeError
        except (ModuleNotFoundError, TypeError):
            raise TypeError(f"comm: {type(comm).__name__} is no communicator of mpi4py") from None
        return mpi._handleof(comm)

    def communicator(self, handle: Any) -> Any:
        """A communicator of mpi4py for an MPI_Comm, which stays its owner's; None for MPI_COMM_NULL."""
        mpi = self.mpi4py()
        comm = mpi.Intracomm()
        self.comm_type.from_address(mpi._addressof(comm)).value = handle
        return None if comm == mpi.COMM_NULL else comm

    def mpi4py(self) -> Any:
        """mpi4py.MPI, which must use the same MPI."""
        from mpi4py import MPI  # type: ignore
        version, n = c.create_string_buffer(8192), c.c_int(0)
        self.c.MPI_Get_library_version(version, c.byref(n))
        ours, theirs = version.value.decode().rstrip("\0\n "), MPI.Get_library_version().rstrip("\0\n ")
        if ours != theirs:
            raise LibraryError(f"mpi4py uses '{theirs.splitlines()[0]}', hottune '{ours.splitlines()[0]}': "
                               "build one of them for the MPI of the other")
        return MPI


_library: Optional[Library] = None


def library() -> Library:
    """The one library of this process; loaded when it is first needed, so that the package imports without it."""
    global _library
    if _library is None:
        _library = Library()
    return _library


def warn_of_missing_pmi() -> Optional[str]:
    """srun started several tasks, but none of them can find the others."""
    tasks = os.environ.get("SLURM_STEP_NUM_TASKS", "1")
    if tasks.isdigit() and int(tasks) > 1 and "mpi4py" not in sys.modules:
        return f"srun started {tasks} tasks without MPI: each of them trains alone; say srun --mpi=pmix (or pmi2)"
    return None
