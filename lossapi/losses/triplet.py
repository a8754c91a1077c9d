"""Losses of triplets: an anchor is to be closer to its positive than to its negative."""

from typing import Any, NamedTuple

from .. import lengths, primitives
from ..loss import loss


@loss(
    "(k),(k),(k)->()",
    anchor="(-inf, inf)",
    positive="(-inf, inf)",
    negative="(-inf, inf)",
    margin="[0, inf)",
    p="[1, inf)",
    squared="{false, true}",
    swap="{false, true}",
    soft="{false, true}",
)
def triplet_margin_loss(
    xp,
    anchor,
    positive,
    negative,
    *,
    margin=1.0,
    p=2.0,
    squared=False,
    swap=False,
    soft=False,
):
    """How far the negative is from being farther away than the positive, by a margin."""
    gap = _compared(xp, (anchor, positive, negative), margin, p, squared, swap).gap
    if soft:
        return primitives.softplus(xp, gap)
    return xp.where(gap > 0, gap, primitives.zero(xp, gap))


@triplet_margin_loss.gradient("anchor", "positive", "negative")
def _(xp, anchor, positive, negative, *, margin, p, squared, swap, soft):
    compared = _compared(xp, (anchor, positive, negative), margin, p, squared, swap)
    gap = xp.expand_dims(compared.gap, axis=-1)
    if soft:
        weight = primitives.sigmoid(xp, gap)
    else:
        weight = xp.where(gap > 0, 1.0, primitives.zero(xp, gap))
    by_positive, by_negative, *by_both = _slopes(xp, compared, p, squared)
    # In the common unit until the end: terms may overflow that cancel.
    factor = weight / compared.part if squared else weight
    if not swap:
        slopes = by_positive - by_negative, -by_positive, by_negative
        return tuple(slope * factor for slope in slopes)
    turned = xp.expand_dims(compared.turned, axis=-1)
    by_negative, across = (1.0 - turned) * by_negative, turned * by_both[0]
    slopes = by_positive - by_negative, -by_positive - across, by_negative + across
    return tuple(slope * factor for slope in slopes)


class _Compared(NamedTuple):
    """The distances of a triplet, compared in a unit in which none overflows or underflows."""

    gap: Any
    """The distance to the positive less that to the negative, plus the margin."""
    turned: Any
    """Whether the negative is closer to the positive than to the anchor; 1/2 for as close."""
    pairs: Any
    """The vectors of each distance."""
    differences: Any
    """Their differences in a common unit."""
    part: Any
    """What numbers are multiplied by for that unit: a power of two; shape (..., 1)."""


def _compared(xp, vectors, margin, p, squared, swap):
    anchor, positive, negative = vectors
    plain = squared and p == 2.0
    top = xp.max(xp.abs(anchor), axis=-1, keepdims=True)
    for vector in (positive, negative):
        other = xp.max(xp.abs(vector), axis=-1, keepdims=True)
        top = xp.where(other > top, other, top)
    part = primitives.to_middle(xp, top) if plain else primitives.from_the_ends(xp, top)
    pairs = [(anchor, positive), (anchor, negative), *([(positive, negative)] if swap else [])]
    differences = [a * part - b * part for a, b in pairs]
    near, far, *across = (_distance(xp, x, p, plain) for x in differences)
    turned = None
    if swap:
        closer = across[0] < far
        turned = xp.where(closer, 1.0, xp.where(across[0] == far, 0.5, primitives.zero(xp, far)))
        far = xp.where(closer, across[0], far)
    unit = part[..., 0]
    gap = (near - far) / unit
    if plain:
        gap = gap / unit
        # The slopes are no squares, and what is small beside the largest is to keep its digits.
        wide = top > 0.25 * float(xp.finfo(top.dtype).max)
        part = xp.where(wide, 0.25, xp.ones_like(top))
        differences = [a * part - b * part for a, b in pairs]
    elif squared:
        gap = xp.where(gap == 0, 0.0, gap * ((near + far) / unit))
    return _Compared(gap + margin, turned, pairs, differences, part)


def _distance(xp, difference, p, plain):
    """The length of a difference, or its square."""
    if plain:
        return xp.sum(difference * difference, axis=-1)
    unit, rest = lengths.norm(xp, lengths.size(xp, difference, p), p)
    return (unit * rest)[..., 0]


def _slopes(xp, compared, p, squared):
    """The slope of each distance by the first vector of its pair, squared in the common unit."""
    for (a, b), difference in zip(compared.pairs, compared.differences, strict=True):
        if squared and p == 2.0:
            yield 2.0 * difference
            continue
        # By the operands: a library that takes a subnormal difference for 0 still tells its sign.
        sign = primitives.order(xp, a, b)
        if squared:
            slope, unit, rest = lengths.slopes(xp, difference, sign, p)
            yield slope * (2.0 * rest * unit)
        else:  # in a unit of its own, which takes nothing from what is small
            yield lengths.slopes(xp, lengths.difference(xp, a, b)[0], sign, p)[0]
