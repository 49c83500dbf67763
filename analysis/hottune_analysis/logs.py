"""What only the logs of a run directory say: when each replica was where."""
from __future__ import annotations

import json
import os
from typing import Dict, Optional

import numpy as np
import pandas as pd

from .files import decode

METRICS = ["replica", "step", "epoch", "wall_time"]


def metrics(directory: Optional[str], run_id: str) -> pd.DataFrame:
    """Decision points of a run of a directory. Lines that are torn or of another shape are passed over.

    @param run_id  as in the study; its last part, `r1`, names the run in the directory
    """
    path = os.path.join(directory, "hotcb.metrics.jsonl") if directory else ""
    if not path or not os.path.isfile(path):
        return pd.DataFrame(columns=METRICS)
    label, rows = run_id.rpartition("-")[2], []
    with open(path, "rb") as f:
        for line in f:
            try:
                o = json.loads(decode(line))
                if o.get("run") == label:
                    rows.append((int(o["replica"]), int(o["step"]), int(o["epoch"]), float(o["wall_time"])))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    return pd.DataFrame(rows, columns=METRICS)


def reading(directory: Optional[str], run_id: str, replica: int, step: int) -> Dict[str, float]:
    """All metrics of one decision point of a run of a directory, by name; empty where the log has none."""
    path = os.path.join(directory, "hotcb.metrics.jsonl") if directory else ""
    if not path or not os.path.isfile(path):
        return {}
    label = run_id.rpartition("-")[2]
    with open(path, "rb") as f:
        for line in f:
            try:
                o = json.loads(decode(line))
                if (o.get("run"), o["replica"], o["step"]) == (label, replica, step):
                    return {str(k): float(v) for k, v in o["metrics"].items() if isinstance(v, (int, float))}
            except (ValueError, KeyError, TypeError, AttributeError):
                continue
    return {}


def baseline(directory: str) -> Dict[str, float]:
    """val_loss, test_loss, epochs of the static default that `hottune run --compare` trained before the last run of a
    directory; empty if there is none."""
    try:
        with open(os.path.join(directory, "hottune.run.json"), "rb") as f:
            found = json.loads(decode(f.read())).get("baseline")
    except (OSError, ValueError, AttributeError):
        return {}
    items = found.items() if isinstance(found, dict) else ()
    return {str(k): float(v) for k, v in items if isinstance(v, (int, float)) and not isinstance(v, bool)}


def runs_here(directory: Optional[str], run_id: str) -> bool:
    """Whether a run of a study is one of this directory (the study may be shared, and the labels are not
    unique)."""
    for name, key in (("hotcb.tune.summary.json", "study_run"), ("hottune.lock", "study_run")):
        try:
            with open(os.path.join(directory or "", name), "rb") as f:
                page = json.loads(decode(f.read()))
        except (OSError, ValueError):
            continue
        if isinstance(page, dict) and page.get(key):
            mine = str(page[key])
            return mine.rpartition("-r")[0].split("-")[0] == run_id.rpartition("-r")[0].split("-")[0]
    return False


def busy_from_log(m: pd.DataFrame, started: float, ended: float) -> pd.Series:
    """Estimated share of the time from start to end in which each replica trained or validated.

    The log says when an epoch ended, not when it began: an epoch is taken to last as long as the replica's
    quicker half of intervals between two decision points, what is longer is waiting.
    """
    span = ended - started
    if len(m) == 0 or not span > 0:
        return pd.Series(dtype=float)
    m = m.sort_values(["replica", "wall_time"], kind="stable")
    gap = m.groupby("replica")["wall_time"].diff().fillna(m["wall_time"] - started)
    usual = gap.groupby(m["replica"]).transform("median")
    return np.minimum(gap, usual).clip(lower=0).groupby(m["replica"]).sum().clip(upper=span) / span
