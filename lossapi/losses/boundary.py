"""Losses of a mask by distances: each pixel counts as far as it lies from the true boundary."""

from .. import primitives as p
from ..loss import loss


@loss("(n),(n)->()", probabilities="[0, 1]", signed_distance="(-inf, inf)")
def boundary_loss(xp, probabilities, signed_distance):
    """The mean over the pixels of the probability times the signed distance to the boundary."""
    return p.mean(xp, probabilities * signed_distance)


@boundary_loss.gradient("probabilities")
def _(xp, probabilities, signed_distance):
    slope = signed_distance / signed_distance.shape[-1]
    return p.nan_if_any(xp, slope, probabilities, signed_distance)
