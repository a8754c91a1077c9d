"""The negative log-likelihood of a mixture of normal distributions.

With the cost h = r^2 / (2 v) + log(v) / 2 of each component it is log Σ e^z - log Σ e^(z - h).
"""

import math
from typing import Any, NamedTuple

from .. import class_axis as c
from .. import primitives as p
from .. import special
from ..loss import loss

_HALF_LOG_TAU = 0.5 * math.log(2.0 * math.pi)


@loss(
    "(k),(k),(k),()->()",
    means="(-inf, inf)",
    log_variances="(-inf, inf)",
    target="(-inf, inf)",
    full="{false, true}",
)
def gaussian_mixture_nll(xp, mixture_logits, means, log_variances, target, *, full=True):
    """The negative log-likelihood of a number under a mixture of normal distributions."""
    t = _responsibilities(xp, mixture_logits, means, log_variances, target)
    # Of either sum the leading term is apart: the gap of the logits is never negative.
    half_square = _of_leader(xp, t, t.half_square)
    half_s = 0.5 * _of_leader(xp, t, log_variances)
    quarter = _of_leader(xp, t, t.quarter)
    wide = xp.isinf(4.0 * quarter)
    height = xp.where(wide, 4.0 * (0.25 * half_s - quarter), half_s - 4.0 * quarter)
    odds = xp.log1p(c.softmax_parts(xp, mixture_logits).rest) - xp.log1p(t.rest)
    return height + half_square + odds[..., 0] + (_HALF_LOG_TAU if full else 0.0)


@gaussian_mixture_nll.gradient("mixture_logits")
def _(xp, mixture_logits, means, log_variances, target, *, full):
    t = _responsibilities(xp, mixture_logits, means, log_variances, target)
    prior, prior_rest = c.softmax_pair(xp, mixture_logits)
    leads = xp.astype(t.leads, t.odds.dtype)
    posterior = t.odds / (1.0 + t.rest)
    posterior_rest = ((t.rest - (t.odds - leads)) + (1.0 - leads)) / (1.0 + t.rest)
    # Of a component that is likely before and after the complements keep the digits.
    likely = (prior > 0.5) & (posterior > 0.5)
    return xp.where(likely, posterior_rest - prior_rest, prior - posterior)


@gaussian_mixture_nll.gradient("means")
def _(xp, mixture_logits, means, log_variances, target, *, full):
    t = _responsibilities(xp, mixture_logits, means, log_variances, target)
    return _weighted(xp, t, t.slope)


@gaussian_mixture_nll.gradient("log_variances")
def _(xp, mixture_logits, means, log_variances, target, *, full):
    t = _responsibilities(xp, mixture_logits, means, log_variances, target)
    return _weighted(xp, t, 0.5 - t.half_square)


@gaussian_mixture_nll.gradient("target")
def _(xp, mixture_logits, means, log_variances, target, *, full):
    t = _responsibilities(xp, mixture_logits, means, log_variances, target)
    return 0.0 - xp.sum(_weighted(xp, t, t.slope), axis=-1)


class _Responsibilities(NamedTuple):
    slope: Any
    """r / v of each component."""
    half_square: Any
    """r^2 / (2 v)."""
    quarter: Any
    """A quarter of the logit's distance from the largest, which does not overflow."""
    leads: Any
    """Mask of the component that is the most likely to have made the target."""
    exponent: Any
    odds: Any
    """The odds of each component against that one, and 1 for that one itself."""
    rest: Any
    """The sum of the odds of all others; shape (..., 1)."""


def _responsibilities(xp, mixture_logits, means, log_variances, target):
    y = xp.expand_dims(target, axis=-1)
    slope, half_square = special.weighted_residual(xp, means, y, log_variances)
    likeliest, top = c.leading_class(xp, mixture_logits)
    quarter = xp.where(likeliest, 0.0, 0.25 * mixture_logits - 0.25 * top)
    cost = 0.25 * half_square + 0.125 * log_variances
    present = quarter > -xp.inf
    absent = p.zero(xp, quarter, cost) - xp.inf
    level = xp.where(present, quarter - cost, absent)
    # Where the costs of all components overflow the one of the least |u| is left, or equal ones.
    lost = ~xp.any((level > -xp.inf) | xp.isnan(level), axis=-1, keepdims=True)
    size = 2.0 * p.half_distance(xp, 0.5 * means, 0.5 * y)
    rough = 0.5 * log_variances - xp.log(xp.where(lost & (size > 0), size, 1.0))
    nearest, _ = c.leading_class(xp, xp.where(present, rough, absent))
    reference = _leading(xp, nearest, log_variances)
    u = _standardised(xp, means, log_variances, y, xp.where(lost, reference, 0.0), lost)
    level = xp.where(lost, xp.where(present, -xp.where(u.u < 0, -u.u, u.u), absent), level)
    # Distances are taken from the leader, since rounding may have hidden which it is: that of the
    # largest logit, or of costs that are huge and close.
    for last in (False, False, True):
        leads, _ = c.leading_class(xp, level)
        behind = _apart(xp, leads, 0.25 * mixture_logits) - _extra_cost(
            xp, leads, u, 0.25 * half_square, 0.125 * log_variances, lost
        )
        if not last:
            # Their order is that of the products' roots, which neither overflow nor vanish.
            total, gap = _excess(xp, leads, u)
            behind = xp.where(lost, 0.0 - _root(xp, total) * _root(xp, gap), behind)
        level = xp.where(present, behind, absent)
    leads, peak = c.leading_class(xp, level)
    exponent = xp.where(leads, p.zero(xp, level), 4.0 * (level - peak))
    odds = xp.exp(exponent)
    rest = xp.sum(xp.where(leads, 0.0, odds), axis=-1, keepdims=True)
    return _Responsibilities(slope, half_square, quarter, leads, exponent, odds, rest)


class _Standardised(NamedTuple):
    u: Any
    """r / sqrt(v), divided by that of a common variance."""
    inverse: Any
    """The factor of r in it."""
    means: Any
    log_variances: Any
    common: Any
    """What all have been divided by: 1, where u does not overflow."""


def _standardised(xp, means, log_variances, y, reference, lost):
    difference = means - y
    wide = xp.isinf(difference)
    half = xp.where(wide, 0.5 * means - 0.5 * y, difference)
    share = xp.where(lost, 0.25, xp.ones_like(half))
    inverse = xp.exp(0.5 * (reference - log_variances)) * share
    u = half * xp.where(half == 0, 1.0, inverse) * xp.where(wide, 2.0, xp.ones_like(half))
    return _Standardised(u, inverse, means, log_variances, xp.exp(-0.5 * reference) / share)


def _excess(xp, leads, t):
    """u^2 less that of the leader, in two factors."""
    # By the difference of the means where the variances are close: residuals that are rounded to
    # the same number may differ by enough.
    u = _leading(xp, leads, t.u)
    apart = 0.0 - _apart(xp, leads, t.log_variances)
    close = (apart < 1.0) & (apart > -1.0) & xp.isfinite(t.inverse) & xp.isfinite(t.u)
    shift = _apart(xp, leads, xp.where(close, t.means, _leading(xp, leads, t.means)))
    near = shift * xp.where(close, t.inverse, 0.0) + u * xp.expm1(xp.where(close, 0.5 * apart, 0.0))
    gap = xp.where(leads, 0.0, xp.where(close, near, t.u - u))
    return t.u + u, gap


def _extra_cost(xp, leads, t, quarter_square, eighth_s, lost):
    """A quarter of each component's cost beyond the leader's."""
    total, gap = _excess(xp, leads, t)
    nothing = (total == 0) | (gap == 0)
    common = xp.where(nothing, 1.0, t.common)
    # In this order, since the product of both may underflow where that with the square does not.
    exact = xp.where(nothing, 0.0, gap) * common * (0.125 * xp.where(nothing, 0.0, total)) * common
    plain = _apart(xp, leads, xp.where(lost, 0.0, quarter_square))
    close = xp.isfinite(t.u) & (t.u * t.u < xp.inf)
    return xp.where(lost | close, exact, plain) + _apart(xp, leads, eighth_s)


def _root(xp, x):
    """The root of the size of x, with its sign."""
    negative = x < 0
    root = xp.sqrt(xp.where(negative, -x, x))
    return xp.where(negative, -root, root)


def _leading(xp, leads, x):
    return xp.sum(xp.where(leads, x, 0.0), axis=-1, keepdims=True)


def _apart(xp, leads, x):
    """How far each entry is from that of the leader."""
    return xp.where(leads, 0.0, x - _leading(xp, leads, x))


def _of_leader(xp, t, x):
    return xp.sum(xp.where(t.leads, x, 0.0), axis=-1)


def _weighted(xp, t, x):
    """x times the probability that the component made the target, which may underflow by itself."""
    far = t.exponent < 0.7 * math.log(float(xp.finfo(x.dtype).smallest_normal))
    root = xp.exp(0.5 * xp.where(far, t.exponent, 0.0))
    weight = xp.where(far, root, t.odds)
    return p.times(xp, weight, x) * root / (1.0 + t.rest)
