"""Recipes as Python objects: checked and normalised by the library, and evolved by it."""
from __future__ import annotations

import ctypes as c
import json
import os
from typing import Any, Dict, Iterable, Mapping, Union

from . import _types
from ._library import library
from ._values import encode
from .errors import FormatError, InvalidArgument, error_of


def _dumps(value: Any, what: str) -> bytes:
    try:
        return json.dumps(value, allow_nan=False).encode()
    except (TypeError, ValueError) as e:
        raise FormatError(f"{what}: {e}") from None


def _take(status: int, out: c.c_void_p, error: _types.Error) -> Dict[str, Any]:
    if status != 0 or out.value is None:
        raise error_of(status, error.text.decode(errors="replace"))
    try:
        return json.loads(c.string_at(out.value))
    finally:
        library().c.ht_recipe_text_free(out)


class TuneRecipe:
    """A valid recipe in its normalised form: every field is there."""

    def __init__(self, fields: Dict[str, Any]) -> None:
        self._fields = fields

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "TuneRecipe":
        """FormatError names the field that is wrong. Fields that are left out take their defaults."""
        if not isinstance(fields, Mapping):
            raise InvalidArgument(f"recipe: a dict is needed, not {type(fields).__name__}")
        return cls.from_text(_dumps(dict(fields), "recipe").decode())

    @classmethod
    def from_text(cls, text: str, name: str = "recipe") -> "TuneRecipe":
        """From YAML or JSON; `name` is what messages call it."""
        out, error = c.c_void_p(), _types.Error()
        status = library().c.ht_recipe_text_normalise(encode(text, "text"), encode(name, "name"), c.byref(out),
                                                      c.byref(error))
        return cls(_take(status, out, error))

    @classmethod
    def load(cls, path: Union[str, "os.PathLike[str]"]) -> "TuneRecipe":
        with open(path, encoding="utf-8") as f:
            return cls.from_text(f.read(), os.fspath(path))

    def to_dict(self) -> Dict[str, Any]:
        """The normalised form; a copy."""
        return json.loads(json.dumps(self._fields))

    def to_json(self) -> str:
        return json.dumps(self._fields, indent=2)

    def save(self, path: Union[str, "os.PathLike[str]"]) -> None:
        """Write it as JSON, which every verb of the program reads, too."""
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.to_json() + "\n")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TuneRecipe) and self._fields == other._fields

    def __repr__(self) -> str:
        return f"TuneRecipe({self._fields!r})"


def evolve_recipe(base: Union[TuneRecipe, Mapping[str, Any]], summaries: Iterable[Mapping[str, Any]],
                  alpha: float = 0.3, decay: float = 0.7) -> TuneRecipe:
    """What finished runs teach: a new recipe whose priors have moved towards what won. `base` is not changed.

    summaries: contents of hotcb.tune.summary.json, in the order of the runs. alpha: how far, in [0, 1].
    decay: what older evidence still weighs, in [0, 1].
    """
    recipe = base if isinstance(base, TuneRecipe) else TuneRecipe.from_dict(base)
    texts = [_dumps(dict(s), f"summary {i}") for i, s in enumerate(summaries)]
    out, error = c.c_void_p(), _types.Error()
    status = library().c.ht_recipe_text_evolve(recipe.to_json().encode(), len(texts),
                                               (c.c_char_p * max(len(texts), 1))(*texts), alpha, decay, c.byref(out),
                                               c.byref(error))
    return TuneRecipe(_take(status, out, error))
