"""Losses that arrange embeddings by their distances."""

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
