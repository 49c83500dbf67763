"""The few distributions that intervals need, so that SciPy is not."""
from __future__ import annotations

import math
from typing import Tuple

import numpy as np

Z95 = 1.959963984540054


def normal_quantile(p: float) -> float:
    """Quantile of the standard normal distribution, by bisection of erfc."""
    lo, hi = -40.0, 40.0
    for _ in range(80):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if 0.5 * math.erfc(-mid / math.sqrt(2)) < p else (lo, mid)
    return (lo + hi) / 2


def best_of(n: int) -> float:
    """Expected greatest of n standard normal numbers (Blom, 1958), as the library takes it."""
    return 0.0 if n < 2 else max(0.0, normal_quantile((n - .375) / (n + .25)))


def _beta_fraction(a: float, b: float, x: float) -> float:
    """Continued fraction of the incomplete beta function (Abramowitz and Stegun 26.5.8, modified Lentz)."""
    tiny = 1e-300
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > tiny else tiny)
    h = d
    for m in range(1, 300):
        for numerator in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                          -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1 + numerator * d
            d = 1 / (d if abs(d) > tiny else tiny)
            c = 1 + numerator / c
            c = c if abs(c) > tiny else tiny
            h *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return h


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    if x < (a + 1) / (a + b + 2):
        return front * _beta_fraction(a, b, x) / a
    return 1 - front * _beta_fraction(b, a, 1 - x) / b


def t_cdf(t: float, freedom: float) -> float:
    """Student's t distribution."""
    if not math.isfinite(t):
        return math.nan if math.isnan(t) else float(t > 0)
    tail = beta_cdf(freedom / (freedom + t * t), freedom / 2, .5) / 2
    return 1 - tail if t > 0 else tail


def t_quantile(p: float, freedom: float) -> float:
    lo, hi = -1e3, 1e3
    for _ in range(80):
        mid = (lo + hi) / 2
        lo, hi = (mid, hi) if t_cdf(mid, freedom) < p else (lo, mid)
    return (lo + hi) / 2


def t_interval(values: np.ndarray) -> Tuple[float, float, float, float]:
    """Mean, 95 % interval (Student, 1908), probability that the true mean is above 0 under a flat prior.

    Of less than two values only the mean is known. Values that are all the same have an interval of no width.
    """
    n = len(values)
    if n == 0:
        return (math.nan,) * 4
    mean = float(np.mean(values))
    if n == 1:
        return mean, math.nan, math.nan, math.nan
    error = float(np.std(values, ddof=1)) / math.sqrt(n)
    if error == 0:
        return mean, mean, mean, float(mean > 0) if mean != 0 else .5
    half = t_quantile(.975, n - 1) * error
    return mean, mean - half, mean + half, t_cdf(mean / error, n - 1)


def wilson(k: float, n: float) -> Tuple[float, float, float]:
    """A share and its 95 % interval (Wilson, JASA 1927)."""
    if n <= 0:
        return (math.nan,) * 3
    p, z = k / n, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return p, middle - half, middle + half
