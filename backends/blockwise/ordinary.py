"""Which inputs are ordinary: far from infinity, from NaN and, where it matters, from zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossapi.domain import LABELS

if TYPE_CHECKING:
    from lossapi.domain import Domain
    from lossapi.plan import Plan

_FAR = 2.0**30
"""How far from 0, and by its inverse how close to it, ordinary numbers may be."""


class Ordinary(NamedTuple):
    """A range of an input, and how to tell that all of a block lies in it."""

    low: Any
    high: Any
    holds: Callable[[Any], bool]


def ordinary(plan: Plan, arrays: dict[str, tuple[bool, Any, Any]]) -> dict[str, Ordinary]:
    """The ordinary range of each input that has one entry or vector for each example."""
    found = {}
    for place, (name, domain) in enumerate(plan.program.function.domains.items()):
        of_each, _, dtype = arrays[name]
        own = domain.under(plan.program.parameters)
        limits = _limits(own, plan.classes, np.dtype(dtype), place == 0)
        if of_each and limits is not None:
            low, high = (np.dtype(dtype).type(end) for end in limits)
            is_round = dtype in (np.float32, np.float64) and -low == high
            found[name] = Ordinary(low, high, _within(high) if is_round else _between(low, high))
    return found


def _limits(domain: Domain, classes: int, dtype: Any, is_first: bool) -> tuple[Any, Any] | None:
    if dtype.kind == "b":
        return None
    if domain.text == LABELS:
        return (0, classes - 1) if classes <= np.iinfo(dtype).max else None
    far = _FAR if dtype.itemsize > 2 else 2.0**12
    low = domain.low if math.isfinite(domain.low) else -far
    high = domain.high if math.isfinite(domain.high) else far
    if dtype.kind != "f":
        return (low, high) if dtype.kind == "i" and dtype.itemsize > 2 else None
    if is_first or not math.isfinite(domain.high):
        # A prediction that reaches the end of its domain meets poles of the loss there.
        low = low + 1.0 / far if low == domain.low else low
        high = high - float(np.finfo(dtype).epsneg) if high == domain.high else high
    return low, high


def _within(far: Any) -> Callable[[Any], bool]:
    """A bound on the root of the sum of squares bounds them all, and NaN fails it."""
    most = float(far) * float(far)

    def holds(block: Any) -> bool:
        flat = block.reshape(-1)
        return bool(np.dot(flat, flat) <= most)

    return holds


def _between(low: Any, high: Any) -> Callable[[Any], bool]:
    def holds(block: Any) -> bool:
        least, most = np.minimum.reduce(block, axis=None), np.maximum.reduce(block, axis=None)
        return bool(least >= low and most <= high)

    return holds
