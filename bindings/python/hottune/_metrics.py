"""Names of metrics: what a recipe calls val/loss is val_loss, valid_loss or eval_loss in a training."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

_STAGES = {"val": ("val", "valid", "validation", "eval"), "train": ("train", "training"), "test": ("test",)}
_ALSO = {"train/loss": ("loss",), "lr": ("learning_rate",)}


def spellings(name: str) -> List[str]:
    """How a metric may be called in a training, the most likely one first."""
    stage, slash, rest = name.partition("/")
    if not slash:
        return [name, *_ALSO.get(name, ())]
    made = [stage + between + rest.replace("/", between)
            for stage in _STAGES.get(stage, (stage,)) for between in ("/", "_")]
    # Lightning adds _epoch to what is logged both by step and by epoch
    return [name, *made, *(f"{m}_epoch" for m in made), *_ALSO.get(name, ())]


def find(name: str, values: Mapping[str, float]) -> Optional[float]:
    """The value of a metric, by the first of its spellings that is there."""
    return next((values[s] for s in spellings(name) if s in values), None)


def numbers(values: Mapping[str, Any]) -> Dict[str, float]:
    """Those values that are numbers, or tensors of one element."""
    found = {}
    for name, value in values.items():
        if isinstance(value, (int, float)) or (hasattr(value, "numel") and value.numel() == 1):
            found[str(name)] = float(value)
    return found
