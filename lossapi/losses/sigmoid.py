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
