"""The C side as ctypes sees it: structs, enums and prototypes of hottune.h, types.h and recipe.h.

Must say the same as the headers: tests/python/layout.c compares offsets, and each start asks
`ht_options_size`.
"""
from __future__ import annotations

import ctypes as c
from enum import IntEnum

NAME_MAX, ITEMS_MAX, CODES_MAX = 64, 8, 8


class Event(IntEnum):
    """What happened in the training."""

    FIT_START = 0
    TRAIN_BATCH_END = 1
    VAL_EPOCH_END = 2
    RUN_END = 3


class Kind(IntEnum):
    NONE, NULL, BOOL, INT, REAL, TEXT, LIST = range(7)


class Element(IntEnum):
    FLOAT32, FLOAT64, BFLOAT16, INT32, INT64, BYTES = range(6)


class Error(c.Structure):
    _fields_ = [("text", c.c_char * 512)]


class Scalar(c.Structure):
    _fields_ = [("kind", c.c_int), ("number", c.c_double), ("text", c.c_char * NAME_MAX)]


class Value(c.Structure):
    _fields_ = [("kind", c.c_int), ("scalar", Scalar), ("n_items", c.c_size_t), ("items", Scalar * ITEMS_MAX)]


class Env(c.Structure):
    _fields_ = [("step", c.c_longlong), ("epoch", c.c_double), ("max_steps", c.c_longlong), ("loss", c.c_double),
                ("anomaly_critical", c.c_bool), ("grad_spike", c.c_bool), ("phase", c.c_char_p)]


class StateBuffer(c.Structure):
    _fields_ = [("name", c.c_char_p), ("data", c.c_void_p), ("count", c.c_size_t), ("element", c.c_int),
                ("use", c.c_int), ("is_weights", c.c_bool)]


class Patch(c.Structure):
    _fields_ = [("op", c.c_char * NAME_MAX), ("key", c.c_char * NAME_MAX), ("value", Value), ("floor", c.c_double)]


class Codes(c.Structure):
    _fields_ = [("n", c.c_size_t), ("code", (c.c_char * 32) * CODES_MAX)]


class Progress(c.Structure):
    _fields_ = [("step", c.c_longlong), ("epoch", c.c_longlong), ("max_steps", c.c_longlong), ("replicas", c.c_int),
                ("training", c.c_int), ("best", c.c_double), ("accepted", c.c_ulong), ("rejected", c.c_ulong),
                ("elapsed_s", c.c_double), ("lost", c.c_int), ("best_replica", c.c_int), ("islands", c.c_int),
                ("done", c.c_double), ("epochs", c.c_double), ("epochs_total", c.c_double), ("utilisation", c.c_double),
                ("stage", c.c_char_p)]


class CResult(c.Structure):
    _fields_ = [("mutations", c.c_ulong), ("accepted", c.c_ulong), ("rejected", c.c_ulong), ("best", c.c_double),
                ("best_step", c.c_longlong), ("best_replica", c.c_int), ("val", c.c_double), ("test", c.c_double),
                ("lost", c.c_int)]


P, STATUS = c.POINTER, c.c_int
TellText = c.CFUNCTYPE(None, c.c_void_p, c.c_char_p)
TellProgress = c.CFUNCTYPE(None, c.c_void_p, P(Progress))
Setter = c.CFUNCTYPE(STATUS, c.c_void_p, P(Value), P(Env), P(Error))
Getter = c.CFUNCTYPE(c.c_bool, c.c_void_p, P(Value))
Accessor = c.CFUNCTYPE(c.c_bool, c.c_void_p, c.c_char_p, P(c.c_double))
Init = c.CFUNCTYPE(STATUS, c.c_void_p, c.c_ulonglong)
Validate = c.CFUNCTYPE(STATUS, c.c_void_p, P(c.c_double))
PartGet = c.CFUNCTYPE(STATUS, c.c_void_p, c.c_void_p)
Move = c.CFUNCTYPE(STATUS, c.c_void_p, c.c_int)
Snapshot = c.CFUNCTYPE(STATUS, c.c_void_p, P(Patch), P(c.c_void_p))
CheckPatch = c.CFUNCTYPE(None, c.c_void_p, P(Patch), P(Codes))
ApplyPatch = c.CFUNCTYPE(STATUS, c.c_void_p, P(Patch), P(Env), P(Error))
Restore = c.CFUNCTYPE(STATUS, c.c_void_p, c.c_void_p, P(Error))
Discard = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p)
Describe = c.CFUNCTYPE(None, c.c_void_p, c.c_void_p, c.c_size_t)


class ActuatorOps(c.Structure):
    _fields_ = [("snapshot", Snapshot), ("validate", CheckPatch), ("apply", ApplyPatch), ("restore", Restore),
                ("discard", Discard), ("describe", Describe)]


class KnobOptions(c.Structure):
    _fields_ = [("actuator", c.c_char_p), ("name", c.c_char_p), ("type", c.c_char_p), ("initial", Value),
                ("bounded", c.c_bool), ("lo", c.c_double), ("hi", c.c_double), ("choices", P(Value)),
                ("n_choices", c.c_size_t), ("metric", c.c_char_p), ("set", Setter), ("ctx", c.c_void_p),
                ("get", Getter)]


def options_type(mpi_comm: type) -> type:
    """ht_options; its first member has the size of this MPI's MPI_Comm."""
    text, real = c.c_char_p, c.c_double

    class Options(c.Structure):
        _fields_ = [
            ("comm", mpi_comm), ("no_mpi", c.c_bool), ("ranks_per_replica", c.c_int), ("run_dir", text),
            ("recipe", text), ("recipe_text", text), ("study", text), ("name", text), ("seed", c.c_ulonglong),
            ("max_steps", c.c_longlong), ("max_epochs", c.c_int), ("recipe_set", text), ("recipe_unless_given", text),
            ("ema_every", c.c_int), ("check_transfers", c.c_bool), ("plan", TellText), ("plan_ctx", c.c_void_p),
            ("mode", text), ("replay", text), ("resume", c.c_bool), ("program", text), ("checkpoint_s", real),
            ("checkpoint_bytes", c.c_ulonglong), ("leave", c.c_void_p), ("end_time", real), ("patience_s", real),
            ("fail_on_error", c.c_bool), ("warning", TellText), ("warning_ctx", c.c_void_p),
            ("progress", TellProgress), ("progress_ctx", c.c_void_p), ("event", TellText), ("event_ctx", c.c_void_p)]

    return Options


def declare(lib: c.CDLL) -> None:
    """Prototypes of every function that the package calls."""
    k, text, err = c.c_void_p, c.c_char_p, P(Error)
    for name, result, *arguments in (
            ("ht_version", text), ("ht_status_text", text, c.c_int), ("ht_options_size", c.c_size_t),
            ("ht_open", STATUS, c.c_void_p, P(c.c_void_p)), ("ht_message", text, k), ("ht_is_replica", c.c_bool, k),
            ("ht_replica", c.c_int, k), ("ht_replicas", c.c_int, k),
            ("ht_knob_double", STATUS, k, text, text, c.c_void_p, c.c_int, c.c_double, c.c_double),
            ("ht_knob_int", STATUS, k, text, text, c.c_void_p, c.c_longlong, c.c_longlong),
            ("ht_knob_bool", STATUS, k, text, text, c.c_void_p), ("ht_knob", STATUS, k, P(KnobOptions)),
            ("ht_actuator", STATUS, k, text, P(ActuatorOps), c.c_void_p),
            ("ht_training_state", STATUS, k, P(StateBuffer), c.c_size_t),
            ("ht_training_part", STATUS, k, text, c.c_size_t, PartGet, PartGet, c.c_void_p),
            ("ht_training_mirror", STATUS, k, Move, Move, c.c_void_p),
            ("ht_replica_state", STATUS, k, P(StateBuffer), c.c_size_t),
            ("ht_on_init", STATUS, k, Init, c.c_void_p), ("ht_on_validate", STATUS, k, Validate, c.c_void_p),
            ("ht_show_best", STATUS, k), ("ht_has_left", c.c_bool, k), ("ht_is_champion", c.c_bool, k),
            ("ht_metric", STATUS, k, text, c.c_double), ("ht_metric_source", STATUS, k, Accessor, c.c_void_p),
            ("ht_running", c.c_bool, k), ("ht_apply", STATUS, k, c.c_void_p, c.c_int),
            ("ht_watches_batches", c.c_bool, k), ("ht_is_best", c.c_bool, k),
            ("ht_report_result", STATUS, k, c.c_double, c.c_double), ("ht_result_of", STATUS, k, P(CResult)),
            ("ht_close", STATUS, k), ("ht_free", None, k), ("ht_codes_add", None, P(Codes), text),
            ("ht_recipe_text_normalise", STATUS, text, text, P(c.c_void_p), err),
            ("ht_recipe_text_evolve", STATUS, text, c.c_size_t, P(text), c.c_double, c.c_double, P(c.c_void_p), err),
            ("ht_recipe_text_free", None, c.c_void_p)):
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
