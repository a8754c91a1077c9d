"""Negative log-likelihoods of a real observation, and of counts."""

import math

from .. import primitives as p
from ..loss import loss

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


@loss("(),(),()->()", scale="[0, inf]", full="{false, true}")
def laplace_nll(xp, prediction, scale, target, *, full=True):
    """The negative log-likelihood of a Laplace distribution, given its median and its scale."""
    nothing = p.zero(xp, prediction - target)
    size = xp.where(xp.isinf(scale), nothing, _size(xp, prediction, scale, target))
    spread = xp.where(xp.isinf(size), 1.0, scale)
    if not full:
        return size + xp.log(spread)
    # log(2b), all digits near its zero included, and without overflow of 2b.
    low = spread < 1.0
    twice = xp.log(xp.where(low, 2.0 * xp.where(low, spread, 1.0), spread))
    return size + xp.where(low, twice, twice + math.log(2.0))


@laplace_nll.gradient("prediction", "target")
def _(xp, prediction, scale, target, *, full):
    side = p.order(xp, prediction, target)
    slope = side / xp.where(side == 0, 1.0, p.without_signed_zero(xp, scale))
    return slope, -slope


@laplace_nll.gradient("scale")
def _(xp, prediction, scale, target, *, full):
    return (1.0 - _size(xp, prediction, scale, target)) / p.without_signed_zero(xp, scale)


@laplace_nll.curvature("prediction", "target")
def _(xp, prediction, scale, target, *, full):
    flat = p.zero(xp, prediction - target, scale)
    return flat, flat


@laplace_nll.curvature("scale")
def _(xp, prediction, scale, target, *, full):
    # Times 1 / b twice: b^2 leaves the range long before the quotient does.
    excess = _size(xp, prediction, scale, target) - 0.5
    inverse = xp.where(excess == 0, 1.0, 1.0 / p.without_signed_zero(xp, scale))
    return 2.0 * (excess * inverse * inverse)


def _size(xp, prediction, scale, target):
    """|r| / b, and 0 where r is 0."""
    size = p.standardised(xp, prediction, target, scale)
    negative = xp.where(prediction < target, -size, p.zero(xp, size))
    return xp.where(prediction > target, size, negative)


@loss("(),(),()->()", variance="[0, inf]", full="{false, true}", minimum_variance="[0, inf)")
def gaussian_nll(xp, prediction, variance, target, *, full=True, minimum_variance=0.0):
    """The negative log-likelihood of a normal distribution, given its mean and its variance."""
    v, _ = _clamped(xp, variance, minimum_variance)
    square = _half_square(xp, prediction, v, target)
    square = xp.where(xp.isinf(v), p.zero(xp, prediction - target), square)
    spread = xp.where(xp.isinf(square), 1.0, v)
    return square + 0.5 * xp.log(spread) + (_HALF_LOG_TAU if full else 0.0)


@gaussian_nll.gradient("prediction", "target")
def _(xp, prediction, variance, target, *, full, minimum_variance):
    v, _ = _clamped(xp, variance, minimum_variance)
    slope = p.standardised(xp, prediction, target, v)
    return slope, -slope


@gaussian_nll.gradient("variance")
def _(xp, prediction, variance, target, *, full, minimum_variance):
    v, below = _clamped(xp, variance, minimum_variance)
    if _has_no_tiny(xp):
        slope = _variance_slope(xp, prediction, v, target)
        return xp.where(below, p.zero(xp, prediction - target), slope)
    # Of a subnormal variance, whose inverse may overflow, (1 - z^2) / v by its root.
    tiny = v < xp.finfo(v.dtype).smallest_normal
    plain = _variance_slope(xp, prediction, xp.where(tiny, 1.0, v), target)
    deviation = xp.sqrt(xp.where(tiny, v, 1.0))
    z = p.standardised(xp, prediction, target, deviation)
    by_root = 0.5 * ((1.0 - z) / deviation) * ((1.0 + z) / deviation)
    slope = xp.where(tiny, by_root, plain)
    return xp.where(below, p.zero(xp, z), slope)


@gaussian_nll.curvature("prediction", "target")
def _(xp, prediction, variance, target, *, full, minimum_variance):
    v, _ = _clamped(xp, variance, minimum_variance)
    bend = 1.0 / v + p.zero(xp, prediction - target)
    return bend, bend


@gaussian_nll.curvature("variance")
def _(xp, prediction, variance, target, *, full, minimum_variance):
    v, below = _clamped(xp, variance, minimum_variance)
    z = p.standardised(xp, prediction, target, xp.sqrt(v))
    inverse = 1.0 / v
    # (z^2 - 1/2) / v^2; where the square of z could overflow, one half is nothing beside it.
    far = (z > 2.0**30) | (z < -(2.0**30))
    near = xp.where(far, 1.0, z)
    # Not times the inverse, which a library may take for 0 beside an infinite z.
    root = xp.where(far, z, 0.0) / xp.where(far, v, 1.0)
    bend = xp.where(far, root * root, (near * near - 0.5) * inverse * inverse)
    return xp.where(below, p.zero(xp, z), bend)


def _has_no_tiny(xp):
    """Whether no variance lies between 0 and the smallest normal one."""
    return xp.flushes and not xp.differentiates


def _variance_slope(xp, prediction, v, target):
    """(1/v - (r/v)^2) / 2 for a variance that is 0 or normal."""
    ratio = p.standardised(xp, prediction, target, v)
    square = 0.5 * ratio * xp.where(xp.isinf(v), 0.0, prediction - target)
    huge = xp.isinf(square)
    near, far = 0.5 - xp.where(huge, 0.0, square), xp.where(huge, ratio, 0.0)
    return xp.where(huge, -0.5 * far * far, near / v)


def _half_square(xp, prediction, v, target):
    """r^2 / 2v."""
    if xp.differentiates:
        z = p.standardised(xp, prediction, target, xp.sqrt(v))
        return 0.5 * z * z
    # By the quotient that the gradient needs too, unless it may overflow before the square does.
    residual = prediction - target
    if _has_no_tiny(xp):
        ratio, factor = p.standardised(xp, prediction, target, v), residual
    else:
        tiny = v < xp.finfo(v.dtype).smallest_normal
        ratio = p.standardised(xp, prediction, target, xp.where(tiny, xp.sqrt(v), v))
        factor = xp.where(tiny, ratio, residual)
    # A residual that overflows, by its half: a variance as large brings the square back.
    wide = xp.isinf(residual)
    by_half = ratio * xp.where(wide, 0.5 * prediction - 0.5 * target, 0.0)
    return xp.where(wide, by_half, 0.5 * ratio * factor)


def _clamped(xp, variance, minimum_variance):
    """The variance, not below the minimum, and where it was raised (or is the minimum itself)."""
    v = p.without_signed_zero(xp, variance)
    below = (v <= minimum_variance) & (minimum_variance > 0)
    return xp.where(below, minimum_variance, v), below


@loss("(),(),()->()", full="{false, true}", beta="[0, 1]")
def heteroscedastic_gaussian_nll(xp, prediction, log_variance, target, *, full=True, beta=0.0):
    """The negative log-likelihood of a normal distribution, given its mean and log-variance."""
    _, half_square = _weighted_residual(xp, prediction, log_variance, target, beta)
    nothing = p.zero(xp, prediction - target)
    half_square = xp.where(log_variance == xp.inf, nothing, half_square)
    part, rest = _weight(xp, log_variance, beta)
    # A square of infinity wins over a log-variance of -infinity, and so does a weight of 0.
    without = xp.isinf(half_square) | (xp.isinf(log_variance) & (part == 0))
    if not _is_zero(beta):  # nor is a weight of infinity to meet the 0 that is left
        part = xp.where(xp.isinf(half_square), nothing, part)
        rest = xp.where(xp.isinf(half_square), nothing, rest)
    volume = 0.5 * xp.where(without, 0.0, log_variance) + (_HALF_LOG_TAU if full else 0.0)
    return half_square + part * volume * rest


@heteroscedastic_gaussian_nll.gradient("prediction", "target")
def _(xp, prediction, log_variance, target, *, full, beta):
    slope, _ = _weighted_residual(xp, prediction, log_variance, target, beta)
    return slope, -slope


@heteroscedastic_gaussian_nll.gradient("log_variance")
def _(xp, prediction, log_variance, target, *, full, beta):
    _, half_square = _weighted_residual(xp, prediction, log_variance, target, beta)
    part, rest = _weight(xp, log_variance, beta)
    slope = 0.5 * part * rest - half_square
    if _is_zero(beta):
        return slope
    # Where both terms overflow: the greater of e^s and r^2, of which v^beta is a common factor.
    both = xp.isinf(half_square) & xp.isinf(part * rest) & xp.isfinite(log_variance)
    size = xp.where(both, p.half_distance(xp, prediction, target), 0.5)
    leads = log_variance > 2.0 * xp.log(size) + 2.0 * math.log(2.0)
    return xp.where(both, xp.where(leads, xp.inf, -half_square), slope)


@heteroscedastic_gaussian_nll.curvature("prediction", "target")
def _(xp, prediction, log_variance, target, *, full, beta):
    exponent, error = _exponent(xp, log_variance, beta)
    bend = xp.exp(exponent) * (1.0 + error) + p.zero(xp, prediction - target)
    return bend, bend


@heteroscedastic_gaussian_nll.curvature("log_variance")
def _(xp, prediction, log_variance, target, *, full, beta):
    _, half_square = _weighted_residual(xp, prediction, log_variance, target, beta)
    return half_square


def _weighted_residual(xp, prediction, log_variance, target, beta):
    """r v^(beta - 1) and r^2 v^(beta - 1) / 2, where v^beta is held constant."""
    difference = prediction - target
    # In halves where the difference overflows and the weight brings it back.
    wide = xp.isinf(difference)
    r = xp.where(wide, 0.5 * prediction - 0.5 * target, difference)
    double = xp.where(wide, 2.0, xp.ones_like(r))
    # A large exponent is taken in quarters, between which the residual is multiplied: neither
    # leaves the range before both together do.
    exponent, error = _exponent(xp, log_variance, beta)
    far = _is_far(xp, exponent)
    share = xp.where(far, 0.25, xp.ones_like(r))
    part = xp.exp(exponent * share) * (1.0 + error * share)
    alone = ((r == 0) & xp.isinf(part)) | (xp.isinf(r) & xp.isfinite(log_variance))
    part = xp.where(alone, 1.0, part)
    rest = xp.where(far, part, 1.0)
    root = r * part * rest * double
    return root * rest * rest, root * xp.where(far, 0.5 * root, r * (0.5 * double))


def _exponent(xp, log_variance, beta):
    """(beta - 1) s and its rounding error, which the exponential would enlarge."""
    if _is_zero(beta):
        return -log_variance, 0.0
    finite = ~xp.isinf(log_variance)
    s = xp.where(finite, log_variance, 0.0)
    high, low = p.two_product(xp, beta + xp.zeros_like(s), xp.stop_gradient(s))
    high, more = p.two_sum(high, -xp.stop_gradient(s))
    high, error = p.two_sum(high, low + more)
    error = _of_use(xp, high, error)
    limit = xp.where(beta + 0.0 * s == 1, 0.0, -xp.where(finite, 0.0, log_variance))
    # The factor v^beta is held constant: the exponent falls by 1 as s grows by 1.
    return xp.where(finite, high, limit) - (s - xp.stop_gradient(s)), error


def _weight(xp, log_variance, beta):
    """The factor v^beta, held constant under differentiation, as a product of two numbers."""
    if _is_zero(beta):
        return 1.0, 1.0
    s = xp.stop_gradient(log_variance)
    finite = ~xp.isinf(s)
    exponent, error = p.two_product(xp, beta + xp.zeros_like(s), xp.where(finite, s, 0.0))
    error = _of_use(xp, exponent, error)
    exponent = xp.where(finite | (beta + xp.zeros_like(s) == 0), exponent, s)
    far = _is_far(xp, exponent)
    share = xp.where(far, 0.5, xp.ones_like(s))
    part = xp.exp(exponent * share) * (1.0 + error * share)
    return part, xp.where(far, part, 1.0)


def _is_zero(beta):
    """Whether beta is known to be 0."""
    return isinstance(beta, float) and beta == 0.0


def _of_use(xp, exponent, error):
    """The error of an exponent, but for one whose exponential is 0 or infinite in any case."""
    return xp.where(abs(exponent) < 1e4, error, xp.zeros_like(error))


def _is_far(xp, exponent):
    """Where an exponential is near the end of the range, or beyond."""
    limit = 0.9 * math.log(float(xp.finfo(exponent.dtype).max))
    return (exponent > limit) | (exponent < -limit)
