"""What two soft masks share: hits and errors, weighted, and the share of errors in both."""

import math
from typing import NamedTuple

from . import primitives as p
from .primitives import Array, Namespace


class Weights(NamedTuple):
    """What the parts of an overlap count, up to a common factor."""

    hit: float
    false_positive: float
    false_negative: float
    smooth_right: float
    """Added to the hits."""
    smooth_total: float
    """Added to hits and errors together."""


def weights_of(
    false_positive: float, false_negative: float, smooth_right: float, smooth_total: float
) -> Weights:
    """The weights of errors and the smoothing in hits, divided by a power of two if large."""
    given = (1.0, false_positive, false_negative, smooth_right, smooth_total)
    unit = math.ldexp(1.0, math.frexp(max(given))[1] - 1)
    return Weights(*(number / unit for number in given))


class Overlap(NamedTuple):
    """Weighted hits and errors of an example, times LIFT; shape (..., 1)."""

    right: Array
    wrong: Array
    total: Array
    divisor: Array
    """The total; 1 where it is 0."""
    empty: Array
    """Where there are neither hits nor errors that count."""
    mostly_right: Array
    right_share: Array
    """right / total, to its own last digits."""
    wrong_share: Array
    """wrong / total."""


LIFT = 2.0**60
"""A power of two, which keeps the digits of subnormal numbers and their products."""


def overlap_of(
    xp: Namespace, mask: Array, other: Array, weights: Weights, rest: Array | None = None
) -> Overlap:
    """What a mask shares with another; `rest` is 1 - mask where that is known better."""
    lifted = LIFT * other
    hits = weights.hit * _sum(xp, mask * lifted)
    false_positives = _sum(xp, mask * (LIFT - lifted))
    false_negatives = _sum(xp, (1.0 - mask if rest is None else rest) * lifted)
    errors = weights.false_positive * false_positives + weights.false_negative * false_negatives
    right = hits + LIFT * weights.smooth_right
    # Neither total - right nor 1 - right / total, which cancel where nearly all is right.
    wrong = errors + LIFT * (weights.smooth_total - weights.smooth_right)
    total = hits + errors + LIFT * weights.smooth_total
    divisor = xp.where(total == 0, 1.0, total)
    # The quotient first: the product of two small numbers would underflow.
    shared = weights.hit * _sum(xp, (LIFT * mask) * (other / divisor))
    return Overlap(
        right=right,
        wrong=wrong,
        total=total,
        divisor=divisor,
        empty=total + total == 0,
        mostly_right=wrong < right,
        right_share=shared + LIFT * weights.smooth_right / divisor,
        wrong_share=wrong / divisor,
    )


def _sum(xp: Namespace, x: Array) -> Array:
    return xp.sum(x, axis=-1, keepdims=True)


def share_of_errors(xp: Namespace, overlap: Overlap) -> Array:
    """wrong / total; 0 for empty masks."""
    # Where that is close to 1, its derivative by the quotient rule would cancel.
    share = xp.where(overlap.mostly_right, overlap.wrong_share, 1.0 - overlap.right_share)
    return xp.where(overlap.empty, 0.0, share)


def small_share(xp: Namespace, part: Array, overlap: Overlap) -> tuple[Array, Array]:
    """Where part / total is small, and LIFT times it there, which is no subnormal number."""
    small = (part > 0) & (part < 2.0**-40 * overlap.divisor)
    lifted = xp.where(small, part, 0.0) / (xp.where(small, overlap.divisor, LIFT) / LIFT)
    return small, lifted


def slope_of(xp: Namespace, overlap: Overlap, mask: Array, other: Array, weights: Weights) -> Array:
    """(a (1 - y) right - y (b right + h wrong)) / total²: weights a, b and h, the other mask y.

    A single term where y is hard. Everything is divided before it is multiplied, so that small
    masks do not underflow.
    """
    divisor = overlap.divisor
    scale = LIFT
    if not weights.false_negative:
        # The total may be so much smaller than y that y / total overflows.
        tiny = divisor < 2.0**10 * LIFT * xp.finfo(mask.dtype).smallest_normal
        scale = xp.where(tiny, 1.0, LIFT * xp.ones_like(divisor))
    theirs = scale * other / divisor
    cost = weights.false_negative * overlap.right + weights.hit * overlap.wrong
    small, lifted = small_share(xp, cost, overlap)
    cost = xp.where(overlap.empty, 0.0, cost / divisor)
    slope = -xp.where(small, other * (lifted / divisor), p.times(xp, theirs, cost))
    if weights.false_positive:
        density = weights.hit * _sum(xp, (weights.false_positive * LIFT * mask / divisor) * theirs)
        if weights.smooth_right:
            # One root of both, which may be tiny: two have twice the error.
            product = 2.0**500 * weights.false_positive * (2.0**500 * weights.smooth_right)
            root = LIFT * math.sqrt(product) / 2.0**500
            density = density + (root / divisor) * (root / divisor) * (scale / LIFT)
            density = density if weights.smooth_total else xp.where(overlap.empty, 0.0, density)
        slope = (1.0 - other) * density + slope
    return slope if weights.false_negative else slope * (LIFT / scale)


def gradient(xp: Namespace, mask: Array, other: Array, weights: Weights) -> Array:
    """The gradient of the share of errors by the first mask."""
    return slope_of(xp, overlap_of(xp, mask, other, weights), mask, other, weights)
