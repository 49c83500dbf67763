"""Processes that a launcher started as ranks of a run, in frameworks that would take them for ranks of one training.

Lightning and accelerate look for variables of mpirun and srun, and begin a distributed training where they find
some. Here each rank is a training of its own (or the coordinator), so MPI is begun while the variables are there, and
then they are taken away. hottune itself asks MPI.
"""
from __future__ import annotations

import ctypes as c
import os

from . import _exit
from ._library import library

_PREFIXES = ("OMPI_COMM_WORLD_", "PMI_", "MV2_COMM_WORLD_", "MPI_LOCAL", "PALS_")
_NAMES = ("SLURM_NTASKS", "SLURM_NPROCS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS_PER_NODE", "PMIX_RANK")


def stand_alone() -> None:
    """Make this process look as if nobody had launched it; MPI runs afterwards if somebody had. A second call does
    nothing. A launcher of torch's (torchrun) is left alone: the frameworks are right about it."""
    lib = library()
    if lib.was_launched() and not lib.mpi_runs():
        _exit.prepare(lib)
        lib.begin_mpi()
    if lib.mpi_runs():
        for name in [n for n in os.environ if n in _NAMES or n.startswith(_PREFIXES)]:
            del os.environ[name]


def rank() -> int:
    """Of this process among those that were started with it; 0 without MPI."""
    lib, out = library(), c.c_int(0)
    if lib.mpi_runs():
        lib.c.MPI_Comm_rank(lib.comm_type(lib.world()), c.byref(out))
    return out.value


def size() -> int:
    """How many processes were started together."""
    lib, out = library(), c.c_int(1)
    if lib.mpi_runs():
        lib.c.MPI_Comm_size(lib.comm_type(lib.world()), c.byref(out))
    return out.value
