"""Where a function of one number jumps, found by halving intervals down to neighbouring floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Curve = Callable[[Any], Any]
HALVINGS = 110
JUMP = 1e-6
"""The least jump, relative to the spread of the values."""
BESIDE = 1e-9
"""How far beside a jump its two sides are looked at, relative to where it is."""


def jumps(curve: Curve, points: Any) -> list[float]:
    """The places between the first and the last of these increasing points where a curve jumps.

    Of two jumps between the same neighbouring points only the larger one is found.
    """
    low, high = points[:-1].copy(), points[1:].copy()
    at_low, at_high = curve(low), curve(high)
    values = curve(points)
    values = values[np.isfinite(values)]
    if not values.size:
        return []
    least = JUMP * max(1.0, float(np.ptp(values)))
    for _ in range(HALVINGS):
        middle = low + (high - low) / 2
        at_middle = curve(middle)
        left = _rise(at_low, at_middle) >= _rise(at_middle, at_high)
        high, at_high = np.where(left, middle, high), np.where(left, at_middle, at_high)
        low, at_low = np.where(left, low, middle), np.where(left, at_low, at_middle)
    jumped = _rise(at_low, at_high) > least
    places = [_rounded(*ends) for ends in zip(low[jumped], high[jumped], strict=True)]
    return _distinct(sorted(places))


def sides(curve: Curve, place: float) -> tuple[float, float]:
    """The values of a curve just before and just behind a place."""
    step = BESIDE * max(1.0, abs(place))
    before, behind = curve(np.asarray([place - step, place + step]))
    return float(before), float(behind)


def _rise(first: Any, second: Any) -> Any:
    """How far apart values are; 0 where one is not finite, which is no jump but a limit."""
    with np.errstate(invalid="ignore"):
        rise = np.abs(second - first)
    return np.where(np.isfinite(rise), rise, 0.0)


def _rounded(low: float, high: float) -> float:
    """The shortest number that is, but for rounding, between neighbours."""
    if low <= 0 <= high:
        return 0.0
    slack = 4 * np.spacing(max(abs(low), abs(high)))
    for digits in range(1, 13):
        short = float(f"{high:.{digits}g}")
        if low - slack <= short <= high + slack:
            return short
    return float(high)


def _distinct(places: list[float]) -> list[float]:
    """Each jump once; the two intervals beside a point that is one have both found it."""
    found: list[float] = []
    for place in places:
        if not found or place - found[-1] > 4 * BESIDE * max(1.0, abs(place)):
            found.append(place)
    return found
