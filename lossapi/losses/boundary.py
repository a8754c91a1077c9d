"""Losses of a mask by distances: each pixel counts as far as it lies from the true boundary."""

from .. import primitives as p
from ..loss import loss


@loss("(n),(n)->()", probabilities="[0, 1]", signed_distance="(-inf, inf)")
def boundary_loss(xp, probabilities, signed_distance):
    """The mean over the pixels of the probability times the signed distance to the boundary."""
    terms = probabilities * signed_distance
    total, count = xp.sum(terms, axis=-1), terms.shape[-1]
    # Divided first where only the sum overflows; elsewhere that would lose digits of small terms.
    return xp.where(xp.isfinite(total), total / count, xp.sum(terms / count, axis=-1))


@boundary_loss.gradient("probabilities")
def _(xp, probabilities, signed_distance):
    slope = signed_distance / signed_distance.shape[-1]
    return p.nan_if_any(xp, slope, probabilities, signed_distance)
