"""A robust loss whose shape is a parameter, from the parabola to losses that are bounded."""

import math
from typing import Any, NamedTuple

from .. import primitives as p
from ..loss import loss

# With b = |alpha - 2|, x = (r/c)² / b and w = sqrt(1 + x) the loss is (b / alpha) (w^alpha - 1) and
# its slope (r/c²) w^(alpha - 2). Near, where x < 4, powers are exponentials of y = b log w
# = (r/c)²/2 · log1p(x)/x, which stays exact up to an infinite alpha, where x = 0. Far, they are
# powers, whose error does not grow with log w. Both are taken as the square of their root: what
# they are multiplied with may bring a power beyond the range of numbers back.


@loss("(),()->()", alpha="[-inf, inf]", scale="(0, inf)")
def general_robust_loss(xp, prediction, target, *, alpha=1.0, scale=1.0):
    """A loss that alpha turns from quadratic, at 2, into ever more robust ones below."""
    endless = xp.isinf(prediction) | xp.isinf(target)
    ends = xp.where(endless, 0.0, prediction), xp.where(endless, 0.0, target)
    parts = _parts(xp, *ends, alpha, scale)
    alpha, near, sign, bend = parts.alpha, parts.near, parts.sign, parts.bend
    # k = alpha / b, for a huge alpha without the difference that cancels in its derivative.
    distant = bend > 8
    k = xp.where(distant, sign + 2.0 / bend, xp.where(distant, 0.0, alpha) / bend)
    log_base = parts.doubled * xp.log(parts.base)
    y = xp.where(near, parts.y, xp.where(near, 1.0, bend) * log_base)
    log_power = xp.where(near, k * parts.y, xp.where(near, 0.0, alpha) * log_base)
    bow = bend < 0.25
    large = xp.logical_and(~bow, (log_power >= 2) | (log_power <= -2))
    small = xp.logical_and(~bow, ~large)
    # At an alpha of 2 the power is inf^0, whose slope in alpha is infinite.
    steep = xp.where(parts.ratio == 0, xp.ones_like(y), xp.inf)
    parts = parts._replace(base=xp.where(parts.parabola, steep, parts.base))
    log_root = 0.5 * xp.where(bow, sign * parts.y, log_power)
    root = _root(xp, parts, near | small, log_root, xp.where(bow, alpha - 2.0, alpha))
    around_zero = _around_zero(xp, small, root, y, log_power)
    curve = xp.where(large, _far_from_zero(xp, large, root, k), around_zero)
    curve = xp.where(bow, _around_two(xp, bow, root, log_base, parts), curve)
    size = xp.where(endless, p.distance(xp, prediction, target), 1.0) / parts.scale
    return xp.where(endless, _limit(xp, size, alpha), curve)


def _around_two(xp, here, root, log_base, parts):
    """((r/c)² E + b (E - 1)) / alpha by E = w^(alpha - 2), since w^alpha goes beyond all bounds."""
    ratio, root = xp.where(here, parts.ratio, 0.0), xp.where(here, root, 1.0)
    bend = xp.where(here & ~parts.parabola, parts.bend, 0.0)
    a = xp.where(here, parts.alpha - 2.0, 0.0)
    near = parts.sign * xp.where(here, parts.y, 0.0)
    excess = xp.expm1(xp.where(parts.near, near, a * log_base))
    return (ratio * root / (a + 2.0)) * (ratio * root) + bend * excess / (a + 2.0)


def _far_from_zero(xp, here, root, k):
    """(w^alpha - 1) / k."""
    root, k = xp.where(here, root, 1.0), xp.where(here, k, 1.0)
    return (root / k) * root - 1.0 / k


def _around_zero(xp, here, root, y, log_power):
    """y expm1(t) / t = y e^(t/2) sinh(t/2) / (t/2), where t = k y may be 0."""
    half = xp.where(here, 0.5 * log_power, 0.0)
    return xp.where(here, y, 0.0) * xp.where(here, root, 1.0) * _sinh_ratio(half)


@general_robust_loss.gradient("prediction", "target")
def _(xp, prediction, target, *, alpha, scale):
    parts = _parts(xp, prediction, target, alpha, scale)
    alpha, ratio = parts.alpha, parts.ratio
    # Far and below 2, (r/c) / w = sqrt(b) / sqrt(1 + 1/x) is taken out of the power, which could
    # underflow; from 2 on only the residual itself may overflow and the slope not.
    flat = ~parts.near & (alpha < 2)
    huge = ~parts.near & ~flat & xp.isinf(prediction - target)
    level = xp.sqrt(parts.bend) / xp.sqrt(1.0 + parts.inverse * parts.inverse)
    half_ratio = xp.where(huge, 0.5 * prediction - 0.5 * target, 0.0) / parts.scale
    lead = xp.where(huge, half_ratio, ratio)
    lead = xp.where(flat, xp.where(ratio < 0, -level, level), lead)
    a = xp.where(flat, alpha - 1.0, alpha - 2.0)
    root = _root(xp, parts, parts.near, 0.5 * parts.sign * parts.y, a)
    slope = p.times(xp, root, lead) * (xp.where(huge, 2.0 * root, root) / parts.scale)
    return slope, -slope


@general_robust_loss.curvature("prediction", "target")
def _(xp, prediction, target, *, alpha, scale):
    parts = _parts(xp, prediction, target, alpha, scale)
    alpha, x, inverse = parts.alpha, parts.x, parts.inverse * parts.inverse
    # w^(alpha - 2) / c² · (1 + (alpha - 1) x) / (1 + x), far in terms of 1/x.
    bent = xp.where(parts.unbounded, parts.sign * parts.q * parts.q, (alpha - 1.0) * x)
    near = (1.0 + bent) / (1.0 + x)
    # Far and away from 2, c w = r sqrt(1 + 1/x) / sqrt(b) is taken out of the power; at 1, where
    # the second factor is 1/x, its root c sqrt(x) = r / sqrt(b) out of that, too.
    flat = ~parts.near & (alpha < 1.5)
    one = flat & (alpha == 1)
    far = xp.where(one, parts.inverse, inverse + (alpha - 1.0)) / (1.0 + inverse)
    a = xp.where(flat, alpha - 1.0, alpha - 2.0)
    root = _root(xp, parts, parts.near, 0.5 * parts.sign * parts.y, a)
    reach = p.half_distance(xp, prediction, target)
    root = xp.where(flat & xp.isinf(reach), 1.0, root)
    level = 0.5 * xp.sqrt(parts.bend) / xp.where(flat, reach, 1.0)
    first = xp.where(flat, level * root / xp.sqrt(1.0 + inverse), root / parts.scale)
    second = xp.where(one, level, root / parts.scale)
    bend = p.times(xp, first, xp.where(parts.near, near, far)) * second
    return bend, bend


def _limit(xp, size, alpha):
    """The loss of an infinite residual, as a power of it with the slope and curvature due there."""
    power = xp.where(alpha > 4, 4.0, xp.where(alpha > 0.5, alpha, 0.5))
    unbounded = xp.where(alpha == 2, 0.5, xp.ones_like(size)) * size**power
    bound = 1.0 - 2.0 / xp.where(alpha < 0, alpha, -1.0)
    return xp.where(alpha < 0, bound + p.zero(xp, size), unbounded)


class _Parts(NamedTuple):
    """What value and derivatives share; near and far parts are harmless where not meant."""

    alpha: Any
    scale: Any
    parabola: Any
    """Where alpha is 2."""
    unbounded: Any
    """Where alpha is infinite."""
    sign: Any
    """The sign of alpha - 2."""
    bend: Any
    """b = |alpha - 2|, or 1 / 8 at the parabola, where any will do."""
    ratio: Any
    """r / c."""
    near: Any
    q: Any
    """Near, r / c."""
    x: Any
    y: Any
    base: Any
    """Far, w; or its root, where w would overflow."""
    doubled: Any
    """2 where the base is the root, otherwise 1."""
    inverse: Any
    """Far, 1 / sqrt(x)."""


def _parts(xp, prediction, target, alpha, scale):
    residual = prediction - target
    like = xp.zeros_like(residual)
    alpha, scale = alpha + like, scale + like
    parabola, unbounded = alpha == 2, xp.isinf(alpha)
    sign = xp.where(alpha < 2, -1.0, xp.ones_like(residual))
    bend = xp.where(parabola, 0.125, sign * (alpha - 2.0))
    width = xp.sqrt(bend)
    ratio = residual / scale
    size = xp.where(ratio < 0, -ratio, ratio)
    near = ((size < 2.0 * width) | unbounded) & ~parabola
    q = xp.where(near, ratio, 0.0)
    m = xp.where(unbounded, 0.0, q) / width
    x = m * m
    y = 0.5 * q * q * _log1p_ratio(xp, x)
    over = ~near & xp.isinf(size / width)
    plain = ~near & ~over
    size = xp.where(parabola & (size < 1), 1.0, size)  # where any w will do, but 1 / 0
    m = xp.where(plain, size, 2.0) / xp.where(plain, width, 1.0)
    inverse = xp.where(over, 0.0, 1.0 / m)
    far = xp.sqrt(1.0 + inverse * inverse) * m
    half = xp.where(over, p.half_distance(xp, prediction, target), 1.0)
    divisor = xp.sqrt(xp.where(over, scale, 1.0)) * xp.sqrt(xp.where(over, width, 1.0))
    root = math.sqrt(2.0) * xp.sqrt(half) / divisor
    base, doubled = xp.where(over, root, far), xp.where(over, 2.0, xp.ones_like(far))
    return _Parts(
        alpha, scale, parabola, unbounded, sign, bend, ratio, near, q, x, y, base, doubled, inverse
    )


def _root(xp, parts, exponential, log_root, a):
    """The square root of w^a: the exponential of its logarithm, or a power of w."""
    exponent = xp.where(exponential, 1.0, 0.5 * parts.doubled * a)
    log_root = xp.where(exponential, log_root, 0.0)
    return xp.where(exponential, xp.exp(log_root), parts.base**exponent)


# Quotients of functions that vanish together, as series: their derivatives keep their digits too.


def _sinh_ratio(x):
    """sinh(x) / x for |x| < 1."""
    return _polynomial(x * x, [1.0 / math.factorial(2 * k + 1) for k in range(10)])


def _log1p_ratio(xp, x):
    """log1p(x) / x."""
    small = x < 0.5
    s = xp.where(small, x, 0.0)
    z = s / (2.0 + s)
    near = 2.0 / (2.0 + s) * _polynomial(z * z, [1.0 / (2 * k + 1) for k in range(12)])
    large = xp.where(small, 1.0, x)
    return xp.where(small, near, xp.log1p(large) / large)


def _polynomial(x, coefficients):
    result = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result
