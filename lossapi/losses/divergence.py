"""Divergences of a predicted distribution from a target distribution."""

import math

from .. import primitives as p
from .. import special
from ..loss import loss


@loss(
    "(k),(k)->()",
    prediction="[-inf, 0] if log_prediction else [0, 1]",
    target="[-inf, 0] if log_target else [0, 1]",
    log_prediction="{false, true}",
    log_target="{false, true}",
)
def kl_divergence(xp, prediction, target, *, log_prediction=False, log_target=False):
    """The relative entropy of the target with respect to the prediction."""
    if not (xp.differentiates or log_prediction or log_target):
        return _sum_of_terms(xp, prediction, target)
    q, t = _known(xp, prediction, target, log_prediction, log_target)
    vanishing = (t == _none(log_target)) & (q >= _none(log_prediction))
    inside, q = (
        xp.where(vanishing, _all(log_target), t),
        xp.where(vanishing, _all(log_prediction), q),
    )
    gap = _gap(xp, q, inside, log_prediction, log_target)
    if log_target:
        terms = _times(_factors(xp, inside, xp.isinf(gap)), gap)
        return xp.sum(xp.where(vanishing, 0.0, terms), axis=-1)
    # t log(t / q) in two factors; at t = 0, where it is 0 with a slope of -inf, so is -sqrt(t).
    term = xp.where(vanishing, -1.0, xp.sqrt(inside) * gap)
    return xp.sum(xp.sqrt(t) * term, axis=-1)


def _sum_of_terms(xp, prediction, target):
    """The sum of t log(t / q), with one logarithm and one quotient."""
    # Where subnormal numbers are 0, differences of small ones are to be none of them; elsewhere
    # quotients by a subnormal q may overflow, which are taken by a larger one.
    room, more = (_ROOM, 1.0) if xp.flushes else (1.0, _ROOM)
    unknown = _unknown(prediction, target)
    q = room * xp.where(unknown, 1.0, p.without_signed_zero(xp, prediction))
    t = room * target
    in_reach = t / q < xp.inf
    unit = xp.where(in_reach, q, more * q)
    ratio = t / unit
    log_ratio = xp.log(p.at_least_smallest(xp, ratio))
    log_ratio = xp.where(in_reach, log_ratio, log_ratio + math.log(more))
    # Close to 1 the rounding of the ratio matters, t / unit - ratio: the differences are exact
    # there. Elsewhere it is nothing beside the logarithm.
    rest = xp.where(in_reach, (t - unit) - (ratio - 1.0) * unit, 0.0)
    terms = t * log_ratio + xp.where(ratio > 1.0, 1.0, ratio) * rest
    return (1.0 / room) * xp.sum(terms, axis=-1)


@kl_divergence.gradient("prediction")
def _(xp, prediction, target, *, log_prediction, log_target):
    q, _ = _known(xp, prediction, target, log_prediction, log_target)
    if log_prediction:
        slope = -xp.exp(target) if log_target else 0.0 - target
    elif log_target:
        first, second, third = _factors(xp, target, q == 0)
        slope = third * (third * (second * -p.quotient(xp, first, q)))
    else:
        slope = -p.quotient(xp, target, q)
    return p.nan_if_outside(xp, slope, prediction, target)


@kl_divergence.gradient("target")
def _(xp, prediction, target, *, log_prediction, log_target):
    q, t = _known(xp, prediction, target, log_prediction, log_target)
    slope = _gap(xp, q, t, log_prediction, log_target) + 1.0
    if log_target:
        slope = _times_exp(xp, slope, target)
    unknown = _unknown(prediction, target, log_prediction, log_target)
    return p.nan_if_outside(xp, xp.where(unknown, 0.0, slope), prediction, target)


@kl_divergence.curvature("prediction")
def _(xp, prediction, target, *, log_prediction, log_target):
    # t / q^2 in two quotients, neither of which underflows before it does.
    q, _ = _known(xp, prediction, target, log_prediction, log_target)
    if log_prediction:
        return p.nan_if_outside(xp, xp.zeros_like(q), prediction, target)
    if log_target:
        first, second, third = _factors(xp, target, q == 0)
        bend = (first / q * third) * (second / q * third)
    else:
        root = xp.sqrt(target) / q
        bend = root * root
    return p.nan_if_outside(xp, bend, prediction, target)


@kl_divergence.curvature("target")
def _(xp, prediction, target, *, log_prediction, log_target):
    q, t = _known(xp, prediction, target, log_prediction, log_target)
    if log_target:
        bend = _times_exp(xp, _gap(xp, q, t, log_prediction, log_target) + 2.0, target)
    else:
        bend = 1.0 / t
    unknown = _unknown(prediction, target, log_prediction, log_target)
    return p.nan_if_outside(xp, xp.where(unknown, 0.0, bend), prediction, target)


def _none(logarithm):
    """What stands for a probability of 0: itself, or its logarithm."""
    return -math.inf if logarithm else 0.0


def _all(logarithm):
    """What stands for a probability of 1."""
    return 0.0 if logarithm else 1.0


def _gap(xp, q, t, log_prediction, log_target):
    """log(t / q)."""
    if not (log_prediction or log_target):
        return p.log_ratio(xp, t, q)
    return (t if log_target else xp.log(t)) - (q if log_prediction else xp.log(q))


def _factors(xp, s, endless):
    """Factors of e^s, the last of which counts twice.

    None of them is a subnormal number before e^s is 0 times or over any other. Where that product
    is `endless`, inf, none is 0.
    """
    limit = math.log(float(xp.finfo(s.dtype).smallest_normal)) + 1.0
    far, farther = s < limit, s < 2.0 * limit
    share = xp.where(farther, 0.25, xp.where(far, 0.5, xp.ones_like(s)))
    part = xp.exp(share * xp.where(s == -xp.inf, -1.0, s))
    part = xp.where(endless & (part == 0), 1.0, part)
    part = xp.where(s == -xp.inf, 0.0, part)
    return part, xp.where(far, part, 1.0), xp.where(farther, part, 1.0)


def _times(factors, x):
    """The product of factors with a number, which is to be in reach at every step."""
    first, second, third = factors
    return third * (third * (second * (first * x)))


def _times_exp(xp, x, s):
    """x e^s, and 0 for s of -inf, whatever x is."""
    x = xp.where(s == -xp.inf, 0.0, x)
    return _times(_factors(xp, s, xp.isinf(x)), x)


def _unknown(prediction, target, log_prediction=False, log_target=False):
    """Classes of which neither distribution knows: 0 log(0 / 0) and its derivatives are 0."""
    return (prediction == _none(log_prediction)) & (target == _none(log_target))


def _known(xp, prediction, target, log_prediction=False, log_target=False):
    """Both distributions, with a harmless 1 and 1 for the classes that neither knows."""
    unknown = _unknown(prediction, target, log_prediction, log_target)
    q, t = p.without_signed_zero(xp, prediction), p.without_signed_zero(xp, target)
    return xp.where(unknown, _all(log_prediction), q), xp.where(unknown, _all(log_target), t)


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]", base="(1, inf)", target_share="(0, 1)")
def js_divergence(xp, prediction, target, *, base=None, target_share=0.5):
    """The mean relative entropy of two distributions with respect to their mean."""
    q, t = (_ROOM * x for x in _known(xp, prediction, target))
    share, rest = target_share, 1.0 - target_share
    if share == rest:
        terms = _even_terms(xp, q, t)
    else:
        terms = share * _excess(xp, t, q, share, rest) + rest * _excess(xp, q, t, rest, share)
    return xp.sum(p.in_base(xp, terms, base) / _ROOM, axis=-1)


@js_divergence.gradient("prediction")
def _(xp, prediction, target, *, base, target_share):
    return _log_share(xp, prediction, target, base, 1.0 - target_share, target_share)


@js_divergence.gradient("target")
def _(xp, prediction, target, *, base, target_share):
    return _log_share(xp, target, prediction, base, target_share, 1.0 - target_share)


@js_divergence.curvature("prediction")
def _(xp, prediction, target, *, base, target_share):
    return _js_curvature(xp, prediction, target, base, 1.0 - target_share, target_share)


@js_divergence.curvature("target")
def _(xp, prediction, target, *, base, target_share):
    return _js_curvature(xp, target, prediction, base, target_share, 1.0 - target_share)


_ROOM = 2.0**64
"""Probabilities times this have sums, differences and shares that are no subnormal numbers."""
_LOG_2 = math.log(2.0)


def _even_terms(xp, q, t):
    """(t log(t/m) + q log(q/m)) / 2 for the mean m of both."""
    # h log(h/m) + l log(l/m) for the higher h and the lower l: where they are close as
    # (h - l) log1p(r) + l log1p(-r^2) with r = (h - l) / (h + l), of which neither part cancels,
    # and which does not feel the rounding of r.
    h, low = xp.where(q > t, q, t), xp.where(q > t, t, q)
    difference, total = h - low, h + low
    close = 8.0 * low > h
    r = difference / total
    inner = xp.where(close, r, 0.0)
    near = difference * xp.log1p(inner) + low * xp.log1p(-inner * inner)
    # At l = 0, where l log(l/m) is 0 with a slope of -inf, so is -sqrt(l).
    vanishing = low + low == 0
    apart = ~(close | vanishing)
    ratio = xp.where(apart, low, 1.0) / xp.where(apart, 0.5 * total, 1.0)
    far = h * xp.log1p(r) + xp.where(vanishing, -xp.sqrt(low), low * xp.log(ratio))
    return 0.5 * xp.where(close, near, far)


def _excess(xp, own, other, share, rest):
    """p log(p/m) - p + m for a distribution p and its mean m with the other one.

    In the mean of two distributions the linear terms cancel, and of what is left none is negative.
    """
    mean = share * own + rest * other
    difference = rest * (own - other)  # p - m
    # Against u, which is m, or 2 m or m / 2 if p is closer to that: as (p - u)^2 / (2 u) times a
    # polynomial in s = (p - u) / (p + u), and (p - u) log(u/m) + u log(u/m) - u + m, which adds to
    # it.
    near = (mean > 0) & (own < 4.0 * mean) & (4.0 * own > mean)
    twice, half = near & (own > 2.0 * mean), near & (2.0 * own < mean)
    unit = xp.where(twice, 2.0 * mean, xp.where(half, 0.5 * mean, mean))
    gap = xp.where(near, difference - (unit - mean), 0.0)
    unit = xp.where(near, unit, 1.0)
    s = gap / (xp.where(near, own, 1.0) + unit)
    bend = (1.0 - s) * (1.0 + (1.0 + s) * s * special.atanh_excess(s * s))
    above = _LOG_2 * gap + (2.0 * _LOG_2 - 1.0) * mean
    below = (0.5 - 0.5 * _LOG_2) * mean - _LOG_2 * gap
    offset = xp.where(twice, above, xp.where(half, below, 0.0))
    close = 0.5 * gap * (gap / unit) * bend + offset
    # At p = 0, where p log p is 0 with a slope of -inf, so is -sqrt(p).
    vanishing = own + own == 0
    apart = ~(near | vanishing) & (mean > 0)
    steep = apart & (own * xp.finfo(own.dtype).smallest_normal > mean)  # p / m overflows
    ratio = xp.where(apart, own, 1.0) / xp.where(apart & ~steep, mean, 1.0)
    log_ratio = xp.log(ratio) - xp.log(xp.where(steep, mean, 1.0))
    far = xp.where(vanishing, -xp.sqrt(own), own * log_ratio) - difference
    return xp.where(near, close, far)


def _log_share(xp, own, other, base, share, rest):
    """share log(p/m) for a distribution p and its mean m with the other one."""
    q, t = (_ROOM * x for x in _known(xp, own, other))
    # By m/p - 1 where that is small. Far off, of a higher probability by m/p, which the other adds
    # to; of a lower one by p/m, in two logarithms where that may be a subnormal number, of few
    # digits.
    excess = rest * ((t - q) / q)
    close, high = (excess < 8.0) & (excess > -0.5), q > t
    near = rest * (xp.where(close, t - q, 0.0) / xp.where(close, q, 1.0))
    far_high, far_low = high & ~close, ~(high | close)
    part = share + rest * (xp.where(far_high, t, 0.0) / xp.where(far_high, q, 1.0))
    mean, q = share * q + rest * t, xp.where(far_low, q, 1.0)
    mean = xp.where(far_low & (mean > 0), mean, 1.0)
    smallest = xp.finfo(q.dtype).smallest_normal
    faint = q / mean < smallest
    part = xp.where(part < smallest, smallest, part)  # of a share that is no number of the format
    ratio = xp.where(far_high, part, q / xp.where(faint, 1.0, mean))
    far = xp.log(ratio) - xp.log(xp.where(faint, mean, 1.0))
    nats = xp.where(close, -xp.log1p(near), xp.where(high, -far, far))
    slope = xp.where(nats == -xp.inf, nats, share * p.in_base(xp, nats, base))
    return p.nan_if_outside(xp, slope, own, other)


def _js_curvature(xp, own, other, base, share, rest):
    # share rest q / (p m) by the root of q: neither quotient underflows before the curvature does,
    # nor overflows, in whatever unit; not even by the smallest numbers, in parts that are apart.
    q, t = (_ROOM * x for x in _known(xp, own, other))
    root, mean = xp.sqrt(t), share * q + rest * t
    by_mean = (2.0**26 * _ROOM * share * rest) * (root / xp.where(mean == 0, 1.0, mean))
    curvature = p.in_base(xp, root, base) / (2.0**26 * xp.where(q == 0, 1.0, q)) * by_mean
    curvature = xp.where(q == 0, xp.inf, curvature)
    curvature = xp.where(_unknown(own, other), 0.0, curvature)
    return p.nan_if_outside(xp, curvature, own, other)
