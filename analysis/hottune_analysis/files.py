"""A study file as plain arrays: opening it, decoding its texts, one kind of error for all that is wrong."""
from __future__ import annotations

import os
from typing import Any, Dict, List, Optional, Sequence, Union

import h5py
import numpy as np

Path = Union[str, bytes]  # of an object in a file; bytes where a name in it is no UTF-8

FORMAT, FORMAT_VERSION = "hottune-study", 1
SEAL = b"htseal1\n"
# Python is slow at the seal: larger files are left to HDF5's own checksums and to `hottune study check`.
SEAL_CHECK_BYTES = 1 << 20


class StudyError(Exception):
    """A file that cannot be read as a study. The message names the file and the object in it."""


def decode(raw: Any) -> str:
    """A text of a file as str. Bytes that are no UTF-8 become \\xNN, so that it can be printed and written
    anywhere."""
    if isinstance(raw, str):
        return raw.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return bytes(raw).split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def decode_column(raw: np.ndarray) -> np.ndarray:
    """An array of texts, each distinct one decoded once."""
    if len(raw) == 0:
        return np.empty(0, object)
    distinct, at = np.unique(raw, return_inverse=True)
    texts = np.empty(len(distinct), object)
    texts[:] = [decode(t) for t in distinct]
    return texts[at.reshape(-1)]


def join(at: Path, name: Path) -> Path:
    """The path of an object in a group."""
    if isinstance(at, str) and isinstance(name, str):
        return f"{at}/{name}"
    both = [p if isinstance(p, bytes) else p.encode("utf-8", "surrogateescape") for p in (at, name)]
    return both[0].rstrip(b"/") + b"/" + both[1]


def _fnv1a(data: bytes) -> int:
    h = 14695981039346656037
    for byte in data:
        h = (h ^ byte) * 1099511628211 & 0xFFFFFFFFFFFFFFFF
    return h


class StudyFile:
    """An open study: tables as structured arrays, matrices with the names of their columns, attributes
    decoded."""

    def __init__(self, path: str) -> None:
        self.path = os.fspath(path)
        try:
            self._check_seal()
            try:
                self._file = h5py.File(self.path, "r", locking=False)
            except TypeError:       # h5py before 3.5
                self._file = h5py.File(self.path, "r")
        except (OSError, ValueError) as e:
            raise StudyError(f"{self.path!r}: cannot be read as HDF5: {e}") from e
        try:
            self._check_format()
        except Exception:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def _check_seal(self) -> None:
        with open(self.path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            if size > SEAL_CHECK_BYTES or size < 16:
                return
            data = f.read()
        if data[-16:-8] == SEAL and _fnv1a(data[:-16]).to_bytes(8, "little") != data[-8:]:
            raise self._fail("/", "damaged: its seal does not fit (`hottune study check` says where)")

    def _check_format(self) -> None:
        kind = self.attributes("/").get("format", "")
        if kind == "hottune-sweep":
            raise self._fail("/", "this is the file of a sweep, not a study")
        if kind != FORMAT:
            raise self._fail("/", f"not a study of hottune (its format is {kind!r})")
        version = self.attributes("/").get("format_version")
        if version is None or int(version) > FORMAT_VERSION:
            raise self._fail("/", f"format version {version} is not known here (newest: {FORMAT_VERSION})")

    def _fail(self, at: Path, why: Any) -> StudyError:
        return StudyError(f"{self.path!r}: object {decode(at)!r}: {why}")

    def _find(self, at: Path) -> Optional[Any]:
        """An object; None if there is no such link. (`in` of h5py takes no names that are no UTF-8.)"""
        here: Any = self._file
        for part in (at if isinstance(at, bytes) else at.encode("utf-8", "surrogateescape")).split(b"/"):
            if part and not here.id.links.exists(part):
                return None
            here = here[part] if part else here
        return here

    def _read(self, at: Path) -> np.ndarray:
        try:
            return self._file[at][()]
        except Exception as e:  # h5py raises OSError, KeyError, RuntimeError, .. as the damage happens to be
            raise self._fail(at, e) from e

    def has(self, at: Path) -> bool:
        try:
            return self._find(at) is not None
        except Exception as e:
            raise self._fail(at, e) from e

    def names(self, at: Path) -> List[Path]:
        """Names of the objects in a group, as they stand in links; none if there is no such group."""
        try:
            return list(self._find(at) or [])
        except Exception as e:
            raise self._fail(at, e) from e

    def attributes(self, at: Path) -> Dict[str, Any]:
        """Attributes; texts as str, arrays of texts as lists of str."""
        out: Dict[str, Any] = {}
        try:
            for name, value in self._file[at].attrs.items():
                if isinstance(value, (bytes, str)):
                    value = decode(value)
                elif isinstance(value, np.ndarray) and value.dtype.kind in "SO":
                    value = [decode(v) for v in value]
                elif isinstance(value, h5py.Empty):
                    value = ""
                elif isinstance(value, np.generic):
                    value = value.item()
                out[name] = value
        except Exception as e:
            raise self._fail(at, e) from e
        return out

    def text(self, at: Path) -> str:
        """A dataset of one text; empty if there is none."""
        return decode(self._read(at)) if self.has(at) else ""

    def table(self, at: Path, needed: Sequence[str] = ()) -> Optional[Dict[str, np.ndarray]]:
        """The columns of a table, texts decoded; None if there is no such table."""
        if not self.has(at):
            return None
        rows = self._read(at)
        if not isinstance(rows, np.ndarray) or rows.dtype.names is None or rows.ndim != 1:
            raise self._fail(at, "is no table")
        missing = [name for name in needed if name not in rows.dtype.names]
        if missing:
            raise self._fail(at, f"has no column {missing[0]!r}")
        return {n: decode_column(rows[n]) if rows.dtype[n].kind == "S" else np.ascontiguousarray(rows[n])
                for n in rows.dtype.names}

    def matrix(self, at: Path) -> "tuple[np.ndarray, List[str]]":
        """A matrix and the names of its columns; empty if there is none."""
        if not self.has(at):
            return np.empty((0, 0)), []
        values = self._read(at)
        if not isinstance(values, np.ndarray) or values.ndim != 2:
            raise self._fail(at, "is no matrix")
        names = self.attributes(at).get("columns", [])
        if len(names) != values.shape[1]:
            raise self._fail(at, f"has {values.shape[1]} columns and {len(names)} names")
        return values.astype(np.float64), list(names)
