"""Losses of two classes: a probability, or its logit, against a target between 0 and 1."""

from .. import primitives as p
from .. import two_classes
from ..loss import loss


@loss("(),()->()", probabilities="[0, 1]", target="[0, 1]", epsilon="[0, 0.5)")
def binary_cross_entropy(xp, probabilities, target, *, epsilon=0.0):
    """The negative log-likelihood of a binary target under the predicted probability."""
    q, t = _clip(xp, probabilities, target, epsilon)
    return 0.0 - (p.xlogy(xp, t, q) + p.xlog1py(xp, 1.0 - t, -q))


@binary_cross_entropy.gradient("probabilities")
def _(xp, probabilities, target, *, epsilon):
    # (1 - t)/(1 - q) - t/q cancels where q is close to t: one fraction there. Where it is to be
    # differentiated not everywhere, since its own derivative cancels where t is much smaller than
    # q, or 1 - t than 1 - q.
    q, t = _clip(xp, probabilities, target, epsilon)
    residual, variance = q - t, q * (1.0 - q)
    if not xp.differentiates:
        variance = p.without_signed_zero(xp, q) * (1.0 - q)
        sure = (residual == 0) & (variance == 0)
        slope = xp.where(sure, 1.0 - 2.0 * t, residual / xp.where(sure, 1.0, variance))
        return _zero_where_clipped(xp, slope, probabilities, target, epsilon)
    close = (residual < 0.75 * variance) & (-residual < 0.75 * variance)
    together = residual / xp.where(close, variance, 1.0)
    negative, positive = _divisors(xp, xp.where(close, 0.5, q), t)
    slope = xp.where(close, together, (1.0 - t) / negative - p.ratio(xp, t, positive))
    return _zero_where_clipped(xp, slope, probabilities, target, epsilon)


@binary_cross_entropy.gradient("target")
def _(xp, probabilities, target, *, epsilon):
    q, _ = _clip(xp, probabilities, target, epsilon)
    slope = -p.logit(xp, q)
    if not _is_off(epsilon):
        _, above = _outside(probabilities, epsilon)
        slope = xp.where(above, -slope, slope)
    return slope + p.zero(xp, target)


@binary_cross_entropy.curvature("probabilities")
def _(xp, probabilities, target, *, epsilon):
    q, t = _clip(xp, probabilities, target, epsilon)
    # The square of q underflows where the result is finite. A second division would not do:
    # compilers merge it with the first.
    negative, positive = _divisors(xp, q, t)
    curvature = (1.0 - t) / (negative * negative) + t / positive * (1.0 / positive)
    return _zero_where_clipped(xp, curvature, probabilities, target, epsilon)


@binary_cross_entropy.curvature("target")
def _(xp, probabilities, target, *, epsilon):
    return p.zero(xp, probabilities, target)


def _divisors(xp, q, t):
    """1 - q and q; or 1 where the target vanishes with them, so that 0 / 0 is 0."""
    # Also where 1 / q^2 overflows: some libraries differentiate t / q to t times that.
    return (
        xp.where((t == 1) & (q == 1), 1.0, 1.0 - q),
        xp.where((t == 0) & xp.isinf(1.0 / (q * q)), 1.0, q),
    )


def _is_off(epsilon):
    return isinstance(epsilon, float) and epsilon == 0.0


def _outside(probabilities, epsilon):
    # 1 - p is exact where it matters, 1 - epsilon is not.
    return (
        (probabilities <= epsilon) & (epsilon > 0),
        (1.0 - probabilities <= epsilon) & (epsilon > 0),
    )


def _clip(xp, probabilities, target, epsilon):
    """Move the probability into [epsilon, 1 - epsilon].

    Above that, the two classes change places, since 1 - epsilon would round epsilon away.
    """
    if _is_off(epsilon):
        return probabilities, target
    below, above = _outside(probabilities, epsilon)
    return (
        xp.where(below | above, epsilon, probabilities),
        xp.where(above, 1.0 - target, target),
    )


def _zero_where_clipped(xp, derivative, probabilities, target, epsilon):
    if _is_off(epsilon):
        return derivative
    below, above = _outside(probabilities, epsilon)
    return xp.where(below | above, p.zero(xp, target), derivative)


@loss("(),()->()", target="[0, 1]", pos_weight="[0, inf)")
def sigmoid_binary_cross_entropy(xp, logits, target, *, pos_weight=1.0):
    """The negative log-likelihood of a binary target under the sigmoid of a logit."""
    if _is_one(pos_weight):
        seen = two_classes.view(xp, logits, target)
        return xp.log1p_of_share(seen.decay) - p.times(xp, seen.wrong, seen.gap)
    negative, positive = p.softplus_pair(xp, logits)
    weighted = p.weighted_tail(xp, pos_weight, target, positive, logits)
    return p.times(xp, 1.0 - target, negative) + weighted


@sigmoid_binary_cross_entropy.gradient("logits")
def _(xp, logits, target, *, pos_weight):
    # For a hard target one of the terms is 0, and the other keeps its digits where sigmoid(z) - t
    # would cancel.
    if _is_one(pos_weight):
        seen = two_classes.view(xp, logits, target)
        slope = seen.residual / seen.total
        return xp.where(logits < 0, -slope, slope)
    probability, complement = p.sigmoid_pair(xp, logits)
    weighted = p.weighted_tail(xp, pos_weight, target, complement, logits)
    return (1.0 - target) * probability - weighted


@sigmoid_binary_cross_entropy.gradient("target")
def _(xp, logits, target, *, pos_weight):
    # w softplus(-z) - softplus(z), without the difference of large terms: -z where w is 1.
    positive = logits > 0
    rest = p.softplus(xp, xp.where(positive, -logits, logits))
    linear = xp.where(positive, logits, p.times(xp, pos_weight, logits))
    return (pos_weight - 1.0) * rest - linear + p.zero(xp, target)


@sigmoid_binary_cross_entropy.curvature("logits")
def _(xp, logits, target, *, pos_weight):
    probability, complement = p.sigmoid_pair(xp, logits)
    variance = probability * complement
    size = xp.where(logits > 0, logits, -logits)
    return (1.0 - target) * variance + p.weighted_tail(xp, pos_weight, target, variance, size)


@sigmoid_binary_cross_entropy.curvature("target")
def _(xp, logits, target, *, pos_weight):
    return p.zero(xp, logits, target)


def _is_one(pos_weight):
    return isinstance(pos_weight, float) and pos_weight == 1.0


@loss("(),()->()", probabilities="[0, 1]", target="[0, 1]")
def brier_score(xp, probabilities, target):
    """The squared error of a predicted probability."""
    residual = probabilities - target
    return residual * residual


@brier_score.gradient("probabilities", "target")
def _(xp, probabilities, target):
    slope = 2.0 * (probabilities - target)
    return slope, -slope


@brier_score.curvature("probabilities", "target")
def _(xp, probabilities, target):
    curvature = 2.0 + p.zero(xp, probabilities, target)
    return curvature, curvature
