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
    holds: Callable[[Any], bool] | None
    """None where it is known."""
    wider: Ordinary | None = None
    """The same nearer to the ends of the domain, for losses that have no pole there."""


def ordinary(plan: Plan, arrays: dict[str, tuple[bool, Any, Any]]) -> dict[str, Ordinary]:
    """The ordinary range of each input that has one entry or vector for each example."""
    found = {}
    masks = {"where", "weights", "class_weights"}.intersection(arrays)
    may_be_wrong = masks or plan.ignore_index is not None or plan.program.function.masks
    """Labels that count were looked at before the call, and others are whatever they are."""
    for place, (name, domain) in enumerate(plan.program.function.domains.items()):
        of_each, _, dtype = arrays[name]
        own = domain.under(plan.program.parameters)
        limits = _limits(own, plan.classes, np.dtype(dtype), place == 0)
        if of_each and limits is not None:
            ranges = [limits, *(_wider(own, *limits) if dtype.kind == "f" else ())]
            found[name] = _ordinary(np.dtype(dtype), list(dict.fromkeys(ranges)))
            if domain.text == LABELS and not may_be_wrong:
                found[name] = found[name]._replace(holds=None)
    return found


def _wider(domain: Domain, low: Any, high: Any) -> list[tuple[Any, Any]]:
    """The range up to the ends that belong to the domain: the upper one, then both."""
    if math.isfinite(domain.high) and domain.high in domain:
        high = domain.high
    ranges = [(low, high)]
    if domain.low in domain and (math.isfinite(domain.low) or math.isfinite(domain.high)):
        ranges.append((domain.low, high))
    return ranges


def _ordinary(dtype: Any, ranges: list[tuple[Any, Any]]) -> Ordinary:
    """The first range, and the others as ever wider ones."""
    low, high = map(dtype.type, ranges[0])
    wider = _ordinary(dtype, ranges[1:]) if ranges[1:] else None
    return Ordinary(low, high, _look(dtype, low, high), wider)


def _look(dtype: Any, low: Any, high: Any) -> Callable[[Any], bool]:
    if dtype.kind == "f" and low == -np.inf:
        return lambda block: bool(np.maximum.reduce(block, axis=None) <= high)  # NaN is not
    if dtype.kind == "f" and dtype.itemsize > 2 and -low == high:
        return _within(high)
    return _up_to(high) if low == 0 else _between(low, high)


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


def _up_to(high: Any) -> Callable[[Any], bool]:
    """Numbers from 0 on are ordered as their bits are; NaN and what has a sign lie above all."""
    kind = np.dtype(f"u{high.itemsize}")
    most = high.view(kind)

    def holds(block: Any) -> bool:
        return bool(np.maximum.reduce(block.view(kind), axis=None) <= most)

    return holds


def _between(low: Any, high: Any) -> Callable[[Any], bool]:
    def holds(block: Any) -> bool:
        least, most = np.minimum.reduce(block, axis=None), np.maximum.reduce(block, axis=None)
        return bool(least >= low and most <= high)

    return holds
