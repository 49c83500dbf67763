"""hottune: tune hyperparameters while a population of trainings runs. The manual is docs/python.md.

    with hottune.open("runs/x", recipe="recipe.yaml", max_epochs=30) as k:
        lr = k.knob("opt", "lr", 0.01, lo=1e-4, hi=1.0, log=True)
        while k.running():
            ...
"""
from ._types import Event
from .actuators import (ActuatorType, ApplyResult, BaseActuator, HotActuator, HotcbActuator, MutableState,
                        ValidationResult, loss_actuators, mutable_state, optimizer_actuators)
from .core import Kernel
from .errors import (CommunicationError, Empty, Failed, FileError, FormatError, HottuneError, InvalidArgument,
                     LibraryError, NotFound, OutOfMemory, Refused, Timeout)
from .kernel import HotKernel
from .knobs import Knob
from .recipe import TuneRecipe, evolve_recipe
from .results import Progress, Result
from ._library import VERSION as __version__

open = Kernel
FIT_START, TRAIN_BATCH_END, VAL_EPOCH_END, RUN_END = Event

__all__ = ["ActuatorType", "ApplyResult", "BaseActuator", "CommunicationError", "Empty", "Event",
           "FIT_START", "Failed", "FileError", "FormatError", "HotActuator", "HotKernel", "HotcbActuator",
           "HottuneError", "InvalidArgument", "Kernel", "Knob", "LibraryError", "MutableState", "NotFound",
           "OutOfMemory", "Progress", "RUN_END", "Refused", "Result", "TRAIN_BATCH_END", "Timeout",
           "TuneRecipe", "VAL_EPOCH_END", "ValidationResult", "__version__", "evolve_recipe",
           "loss_actuators", "mutable_state", "open", "optimizer_actuators"]
