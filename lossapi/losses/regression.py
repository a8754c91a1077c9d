"""Losses of a real prediction against a real target."""

import math

from .. import primitives as p
from ..loss import loss


@loss("(),()->()")
def squared_error(xp, prediction, target):
    """Square of the residual, without a factor of one half."""
    residual = prediction - target
    return residual * residual


@squared_error.gradient("prediction", "target")
def _(xp, prediction, target):
    slope = 2.0 * (prediction - target)
    return slope, -slope


@squared_error.curvature("prediction", "target")
def _(xp, prediction, target):
    two = 2.0 + p.zero(xp, prediction - target)
    return two, two


@loss("(),()->()")
def half_squared_error(xp, prediction, target):
    """Half the square of the residual, whose gradient is the residual itself."""
    residual = prediction - target
    # Halved first: the square alone overflows where its half does not.
    return 0.5 * residual * residual


@half_squared_error.gradient("prediction", "target")
def _(xp, prediction, target):
    residual = prediction - target
    return residual, -residual


@half_squared_error.curvature("prediction", "target")
def _(xp, prediction, target):
    one = 1.0 + p.zero(xp, prediction - target)
    return one, one


@loss("(),()->()")
def absolute_error(xp, prediction, target):
    """Magnitude of the residual."""
    return p.distance(xp, prediction, target)


@absolute_error.gradient("prediction", "target")
def _(xp, prediction, target):
    slope = p.order(xp, prediction, target)
    return slope, -slope


@absolute_error.curvature("prediction", "target")
def _(xp, prediction, target):
    flat = p.zero(xp, prediction - target)
    return flat, flat


@loss("(),()->()", delta="(0, inf)")
def huber_loss(xp, prediction, target, *, delta=1.0):
    """Quadratic for small residuals, linear for large ones."""
    # With the slope s, the residual r clipped to delta: s (r - s/2) is r²/2 or δ (|r| - δ/2).
    residual = prediction - target
    if not xp.differentiates and _lies(1.0, delta, math.inf):
        # The loss overflows where the distance does.
        slope = _clipped(xp, residual, delta)
        return _at_last(xp, slope * (residual - 0.5 * slope), residual)
    wide = xp.isinf(residual)
    slope = _clipped(xp, xp.where(wide, 0.0, residual), delta)
    near = slope * (xp.where(wide, 0.0, residual) - 0.5 * slope)
    # From the half distance where the distance overflows and, by a small delta, the loss may not.
    far = 2.0 * delta * (p.half_distance(xp, prediction, target) - 0.25 * delta)
    return xp.where(wide, far, near)


@huber_loss.gradient("prediction", "target")
def _(xp, prediction, target, *, delta):
    slope = _clipped(xp, prediction - target, delta)
    return slope, -slope


def _clipped(xp, residual, delta):
    return xp.where(residual >= delta, delta, xp.where(residual <= -delta, -delta, residual))


@huber_loss.curvature("prediction", "target")
def _(xp, prediction, target, *, delta):
    inside = p.closer_than(xp, prediction, target, delta)
    bend = xp.where(inside, 1.0, p.zero(xp, prediction - target))
    return bend, bend


@loss("(),()->()", beta="[0, inf)")
def smooth_l1_loss(xp, prediction, target, *, beta=1.0):
    """Absolute error whose corner is rounded by a parabola of half-width beta."""
    # With c, the residual r clipped to beta: c/beta (r - c/2) is r²/2beta or |r| - beta/2.
    residual = prediction - target
    if not xp.differentiates and _lies(2.0**-64, beta, 1.0):
        # The loss overflows where the distance does.
        clipped = _clipped(xp, residual, beta)
        return _at_last(xp, clipped / beta * (residual - 0.5 * clipped), residual)
    wide = xp.isinf(residual)
    residual = xp.where(wide, 0.0, residual)
    clipped = _clipped(xp, residual, beta)
    near = _share(xp, clipped, beta, prediction, target) * (residual - 0.5 * clipped)
    # From the half distance where the distance overflows and, by a huge beta, the loss may not.
    far = 2.0 * (p.half_distance(xp, prediction, target) - 0.25 * beta)
    return xp.where(wide, far, near)


@smooth_l1_loss.gradient("prediction", "target")
def _(xp, prediction, target, *, beta):
    clipped = _clipped(xp, prediction - target, beta)
    slope = _share(xp, clipped, beta, prediction, target)
    return slope, -slope


def _share(xp, clipped, beta, prediction, target):
    """The clipped residual as a share of beta; its sign where beta is 0."""
    if _lies(2.0**-64, beta, 2.0**64):
        return clipped / beta
    width = beta + xp.zeros_like(clipped)
    point = width + width == 0  # a subnormal width too, where arithmetic takes it for 0
    # A compiler may multiply by the inverse of a huge width, which is subnormal.
    unit = xp.where(width > 2.0**64, 2.0**-64, xp.ones_like(width))
    share = clipped * unit / xp.where(point, 1.0, width * unit)
    return xp.where(point, p.order(xp, prediction, target), share)


def _at_last(xp, product, residual):
    """The product by a selection, without which XLA stores each of its factors."""
    return xp.where(xp.isnan(residual), residual, product)


def _lies(low, x, high):
    """Whether it is known now, as a number and not an array, that x lies between these."""
    return isinstance(x, float | int) and low <= x <= high


@smooth_l1_loss.curvature("prediction", "target")
def _(xp, prediction, target, *, beta):
    residual = prediction - target
    inside = p.closer_than(xp, prediction, target, beta)
    # On the line beta may be 0: there it divides nothing.
    width = xp.where(inside, beta, xp.ones_like(residual))
    bend = xp.where(inside, 1.0 / width, p.zero(xp, residual))
    return bend, bend


@loss("(),()->()")
def log_cosh(xp, prediction, target):
    """Logarithm of the hyperbolic cosine of the residual."""
    residual = prediction - target
    size = xp.where(residual < 0, -residual, residual)
    near = size < 0.875
    # cosh² = 1 + sinh² keeps the digits of small residuals; large ones don't overflow by
    # cosh = e^|r| (1 + e^-2|r|) / 2. One logarithm serves both, of 1 and a number below 1.
    sinh = xp.sinh_of_share(xp.where(near, residual, 0.0))
    far = xp.where(near, 1.0, size)
    rest = xp.log1p_of_share(xp.where(near, sinh * sinh, xp.exp(-2.0 * far)))
    return xp.where(near, 0.5 * rest, (far - math.log(2.0)) + rest)


@log_cosh.gradient("prediction", "target")
def _(xp, prediction, target):
    slope = xp.tanh(prediction - target)
    return slope, -slope


@log_cosh.curvature("prediction", "target")
def _(xp, prediction, target):
    residual, error = p.two_sum(prediction, -target)
    negative = residual < 0
    size = xp.where(negative, -residual, residual)
    # The exponential turns the rounding of a large residual into many ulp; its error is put back.
    excess = xp.where(xp.isinf(residual), 0.0, xp.where(negative, -error, error))
    decay = xp.exp(-2.0 * size) * (1.0 - 2.0 * excess)
    # 1/cosh² = 4 e^-2|r| / (1 + e^-2|r|)², whose exponential can't overflow.
    bend = 4.0 * decay / ((1.0 + decay) * (1.0 + decay))
    return bend, bend


@loss("(),()->()", quantile="(0, 1), several")
def quantile_loss(xp, prediction, target, *, quantile=0.5):
    """Magnitude of the residual, times the quantile below the target, its complement above."""
    residual = prediction - target
    slope = xp.stop_gradient(_pinball_slope(xp, prediction, target, quantile))
    # Weighted before subtracting where only the residual overflows: no digits cancel there.
    far = slope * prediction - slope * target
    return xp.where(xp.isinf(residual), far, slope * residual)


@quantile_loss.gradient("prediction", "target")
def _(xp, prediction, target, *, quantile):
    slope = _pinball_slope(xp, prediction, target, quantile)
    return slope, -slope


@quantile_loss.curvature("prediction", "target")
def _(xp, prediction, target, *, quantile):
    flat = p.zero(xp, prediction - target)
    return flat, flat


def _pinball_slope(xp, prediction, target, quantile):
    flat = p.zero(xp, prediction - target)
    below = xp.where(prediction < target, -quantile, flat)
    return xp.where(prediction > target, 1.0 - quantile, below)
