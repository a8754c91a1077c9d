"""Losses that arrange embeddings by their distances."""

from .. import lengths
from .. import primitives as p
from ..loss import loss


@loss("(),()->()", distance="[0, inf]", target="{0, 1}", margin="[0, inf)")
def contrastive_loss(xp, distance, target, *, margin=1.0):
    """Half the squared distance of a similar pair, or how far a dissimilar one is too close."""
    size = xp.where(target == 1, distance, p.shortfall(xp, distance, margin))
    return 0.5 * size * size


@contrastive_loss.gradient("distance")
def _(xp, distance, target, *, margin):
    return xp.where(target == 1, distance, -p.shortfall(xp, distance, margin))


@contrastive_loss.curvature("distance")
def _(xp, distance, target, *, margin):
    pulls = (target == 1) | (distance < margin)
    return xp.where(pulls, xp.ones_like(distance), 0.0) + p.zero(xp, distance, target)


@loss("(k),(k),()->()", u="(-inf, inf)", v="(-inf, inf)", target="{0, 1}", margin="[0, inf)")
def contrastive_embedding_loss(xp, u, v, target, *, margin=1.0):
    """Half the squared distance of a similar pair, or how far a dissimilar one is too close."""
    similar = target == 1
    difference = xp.where(xp.expand_dims(similar, axis=-1), u - v, 0.0)
    short = p.shortfall(xp, _distance(xp, u, v), margin)
    together = xp.sum(0.5 * difference * difference, axis=-1)
    return xp.where(similar, together, 0.5 * short * short)


@contrastive_embedding_loss.gradient("u", "v")
def _(xp, u, v, target, *, margin):
    gap, factor = lengths.difference(xp, u, v)
    # By the operands: a library that takes a subnormal difference for 0 still tells its sign.
    direction, unit, rest = lengths.slopes(xp, gap, p.order(xp, u, v), 2.0)
    short = p.shortfall(xp, unit * rest * factor, margin)
    # What a component of the direction loses to underflow a large shortfall would bring to light:
    # that meets the difference first, or is divided first where their product may overflow.
    large = (short > 1.0) & (rest > 0)
    length = xp.where(large, unit * rest, 1.0)
    near = length < 1.0
    grown = gap * xp.where(near, short, short / length) / xp.where(near, length, 1.0)
    apart = xp.where(large, grown, short * direction)
    slope = xp.where(xp.expand_dims(target, axis=-1) == 1, u - v, -apart)
    return slope, -slope


def _distance(xp, u, v):
    gap, factor = lengths.difference(xp, u, v)
    unit, rest = lengths.norm(xp, lengths.size(xp, gap, 2.0), 2.0)
    return (unit * rest * factor)[..., 0]
