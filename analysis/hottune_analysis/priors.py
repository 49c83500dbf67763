"""What is believed of each family: in the recipe from which the study evolves, and after the evidence of its
runs."""
from __future__ import annotations

import math
from typing import Any, Dict, Iterator, List, Tuple

import numpy as np
import pandas as pd
import yaml

from .columns import PRIORS, SPACE, frame
from .files import StudyError, StudyFile, join
from .stats import normal_quantile
from .tables import families_of

QUANTILES = {"q05": .05, "q25": .25, "q50": .5, "q75": .75, "q95": .95}


def space(file: StudyFile) -> pd.DataFrame:
    t = file.table("/space/families", ("actuator", "key", "low", "high"))
    if t is None:
        return frame(SPACE)
    flags = {c: t[c].astype(bool) for c in ("enabled", "keyed")}
    bounds = {c: t[c][:, 0] for c in ("low", "high")}
    rest = {c: t[c] for c in SPACE if c in t and c not in flags and c not in bounds}
    return frame(SPACE, dict(rest, family=families_of(t["actuator"], t["key"]), **flags, **bounds),
                 len(t["key"]))


def _number(value: Any) -> float:
    try:
        return float(value)         # YAML 1.1 takes 1e-4 for a text
    except (TypeError, ValueError):
        return math.nan


def _recipe(file: StudyFile, at: str) -> Dict[str, Any]:
    try:
        recipe = yaml.load(file.text(at), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError as e:
        raise StudyError(f"{file.path!r}: object {at!r}: not YAML: {e}") from e
    return recipe if isinstance(recipe, dict) else {}


def _members(value: Any, name: str) -> Dict[str, Any]:
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _families(recipe: Dict[str, Any]) -> Iterator[Tuple[str, Dict[str, Any]]]:
    for actuator, spec in _members(recipe, "actuators").items():
        for group in ("mutations", "keys"):
            for key, family in _members(spec, group).items():
                yield f"{actuator}:{key}", family if isinstance(family, dict) else {}


def _on(scale: str, value: float) -> float:
    if scale == "log":
        return math.log(value) if value > 0 else math.nan
    return -math.log1p(-value) if scale == "beta" and value < 1 else value


def _off(scale: str, x: float) -> float:
    return math.exp(x) if scale == "log" else 1 - math.exp(-x) if scale == "beta" else x


def quantiles(center: float, spread: float, scale: str, low: float, high: float) -> Dict[str, float]:
    """Of the normal distribution of centre and spread on the scale, as values, moved into the bounds."""
    out = {}
    for name, p in QUANTILES.items():
        value = _off(scale, _on(scale, center) + spread * normal_quantile(p)) if spread > 0 else center
        value = max(value, low) if math.isfinite(low) else value
        out[name] = min(value, high) if math.isfinite(high) else value
    return out


def _of_recipe(when: str, recipe: Dict[str, Any], scales: Dict[str, str]) -> List[Dict[str, Any]]:
    rows = []
    for family, spec in _families(recipe):
        scale = scales.get(family, "log" if family.endswith("_mult") else "linear")
        bounds = spec.get("bounds")
        pair = bounds[0] if isinstance(bounds, list) and bounds and isinstance(bounds[0], list) else bounds
        low, high = (_number(b)
                     for b in pair) if isinstance(pair, list) and len(pair) == 2 else (math.nan, math.nan)
        overall = {"center": spec.get("prior_center"), "spread": 0, "weight": 0}
        for phase, prior in [("", overall)] + list(_members(spec, "priors").items()):
            if not isinstance(prior, dict):
                continue
            center, spread = _number(prior.get("center")), _number(prior.get("spread", 0))
            if math.isnan(center):
                continue
            at_top = phase == ""
            rows.append(
                dict(when=when,
                     family=family,
                     phase=str(phase),
                     center=center,
                     spread=spread,
                     scale=scale,
                     effective_n=_number(prior.get("weight", 0)),
                     low=low,
                     high=high,
                     start=_number(spec.get("start")) if at_top else math.nan,
                     sigma=_number(spec.get("sigma")) if at_top else math.nan,
                     **quantiles(center, spread, scale, low, high)))
    return rows


def priors(file: StudyFile) -> pd.DataFrame:
    """Before from the base recipe; after from the evolved recipe, with the numbers of `/priors` where it has
    them."""
    known = space(file)
    scales = dict(zip(known["family"], known["scale"]))
    rows = _of_recipe("before", _recipe(file, "/recipe/base"), scales)
    rows += _of_recipe("after", _recipe(file, "/recipe/evolved"), scales)
    at = {(r["family"], r["phase"]): r for r in rows if r["when"] == "after"}
    for name in file.names("/priors"):
        at_family = join("/priors", name)
        family = file.attributes(at_family)
        for inner in file.names(at_family):
            a = file.attributes(join(at_family, inner))
            row = at.get((family.get("family"), a.get("phase")))
            if row is None:
                row = dict(when="after",
                           family=family.get("family"),
                           phase=a.get("phase"),
                           low=math.nan,
                           high=math.nan)
                rows.append(row)
            row.update(center=a["center"],
                       spread=a["spread"],
                       effective_n=a["effective_sample_size"],
                       scale=family["scale"],
                       **dict(zip(QUANTILES, np.asarray(a["quantiles"], float))))
    if not rows:
        return frame(PRIORS)
    return pd.DataFrame(rows).reindex(columns=PRIORS)
