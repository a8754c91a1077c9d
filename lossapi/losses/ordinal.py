"""Losses of labels in an order, as grades or ages have: they count what an example has passed."""

from .. import primitives as p
from ..loss import loss


@loss("(k-1),()->()", labels="labels")
def ordinal_binary_cross_entropy(xp, logits, labels):
    """The sum over the thresholds of a scale of whether a label lies above each, from logits."""
    return xp.sum(p.softplus(xp, xp.where(_passed(xp, logits, labels), -logits, logits)), axis=-1)


@ordinal_binary_cross_entropy.gradient("logits")
def _(xp, logits, labels):
    probability, complement = p.sigmoid_pair(xp, logits)
    slope = xp.where(_passed(xp, logits, labels), -complement, probability)
    return p.nan_if_any(xp, slope, logits)


@ordinal_binary_cross_entropy.curvature("logits")
def _(xp, logits, labels):
    probability, complement = p.sigmoid_pair(xp, logits)
    return p.nan_if_any(xp, probability * complement, logits)


def _passed(xp, logits, labels):
    """Mask of the thresholds that lie below each example's label."""
    return xp.class_index(logits) < xp.expand_dims(labels, axis=-1)
