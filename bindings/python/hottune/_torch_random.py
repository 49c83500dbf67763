"""Random state as bytes: what a rank draws its batches and its noise from."""
from __future__ import annotations

import ctypes as c
import random as python_random
import struct
from typing import Any, Callable, Iterable, List, NamedTuple

import torch

from .errors import InvalidArgument

_PYTHON = struct.Struct("625I?d")
_NUMPY = struct.Struct("624I2id")


class Random(NamedTuple):
    """A random state that is read and written as bytes, always as many, and begun from a seed below 2^32."""

    name: str
    get: Callable[[], bytes]
    put: Callable[[bytes], None]
    seed: Callable[[int], Any]


def _bytes_of(t: torch.Tensor) -> bytes:
    return c.string_at(t.data_ptr(), t.numel())


def _tensor_of(data: bytes) -> torch.Tensor:
    t = torch.empty(len(data), dtype=torch.uint8)
    c.memmove(t.data_ptr(), data, len(data))
    return t


def _generator(name: str, g: Any) -> Random:
    return Random(name, lambda: _bytes_of(g.get_state()), lambda data: g.set_state(_tensor_of(data)),
                  g.manual_seed)


def _cuda(index: int) -> Random:
    def seed(x: int) -> None:
        with torch.cuda.device(index):
            torch.cuda.manual_seed(x)
    return Random(f"cuda{index}", lambda: _bytes_of(torch.cuda.get_rng_state(index)),
                  lambda data: torch.cuda.set_rng_state(_tensor_of(data), index), seed)


def _python() -> Random:
    def get() -> bytes:
        _, words, gauss = python_random.getstate()
        return _PYTHON.pack(*words, gauss is not None, gauss or 0.0)

    def put(data: bytes) -> None:
        *words, has_gauss, gauss = _PYTHON.unpack(data)
        python_random.setstate((3, tuple(words), gauss if has_gauss else None))
    return Random("python", get, put, python_random.seed)


def _numpy() -> Random:
    import numpy

    def get() -> bytes:
        state: Any = numpy.random.get_state()
        _, words, position, has_gauss, gauss = state
        return _NUMPY.pack(*words.tolist(), position, has_gauss, gauss)

    def put(data: bytes) -> None:
        *words, position, has_gauss, gauss = _NUMPY.unpack(data)
        numpy.random.set_state(("MT19937", numpy.array(words, numpy.uint32), position, has_gauss, gauss))
    return Random("numpy", get, put, numpy.random.seed)


def sources_of(names: Iterable[str], generators: Iterable[torch.Generator],
               model: torch.nn.Module) -> List[Random]:
    """Of torch, of the GPUs that the model is on, of `names`, of generators of the program's own."""
    found = [_generator("cpu", torch.default_generator)]
    devices = {t.device.index or 0 for t in (*model.parameters(), *model.buffers()) if t.is_cuda}
    found += [_cuda(index) for index in sorted(devices)]
    for name in names:
        if name not in ("python", "numpy"):
            raise InvalidArgument(f"random: '{name}' is not \"python\" or \"numpy\"")
        found.append(_python() if name == "python" else _numpy())
    return found + [_generator(f"generator{i}", g) for i, g in enumerate(generators)]
