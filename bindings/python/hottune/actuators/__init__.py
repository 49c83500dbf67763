"""Actuators of Python classes, and the typed parameters and factories of hotcb's surface."""
from .actuator import ActuatorType, HotActuator, HotcbActuator
from .base import ApplyResult, BaseActuator, Env, ValidationResult
from .factories import loss_actuators, optimizer_actuators
from .state import MutableState, mutable_state

__all__ = ["ActuatorType", "ApplyResult", "BaseActuator", "Env", "HotActuator", "HotcbActuator", "MutableState",
           "ValidationResult", "loss_actuators", "mutable_state", "optimizer_actuators"]
