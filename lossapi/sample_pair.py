"""Two samples of numbers, and how their masses are matched in ascending order.

A sample spreads a mass of one over its entries, evenly or by weights. Laid out in ascending order,
the ends of the entries of both samples divide that mass into cells, in each of which one entry of
the one sample lies against one entry of the other: n + m cells, where pairs would be n times m.
"""

from typing import NamedTuple

from . import primitives
from .primitives import Array, Namespace

Pair = tuple[Array, Array]
"""A number rounded, and its rounding error."""


class Side(NamedTuple):
    """One of the two samples, in ascending order."""

    values: Array
    weights: Array
    place: Array
    """Where each entry of the sample as it was given stands in this order."""
    group: Array
    """A number for each value that occurs: entries of equal values share it."""
    index: Array
    """The entry that lies in each cell."""
    end: Array
    """The cell in which each entry ends."""


class Matching(NamedTuple):
    """Both samples, and the mass of each cell as a part of a total."""

    first: Side
    second: Side
    mass: Array
    total: Array
    """The sum of the masses; shape (..., 1)."""


def matched(
    xp: Namespace, x: Array, y: Array, x_weights: Array | None, y_weights: Array | None
) -> Matching:
    """The matching of two samples along the last axis; without weights all entries weigh one."""
    loop = max(tuple(x.shape[:-1]), tuple(y.shape[:-1]), key=len)
    samples = []
    for given, weights in ((x, x_weights), (y, y_weights)):
        shape = (*loop, given.shape[-1])
        values = xp.broadcast_to(given, shape)
        order = xp.argsort(values, axis=-1, stable=True)
        masses, ends = _masses(xp, values, weights, order, shape)
        samples.append((xp.take_along_axis(values, order, axis=-1), masses, order, ends))
    (_, _, _, first), (_, _, _, second) = samples
    totals = [tuple(part[..., -1:] for part in ends) for ends in (first, second)]
    # In units of 1 / (total of x * total of y): whole numbers, and exact, where all weigh one.
    levels = [_product(xp, first, totals[1]), _product(xp, second, totals[0])]
    whole = x_weights is None and y_weights is None
    whole = whole and x.shape[-1] * y.shape[-1] < 1.0 / float(xp.finfo(x.dtype).eps)
    if not whole:
        # Rounding may have exchanged levels that are all but equal.
        levels = [_taken(xp, level, _order(xp, level)) for level in levels]
    high, low = (xp.concat(parts, axis=-1) for parts in zip(*levels, strict=True))
    order = xp.argsort(high, axis=-1, stable=True) if whole else _order(xp, (high, low))
    high, low = _taken(xp, (high, low), order)
    mass = _step(xp, high) + _step(xp, low)
    mass = xp.where(mass < 0, 0.0, mass)
    count = x.shape[-1]
    position = xp.argsort(order, axis=-1, stable=True)
    of_first = order < count
    one = _side(xp, *samples[0][:3], of_first, position[..., :count])
    other = _side(xp, *samples[1][:3], ~of_first, position[..., count:])
    return Matching(one, other, mass, totals[0][0] * totals[1][0])


def _masses(
    xp: Namespace, values: Array, weights: Array | None, order: Array, shape: tuple[int, ...]
) -> tuple[Array, Pair]:
    """The weights in ascending order of the values, and their running sums with rounding errors."""
    ones = xp.ones_like(values)
    if weights is None:
        running = xp.astype(xp.class_index(values) + 1, values.dtype) * ones
        return ones, (running, xp.zeros_like(values))
    weights = _near_one(xp, weights)
    weights = xp.take_along_axis(xp.broadcast_to(weights, shape), order, axis=-1)
    total, lost = weights, xp.zeros_like(weights)
    step = 1
    while step < shape[-1]:
        behind = (..., slice(step, None)), (..., slice(None, -step))
        longer, error = primitives.two_sum(total[behind[0]], total[behind[1]])
        error = error + (lost[behind[0]] + lost[behind[1]])
        total = xp.concat([total[..., :step], longer], axis=-1)
        lost = xp.concat([lost[..., :step], error], axis=-1)
        step *= 2
    return weights, primitives.two_sum(total, lost)


def _near_one(xp: Namespace, weights: Array) -> Array:
    """The weights times a power of two, so that products of their sums are exact as pairs."""
    steps = (512, 256, 128, 64) if primitives.is_wide(xp, weights) else (64, 32)
    for step in steps:
        top = xp.max(weights, axis=-1, keepdims=True)
        up = xp.where(top < 2.0**-step, 2.0**step, xp.ones_like(top))
        weights = weights * xp.where(top > 2.0**step, 2.0**-step, up)
    return weights


def _product(xp: Namespace, a: Pair, b: Pair) -> Pair:
    high, error = primitives.two_product(xp, a[0], b[0])
    return primitives.two_sum(high, error + (a[0] * b[1] + a[1] * b[0]))


def _order(xp: Namespace, level: Pair) -> Array:
    """The ascending order of numbers with their rounding errors."""
    first = xp.argsort(level[1], axis=-1, stable=True)
    second = xp.argsort(xp.take_along_axis(level[0], first, axis=-1), axis=-1, stable=True)
    return xp.take_along_axis(first, second, axis=-1)


def _taken(xp: Namespace, level: Pair, order: Array) -> Pair:
    high, low = (xp.take_along_axis(part, order, axis=-1) for part in level)
    return high, low


def _step(xp: Namespace, x: Array) -> Array:
    """The difference of each entry and the one before it, or 0."""
    return xp.concat([x[..., :1], x[..., 1:] - x[..., :-1]], axis=-1)


def _side(
    xp: Namespace, values: Array, weights: Array, order: Array, ends_here: Array, end: Array
) -> Side:
    one = xp.astype(ends_here, order.dtype)
    index = xp.cumulative_sum(one, axis=-1) - one
    last = values.shape[-1] - 1
    rises = xp.astype(values[..., 1:] != values[..., :-1], order.dtype)
    group = xp.concat([order[..., :1] * 0, xp.cumulative_sum(rises, axis=-1)], axis=-1)
    place = xp.argsort(order, axis=-1, stable=True)
    return Side(values, weights, place, group, xp.where(index > last, last, index), end)


def in_cells(xp: Namespace, side: Side) -> Array:
    """The value that lies in each cell."""
    return xp.take_along_axis(side.values, side.index, axis=-1)


def tied(xp: Namespace, side: Side) -> Array:
    """Which entries, in the order in which the sample was given, have the value of another."""
    same = side.values[..., 1:] == side.values[..., :-1]
    none = xp.zeros_like(side.values[..., :1]) > 0
    either = xp.concat([none, same], axis=-1) | xp.concat([same, none], axis=-1)
    return xp.take_along_axis(either, side.place, axis=-1)


def by_value(xp: Namespace, side: Side, amount: Array) -> Array:
    """The sum of an amount over all cells of the value of each entry, in ascending order."""
    total = _over_group(xp, amount, xp.take_along_axis(side.group, side.index, axis=-1))
    return xp.take_along_axis(total, side.end, axis=-1)


def shared(xp: Namespace, side: Side, amount: Array) -> Array:
    """An amount for each value, in ascending order, shared out among entries by their weights.

    The result has the entries in the order in which the sample was given.
    """
    together = _over_group(xp, side.weights, side.group)
    part = side.weights / xp.where(together == 0, 1.0, together)
    return xp.take_along_axis(part * amount, side.place, axis=-1)


def _over_group(xp: Namespace, x: Array, group: Array) -> Array:
    """For each entry the sum over its group, whose entries stand side by side."""
    # By doubling the reach: differences of running sums would cancel.
    before = after = x
    step = 1
    while step < x.shape[-1]:
        early, late = (..., slice(None, -step)), (..., slice(step, None))
        same = group[late] == group[early]
        longer = before[late] + xp.where(same, before[early], 0.0)
        before = xp.concat([before[..., :step], longer], axis=-1)
        longer = after[early] + xp.where(same, after[late], 0.0)
        after = xp.concat([longer, after[..., -step:]], axis=-1)
        step *= 2
    same = group[..., 1:] == group[..., :-1]
    rest = xp.where(same, after[..., 1:], 0.0)
    return before + xp.concat([rest, xp.zeros_like(x[..., :1])], axis=-1)
