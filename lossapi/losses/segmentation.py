"""Losses of a mask: how far the predicted pixels of one example overlap with the true ones."""

from typing import NamedTuple

from .. import primitives as p
from ..loss import loss
from ..primitives import Array, Namespace


class Weights(NamedTuple):
    """What the parts of an overlap count, where a hit counts 1."""

    false_positive: float
    false_negative: float
    smooth_right: float
    """Added to the hits."""
    smooth_total: float
    """Added to hits and errors together."""


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
    weights = Weights(false_positive_weight, false_negative_weight, smooth, smooth)
    share = _share_of_errors(xp, _overlap(xp, probabilities, target, weights))[..., 0]
    if gamma == 1.0:
        return share
    return xp.where(share == 0, 0.0, xp.where(share == 0, 1.0, share) ** gamma)


@tversky_loss.gradient("probabilities")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    weights = Weights(false_positive_weight, false_negative_weight, smooth, smooth)
    return _focal_slope(xp, probabilities, target, weights, gamma)


@tversky_loss.gradient("target")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    # Seen from the target, a false positive is a false negative.
    weights = Weights(false_negative_weight, false_positive_weight, smooth, smooth)
    return _focal_slope(xp, target, probabilities, weights, gamma)


def _focal_slope(xp, mask, other, weights, gamma):
    """The gradient of the share of errors to the power of gamma by the first mask."""
    overlap = _overlap(xp, mask, other, weights)
    slope = _slope(xp, overlap, mask, other, weights)
    if gamma == 1.0:
        return slope
    share = _share_of_errors(xp, overlap)
    bend = gamma * xp.where(share == 0, 1.0, share) ** (gamma - 1.0)
    return xp.where(share == 0, 0.0, bend * slope)


@loss("(n),(n)->()", probabilities="[0, 1]", target="[0, 1]", smooth="[0, inf)")
def jaccard_loss(xp, probabilities, target, *, smooth=0.0):
    """One minus the intersection of two soft masks over their union."""
    overlap = _overlap(xp, probabilities, target, Weights(1.0, 1.0, smooth, smooth))
    return _share_of_errors(xp, overlap)[..., 0]


@jaccard_loss.gradient("probabilities")
def _(xp, probabilities, target, *, smooth):
    return _gradient(xp, probabilities, target, Weights(1.0, 1.0, smooth, smooth))


@jaccard_loss.gradient("target")
def _(xp, probabilities, target, *, smooth):
    return _gradient(xp, target, probabilities, Weights(1.0, 1.0, smooth, smooth))


# --- the overlap of two soft masks


class Overlap(NamedTuple):
    """Hits and weighted errors of an example, times a power of two; shape (..., 1)."""

    right: Array
    wrong: Array
    total: Array
    divisor: Array
    """The total; 1 where it is 0."""
    lift: float
    """The power of two, which keeps the digits of products of subnormal numbers."""
    empty: Array
    """Where there are neither hits nor errors that count."""
    mostly_right: Array
    right_share: Array
    """right / total, to its own last digits."""
    wrong_share: Array
    """wrong / total."""


def _overlap(
    xp: Namespace, mask: Array, other: Array, weights: Weights, rest: Array | None = None
) -> Overlap:
    """What a mask shares with another; `rest` is 1 - mask where that is known better."""
    lift = 2.0**60 if max(weights) < 2.0**20 else 1.0
    lifted = lift * other
    hits = _sum(xp, mask * lifted)
    false_positives = _sum(xp, mask * (lift - lifted))
    false_negatives = _sum(xp, (1.0 - mask if rest is None else rest) * lifted)
    errors = weights.false_positive * false_positives + weights.false_negative * false_negatives
    right = hits + lift * weights.smooth_right
    # Neither total - right nor 1 - right / total, which cancel where nearly all is right.
    wrong = errors + lift * (weights.smooth_total - weights.smooth_right)
    total = hits + errors + lift * weights.smooth_total
    divisor = xp.where(total == 0, 1.0, total)
    # The quotient first: the product of two small numbers would underflow.
    shared = _sum(xp, (lift * mask) * (other / divisor))
    return Overlap(
        right=right,
        wrong=wrong,
        total=total,
        divisor=divisor,
        lift=lift,
        empty=total + right == 0,
        mostly_right=wrong < right,
        right_share=shared + lift * weights.smooth_right / divisor,
        wrong_share=wrong / (total if weights.smooth_right else divisor),
    )


def _sum(xp: Namespace, x: Array) -> Array:
    return xp.sum(x, axis=-1, keepdims=True)


def _share_of_errors(xp: Namespace, overlap: Overlap) -> Array:
    """wrong / total; 0 for empty masks."""
    # Where that is close to 1, its derivative by the quotient rule would cancel.
    share = xp.where(overlap.mostly_right, overlap.wrong_share, 1.0 - overlap.right_share)
    return xp.where(overlap.empty, 0.0, share)


def _gradient(xp: Namespace, mask: Array, other: Array, weights: Weights) -> Array:
    """The gradient of the share of errors by the first mask."""
    return _slope(xp, _overlap(xp, mask, other, weights), mask, other, weights)


def _slope(xp: Namespace, overlap: Overlap, mask: Array, other: Array, weights: Weights) -> Array:
    """(a (1 - y) right - y (b right + wrong)) / total², with weights a and b and the other mask y.

    A single term where y is hard. Everything is divided before it is multiplied, so that small
    masks do not underflow.
    """
    lift, divisor = overlap.lift, overlap.divisor
    scale = lift
    if not weights.false_negative:
        # The total may be so much smaller than y that y / total overflows.
        tiny = divisor < 2.0**10 * lift * xp.finfo(mask.dtype).smallest_normal
        scale = xp.where(tiny, 1.0, lift * xp.ones_like(divisor))
    theirs = scale * other / divisor
    cost = (weights.false_negative * overlap.right + overlap.wrong) / overlap.total
    if not weights.smooth_right:
        cost = xp.where(overlap.empty, 0.0, cost)
    slope = -p.times(xp, theirs, cost)
    if weights.false_positive:
        density = _sum(xp, (lift * mask / divisor) * theirs)
        if weights.smooth_right:
            root = lift * weights.smooth_right**0.5
            density = density + (root / overlap.total) * (root / overlap.total) * (scale / lift)
        slope = weights.false_positive * (1.0 - other) * density + slope
    return slope if weights.false_negative else slope * (lift / scale)
