"""Dice loss and cross-entropy of one mask, from its logits."""

from .. import mask_pair as masks
from .. import primitives as p
from ..loss import loss


@loss(
    "(n),(n)->()",
    target="[0, 1]",
    dice_weight="[0, inf)",
    cross_entropy_weight="[0, inf)",
    smooth="(0, inf)",
)
def dice_cross_entropy_loss(
    xp,
    logits,
    target,
    *,
    dice_weight=1.0,
    cross_entropy_weight=1.0,
    smooth=1.0,
):
    """The Dice loss of a mask plus the mean binary cross-entropy of its pixels, with weights."""
    probability, complement = p.sigmoid_pair(xp, logits)
    overlap = masks.overlap_of(xp, probability, target, _weights(smooth), complement)
    dice = dice_weight * masks.share_of_errors(xp, overlap)[..., 0]
    if cross_entropy_weight == 0.0:
        return dice
    return dice + _cross_entropy(xp, logits, target, cross_entropy_weight)


@dice_cross_entropy_loss.gradient("logits")
def _(xp, logits, target, *, dice_weight, cross_entropy_weight, smooth):
    probability, complement = p.sigmoid_pair(xp, logits)
    weights = _weights(smooth)
    overlap = masks.overlap_of(xp, probability, target, weights, complement)
    by_probability = masks.slope_of(xp, overlap, probability, target, weights)
    dice = dice_weight * (by_probability * probability * complement)
    residual = (1.0 - target) * probability - target * complement
    return dice + cross_entropy_weight * (residual / logits.shape[-1])


def _weights(smooth):
    return masks.weights_of(0.5, 0.5, 0.5 * smooth, 0.5 * smooth)


def _cross_entropy(xp, logits, target, weight):
    """The weighted mean over the pixels."""
    negative, positive = p.softplus_pair(xp, logits)
    terms = p.times(xp, target, positive) + p.times(xp, 1.0 - target, negative)
    return weight * p.mean(xp, terms)
