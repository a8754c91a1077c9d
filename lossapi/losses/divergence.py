"""Divergences of a predicted distribution from a target distribution."""

from .. import primitives as p
from ..loss import loss


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]")
def kl_divergence(xp, prediction, target):
    """The relative entropy of the target with respect to the prediction."""
    q, t = _known(xp, prediction, target)
    # t log(t / q) in two factors; at t = 0, where it is 0 with a slope of -inf, so is -sqrt(t).
    vanishing = (t == 0) & (q >= 0)
    inside, q = xp.where(vanishing, 1.0, t), xp.where(vanishing, 1.0, q)
    term = xp.where(vanishing, -1.0, xp.sqrt(inside) * p.log_ratio(xp, inside, q))
    return xp.sum(xp.sqrt(t) * term, axis=-1)


@kl_divergence.gradient("prediction")
def _(xp, prediction, target):
    q, _ = _known(xp, prediction, target)
    return p.nan_if_any(xp, -p.quotient(xp, target, q), prediction, target)


@kl_divergence.gradient("target")
def _(xp, prediction, target):
    q, t = _known(xp, prediction, target)
    slope = p.log_ratio(xp, t, q) + 1.0
    return p.nan_if_any(xp, xp.where(_unknown(prediction, target), 0.0, slope), prediction, target)


@kl_divergence.curvature("prediction")
def _(xp, prediction, target):
    # t / q^2 by the root of t: neither q^2 nor t / q underflows before the quotient does.
    q, _ = _known(xp, prediction, target)
    root = xp.sqrt(target) / q
    return p.nan_if_any(xp, root * root, prediction, target)


@kl_divergence.curvature("target")
def _(xp, prediction, target):
    _, t = _known(xp, prediction, target)
    curvature = xp.where(_unknown(prediction, target), 0.0, 1.0 / t)
    return p.nan_if_any(xp, curvature, prediction, target)


def _unknown(prediction, target):
    """Classes of which neither distribution knows: 0 log(0 / 0) and its derivatives are 0."""
    return (prediction == 0) & (target == 0)


def _known(xp, prediction, target):
    """Both distributions, with a harmless 1 and 1 for the classes that neither knows."""
    unknown = _unknown(prediction, target)
    q, t = p.without_signed_zero(xp, prediction), p.without_signed_zero(xp, target)
    return xp.where(unknown, 1.0, q), xp.where(unknown, 1.0, t)
