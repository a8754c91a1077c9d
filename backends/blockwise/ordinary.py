"""Which inputs are ordinary: far from infinity, from NaN and, where it matters, from zero."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossapi.domain import LABELS

from .ranges import Ends, Range
from .sums import sum_of_products

if TYPE_CHECKING:
    from lossapi.domain import Domain
    from lossapi.plan import Plan

_FAR = 2.0**30
"""How far from 0, and by its inverse how close to it, ordinary numbers may be."""
_FEW = 4096
"""Up to how many entries the place of the largest is found sooner than the largest itself."""
_ALONE = 8192
"""Up to how many float64 numbers a dot product takes no threads of OpenBLAS."""
_NOWHERE = math.inf, -math.inf
"""A range that no number lies in."""
_CLOSE = 64.0
"""Up to where the exponential of a number has room above it, in float32 too."""


class Ordinary(NamedTuple):
    """A range of an input, and how to tell that all of a block lies in it."""

    low: Any
    high: Any
    holds: Callable[[Any], bool] | None
    """None where it is known."""
    wider: Ordinary | None = None
    """The same nearer to the ends of the domain, for losses that have no pole there."""
    closer: Ordinary | None = None
    """The same for numbers whose exponential is far from infinity; their negatives may be huge."""
    above: Ordinary | None = None
    """The same without an upper end, which is told by a single reduction."""
    is_pair: bool = False
    """Whether nothing between the ends is ordinary."""

    @property
    def range(self) -> Range:
        """What is known of entries for which it holds."""
        return Ends(self.low, self.high) if self.is_pair else (self.low, self.high)

    def holds_one(self, block: Any) -> bool:
        """Whether a single entry lies in the range, in a tenth of the time of a reduction."""
        number = block.item()
        return bool(self.low <= number <= self.high) and (
            not self.is_pair or number in (self.low, self.high)
        )


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
            if dtype.kind == "f" and own.values == (-limits[1], limits[1]):
                size = np.dtype(dtype).type(limits[1])
                found[name] = Ordinary(-size, size, _of_magnitude(size), is_pair=True)
            if dtype.kind == "f" and math.isfinite(own.low) and math.isinf(own.high):
                found[name] = _without_upper_end(found[name])
            if dtype.kind == "f" and own.is_everything:
                found[name] = found[name]._replace(closer=_below(np.dtype(dtype).type(_CLOSE)))
    for name in plan.program.checked:
        low, high = map(np.float64, _of_number(plan, name))
        found[name] = Ordinary(low, high, None)
    return found


def are_ordinary(plan: Plan, numbers: dict[str, float]) -> bool:
    """Whether the numbers that come as arrays are what a program takes for ordinary."""
    limits = {name: _of_number(plan, name) for name in numbers}
    return all(limits[n][0] <= number <= limits[n][1] for n, number in numbers.items())


def _of_number(plan: Plan, name: str) -> tuple[Any, Any]:
    """The ordinary range of a parameter."""
    domain = plan.program.function.parameter_domains[name].under(plan.program.parameters)
    return _limits(domain, 0, np.dtype(plan.compute), is_first=True) or _NOWHERE


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
        return _at_most(high)
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
    alone = _ALONE if far.dtype.itemsize == 8 else math.inf

    def holds(block: Any) -> bool:
        flat = block if block.ndim == 1 else block.reshape(-1)
        # A long dot product would start the BLAS library's threads beside ours.
        square = flat.dot(flat) if flat.size <= alone else sum_of_products(flat, flat)
        return bool(square <= most)

    return holds


def _up_to(high: Any) -> Callable[[Any], bool]:
    """Numbers from 0 on are ordered as their bits are; NaN and what has a sign lie above all."""
    kind = np.dtype(f"u{high.itemsize}")
    most = int(high.view(kind))

    def holds(block: Any) -> bool:
        return bool(_greatest(block.view(kind)) <= most)

    return holds


def _greatest(block: Any) -> Any:
    """The greatest entry, or NaN, as a Python number."""
    if block.size <= _FEW:
        return block.item(block.argmax())
    return np.maximum.reduce(block, None).item()


def _least(block: Any) -> Any:
    """The least entry, or NaN, as a Python number."""
    if block.size <= _FEW:
        return block.item(block.argmin())
    return np.minimum.reduce(block, None).item()


def _without_upper_end(given: Ordinary) -> Ordinary:
    wider = given.wider and given.wider._replace(above=_above(given.wider.low))
    return given._replace(above=_above(given.low), wider=wider)


def _above(low: Any) -> Ordinary:
    number = low.item()

    def holds(block: Any) -> bool:
        return bool(_least(block) >= number)

    return Ordinary(low, type(low)(np.inf), holds)


def _below(high: Any) -> Ordinary:
    return Ordinary(-type(high)(np.inf), high, _at_most(high))


def _at_most(high: Any) -> Callable[[Any], bool]:
    number = high.item()

    def holds(block: Any) -> bool:
        return bool(_greatest(block) <= number)  # NaN is not

    return holds


def _of_magnitude(size: Any) -> Callable[[Any], bool]:
    """Whether all entries are this number or its negative: whether they have its bits in common.

    And no others, the sign left aside.
    """
    kind = np.dtype(f"u{size.itemsize}").type
    wanted, besides, number = size.view(kind), kind(np.iinfo(kind).max >> 1), size.item()

    def holds(block: Any) -> bool:
        if block.size <= _FEW:
            sizes = np.absolute(block)
            return bool(_least(sizes) == number == _greatest(sizes))
        bits = block.view(kind)
        common, any_of = np.bitwise_and.reduce(bits, None), np.bitwise_or.reduce(bits, None)
        return bool(common & besides == wanted and any_of & besides == wanted)

    return holds


def _between(low: Any, high: Any) -> Callable[[Any], bool]:
    lowest, highest = low.item(), high.item()

    def holds(block: Any) -> bool:
        return bool(_least(block) >= lowest and _greatest(block) <= highest)

    return holds
