"""The protocol of an actuator class, and what its methods answer."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Protocol, runtime_checkable

Env = Dict[str, Any]        # the environment of a safe point


@dataclass
class ValidationResult:
    """Whether a patch is legal; `errors` are short words such as "not_positive"."""

    valid: bool
    errors: List[str] = field(default_factory=list)


@dataclass
class ApplyResult:
    """What became of a change."""

    success: bool
    error: Optional[str] = None
    detail: Optional[Dict[str, Any]] = None


@runtime_checkable
class BaseActuator(Protocol):
    """What can be changed in a training, as a class of your own.

    A patch is {"op": .., "value": ..}, with "key" for a family under `keys`. `env` is the environment of the safe
    point, for reading. The methods are called inside `apply` (of the kernel) only. An exception in one of them counts
    as failure: the change is not made, or undone.
    """

    name: str

    def snapshot(self, env: Env) -> Any:
        """What is needed to undo. None or {}: none could be taken, and the mutation is not made."""

    def validate(self, patch: Dict[str, Any], env: Env) -> ValidationResult:
        """Is this patch legal now? No effects. A bool, or a list of reasons against it, will do."""

    def apply(self, patch: Dict[str, Any], env: Env) -> ApplyResult:
        """Make the change. After a failure `restore` is called. None counts as success."""

    def restore(self, snapshot: Any, env: Env) -> ApplyResult:
        """Bring back what the snapshot holds. None counts as success."""

    def describe_space(self) -> Any:
        """Which patches are legal: for people and files. May be missing."""
