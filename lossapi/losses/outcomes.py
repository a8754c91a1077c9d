"""Losses with a cost for each of the four outcomes of a decision between two classes."""

from .. import primitives as p
from ..loss import loss


@loss(
    "(),()->()",
    target="{0, 1}",
    false_negative="[0, inf)",
    false_positive="[0, inf)",
    correct="[0, inf)",
    logit_threshold="(-inf, inf)",
)
def outcome_weighted_sigmoid_binary_cross_entropy(
    xp,
    logits,
    target,
    *,
    false_negative=5.0,
    false_positive=1.0,
    correct=0.1,
    logit_threshold=0.0,
):
    """Binary cross-entropy, weighted by what the decision at a threshold costs."""
    weight = _weight(xp, logits, target, false_negative, false_positive, correct, logit_threshold)
    negative, positive = p.softplus_pair(xp, logits)
    return _tail(xp, weight, logits, target, positive, negative)


@outcome_weighted_sigmoid_binary_cross_entropy.gradient("logits")
def _(xp, logits, target, **costs):
    probability, complement = p.sigmoid_pair(xp, logits)
    weight = _weight(xp, logits, target, **costs)
    slope = _tail(xp, weight, logits, target, complement, probability)
    return xp.where(target == 1, -slope, slope)


@outcome_weighted_sigmoid_binary_cross_entropy.curvature("logits")
def _(xp, logits, target, **costs):
    probability, complement = p.sigmoid_pair(xp, logits)
    weight = _weight(xp, logits, target, **costs)
    size = xp.where(logits > 0, logits, -logits)
    return p.weighted_tail(xp, weight, 1.0, probability * complement, size)


def _weight(xp, logits, target, false_negative, false_positive, correct, logit_threshold):
    """The cost of the outcome, which does not move with the logit."""
    correct = correct + p.zero(xp, xp.stop_gradient(logits), target)
    predicted = logits >= logit_threshold
    of_positive = xp.where(predicted, correct, false_negative)
    of_negative = xp.where(predicted, false_positive, correct)
    return xp.where(target == 1, of_positive, of_negative)


def _tail(xp, weight, logits, target, positive, negative):
    """What approaches exp(-z) for a positive and exp(z) for a negative, times the weight."""
    is_positive = target == 1
    tail = xp.where(is_positive, positive, negative)
    return p.weighted_tail(xp, weight, 1.0, tail, xp.where(is_positive, logits, -logits))
