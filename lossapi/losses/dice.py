"""Dice loss, and the coefficient: twice what two masks share over the sum of their sizes."""

import math
from typing import Any, NamedTuple

from .. import mask_pair as masks
from .. import primitives as p
from ..loss import loss


@loss(
    "(n),(n)->()",
    probabilities="[0, 1]",
    target="[0, 1]",
    smooth_numerator="[0, inf)",
    smooth_denominator="[0, inf)",
    squared="{false, true}",
)
def dice_loss(
    xp,
    probabilities,
    target,
    *,
    smooth_numerator=1.0,
    smooth_denominator=1.0,
    squared=False,
):
    """One minus twice what two soft masks share over the sum of their sizes."""
    smoothing = smooth_numerator, smooth_denominator
    if squared:
        return _squared(xp, _squares(xp, probabilities, target, *smoothing))[..., 0]
    overlap = masks.overlap_of(xp, probabilities, target, _weights(*smoothing))
    return masks.share_of_errors(xp, overlap)[..., 0]


@dice_loss.gradient("probabilities")
def _(xp, probabilities, target, *, smooth_numerator, smooth_denominator, squared):
    return _slope(xp, probabilities, target, smooth_numerator, smooth_denominator, squared)


@dice_loss.gradient("target")
def _(xp, probabilities, target, *, smooth_numerator, smooth_denominator, squared):
    return _slope(xp, target, probabilities, smooth_numerator, smooth_denominator, squared)


def _slope(xp, mask, other, numerator, denominator, squared):
    """The gradient by the first mask."""
    if squared:
        return _squared_slope(xp, _squares(xp, mask, other, numerator, denominator))
    return masks.gradient(xp, mask, other, _weights(numerator, denominator))


def _weights(numerator, denominator):
    """Either error costs half of what a hit counts: Tversky loss, with numbers half as large."""
    return masks.weights_of(0.5, 0.5, 0.5 * numerator, 0.5 * denominator)


@loss("(n),(n)->()", prediction="{0, 1}", target="{0, 1}", empty="[0, 1]")
def dice_coefficient(xp, prediction, target, *, empty=1.0):
    """Twice the pixels that two hard masks share over the sum of their sizes."""
    # Hard masks do not move: what passes no derivative but NaN.
    nothing = _sum(xp, p.zero(xp, prediction, target))
    mask, other = xp.stop_gradient(prediction), xp.stop_gradient(target)
    size = _sum(xp, mask) + _sum(xp, other)
    is_empty = size == 0
    coefficient = 2.0 * _sum(xp, mask * other) / xp.where(is_empty, 1.0, size)
    return (xp.where(is_empty, empty, coefficient) + nothing)[..., 0]


@dice_coefficient.gradient("prediction")
def _(xp, prediction, target, *, empty):
    return p.nan_if_any(xp, xp.zeros_like(prediction), prediction, target)


# --- sizes that are squared


class _Squares(NamedTuple):
    """Two masks and their smoothing in units of the largest number; sums of shape (..., 1)."""

    size: Any
    """The unit times LIFT, which is no subnormal number; LIFT where there is nothing."""
    mask: Any
    other: Any
    difference: Any
    """mask - other."""
    shared: Any
    added: Any
    """The root of what is added to the shared: its square may overflow."""
    errors: Any
    """The sum of squared differences, total - shared without smoothing."""
    excess: Any
    """The root of what smoothing adds to the errors, or takes away if `is_less`."""
    is_less: bool
    total: Any


def _squares(xp, mask, other, numerator, denominator):
    # Roots of the smoothing, since compilers make of x / size / size a square that underflows.
    root, larger = math.sqrt(denominator), xp.where(mask < other, other, mask)
    size = xp.stop_gradient(xp.max(larger, axis=-1, keepdims=True))
    size = xp.where(size < root, root, size)
    size = masks.LIFT * xp.where(size + size == 0, 1.0, size)

    def in_units(x):
        return masks.LIFT * x / size

    root, difference = in_units(root), in_units(mask - other)
    mask, other = in_units(mask), in_units(other)
    return _Squares(
        size=size,
        mask=mask,
        other=other,
        difference=difference,
        shared=2.0 * _sum(xp, mask * other),
        added=in_units(math.sqrt(numerator)),
        errors=_sum(xp, difference * difference),
        excess=in_units(math.sqrt(abs(denominator - numerator))),
        is_less=denominator < numerator,
        total=_sum(xp, mask * mask) + _sum(xp, other * other) + root * root,
    )


def _sum(xp, x):
    return xp.sum(x, axis=-1, keepdims=True)


def _squared(xp, squares):
    excess = squares.excess * squares.excess
    wrong = squares.errors + (-excess if squares.is_less else excess)
    nothing = squares.total == 0
    total = xp.where(nothing, 1.0, squares.total)
    # Neither total - shared nor one minus the ratio, which cancel where nearly all is right.
    ratio = (squares.shared + squares.added * squares.added) / total
    loss = xp.where(2.0 * wrong < total, wrong / total, 1.0 - ratio)
    return xp.where(nothing, 0.0, loss)


def _squared_slope(xp, squares):
    """2 (ratio mask - other) / total, which is 2 (mask - other - loss mask) / total."""
    added, excess = (
        p.times(xp, p.times(xp, squares.mask, x), x) for x in (squares.added, squares.excess)
    )
    total = xp.where(squares.total == 0, 1.0, squares.total)
    far = (squares.shared * squares.mask + added) / total
    errors = squares.errors * squares.mask
    near = (errors - excess if squares.is_less else errors + excess) / total
    # What has smaller terms has lost fewer digits.
    is_near = xp.abs(squares.difference) + (errors + excess) / total < far + squares.other
    slope = xp.where(is_near, squares.difference - near, far - squares.other)
    # LIFT comes before the quotient or after it, so that neither overflows nor underflows.
    is_small = xp.abs(slope) < 1.0
    slope = xp.where(is_small, masks.LIFT * xp.where(is_small, slope, 0.0), slope)
    slope = 2.0 * slope / total / squares.size
    return xp.where(is_small, slope, masks.LIFT * slope)
