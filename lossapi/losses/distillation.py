"""Losses of probabilities that a temperature softens: calibration, and a teacher's advice."""

from .. import primitives as p
from ..loss import loss


@loss("(k),(),()->()", labels="labels", temperature="(0, inf)")
def temperature_softmax_cross_entropy(xp, logits, labels, temperature):
    """The negative log-likelihood of a label under the softmax of logits over a temperature."""
    _, gaps, odds = _softened(xp, logits, temperature)
    return xp.take_class(gaps, labels) + xp.log1p(xp.sum(odds, axis=-1))


@temperature_softmax_cross_entropy.gradient("logits")
def _(xp, logits, labels, temperature):
    probabilities, complements = _pair(xp, logits, temperature)
    slope = xp.where(p.is_label(xp, logits, labels), -complements, probabilities)
    return slope / xp.expand_dims(temperature, axis=-1)


@temperature_softmax_cross_entropy.gradient("temperature")
def _(xp, logits, labels, temperature):
    # The expected logit minus the label's, over the others: where the label leads no term cancels.
    leading, gaps, odds = _softened(xp, logits, temperature)
    leads = xp.astype(leading, odds.dtype)
    others = xp.where(p.is_label(xp, logits, labels), 0.0, odds + leads)
    others = others / (1.0 + xp.sum(odds, axis=-1, keepdims=True))
    behind = gaps - xp.expand_dims(xp.take_class(gaps, labels), axis=-1)
    return xp.sum(others * xp.where(others == 0, 0.0, behind), axis=-1) / temperature


@temperature_softmax_cross_entropy.curvature("logits")
def _(xp, logits, labels, temperature):
    probabilities, complements = _pair(xp, logits, temperature)
    scale = xp.expand_dims(temperature, axis=-1)
    # Not over the square of a temperature, which underflows; compilers make one of two divisions.
    variance = probabilities * complements
    none = (variance == 0) & ~xp.isnan(scale)
    return xp.where(none, variance, variance / scale * (1.0 / scale))


def _softened(xp, logits, temperature):
    """The leading class, the gaps (top - z) / T to it, and the others' odds against it."""
    leading, top = p.leading_class(xp, logits)
    scale, shrink = _scale(xp, temperature)
    gap, half = top - logits, 0.5 * top - 0.5 * logits
    # A gap may overflow that is finite over T; one that is infinite stays away from derivatives.
    wide, absent = xp.isinf(gap), xp.isinf(half)
    near = p.quotient(xp, xp.where(wide | leading, 0.0, gap) * shrink, scale)
    far = 2.0 * p.quotient(xp, xp.where(wide & ~absent, half, 0.0) * shrink, scale)
    gaps = xp.where(leading, 0.0, xp.where(absent, xp.inf, xp.where(wide, far, near)))
    # Several classes at infinity, or none above minus infinity, have no probabilities.
    gaps = xp.where(top > -xp.inf, gaps, xp.nan)
    return leading, gaps, xp.where(leading, 0.0, xp.exp(-gaps))


def _scale(xp, temperature):
    """The temperature times a power of two, and that, so that its reciprocal is a normal number."""
    wide = float(xp.finfo(temperature.dtype).max) > 2.0**200
    limit, step = (2.0**960, 2.0**-64) if wide else (2.0**96, 2.0**-32)
    shrink = xp.where(temperature > limit, step, xp.ones_like(temperature))
    # Where a library takes a subnormal temperature for 0 there is no loss.
    some = temperature + temperature != 0
    scale = xp.where(some, temperature * shrink, xp.nan)
    return xp.expand_dims(scale, axis=-1), xp.expand_dims(shrink, axis=-1)


def _pair(xp, logits, temperature):
    """The softened probability p of each class and 1 - p, each to its own last digits."""
    leading, _, odds = _softened(xp, logits, temperature)
    leads = xp.astype(leading, odds.dtype)
    rest = xp.sum(odds, axis=-1, keepdims=True)
    return (odds + leads) / (1.0 + rest), ((rest - odds) + (1.0 - leads)) / (1.0 + rest)
