"""Losses of a mask: how far the predicted pixels of one example overlap with the true ones."""

from .. import mask_pair as masks
from ..loss import loss


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
    weights = masks.weights_of(false_positive_weight, false_negative_weight, smooth, smooth)
    overlap = masks.overlap_of(xp, probabilities, target, weights)
    share = masks.share_of_errors(xp, overlap)
    return (share if gamma == 1.0 else _power(xp, overlap, share, gamma))[..., 0]


@tversky_loss.gradient("probabilities")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    weights = masks.weights_of(false_positive_weight, false_negative_weight, smooth, smooth)
    return _focal_slope(xp, probabilities, target, weights, gamma)


@tversky_loss.gradient("target")
def _(xp, probabilities, target, *, false_positive_weight, false_negative_weight, smooth, gamma):
    # Seen from the target, a false positive is a false negative.
    weights = masks.weights_of(false_negative_weight, false_positive_weight, smooth, smooth)
    return _focal_slope(xp, target, probabilities, weights, gamma)


def _focal_slope(xp, mask, other, weights, gamma):
    """The gradient of the share of errors to the power of gamma by the first mask."""
    overlap = masks.overlap_of(xp, mask, other, weights)
    slope = masks.slope_of(xp, overlap, mask, other, weights)
    if gamma == 1.0:
        return slope
    return gamma * _power(xp, overlap, masks.share_of_errors(xp, overlap), gamma - 1.0) * slope


def _power(xp, overlap, share, exponent):
    """share**exponent; 0 where there are no errors, which for a slope is chosen out of many."""
    some = share > 0
    if exponent >= 1.0:
        return xp.where(some, xp.where(some, share, 1.0) ** exponent, share)
    # A root brings to light the digits that a subnormal share lost.
    small, lifted = masks.small_share(xp, overlap.wrong, overlap)
    root = xp.where(small, lifted, xp.where(some, share, 1.0)) ** exponent
    unit = xp.where(small, masks.LIFT**-exponent, xp.ones_like(share))
    return xp.where(some | small, root * unit, share)


@loss("(n),(n)->()", probabilities="[0, 1]", target="[0, 1]", smooth="[0, inf)")
def jaccard_loss(xp, probabilities, target, *, smooth=0.0):
    """One minus the intersection of two soft masks over their union."""
    weights = masks.weights_of(1.0, 1.0, smooth, smooth)
    return masks.share_of_errors(xp, masks.overlap_of(xp, probabilities, target, weights))[..., 0]


@jaccard_loss.gradient("probabilities")
def _(xp, probabilities, target, *, smooth):
    return masks.gradient(xp, probabilities, target, masks.weights_of(1.0, 1.0, smooth, smooth))


@jaccard_loss.gradient("target")
def _(xp, probabilities, target, *, smooth):
    return masks.gradient(xp, target, probabilities, masks.weights_of(1.0, 1.0, smooth, smooth))
