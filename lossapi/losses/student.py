"""The negative log-likelihood of Student's t distribution.

With z = r / scale and u = z / sqrt(n), for n degrees of freedom, everything is a function of u^2
where that is at most 1, inside, and of 1 / u^2 elsewhere.
"""

import math
from typing import Any, NamedTuple

from .. import primitives as p
from .. import special
from ..loss import loss

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


@loss("(),(),(),()->()", scale="[0, inf]", degrees_of_freedom="[0, inf]", full="{false, true}")
def student_t_nll(xp, prediction, scale, degrees_of_freedom, target, *, full=True):
    """The negative log-likelihood of Student's t distribution, given its three parameters."""
    n = degrees_of_freedom
    t = _ratios(xp, prediction, scale, n, target)
    # (n + 1) log1p(u^2) / 2; inside (n + 1) u^2 is z^2 + u^2.
    log1p = xp.log1p(t.square)
    some = t.square > 0
    slope = xp.where(some, log1p, 1.0) / xp.where(some, t.square, 1.0)
    z = xp.where(t.inside, t.z, 0.0)
    near = 0.5 * z * (z * slope) + 0.5 * log1p
    far = (0.5 * xp.where(t.inside, 1.0, n) + 0.5) * _log1p(xp, t, prediction, scale, n, target)
    spread = xp.where(t.inside, near, far)
    spread = xp.where(xp.isinf(scale), p.zero(xp, prediction - target), spread)
    volume = xp.log(xp.where(xp.isinf(spread), 1.0, scale))
    return spread + volume + special.gamma_gap(xp, n) + (_HALF_LOG_TAU if full else 0.0)


@student_t_nll.gradient("prediction", "target")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    n = degrees_of_freedom
    t = _ratios(xp, prediction, scale, n, target)
    half, double = _residual(xp, prediction, target)
    # Outside (n + 1) / r / (1 + 1/u^2).
    more = xp.where(t.inside, 1.0, n) + 1.0
    far = more * t.larger / double / xp.where(t.inside, 1.0, half)
    # Inside r (1 + 1/n) / scale^2 / (1 + u^2); where the second factor leaves the range, its root
    # twice, between the others.
    half = xp.where(~t.inside | (xp.isinf(half) & xp.isinf(scale)), 0.0, half)
    whole, apart = _information(xp, scale, n)
    lift = _lift(xp, scale)
    root = xp.where(half == 0, 1.0, _root_of_information(xp, scale, n))
    # A subnormal residual is enlarged first: its product with one root would lose digits.
    tiny = float(xp.finfo(half.dtype).smallest_normal)
    small = (lift == 1.0) & (half < tiny) & (half > -tiny)
    up = xp.where(small, 2.0**53 if p.is_wide(xp, half) else 2.0**24, lift)
    by_root = (half * up * root) * (root * t.larger) * xp.where(small, 1.0 / up, lift)
    near = double * xp.where(apart, by_root, half * whole * t.larger)
    slope = xp.where(t.inside, near, far)
    return slope, -slope


@student_t_nll.gradient("scale")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    t = _ratios(xp, prediction, scale, degrees_of_freedom, target)
    scale = p.without_signed_zero(xp, scale)
    # (1 - z^2) / (1 + u^2) / scale, and outside (1/u^2 - n) / (1 + 1/u^2) / scale.
    z = xp.where(t.inside, xp.where(t.z < 0, -t.z, t.z), 0.0)
    near = (1.0 - z) * t.larger / scale * (1.0 + z)
    k = xp.where(t.w < 0, -t.w, t.w)
    small = t.root < _small(xp, scale)[0]
    plain = (k - t.root) * (k + t.root) * t.larger / scale
    split = (k - t.root) * t.larger / scale * (k + t.root)
    far = xp.where(t.root == 0, p.zero(xp, k, scale), xp.where(small, split, plain))
    return xp.where(t.inside, near, far)


@student_t_nll.gradient("degrees_of_freedom")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    n = degrees_of_freedom
    t = _ratios(xp, prediction, scale, n, target)
    inside = special.log1p_excess(xp, t.square)
    outside = _log1p(xp, t, prediction, scale, n, target) - t.larger
    excess = 0.5 * xp.where(t.inside, inside, outside)
    rest = _half_share(xp, t, n) - special.gamma_gap_slope(xp, n)
    slope = xp.where(excess == xp.inf, excess, excess - xp.where(excess == xp.inf, 0.0, rest))
    slope = xp.where(t.root == 0, p.zero(xp, t.w) - xp.inf, slope)
    return xp.where(_undecided(xp, prediction, scale, n, target), xp.nan, slope)


def _half_share(xp, t, n):
    """u^2 / (1 + u^2) / (2 n)."""
    few = n < 1.0
    v = xp.where(t.inside & few, t.w, 0.0) / xp.where(t.root == 0, 1.0, t.root)
    near = xp.where(few, 0.5 * v * (v * t.larger), 0.5 * t.smaller / n)
    return xp.where(t.inside, near, 0.5 * t.larger / n)


def _undecided(xp, prediction, scale, n, target):
    """Where a residual and another input are infinite, and the slope depends on which is more."""
    infinite = xp.isinf(prediction) | xp.isinf(target)
    return infinite & (xp.isinf(scale) | xp.isinf(n)) & (n > 0)


@student_t_nll.curvature("prediction", "target")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    n = degrees_of_freedom
    t = _ratios(xp, prediction, scale, n, target)
    height = (1.0 - t.square) * t.larger * t.larger
    # Inside (1 + 1/n) / scale^2 times that.
    whole, apart = _information(xp, scale, n)
    root = _root_of_information(xp, scale, n)
    lift = _lift(xp, scale)
    by_root = (root * lift * height) * (root * lift)
    near = xp.where(height == 0, height, xp.where(apart, by_root, whole * height))
    # Outside -(n + 1) / r^2 times that; by the square of r (1 + 1/u^2), all digits of the residual
    # included, unless that leaves the range.
    half, double = _residual(xp, prediction, target)
    more = xp.where(t.inside, 1.0, n) + 1.0
    inverse = 1.0 / xp.where(t.inside, 1.0, half) / double
    by_inverse = more * height * inverse * inverse
    small, _ = _small(xp, half)
    moderate = ~t.inside & (xp.abs(half) > small) & (xp.abs(half) < 1.0 / small)
    residual, lost = p.two_sum(prediction, -target)
    residual, lost = xp.where(moderate, residual, 1.0), xp.where(moderate, lost, 0.0)
    length = residual + (residual * t.square + lost)
    far = xp.where(moderate, more * (1.0 - t.square) / (length * length), by_inverse)
    bend = xp.where(t.inside, near, -far)
    flat = xp.isinf(scale) & xp.isinf(n)
    bend = xp.where(flat, p.zero(xp, prediction - target), bend)
    return bend, bend


@student_t_nll.curvature("scale")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    t = _ratios(xp, prediction, scale, degrees_of_freedom, target)
    scale = p.without_signed_zero(xp, scale)
    inverse = 1.0 / scale
    # Inside (z^2 (1 + 2 c) - c (1 - u^2)) c / scale^2 with c = 1 / (1 + u^2); where the square
    # of z could overflow the rest is nothing beside it.
    c = t.larger
    z = xp.where(t.inside, t.z, 0.0)
    far = (z > 2.0**30) | (z < -(2.0**30))
    moderate, huge = xp.where(far, 1.0, z), xp.where(far, z, 0.0) * inverse
    plain = (moderate * moderate * (1.0 + 2.0 * c) - (1.0 - t.square) * c) * c * inverse * inverse
    near = xp.where(far, huge * (huge * c * (1.0 + 2.0 * c)), plain)
    # Outside (n (1 + 2 c) + c (1 - 1/u^2)) / (1 + 1/u^2) / scale^2 with c = 1/u^2 / (1 + 1/u^2).
    a, b = t.root / scale, t.w / xp.where(t.w == 0, 1.0, scale)
    outside = c * (a * (a * (1.0 + 2.0 * t.smaller)) + b * (b * (c * (1.0 - t.square))))
    outside = xp.where(t.root == 0, p.zero(xp, t.w, scale), outside)
    return xp.where(t.inside, near, outside)


@student_t_nll.curvature("degrees_of_freedom")
def _(xp, prediction, scale, degrees_of_freedom, target, *, full):
    n = degrees_of_freedom
    t = _ratios(xp, prediction, scale, n, target)
    share = _half_share(xp, t, n)
    part = xp.where(t.inside, t.smaller, t.larger)
    rest = xp.where(t.inside, t.larger, t.smaller)
    less = xp.where(xp.isinf(share), 0.0, share) * part
    bend = share * (1.0 + rest) / n - less + special.gamma_gap_curvature(xp, n)
    bend = xp.where(t.root == 0, p.zero(xp, t.w) + xp.inf, bend)
    bend = xp.where(_undecided(xp, prediction, scale, n, target), xp.nan, bend)
    return xp.where(xp.isinf(n), p.zero(xp, prediction - target, scale), bend)


class _Ratios(NamedTuple):
    z: Any
    root: Any
    """The root of the degrees of freedom."""
    inside: Any
    """Whether u is at most 1."""
    w: Any
    """u inside and 1 / u elsewhere."""
    square: Any
    """w^2."""
    larger: Any
    """1 / (1 + w^2), from 1/2 to 1."""
    smaller: Any
    """w^2 / (1 + w^2)."""


def _ratios(xp, prediction, scale, n, target):
    root = xp.sqrt(n)
    z = p.standardised(xp, prediction, target, scale)
    infinite = xp.isinf(prediction) | xp.isinf(target)
    both = infinite & xp.isinf(scale) & ~xp.isnan(prediction - target)
    z = xp.where(both, xp.where(xp.isinf(n), xp.nan, xp.ones_like(z)), z)
    # With few degrees of freedom the residual is divided by scale times root at once: the ratio to
    # either may be a subnormal number, and the ratio to both not. A small scale is enlarged.
    half, double = _residual(xp, prediction, target)
    few = n < 1.0
    lift = _lift(xp, scale)
    unit = xp.where(few, p.without_signed_zero(xp, scale) * lift * xp.where(few, root, 1.0), 1.0)
    unit = xp.where(root == 0, p.zero(xp, scale), unit)
    at_once = half * lift / xp.where(half == 0, 1.0, unit) * double
    at_once = xp.where(both, 1.0, at_once) + p.zero(xp, unit)
    # A quotient that overflows is nothing beside endless degrees of freedom.
    endless = xp.isinf(z) & ~infinite & (scale > 0) & xp.isinf(n)
    by_turns = xp.where(endless, 0.0, z) / xp.where(few | xp.isinf(z), 1.0, root)
    u = xp.where(few, at_once, by_turns)
    inside = ~((u > 1.0) | (u < -1.0))
    w = xp.where(inside, u, 1.0 / xp.where(inside, 1.0, u))
    # Divided twice it is rounded less than by the root, which serves where z leaves the range.
    plain = (n > 2.0**-30) & xp.isfinite(n) & xp.isfinite(z)
    some, near = xp.where(plain, n, 1.0), xp.where(plain & inside, z, 0.0)
    far = xp.where(plain & ~inside, z, 1.0)
    square = xp.where(inside, near * (near / some), (some / far) * (1.0 / far))
    square = xp.where(plain, square, w * w)
    return _Ratios(z, root, inside, w, square, 1.0 / (1.0 + square), square / (1.0 + square))


def _residual(xp, prediction, target):
    """r / 2 and 2 where the residual overflows, r and 1 elsewhere."""
    difference = prediction - target
    wide = xp.isinf(difference)
    half = xp.where(wide, 0.5 * prediction - 0.5 * target, difference)
    return half, xp.where(wide, 2.0, xp.ones_like(half))


def _small(xp, x):
    """Below what a scale or a root is small, and the power of two that enlarges it."""
    wide = p.is_wide(xp, x)
    return (2.0**-400, 2.0**700) if wide else (2.0**-40, 2.0**100)


def _lift(xp, scale):
    small, power = _small(xp, scale)
    return xp.where(scale < small, power, xp.ones_like(scale))


def _information(xp, scale, n):
    """(1 + 1/n) / scale^2, or 1 where it leaves the range, and whether it does."""
    tiny = float(xp.finfo(scale.dtype).smallest_normal)
    whole = (1.0 + 1.0 / n) / (scale * scale)
    apart = ~((whole > tiny) & (whole < 1.0 / tiny))
    return xp.where(apart, 1.0, whole), apart


def _root_of_information(xp, scale, n):
    """The root of that, divided by what a small scale is enlarged by."""
    many = xp.isinf(n)
    n = xp.where(many, 1.0, n)
    factor = xp.where(many, 1.0, xp.sqrt(n + 1.0) / xp.sqrt(n))
    root = factor / (p.without_signed_zero(xp, scale) * _lift(xp, scale))
    return xp.where(n == 0, xp.inf, root)


def _log1p(xp, t, prediction, scale, n, target):
    """log(1 + u^2) outside."""
    w = xp.where(t.inside, 1.0, xp.where(t.w < 0, -t.w, t.w))
    lost = w < xp.finfo(w.dtype).smallest_normal
    # By the square, as what it is compared with, unless that underflows.
    whole = ~lost & (t.square > xp.finfo(w.dtype).smallest_normal)
    by_square = xp.log(xp.where(whole, t.square, 1.0))
    by_root = 2.0 * xp.log(xp.where(lost | whole, 1.0, w))
    near = xp.log1p(t.square) - (by_square + by_root)
    half, double = _residual(xp, prediction, target)
    size = xp.where(lost, xp.where(half < 0, -half, half), 1.0)
    divisor = xp.where(lost & ~xp.isinf(scale), scale, 1.0)
    n = xp.where(lost & ~xp.isinf(n), n, 1.0)
    far = 2.0 * (xp.log(size) + xp.log(double) - xp.log(divisor)) - xp.log(n)
    return xp.where(lost, far, near)
