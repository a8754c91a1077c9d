"""Losses of a mask: how far the predicted pixels of one example overlap with the true ones."""

import math
from typing import NamedTuple

from .. import primitives as p
from ..loss import loss
from ..primitives import Array, Namespace


@loss(
    "(n),(n)->()",
    probabilities="[0, 1]",
    target="[0, 1]",
    false_positive_weight="[0, inf)",
    false_negative_weight="[0, inf)",
    smooth="[0, inf)",
    gamma="(0, inf)",
)
def tversky_loss(
    xp,
    probabilities,
    target,
    *,
    false_positive_weight=0.5,
    false_negative_weight=0.5,
    smooth=0.0,
    gamma=1.0,
):
    """The share of errors in errors and hits, with a weight for each kind of error."""
    weights = _weights(false_positive_weight, false_negative_weight, smooth, smooth)
    overlap = _overlap(xp, probabilities, target, weights)
    share = _share_of_errors(xp, overlap)
    return (share if gamma == 1.0 else _power(xp, overlap, share, gamma))[..., 0]


@tversky_loss.gradient("probabilities")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    weights = _weights(false_positive_weight, false_negative_weight, smooth, smooth)
    return _focal_slope(xp, probabilities, target, weights, gamma)


@tversky_loss.gradient("target")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    # Seen from the target, a false positive is a false negative.
    weights = _weights(false_negative_weight, false_positive_weight, smooth, smooth)
    return _focal_slope(xp, target, probabilities, weights, gamma)


def _focal_slope(xp, mask, other, weights, gamma):
    """The gradient of the share of errors to the power of gamma by the first mask."""
    overlap = _overlap(xp, mask, other, weights)
    slope = _slope(xp, overlap, mask, other, weights)
    if gamma == 1.0:
        return slope
    return gamma * _power(xp, overlap, _share_of_errors(xp, overlap), gamma - 1.0) * slope


def _power(xp, overlap, share, exponent):
    """share**exponent; 0 where there are no errors, which for a slope is chosen out of many."""
    some = share > 0
    if exponent >= 1.0:
        return xp.where(some, xp.where(some, share, 1.0) ** exponent, share)
    # A root brings to light the digits that a subnormal share lost.
    small, lifted = _small_share(xp, overlap.wrong, overlap)
    root = xp.where(small, lifted, xp.where(some, share, 1.0)) ** exponent
    unit = xp.where(small, LIFT**-exponent, xp.ones_like(share))
    return xp.where(some | small, root * unit, share)


@loss("(n),(n)->()", probabilities="[0, 1]", target="[0, 1]", smooth="[0, inf)")
def jaccard_loss(xp, probabilities, target, *, smooth=0.0):
    """One minus the intersection of two soft masks over their union."""
    overlap = _overlap(xp, probabilities, target, _weights(1.0, 1.0, smooth, smooth))
    return _share_of_errors(xp, overlap)[..., 0]


@jaccard_loss.gradient("probabilities")
def _(xp, probabilities, target, *, smooth):
    return _gradient(xp, probabilities, target, _weights(1.0, 1.0, smooth, smooth))


@jaccard_loss.gradient("target")
def _(xp, probabilities, target, *, smooth):
    return _gradient(xp, target, probabilities, _weights(1.0, 1.0, smooth, smooth))


# --- the overlap of two soft masks


class Weights(NamedTuple):
    """What the parts of an overlap count, up to a common factor."""

    hit: float
    false_positive: float
    false_negative: float
    smooth_right: float
    """Added to the hits."""
    smooth_total: float
    """Added to hits and errors together."""


def _weights(
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


def _overlap(
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
        empty=total + right == 0,
        mostly_right=wrong < right,
        right_share=shared + LIFT * weights.smooth_right / divisor,
        wrong_share=wrong / (total if weights.smooth_right else divisor),
    )


def _sum(xp: Namespace, x: Array) -> Array:
    return xp.sum(x, axis=-1, keepdims=True)


def _share_of_errors(xp: Namespace, overlap: Overlap) -> Array:
    """wrong / total; 0 for empty masks."""
    # Where that is close to 1, its derivative by the quotient rule would cancel.
    share = xp.where(overlap.mostly_right, overlap.wrong_share, 1.0 - overlap.right_share)
    return xp.where(overlap.empty, 0.0, share)


def _small_share(xp: Namespace, part: Array, overlap: Overlap) -> tuple[Array, Array]:
    """Where part / total is small, and LIFT times it there, which is no subnormal number."""
    small = (part > 0) & (part < 2.0**-40 * overlap.divisor)
    lifted = xp.where(small, part, 0.0) / (xp.where(small, overlap.divisor, LIFT) / LIFT)
    return small, lifted


def _gradient(xp: Namespace, mask: Array, other: Array, weights: Weights) -> Array:
    """The gradient of the share of errors by the first mask."""
    return _slope(xp, _overlap(xp, mask, other, weights), mask, other, weights)


def _slope(xp: Namespace, overlap: Overlap, mask: Array, other: Array, weights: Weights) -> Array:
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
    small, lifted = _small_share(xp, cost, overlap)
    cost = cost / overlap.total
    if not weights.smooth_right:
        cost = xp.where(overlap.empty, 0.0, cost)
    slope = -xp.where(small, other * (lifted / divisor), p.times(xp, theirs, cost))
    if weights.false_positive:
        density = weights.hit * _sum(xp, (weights.false_positive * LIFT * mask / divisor) * theirs)
        if weights.smooth_right:
            root = LIFT * math.sqrt(weights.false_positive) * math.sqrt(weights.smooth_right)
            density = density + (root / overlap.total) * (root / overlap.total) * (scale / LIFT)
        slope = (1.0 - other) * density + slope
    return slope if weights.false_negative else slope * (LIFT / scale)
