"""Negative log-likelihoods of counts."""

import math

from .. import primitives as p
from .. import special
from ..loss import loss

_MANY = 7.0


@loss("(),()->()", target="[0, inf)", log_input="{false, true}", full="{false, true}")
def poisson_nll(xp, prediction, target, *, log_input=True, full=False):
    """The negative log-likelihood of a count under a Poisson distribution, given its rate."""
    if log_input and not full:
        return _above_line(xp, prediction, target, prediction)
    many = (target >= _MANY) & full
    # log(y!) as y (log(y) - 1) and a rest, so that y log(y) and y s cancel before either overflows.
    large = xp.where(many, target, _MANY)
    small = xp.where(many, 0.0, target)
    constant = 0.0
    if full:
        few = special.lgamma1p(xp, small)
        constant = xp.where(many, special.stirling_rest(xp, large), few)
    if log_input:
        # What the logarithm lost to rounding, put back: near the best rate s - log(y) is tiny.
        logarithm = xp.log(large)
        lost = large * xp.exp(-logarithm) - 1.0
        height = xp.where(many, (prediction - logarithm) + (1.0 - lost), prediction)
        return _above_line(xp, prediction, target, height) + constant
    rate = _rate(xp, prediction)
    finite = xp.where(rate == xp.inf, 1.0, rate)
    above = (finite - large) + large * p.log_ratio(xp, large, finite)
    plain = xp.where(many, above, finite - p.xlogy(xp, small, finite))
    return xp.where(rate == xp.inf, rate, plain) + constant


@poisson_nll.gradient("prediction")
def _(xp, prediction, target, *, log_input, full):
    if log_input:
        huge, power = _exponential(xp, prediction)
        return xp.where(
            huge, 2.0**64 * (power - 2.0**-64 * target), power - xp.where(huge, 0.0, target)
        )
    rate = _rate(xp, prediction)
    infinite = rate == xp.inf
    none = (rate == 0) & (target == 0)
    divisor = xp.where(infinite | none, 1.0, rate)
    return xp.where(infinite | none, 1.0, (divisor - target) / divisor)


@poisson_nll.curvature("prediction")
def _(xp, prediction, target, *, log_input, full):
    if log_input:
        return xp.exp(prediction) + p.zero(xp, target)
    # y / rate^2 by the root of y: neither the square nor y / rate underflows before the result.
    rate = _rate(xp, prediction)
    root = xp.sqrt(target) / xp.where((rate == 0) & (target == 0), 1.0, rate)
    return root * root


def _rate(xp, prediction):
    """The rate, or NaN where it is negative: a product, whose derivative is NaN too."""
    rate = p.without_signed_zero(xp, prediction)
    return rate * xp.where(rate < 0, xp.nan, xp.ones_like(rate))


def _exponential(xp, s):
    """exp(s), or where that is near overflow 2^-64 exp(s); and where it is the second."""
    huge = s > 0.9 * math.log(float(xp.finfo(s.dtype).max))
    part = xp.exp(xp.where(huge, 0.5 * s, s))
    return huge, part * xp.where(huge, 2.0**-64 * part, 1.0)


def _above_line(xp, s, count, height):
    """exp(s) - count * height, where both terms may overflow and their difference not."""
    huge, power = _exponential(xp, s)
    one = xp.ones_like(s)
    vanishing = (s > 1000.0) | (xp.isinf(height) & (count == 0))
    line = count * (xp.where(vanishing, 0.0, height) * xp.where(huge, 2.0**-64, one))
    return (power - line) * xp.where(huge, 2.0**64, one)
