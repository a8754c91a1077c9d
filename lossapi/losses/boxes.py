"""Losses of two boxes with sides along the axes, each by its corners (x1, y1, x2, y2).

A box is what lies between its corners, and empty where they are exchanged. Arrays of shape (..., 2)
hold a number for each axis. Where edges coincide a loss has kinks: the slope of every coordinate is
found on both sides, and the one nearer to 0 is taken, or 0 between them.
"""

import math

from .. import box_pair as boxes
from .. import primitives as p
from ..loss import loss

_RIGHT_ANGLES = 4.0 / math.pi**2
"""The square of an angle in right angles, for one of 1."""


@loss("(4),(4)->()", prediction="(-inf, inf)", target="(-inf, inf)")
def box_iou_loss(xp, prediction, target):
    """One minus the area that two boxes share over the area that they cover together."""
    return _value(xp, _uncovered, _uncovered_slope, prediction, target)


@box_iou_loss.gradient("prediction")
def _(xp, prediction, target):
    return _gradient(xp, _uncovered_slope, prediction, target)


@box_iou_loss.gradient("target")
def _(xp, prediction, target):
    return _gradient(xp, _uncovered_slope, target, prediction)


@loss("(4),(4)->()", prediction="(-inf, inf)", target="(-inf, inf)")
def generalized_box_iou_loss(xp, prediction, target):
    """The box IoU loss, plus the share of the enclosing box that neither box covers."""
    return _value(xp, _generalized, _generalized_slope, prediction, target)


@generalized_box_iou_loss.gradient("prediction")
def _(xp, prediction, target):
    return _gradient(xp, _generalized_slope, prediction, target)


@generalized_box_iou_loss.gradient("target")
def _(xp, prediction, target):
    return _gradient(xp, _generalized_slope, target, prediction)


@loss("(4),(4)->()", prediction="(-inf, inf)", target="(-inf, inf)")
def distance_box_iou_loss(xp, prediction, target):
    """The box IoU loss, plus the squared distance of the centres in units of the diagonal."""
    return _value(xp, _distant, _distant_slope, prediction, target)


@distance_box_iou_loss.gradient("prediction")
def _(xp, prediction, target):
    return _gradient(xp, _distant_slope, prediction, target)


@distance_box_iou_loss.gradient("target")
def _(xp, prediction, target):
    return _gradient(xp, _distant_slope, target, prediction)


@loss("(4),(4)->()", prediction="(-inf, inf)", target="(-inf, inf)")
def complete_box_iou_loss(xp, prediction, target):
    """The distance box IoU loss, plus a weighted difference of the aspect ratios."""
    return _value(xp, _complete, _complete_slope, prediction, target)


@complete_box_iou_loss.gradient("prediction")
def _(xp, prediction, target):
    return _gradient(xp, _complete_slope, prediction, target)


@complete_box_iou_loss.gradient("target")
def _(xp, prediction, target):
    return _gradient(xp, _complete_slope, target, prediction)


# --- values and gradients


def _value(xp, value, slope, prediction, target):
    """The loss, and where a library differentiates it by itself, the gradient chosen at kinks."""
    fixed = xp.stop_gradient(prediction), xp.stop_gradient(target)
    if fixed[0] is prediction:
        return value(xp, boxes.pair(xp, prediction, target))
    total, moving = 0.0, []
    for box, here, other in ((prediction, *fixed), (target, *fixed[::-1])):
        chosen, kink = (xp.stop_gradient(x) for x in _chosen(xp, slope, here, other))
        total = total + xp.sum(xp.where(kink, p.times(xp, box - here, chosen), 0.0), axis=-1)
        moving.append(xp.where(kink, here, box))
    return value(xp, boxes.pair(xp, *moving)) + total


def _gradient(xp, slope, box, other):
    """The gradient by the corners of the box."""
    return _chosen(xp, slope, box, other)[0]


def _chosen(xp, slope, box, other):
    """The slope of each coordinate that is nearest to 0, and whether it has more than one."""
    pair = boxes.pair(xp, box, other)
    outs, backs, powers = zip(*slope(xp, pair, boxes.both_ways(xp, pair)), strict=True)
    out, back = _sum(xp, outs, powers), _sum(xp, backs, powers)
    nearest, kinks = _nearest(xp, out, back), out != back
    slopes = xp.concat([-nearest[1, ...], nearest[0, ...]], axis=-1)
    return slopes, xp.concat([kinks[1, ...], kinks[0, ...]], axis=-1)


def _sum(xp, terms, powers):
    """The sum of terms multiplied by powers of two, even if products of both signs overflow."""
    total = sum(x * power for x, power in zip(terms, powers, strict=True))
    most = boxes.largest(xp, *powers)
    before = sum(x * (power / most) for x, power in zip(terms, powers, strict=True))
    return xp.where(xp.isnan(total), before * most, total)


def _nearest(xp, out, back):
    least = boxes.smallest(xp, out, back)
    most = boxes.largest(xp, out, back)
    return xp.where(least > 0, least, xp.where(most < 0, most, p.zero(xp, out, back)))


def _nothing(xp, pair):
    """0, or NaN for an example that has a NaN."""
    return p.zero(xp, pair.low + pair.high + pair.other_low + pair.other_high)


# --- what the boxes do not share


def _uncovered(xp, pair):
    """1 - intersection over union, as a sum of areas that are not negative over another."""
    meet = xp.all(pair.meet, axis=-1, keepdims=True)
    root = xp.where(meet, _root(xp, pair), 1.0)
    overlap = xp.where(meet, pair.overlap, 1.0) / root
    beyond = xp.where(meet, pair.beyond, 0.0) / root
    other_beyond = xp.where(meet, pair.other_beyond, 0.0) / root
    both = beyond + other_beyond
    across = both * xp.flip(overlap, axis=-1)
    corner = beyond[..., 0] * beyond[..., 1] + other_beyond[..., 0] * other_beyond[..., 1]
    apart = across[..., 0] + across[..., 1] + corner
    covered = apart + overlap[..., 0] * overlap[..., 1]
    # A library that flushes subnormal lengths may leave nothing of boxes that meet.
    some = meet[..., 0] & (covered > 0)
    nothing = xp.sum(_nothing(xp, pair), axis=-1)
    return xp.where(some, apart / xp.where(some, covered, 1.0), 1.0 + nothing)


def _root(xp, pair):
    """The side of a square as large as the larger box, in which all products are of a size."""
    sides, others = xp.sqrt(pair.sides), xp.sqrt(pair.other_sides)
    root = boxes.largest(xp, sides[..., :1] * sides[..., 1:], others[..., :1] * others[..., 1:])
    # Rounded nowhere: the root of boxes of ordinary size is taken for a power of two.
    root = xp.where((root >= 1.0) & (root < 2.0**14), 1.0, root)
    root = xp.where((root >= 2.0**-14) & (root < 1.0), 2.0**-14, root)
    # Not so small that its inverse overflows.
    least = xp.finfo(root.dtype).smallest_normal
    root = xp.where(root > 0, root, 1.0)
    return xp.stop_gradient(xp.where(root < least, least, root))


def _uncovered_slope(xp, pair, ways):
    """The slope by the upper edges as they move out and back, and by the reflected lower ones.

    These are terms of sums, each with a power of two that it is to be multiplied by. An edge beyond
    the other box adds area that is not shared, one within it adds to what is.
    """
    root = _root(xp, pair)
    sides, others, overlap, beyond, other_beyond = (
        x / root
        for x in (pair.sides, pair.other_sides, pair.overlap, pair.beyond, pair.other_beyond)
    )
    meet = xp.all(pair.meet, axis=-1, keepdims=True)
    area, other_area = boxes.area(xp, sides), boxes.area(xp, others)
    left = boxes.times(xp, other_beyond, xp.flip(others, axis=-1))[..., :1]
    left = left + boxes.times(xp, overlap[..., :1], other_beyond[..., 1:])
    union = area + xp.where(meet, left, other_area)
    union = xp.where(union > 0, union, 1.0)
    across, share = xp.flip(sides, axis=-1), xp.flip(overlap, axis=-1)
    # As a slope before parts of areas, which are at most 1, make it smaller; unless it overflows.
    inverse = 1.0 / root
    steep = inverse * pair.power
    early = ~(xp.isinf(steep) | xp.isinf(share * steep))
    share = share * xp.where(early, steep, 1.0) / union
    grow = xp.where(meet, boxes.times(xp, overlap, across) / union * share, 0.0)
    cut = -boxes.times(xp, share, (boxes.times(xp, beyond, across) + other_area) / union)
    out = xp.where(ways.within, xp.where(pair.touch, cut, 0.0), grow)
    back = xp.where(ways.within | ways.level, xp.where(pair.meet, cut, 0.0), grow)
    nothing = _nothing(xp, pair)
    late, power = xp.where(early, 1.0, inverse), xp.where(early, 1.0, pair.power)
    return [(nothing + out * late, nothing + back * late, power)]


# --- what else tells boxes apart


def _generalized(xp, pair):
    sides, others, beyond, other_beyond = _in_hull(
        xp, pair, pair.sides, pair.other_sides, pair.beyond, pair.other_beyond
    )
    near = xp.sum(beyond * xp.flip(other_beyond, axis=-1), axis=-1)
    far = 1.0 - (boxes.area(xp, sides) + boxes.area(xp, others))[..., 0]
    empty = xp.where(xp.all(pair.meet, axis=-1), near, far)
    flat = xp.any(pair.hull == 0, axis=-1)
    return _uncovered(xp, pair) + xp.where(flat, 0.0, empty)


def _generalized_slope(xp, pair, ways):
    flat = xp.any(pair.hull == 0, axis=-1, keepdims=True)
    unit = xp.where(pair.hull == 0, 1.0, pair.hull)
    # As a slope before shares of lengths make it smaller; unless it overflows.
    early = pair.power / unit < (2.0**1016 if p.is_wide(xp, unit) else 2.0**120)
    power, late = xp.where(early, pair.power, 1.0), xp.where(early, 1.0, pair.power)
    across, other, shared = (
        _across(xp, unit, x, power) for x in (pair.sides, pair.other_sides, pair.overlap)
    )
    sides, others, overlap = _in_hull(xp, pair, pair.sides, pair.other_sides, pair.overlap)
    union = (
        boxes.times(xp, sides, across)
        + boxes.times(xp, others, other)
        - boxes.times(xp, overlap, shared)
    )
    hull_out, hull_back = boxes.hull_moves(xp, ways)
    empty_out = (
        xp.where(ways.within & pair.touch, shared, 0.0)
        - xp.where(ways.high >= ways.low, across, 0.0)
        + hull_out * union
    )
    empty_back = (
        xp.where((ways.within | ways.level) & pair.meet, shared, 0.0)
        - xp.where(ways.high > ways.low, across, 0.0)
        + hull_back * union
    )
    empty = xp.where(flat, 0.0, empty_out), xp.where(flat, 0.0, empty_back), late
    return [*_uncovered_slope(xp, pair, ways), empty]


def _across(xp, unit, lengths, power):
    """Lengths along the other axis over both sides of the enclosing box, for a slope along this.

    Times a power of two, and over the side first that keeps the quotient in range.
    """
    across, other = xp.flip(lengths, axis=-1), xp.flip(unit, axis=-1)
    small = across < 1.0
    across = across * xp.where(small, power, 1.0)
    large = 2.0**1000 if p.is_wide(xp, unit) else 2.0**100
    own = unit < 1.0
    own = own & (across <= large * xp.where(own, unit, 1.0))
    # Times a reciprocal: compilers make one of two divisions, by a product that underflows.
    quotient = across / xp.where(own, unit, other) * (1.0 / xp.where(own, other, unit))
    return quotient * xp.where(small, 1.0, power)


def _in_hull(xp, pair, *lengths):
    """Lengths in units of the enclosing box."""
    hull = xp.where(pair.hull == 0, 1.0, pair.hull)
    return tuple(x / hull for x in lengths)


def _distant(xp, pair):
    centre, hull, _ = _distance(xp, pair, pair.steps)
    return _uncovered(xp, pair) + _squared(xp, centre) / _squared(xp, hull)


def _distant_slope(xp, pair, ways):
    centre, hull, unit = _distance(xp, pair, ways.steps)
    square = xp.expand_dims(_squared(xp, hull), axis=-1)
    ratio = xp.expand_dims(_squared(xp, centre), axis=-1) / square
    hull_out, hull_back = boxes.hull_moves(xp, ways)
    # Held up until the last product, as a short way may be steep again over a short unit.
    least, up = (2.0**-500, 2.0**512) if p.is_wide(xp, hull) else (2.0**-40, 2.0**64)
    up = xp.where(unit.size > least, up, xp.ones_like(unit.size))
    centre, shrink = 0.5 * unit.of(ways.steps, up), 2.0 * ratio * unit.of(pair.hull, up)
    away_out, away_back = (
        (centre - shrink * moves) / square / unit.size for moves in (hull_out, hull_back)
    )
    return [*_uncovered_slope(xp, pair, ways), (away_out, away_back, unit.power / up)]


def _distance(xp, pair, steps):
    """The way from the other centre and the sides of the enclosing box, in units of the longer."""
    unit = boxes.unit_of(xp, pair.power, pair.hull)
    flat = unit.longest == 0
    return 0.5 * unit.of(steps), unit.of(xp.where(flat, unit.longest + 1.0, pair.hull)), unit


def _squared(xp, vector):
    return xp.sum(vector * vector, axis=-1)


def _complete(xp, pair):
    turn, _, _ = boxes.turn(xp, pair)
    return _distant(xp, pair) + _RIGHT_ANGLES * _weight(xp, pair, turn) * (turn * turn)


def _complete_slope(xp, pair, ways):
    turn, slope, power = boxes.turn(xp, pair)
    weight = xp.expand_dims(2.0 * _RIGHT_ANGLES * _weight(xp, pair, turn) * turn, axis=-1)
    turned = boxes.times(xp, weight, slope)
    turned_out = xp.where(ways.high >= ways.low, turned, 0.0)
    turned_back = xp.where(ways.high > ways.low, turned, 0.0)
    return [*_distant_slope(xp, pair, ways), (turned_out, turned_back, power)]


def _weight(xp, pair, turn):
    """v / (1 - IoU + v), a constant under differentiation; 0 where v is.

    v is the square of the angle in right angles. What turns it into those is multiplied once, at
    the end, as its rounding would count with every angle.
    """
    different = turn * turn
    total = _uncovered(xp, pair) / _RIGHT_ANGLES + different
    return xp.stop_gradient(
        xp.where(different > 0, different / xp.where(different > 0, total, 1.0), 0.0)
    )
