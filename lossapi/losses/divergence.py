"""Divergences of a predicted distribution from a target distribution."""

from .. import primitives as p
from ..loss import loss


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]")
def kl_divergence(xp, prediction, target):
    """The relative entropy of the target with respect to the prediction."""
    q, t = _known(xp, prediction, target)
    # t log(t / q) in two factors; at t = 0, where it is 0 with a slope of -inf, so is -sqrt(t).
    vanishing = (t == 0) & (q >= 0)
    inside, q = xp.where(vanishing, 1.0, t), xp.where(vanishing, 1.0, q)
    if not xp.differentiates:
        return xp.sum(t * p.log_ratio(xp, inside, q), axis=-1)
    term = xp.where(vanishing, -1.0, xp.sqrt(inside) * p.log_ratio(xp, inside, q))
    return xp.sum(xp.sqrt(t) * term, axis=-1)


@kl_divergence.gradient("prediction")
def _(xp, prediction, target):
    q, _ = _known(xp, prediction, target)
    return p.nan_if_any(xp, -p.quotient(xp, target, q), prediction, target)


@kl_divergence.gradient("target")
def _(xp, prediction, target):
    q, t = _known(xp, prediction, target)
    slope = p.log_ratio(xp, t, q) + 1.0
    return p.nan_if_any(xp, xp.where(_unknown(prediction, target), 0.0, slope), prediction, target)


@kl_divergence.curvature("prediction")
def _(xp, prediction, target):
    # t / q^2 by the root of t: neither q^2 nor t / q underflows before the quotient does.
    q, _ = _known(xp, prediction, target)
    root = xp.sqrt(target) / q
    return p.nan_if_any(xp, root * root, prediction, target)


@kl_divergence.curvature("target")
def _(xp, prediction, target):
    _, t = _known(xp, prediction, target)
    curvature = xp.where(_unknown(prediction, target), 0.0, 1.0 / t)
    return p.nan_if_any(xp, curvature, prediction, target)


def _unknown(prediction, target):
    """Classes of which neither distribution knows: 0 log(0 / 0) and its derivatives are 0."""
    return (prediction == 0) & (target == 0)


def _known(xp, prediction, target):
    """Both distributions, with a harmless 1 and 1 for the classes that neither knows."""
    unknown = _unknown(prediction, target)
    q, t = p.without_signed_zero(xp, prediction), p.without_signed_zero(xp, target)
    return xp.where(unknown, 1.0, q), xp.where(unknown, 1.0, t)


@loss("(k),(k)->()", prediction="[0, 1]", target="[0, 1]", base="(1, inf)")
def js_divergence(xp, prediction, target, *, base=None):
    """The mean relative entropy of two distributions with respect to their mean."""
    q, t = _known(xp, prediction, target)
    # h log(h/m) + l log(l/m) for the higher h and the lower l with their mean m: where they are
    # close as (h - l) log1p(r) + l log1p(-r^2) with r = (h - l) / (h + l), of which neither part
    # cancels, and which does not feel the rounding of r.
    higher, lower = xp.where(q > t, q, t), xp.where(q > t, t, q)
    # Enlarged, exactly, where sums and differences of small numbers would be subnormal.
    enlarge = xp.where(higher < 2.0**-64, 2.0**64, xp.ones_like(higher))
    h, low = higher * enlarge, lower * enlarge
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
    terms = 0.5 * p.in_base(xp, xp.where(close, near, far), base) / enlarge
    return xp.sum(terms, axis=-1)


@js_divergence.gradient("prediction")
def _(xp, prediction, target, *, base):
    return _half_log_share(xp, prediction, target, base)


@js_divergence.gradient("target")
def _(xp, prediction, target, *, base):
    return _half_log_share(xp, target, prediction, base)


@js_divergence.curvature("prediction")
def _(xp, prediction, target, *, base):
    return _js_curvature(xp, prediction, target, base)


@js_divergence.curvature("target")
def _(xp, prediction, target, *, base):
    return _js_curvature(xp, target, prediction, base)


def _half_log_share(xp, own, other, base):
    """log(p/m) / 2 for a distribution p and its mean m with the other one."""
    q, t = _known(xp, own, other)
    enlarge = xp.where((q < 2.0**-64) & (t < 2.0**-64), 2.0**64, xp.ones_like(q))
    q, t = q * enlarge, t * enlarge
    close = 3.0 * q > t
    near = xp.log1p(xp.where(close, q - t, 0.0) / (q + t))
    # In two logarithms where the quotient may be a subnormal number, of few digits.
    q, mean = xp.where(close, 1.0, q), xp.where(close, 1.0, 0.5 * (q + t))
    faint = q < xp.finfo(q.dtype).smallest_normal
    far = xp.log(q / xp.where(faint, 1.0, mean)) - xp.log(xp.where(faint, mean, 1.0))
    slope = 0.5 * p.in_base(xp, xp.where(close, near, far), base)
    return p.nan_if_any(xp, slope, own, other)


def _js_curvature(xp, own, other, base):
    # q / (2 p (p + q)) by the root of q: neither quotient underflows before the curvature does,
    # nor overflows, in whatever unit.
    q, t = _known(xp, own, other)
    root = xp.sqrt(t)
    curvature = 0.5 * p.in_base(xp, root, base) / q * (root / (q + t))
    curvature = xp.where(_unknown(own, other), 0.0, curvature)
    return p.nan_if_any(xp, curvature, own, other)
