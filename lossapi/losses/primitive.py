"""Elementwise building blocks, as functions of their own."""

from .. import primitives as p
from ..loss import primitive


@primitive("()->()")
def sigmoid(xp, x):
    """The logistic function, from a logit to a probability."""
    return p.sigmoid(xp, x)


@sigmoid.gradient("x")
def _(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return probability * complement


@sigmoid.curvature("x")
def _(xp, x):
    # 1 - 2 sigmoid(x) = -tanh(x/2) cancels nowhere.
    probability, complement = p.sigmoid_pair(xp, x)
    return -probability * complement * xp.tanh(0.5 * x)


@primitive("()->()", probabilities="[0, 1]")
def logit(xp, probabilities):
    """The log-odds of a probability, the inverse of the sigmoid."""
    return p.logit(xp, probabilities)


@logit.gradient("probabilities")
def _(xp, probabilities):
    # 1 / (p (1 - p)), in forms whose own derivatives do not cancel: around 1/2 that of the sum
    # would, and at 0 and 1 that of the product is inf - inf.
    central = (probabilities > 0.25) & (probabilities < 0.75)
    centred = xp.where(central, probabilities - 0.5, 0.0)
    near = 1.0 / (0.25 - centred * centred)
    far = p.ratio(xp, 1.0, probabilities) + 1.0 / (1.0 - probabilities)
    return xp.where(central, near, far)


@logit.curvature("probabilities")
def _(xp, probabilities):
    # The square of the variance underflows where the result is finite. A second division would
    # not do: compilers merge it with the first.
    variance = probabilities * (1.0 - probabilities)
    return (2.0 * probabilities - 1.0) / variance * (1.0 / variance)


@primitive("()->()")
def log_sigmoid(xp, x):
    """The logarithm of the sigmoid, the log-probability of a logit."""
    return p.log_sigmoid(xp, x)


@log_sigmoid.gradient("x")
def _(xp, x):
    return p.sigmoid(xp, -x)


@log_sigmoid.curvature("x")
def _(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return -probability * complement


@primitive("()->()")
def softplus(xp, x):
    """The smooth positive part, log(1 + exp(x))."""
    return p.softplus(xp, x)


@softplus.gradient("x")
def _(xp, x):
    return p.sigmoid(xp, x)


@softplus.curvature("x")
def _(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return probability * complement


@primitive("(),()->()", x="[0, inf]", y="[0, inf]")
def xlogy(xp, x, y):
    """x log y, which is 0 where x is 0 or y is 1 whatever the other is."""
    return p.xlogy(xp, xp.where((y == 1) & xp.isinf(x), 0.0, x), y)


@xlogy.gradient("x")
def _(xp, x, y):
    return xp.log(y) + p.zero(xp, x)


@xlogy.gradient("y")
def _(xp, x, y):
    return p.ratio(xp, x, _divisor(xp, x, y))


@xlogy.curvature("x")
def _(xp, x, y):
    return p.zero(xp, x, y)


@xlogy.curvature("y")
def _(xp, x, y):
    # x / y^2 by the root of x: neither y^2 nor x / y leaves the range before the result does.
    root = xp.sqrt(x) / _divisor(xp, x, y)
    return -root * root


def _divisor(xp, x, y):
    # 0 log y is 0 for every y, and so are its derivatives in y: no 0 / 0. Nor 0 times 1 / y^2,
    # as which some libraries differentiate x / y.
    return xp.where((x == 0) & xp.isinf(1.0 / (y * y)), 1.0, y)
