"""Information and entropy of distributions, in nats or in units of another base."""

from .. import primitives as p
from ..loss import loss


@loss("()->()", probabilities="[0, 1]", base="(1, inf)")
def self_information(xp, probabilities, *, base=None):
    """The information in an event of the given probability."""
    return p.in_base(xp, 0.0 - xp.log(probabilities), base)


@self_information.gradient("probabilities")
def _(xp, probabilities, *, base):
    return -_rate(xp, probabilities, base)


@self_information.curvature("probabilities")
def _(xp, probabilities, *, base):
    # The square of p underflows, and that of 1 / p overflows, before the curvature does.
    inverse = p.over(xp, 2.0**-32, probabilities)
    return inverse * inverse * (2.0**64 / p.log_base(xp, base))


def _rate(xp, probabilities, base):
    """1 / (p log b), how fast the information in an event falls with its probability."""
    # 1 / p alone may overflow before, and so may 1 / (p log b), which some compilers make of two
    # quotients: the product can be a subnormal number.
    return p.over(xp, 2.0**-64, probabilities) * (2.0**64 / p.log_base(xp, base))


@loss("(k)->()", probabilities="[0, 1]", base="(1, inf)")
def entropy(xp, probabilities, *, base=None):
    """The mean information in an event of the distribution."""
    # At p = 0, where -p log p is 0 with a slope of inf, so is sqrt(p). Not p == 0, which a
    # subnormal number fails though arithmetic takes it for 0.
    vanishing = probabilities + probabilities == 0
    inside = xp.where(vanishing, 1.0, probabilities)
    terms = 0.0 - inside * p.in_base(xp, xp.log(inside), base)
    return xp.sum(xp.where(vanishing, xp.sqrt(probabilities), terms), axis=-1)


@entropy.gradient("probabilities")
def _(xp, probabilities, *, base):
    slope = -p.in_base(xp, xp.log(probabilities) + 1.0, base)
    return p.nan_if_any(xp, slope, probabilities)


@entropy.curvature("probabilities")
def _(xp, probabilities, *, base):
    return p.nan_if_any(xp, -_rate(xp, probabilities, base), probabilities)


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]", base="(1, inf)")
def cross_entropy(xp, prediction, target, *, base=None):
    """The mean information in an event of the target distribution, by the predicted one."""
    return xp.sum(0.0 - p.xlogy(xp, target, prediction, base), axis=-1)


@cross_entropy.gradient("prediction")
def _(xp, prediction, target, *, base):
    q = p.divisor(xp, prediction, target)
    unit = 1.0 / p.log_base(xp, base)
    if base is None:
        slope = p.quotient(xp, target, q)
    else:
        # A heavy target takes the unit before the quotient overflows; a light one afterwards, as
        # it may be a subnormal number.
        heavy = target > 2.0**-64
        slope = p.quotient(xp, xp.where(heavy, unit * target, target), q)
        slope = xp.where(heavy, slope, unit * slope)
    return p.nan_if_any(xp, -slope, prediction, target)


@cross_entropy.gradient("target")
def _(xp, prediction, target, *, base):
    slope = p.in_base(xp, 0.0 - xp.log(prediction), base)
    return p.nan_if_any(xp, slope, prediction, target)


@cross_entropy.curvature("prediction")
def _(xp, prediction, target, *, base):
    # y / q^2 by the root of y: neither q^2 nor y / q underflows before the quotient does.
    root = xp.sqrt(target) / p.divisor(xp, prediction, target)
    return p.nan_if_any(xp, root * p.in_base(xp, root, base), prediction, target)


@cross_entropy.curvature("target")
def _(xp, prediction, target, *, base):
    flat = xp.zeros_like(target)
    return p.nan_if_any(xp, flat, prediction, target)
