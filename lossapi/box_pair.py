"""Two boxes with sides along the axes: what they share, and what each has for itself."""

from typing import Any, NamedTuple

from . import primitives as p

Array = Any


class Pair(NamedTuple):
    """A box and another: the edges, and lengths multiplied by a power of two for each axis."""

    low: Array
    high: Array
    other_low: Array
    other_high: Array
    power: Array
    steps: Array
    """Twice the way from the centre of the other box."""
    sides: Array
    other_sides: Array
    meet: Array
    """Whether they overlap along the axis."""
    touch: Array
    """Whether they overlap, or would if an edge moved at all."""
    overlap: Array
    beyond: Array
    """The length by which the box reaches beyond the other, and its side without the overlap."""
    other_beyond: Array
    hull: Array
    """The sides of the smallest box that holds all corners."""


def pair(xp, box, other):
    # Edges are compared as they are: multiplied, small ones beside huge ones would be 0.
    edges = box[..., :2], box[..., 2:], other[..., :2], other[..., 2:]
    meet, touch = _overlap(xp, *edges)
    power = _power(xp, *edges)
    low, high, other_low, other_high = scaled = tuple(power * x for x in edges)
    top = xp.where(high < other_high, high, other_high)
    bottom = xp.where(low < other_low, other_low, low)
    return Pair(
        *edges,
        power,
        steps=_steps(*scaled),
        sides=rise(xp, low, high),
        other_sides=rise(xp, other_low, other_high),
        meet=meet,
        touch=touch,
        overlap=rise(xp, bottom, top),
        beyond=rise(xp, other_high, high) + rise(xp, low, other_low),
        other_beyond=rise(xp, high, other_high) + rise(xp, other_low, low),
        hull=largest(xp, *scaled) - smallest(xp, *scaled),
    )


def _steps(low, high, other_low, other_high):
    # The sums keep what a centre near 0 leaves of far edges.
    (middle, lost), (other, other_lost) = p.two_sum(low, high), p.two_sum(other_low, other_high)
    steps, last = p.two_sum(middle, -other)
    return steps + (last + (lost - other_lost))


def _overlap(xp, low, high, other_low, other_high):
    top = xp.where(high < other_high, high, other_high)
    bottom = xp.where(low < other_low, other_low, low)
    return bottom < top, bottom <= top


class Ways(NamedTuple):
    """Edges as they are, and behind them, along a new first axis, reflected.

    What is said of the upper edges is so said of the lower ones too.
    """

    low: Array
    high: Array
    other_low: Array
    other_high: Array
    steps: Array
    """Twice the way from the centre of the other box, multiplied as lengths are."""

    @property
    def within(self):
        """Whether an upper edge lies below that of the other box."""
        return self.high < self.other_high

    @property
    def level(self):
        """Whether it lies where that does."""
        return self.high == self.other_high


def both_ways(xp, pair):
    return Ways(
        low=xp.stack([pair.low, -pair.high]),
        high=xp.stack([pair.high, -pair.low]),
        other_low=xp.stack([pair.other_low, -pair.other_high]),
        other_high=xp.stack([pair.other_high, -pair.other_low]),
        steps=xp.stack([pair.steps, -pair.steps]),
    )


def _power(xp, *edges):
    """What keeps lengths between these edges from overflow, and differences normal."""
    size = largest(xp, *(xp.abs(xp.stop_gradient(x)) for x in edges))
    wide = p.is_wide(xp, size)
    # No more than is needed: a side that is tiny beside huge coordinates must not underflow.
    most, least, lift = (2.0**1016, 2.0**-960, 2.0**64) if wide else (2.0**120, 2.0**-96, 2.0**32)
    small = xp.where(size < least, lift, xp.ones_like(size))
    return xp.where(size > most, 2.0**-8, small)


def rise(xp, start, end):
    return xp.where(start < end, end - start, 0.0)


def largest(xp, first, *others):
    for x in others:
        first = xp.where(first < x, x, first)
    return first


def smallest(xp, first, *others):
    for x in others:
        first = xp.where(x < first, x, first)
    return first


def area(xp, sides):
    """The product of both sides; 0 if one is, however long the other."""
    width, height = sides[..., :1], sides[..., 1:]
    return times(xp, width, height)


def times(xp, x, y):
    return xp.where((x == 0) | (y == 0), 0.0, x) * xp.where((x == 0) | (y == 0), 0.0, y)


def hull_moves(xp, ways):
    """By how much the enclosing box grows as an upper edge moves out, and as it moves back."""
    others = ways.low, ways.other_low, ways.other_high
    most, least = largest(xp, *others), smallest(xp, *others)
    one = xp.ones_like(most)
    out = xp.where(ways.high >= most, one, xp.where(ways.high < least, -one, 0.0))
    return out, xp.where(ways.high > most, one, xp.where(ways.high <= least, -one, 0.0))


class Unit(NamedTuple):
    """The longer of two lengths along the axes, 1 if both are 0; and one power of two for both."""

    longest: Array
    relative: Array
    power: Array
    size: Array

    def of(self, lengths, up=1.0):
        """Lengths in this unit, times a power of two."""
        # In this order a length that is subnormal in these units keeps its digits.
        return lengths / self.size * (self.relative * up)


def unit_of(xp, powers, lengths):
    width, height = powers[..., :1], powers[..., 1:]
    power = xp.where(width < height, width, height)
    power = xp.where(lengths[..., :1] == 0, height, power)
    power = xp.where(lengths[..., 1:] == 0, width, power)
    relative = power / powers
    longest = xp.stop_gradient(xp.max(lengths * relative, axis=-1, keepdims=True))
    return Unit(longest, relative, power, xp.where(longest == 0, 1.0, longest))


def turn(xp, pair):
    """The angle between the diagonals, and its slope by the sides, but for a power of two."""
    shape, unit = _shape(xp, pair.low, pair.high)
    other, _ = _shape(xp, pair.other_low, pair.other_high)
    # One arctangent of a quotient, not the difference of two: that would cancel, as do the two
    # products of sides. What was rounded of them and of their factors is added.
    wider, more = p.two_product(xp, other.width, shape.height)
    higher, less = p.two_product(xp, shape.width, other.height)
    left = (
        (more - less)
        + (other.width * shape.height_lost - shape.width * other.height_lost)
        + (other.width_lost * shape.height - shape.width_lost * other.height)
    )
    # A compiler may round one only of two products that it subtracts: they are compared first.
    cross = xp.where(wider == higher, 0.0, wider - higher)
    cross = cross + xp.stop_gradient(xp.where(_alike(shape, other), 0.0, left))
    angle = xp.atan2(cross, other.height * shape.height + other.width * shape.width)
    square = shape.width * shape.width + shape.height * shape.height
    # Divided as the last, by the unit enlarged: the reciprocal of a small one would overflow.
    small = unit.size < xp.finfo(unit.size.dtype).smallest_normal
    power = 2.0**64 if p.is_wide(xp, square) else 2.0**32
    lift = xp.where(small, power, xp.ones_like(unit.size))
    slope = xp.stack([-shape.height / square, shape.width / square], axis=-1) / (unit.size * lift)
    return angle, xp.where(unit.longest == 0, 0.0, slope), unit.power * lift


class Shape(NamedTuple):
    """Width and height in units of the longer one, and what rounding lost of them."""

    width: Array
    height: Array
    width_lost: Array
    height_lost: Array


def _shape(xp, low, high):
    """A point has no width."""
    # By powers of this box alone: beside the huge edges of another one, tiny sides would be lost.
    power = _power(xp, low, high)
    start, end = power * low, power * high
    sides = rise(xp, start, end)
    unit = unit_of(xp, power, sides)
    shape = unit.of(sides)
    _, lost = p.two_sum(end, -start)
    lost = unit.of(xp.where(sides > 0, lost, 0.0)) - _excess(xp, shape, sides, unit)
    point = unit.longest[..., 0] == 0
    # Where subnormal numbers are 0 a box may have no sides, and still be wider than high.
    flat = point & (low[..., 0] < high[..., 0])
    width = xp.where(flat, 1.0, shape[..., 0])
    height = xp.where(point & ~flat, 1.0, shape[..., 1])
    return Shape(width, height, lost[..., 0], lost[..., 1]), unit


def _excess(xp, shape, sides, unit):
    """By how much the rounded quotients are larger than sides over the unit."""
    wide = p.is_wide(xp, sides)
    smaller = xp.where(
        unit.size > 2.0**90, 2.0**-900 if wide else 2.0**-60, xp.ones_like(unit.size)
    )
    size = smaller * unit.size
    product, error = p.two_product(xp, shape, size + xp.zeros_like(shape))
    return ((product - smaller * sides * unit.relative) + error) / size


def _alike(shape, other):
    """Whether two shapes are the same to all digits that are known of them."""
    same = [a == b for a, b in zip(shape, other, strict=True)]
    return same[0] & same[1] & same[2] & same[3]
