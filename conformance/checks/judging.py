"""One result against what is due, in ULP, component by component."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..oracle import formats
from ..oracle.formats import Format
from ..oracle.trees import flat
from .cases import Array


class Verdict(NamedTuple):
    """What became of one result."""

    ok: bool
    ulp: float
    got: float
    due: Any
    problem: str = ""

    @property
    def worse_than(self) -> tuple[bool, float]:
        """The order in which verdicts are bad."""
        return not self.ok, math.inf if math.isnan(self.ulp) else self.ulp


class Tolerance(NamedTuple):
    """How far off a result may be."""

    form: Format
    ulp: float
    floor: float = 0.0
    """An absolute error that is always allowed: what a library flushes to zero."""
    low: float = -math.inf
    """The least value that the result may have, however close."""
    high: float = math.inf
    """The largest value that it may have."""
    own: bool = False
    """Whether a library differentiated the value by itself: see `expected.cancelled`."""


def judge(got: float, due: Any, scale: Any, tolerance: Tolerance) -> Verdict:
    """Judge one number."""
    ulp = formats.ulp_error(got, due, tolerance.form, scale)
    if got < tolerance.low:
        return Verdict(False, ulp, got, due, f"{got!r}, below its least value {tolerance.low:g}")
    if got > tolerance.high:
        return Verdict(False, ulp, got, due, f"{got!r}, above its largest value {tolerance.high:g}")
    if ulp <= tolerance.ulp:
        return Verdict(True, ulp, got, due)
    if tolerance.floor and formats.isfinite(due) and abs(got - due) <= tolerance.floor:
        return Verdict(True, 0.0, got, due)
    return Verdict(False, ulp, got, due, _what(got, due, ulp, tolerance.ulp))


def judge_components(got: Array, due: Any, scale: Any, tolerance: Tolerance) -> Verdict:
    """The worst of the verdicts on the components of one example's result."""
    numbers, exact = [float(x) for x in got.reshape(-1)], list(flat(due))
    if len(numbers) != len(exact):
        problem = f"{len(numbers)} components came, {len(exact)} are due"
        return Verdict(False, math.inf, numbers[0] if numbers else math.nan, due, problem)
    scales = [scale] * len(exact) if not isinstance(scale, list) else list(flat(scale))
    verdicts = [
        judge(number, x, size, tolerance)
        for number, x, size in zip(numbers, exact, scales, strict=True)
    ]
    worst = max(range(len(verdicts)), key=lambda i: verdicts[i].worse_than)
    verdict = verdicts[worst]
    if len(verdicts) > 1 and verdict.problem:
        return verdict._replace(problem=f"component {worst} is {verdict.problem}")
    return verdict


def within(got: Array, interval: tuple[Any, Any], tolerance: Tolerance, scale: Any) -> bool:
    """Whether every component lies in an interval, or within the tolerance of its ends."""
    numbers = [float(x) for x in got.reshape(-1)]
    lows, highs = (list(flat(end)) for end in interval)
    lows = lows if len(lows) > 1 else lows * len(numbers)
    highs = highs if len(highs) > 1 else highs * len(numbers)
    scales = list(flat(scale)) if isinstance(scale, list) else [scale] * len(numbers)
    for x, low, high, size in zip(numbers, lows, highs, scales, strict=True):
        ends = (formats.ulp_error(x, end, tolerance.form, size) for end in (low, high))
        if not (low <= x <= high or min(ends) <= tolerance.ulp):
            return False
    return True


def show(x: Any) -> str:
    """A number as a message shows it: enough digits to tell neighbours apart."""
    return formats.decimal(x, 20) if not isinstance(x, float) else repr(x)


def _what(got: float, due: Any, ulp: float, allowed: float) -> str:
    if formats.isnan(due):
        return f"{got!r} where NaN is due"
    if math.isnan(got) or math.isinf(got) or formats.isinf(due):
        return f"{got!r} where {formats.decimal(due, 8)} is due"
    return f"{ulp:.3g} ULP off where {allowed:g} are allowed"
