"""Arrays of the training as buffers of the library: by pointer, without copies, alive as long as the kernel."""
from __future__ import annotations

import ctypes as c
from typing import Any, Callable, List, Mapping, Optional, Tuple

from ._types import Element, StateBuffer
from ._values import encode

AVERAGE, COPY = 0, 1
# format character of the buffer protocol -> element, by size for integers, whose characters differ by platform
_REAL = {"f": Element.FLOAT32, "d": Element.FLOAT64}
_WHOLE = {4: Element.INT32, 8: Element.INT64}


def view(name: str, array: Any) -> memoryview:
    """The memory of an array, or a TypeError that says what is wrong with it."""
    try:
        v = memoryview(array)
    except TypeError:
        raise TypeError(f"'{name}': {type(array).__name__} has no buffer; a numpy array is needed, or anything "
                        "else with the buffer protocol (of a torch tensor: .numpy())") from None
    if v.readonly:
        raise TypeError(f"'{name}': its memory cannot be written")
    if not v.c_contiguous:
        raise TypeError(f"'{name}': its elements do not lie side by side (C order); register the array that "
                        "it is a part of")
    if v.nbytes == 0:
        raise TypeError(f"'{name}': it has no elements")
    return v


def address(v: memoryview) -> int:
    return c.addressof(c.c_char.from_buffer(v))


def element_of(name: str, v: memoryview) -> Element:
    code = v.format.lstrip("@=<") if v.itemsize > 1 else v.format[-1]     # ">" is left: no machine of ours
    if code in _REAL:
        return _REAL[code]
    if code in ("i", "I", "l", "L", "q", "Q", "n", "N") and v.itemsize in _WHOLE:
        return _WHOLE[v.itemsize]
    if code in ("b", "B", "c", "?"):
        return Element.BYTES
    raise TypeError(f"'{name}': elements of format '{v.format}' are not supported; float32, float64, integers of "
                    "4 or 8 bytes and bytes are (other types: view them as bytes, average=False)")


def buffers_of(arrays: Mapping[str, Any], weights: bool, average: Optional[bool],
               bfloat16: bool) -> Tuple[Any, List[Any]]:
    """An array of ht_state_buffer, and what must stay alive while the library has it."""
    if not isinstance(arrays, Mapping):
        raise TypeError(f"a dict of names and arrays is needed, not {type(arrays).__name__}")
    buffers, alive = (StateBuffer * max(len(arrays), 1))(), []
    for b, (name, array) in zip(buffers, arrays.items()):
        v = view(name, array)
        if bfloat16 and v.itemsize != 2:
            raise TypeError(f"'{name}': bfloat16 comes as words of 2 bytes, not of {v.itemsize}")
        element = Element.BFLOAT16 if bfloat16 else element_of(name, v)
        real = element in (Element.FLOAT32, Element.FLOAT64, Element.BFLOAT16)
        data = encode(name, "the name of a buffer")
        b.name, b.data, b.element, b.is_weights = data, address(v), element, weights
        b.count = v.nbytes if element == Element.BYTES else v.nbytes // v.itemsize
        b.use = AVERAGE if (real if average is None else average) else COPY
        alive += [v, array, data]
    return buffers, alive


class RankPart:
    """What only functions can read and write of a rank's own state: `get` fills `memory` before the library may
    read it, `put` takes it back where the library has written something else.
    """

    def __init__(self, nbytes: int, get: Callable[[memoryview], None],
                 put: Callable[[memoryview], None]) -> None:
        self.memory = bytearray(nbytes)
        self._get, self._put, self._had = get, put, b""

    def take(self) -> None:
        self._get(memoryview(self.memory))
        self._had = bytes(self.memory)

    def give(self) -> None:
        if self.memory != self._had:
            self._put(memoryview(self.memory))
