"""Exceptions: one for each way a call of the library can end."""
from __future__ import annotations

from typing import Dict, Type


class HottuneError(Exception):
    """What the library refused or could not do; the text says what, where, and what to do."""

    status: int = -1


class LibraryError(HottuneError, ImportError):
    """The shared library, or the MPI that it needs, is missing or is not the one that belongs to this package."""


class InvalidArgument(HottuneError, ValueError):
    """An argument breaks the function's contract."""


class OutOfMemory(HottuneError, MemoryError):
    """Out of memory."""


class Empty(HottuneError, LookupError):
    """Nothing recorded yet."""


class FormatError(HottuneError, ValueError):
    """A recipe or file is not well formed: file, line, column and field stand in the text."""


class NotFound(HottuneError, LookupError):
    """No such file, name or entry."""


class FileError(HottuneError, OSError):
    """Reading or writing a file failed."""


class Refused(HottuneError):
    """The request is well formed, but may not be carried out (now)."""


class Failed(HottuneError):
    """An actuator or callback reported failure."""


class Timeout(HottuneError, TimeoutError):
    """Nothing came in time."""


class CommunicationError(HottuneError, ConnectionError):
    """A message between ranks failed or is malformed."""


BY_STATUS: Dict[int, Type[HottuneError]] = dict(enumerate(
    (InvalidArgument, OutOfMemory, Empty, FormatError, NotFound, FileError, Refused, Failed, Timeout,
     CommunicationError), start=1))
for _status, _class in BY_STATUS.items():
    _class.status = _status


def error_of(status: int, text: str) -> HottuneError:
    """The exception for a status and the library's message."""
    return BY_STATUS.get(status, HottuneError)(text or f"status {status}")
