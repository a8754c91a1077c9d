"""Losses of a logit behind a sigmoid: squared, weighted, and for several labels at once."""

from .. import primitives as p
from ..loss import loss


@loss("(),()->()", target="[0, 1]")
def squared_sigmoid_error(xp, logits, target):
    """The squared error of the probability that a logit stands for."""
    residual = _residual(target, *p.sigmoid_pair(xp, logits))
    return residual * residual


@squared_sigmoid_error.gradient("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    residual = _residual(target, probability, complement)
    return 2.0 * residual * (probability * complement)


@squared_sigmoid_error.gradient("target")
def _(xp, logits, target):
    return -2.0 * _residual(target, *p.sigmoid_pair(xp, logits))


@squared_sigmoid_error.curvature("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    variance = probability * complement
    bend = _residual(target, probability, complement) * (complement - probability)
    return 2.0 * variance * (variance + bend)


@squared_sigmoid_error.curvature("target")
def _(xp, logits, target):
    return 2.0 + p.zero(xp, logits, target)


def _residual(target, probability, complement):
    """The probability minus the target, of two terms one of which is 0 for a hard target."""
    return (1.0 - target) * probability - target * complement


@loss("(),()->()", target="[0, 1]", positive_weight="[0, inf)", negative_weight="[0, inf)")
def weighted_sigmoid_binary_cross_entropy(
    xp, logits, target, *, positive_weight=1.0, negative_weight=1.0
):
    """The negative log-likelihood of a binary target, each class with a weight of its own."""
    negative, positive = p.softplus_pair(xp, logits)
    return p.weighted_tail(xp, positive_weight, target, positive, logits) + p.weighted_tail(
        xp, negative_weight, 1.0 - target, negative, -logits
    )


@weighted_sigmoid_binary_cross_entropy.gradient("logits")
def _(xp, logits, target, *, positive_weight, negative_weight):
    probability, complement = p.sigmoid_pair(xp, logits)
    return p.weighted_tail(
        xp, negative_weight, 1.0 - target, probability, -logits
    ) - p.weighted_tail(xp, positive_weight, target, complement, logits)


@weighted_sigmoid_binary_cross_entropy.gradient("target")
def _(xp, logits, target, *, positive_weight, negative_weight):
    # The logarithms without the linear part that one of them has, so that equal weights leave
    # that alone.
    above = logits > 0
    size = xp.where(above, logits, -logits)
    rest = p.softplus(xp, -size)
    curved = p.weighted_tail(xp, positive_weight, 1.0, rest, size) - p.weighted_tail(
        xp, negative_weight, 1.0, rest, size
    )
    down = p.times(xp, negative_weight, logits)
    linear = xp.where(above, down, p.times(xp, positive_weight, logits))
    return curved - linear + p.zero(xp, target)


@weighted_sigmoid_binary_cross_entropy.curvature("logits")
def _(xp, logits, target, *, positive_weight, negative_weight):
    probability, complement = p.sigmoid_pair(xp, logits)
    variance = probability * complement
    size = xp.where(logits > 0, logits, -logits)
    return p.weighted_tail(xp, positive_weight, target, variance, size) + p.weighted_tail(
        xp, negative_weight, 1.0 - target, variance, size
    )


@weighted_sigmoid_binary_cross_entropy.curvature("target")
def _(xp, logits, target, *, positive_weight, negative_weight):
    return p.zero(xp, logits, target)


# --- several labels


@loss("(l),(l)->()", target="[0, 1]")
def multilabel_soft_margin_loss(xp, logits, target):
    """The mean over labels, each of which may hold or not, of their binary cross-entropies."""
    negative, positive = p.softplus_pair(xp, logits)
    terms = p.times(xp, target, positive) + p.times(xp, 1.0 - target, negative)
    total, count = xp.sum(terms, axis=-1), terms.shape[-1]
    # Divided first where only the sum overflows; elsewhere that would lose digits of small terms.
    return xp.where(xp.isinf(total), xp.sum(terms / count, axis=-1), total / count)


@multilabel_soft_margin_loss.gradient("logits")
def _(xp, logits, target):
    residual = _residual(target, *p.sigmoid_pair(xp, logits))
    return p.nan_if_any(xp, residual / logits.shape[-1], logits, target)


@multilabel_soft_margin_loss.gradient("target")
def _(xp, logits, target):
    return p.nan_if_any(xp, -logits / logits.shape[-1], logits, target)


@multilabel_soft_margin_loss.curvature("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    curvature = probability * complement / logits.shape[-1]
    return p.nan_if_any(xp, curvature, logits, target)


@multilabel_soft_margin_loss.curvature("target")
def _(xp, logits, target):
    return p.nan_if_any(xp, xp.zeros_like(logits), logits, target)
