"""Tensors as buffers of the library: CPU memory by pointer, all others through a staging copy on the CPU."""
from __future__ import annotations

import ctypes as c
import zlib
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

import torch

_NAME_BYTES = 63    # of a buffer's name
_BOXES: Dict[torch.dtype, Any] = {
    torch.float32: c.c_float, torch.float64: c.c_double, torch.bfloat16: c.c_uint16, torch.int32: c.c_int32,
    torch.int64: c.c_int64}
_REAL = (torch.float32, torch.float64, torch.bfloat16)


class Source(NamedTuple):
    """A tensor of the training, and where the training has it: `now` says what is there now."""

    name: str
    tensor: torch.Tensor
    now: Callable[[], Any]
    weights: bool       # the validation reads it
    average: bool       # a mean over replicas makes sense, if it is real


def short(name: str) -> str:
    """The name, or where that is too long its end behind a checksum of the whole."""
    data = name.encode()
    if len(data) <= _NAME_BYTES:
        return name
    return f"{zlib.crc32(data):08x}~" + data[9 - _NAME_BYTES:].decode(errors="ignore")


def is_dense(t: torch.Tensor) -> bool:
    """Its elements fill a piece of memory without gaps, in whatever order (channels_last, transposed)."""
    expected = 1
    for stride, size in sorted((st, n) for st, n in zip(t.stride(), t.shape) if n > 1):
        if stride != expected:
            return False
        expected *= size
    return True


def flat(t: torch.Tensor) -> torch.Tensor:
    """The same memory as one row, in the order in which it lies there; `t` is dense."""
    return t.detach().as_strided((t.numel(),), (1,), t.storage_offset())


def array_of(t: torch.Tensor) -> Any:
    """The memory of a flat CPU tensor as a ctypes array. It does not keep the tensor alive."""
    box = _BOXES.get(t.dtype)
    count = t.numel() if box else t.numel() * t.element_size()
    return ((box or c.c_ubyte) * count).from_address(t.data_ptr())


class Part:
    """One registered tensor: `row` is the memory that the library reads and writes."""

    __slots__ = ("source", "row", "stage", "at")

    def __init__(self, source: Source, staged: bool) -> None:
        t = source.tensor
        _refuse(source.name, t)
        # half precision has no averages in the library: as float32, which holds each of its values
        kind = torch.float32 if t.dtype == torch.float16 else t.dtype
        staged = staged or t.device.type != "cpu" or kind != t.dtype or not is_dense(t)
        self.source = source
        self.stage: Optional[torch.Tensor] = None
        if staged:
            self.stage = torch.empty(t.shape, dtype=kind, pin_memory=t.device.type == "cuda")
            self.stage.copy_(t.detach())
        self.row = flat(t if self.stage is None else self.stage)
        self.at = t.data_ptr()

    @property
    def average(self) -> bool:
        return self.source.average and self.row.dtype in _REAL

    def fetch(self) -> None:
        if self.stage is not None:
            self.stage.copy_(self.source.tensor.detach(), non_blocking=True)

    def store(self) -> None:
        if self.stage is not None:
            self.source.tensor.detach().copy_(self.stage, non_blocking=True)

    def check(self) -> None:
        """The training must still use the tensor, and the memory, that was registered."""
        t = self.source.tensor
        if self.source.now() is not t or (self.stage is None and t.data_ptr() != self.at):
            raise RuntimeError(
                f"'{self.source.name}' lies elsewhere than when it was attached; change it in place (copy_), and "
                "attach after model.to(..), the optimizer's load_state_dict(..), and what else replaces tensors")


def _refuse(name: str, t: torch.Tensor) -> None:
    if torch.nn.parameter.is_lazy(t):
        raise TypeError(f"'{name}' has no shape yet (a lazy module): run the model once before it is attached")
    if t.layout != torch.strided or t.device.type == "meta":
        raise TypeError(f"'{name}': a tensor of layout {t.layout} on {t.device} cannot be registered")
    if t.is_complex():
        raise TypeError(f"'{name}': complex tensors are not supported; keep real ones (torch.view_as_real)")
    if type(t).__name__ == "DTensor":
        raise TypeError(f"'{name}' is spread over processes (DTensor); each rank of a replica must hold it whole")


def _extent(t: torch.Tensor) -> Tuple[Any, int, int]:
    last = sum(st * (n - 1) for st, n in zip(t.stride(), t.shape))
    return t.device, t.data_ptr(), t.data_ptr() + (last + 1) * t.element_size()


def parts_of(sources: List[Source], staged: bool) -> List[Part]:
    """A Part for each tensor with elements; memory that several share (tied weights) is taken once."""
    seen: Set[Any] = set()
    parts: List[Part] = []
    for s in sources:
        _refuse(s.name, s.tensor)
        place = _extent(s.tensor)
        if s.tensor.numel() > 0 and place not in seen:
            seen.add(place)
            parts.append(Part(s, staged))
    _refuse_overlaps(parts)
    return parts


def _refuse_overlaps(parts: List[Part]) -> None:
    places = sorted(((str(e[0]), *e[1:], p.source.name) for p in parts for e in [_extent(p.source.tensor)]))
    for (device, _, end, name), (other, begin, _, second) in zip(places, places[1:]):
        if device == other and begin < end:
            raise TypeError(f"'{second}' shares a part of the memory of '{name}'; make what both are parts "
                            "of the parameter")


def model_sources(model: torch.nn.Module) -> List[Source]:
    """Parameters and persistent buffers. Statistics and other finite real buffers are weights that have a mean;
    counters (num_batches_tracked) and what holds infinities (masks) are copied.
    """
    sources: List[Source] = []
    seen: Set[int] = set()

    def add(prefix: str, name: str, t: Any, place: Dict[str, Any], buffer: bool) -> None:
        if t is None or id(t) in seen:
            return
        seen.add(id(t))
        full = f"{prefix}.{name}" if prefix else name
        mean = not buffer or (t.is_floating_point() and bool(torch.isfinite(t).all()))
        weights = mean or not (t.is_floating_point() or name == "num_batches_tracked")
        sources.append(Source(short(full), t, lambda: place.get(name), weights, mean))

    for prefix, module in model.named_modules():
        for name, t in module._parameters.items():
            add(prefix, name, t, module._parameters, False)
        for name, t in module._buffers.items():
            if name not in module._non_persistent_buffers_set:
                add(prefix, name, t, module._buffers, True)
    return sources
