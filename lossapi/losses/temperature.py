"""Losses of probabilities that a temperature softens: calibration, and a teacher's advice."""

from .. import class_axis as c
from .. import primitives as p
from .. import special
from ..loss import loss


@loss("(k),(),()->()", labels="labels", temperature="(0, inf)")
def temperature_softmax_cross_entropy(xp, logits, labels, temperature=1.0):
    """The negative log-likelihood of a label under the softmax of logits over a temperature."""
    _, gaps, odds = _softened(xp, logits, temperature)
    return xp.take_class(gaps, labels) + xp.log1p(xp.sum(odds, axis=-1))


@temperature_softmax_cross_entropy.gradient("logits")
def _(xp, logits, labels, temperature):
    probabilities, complements = _pair(xp, logits, temperature)
    slope = xp.where(c.is_label(xp, logits, labels), -complements, probabilities)
    return slope / xp.expand_dims(temperature, axis=-1)


@temperature_softmax_cross_entropy.gradient("temperature")
def _(xp, logits, labels, temperature):
    # The expected logit minus the label's, over the others: where the label leads no term cancels.
    leading, gaps, odds = _softened(xp, logits, temperature)
    leads = xp.astype(leading, odds.dtype)
    others = xp.where(c.is_label(xp, logits, labels), 0.0, odds + leads)
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
    scale, shrink = _scale(xp, temperature)
    leading, gaps = _gaps(xp, logits, lambda gap: p.quotient(xp, gap * shrink, scale))
    return leading, gaps, xp.where(leading, 0.0, xp.exp(-gaps))


def _scale(xp, temperature):
    """The temperature times a power of two, and that, so that its reciprocal is a normal number."""
    wide = p.is_wide(xp, temperature)
    limit, step = (2.0**960, 2.0**-64) if wide else (2.0**96, 2.0**-32)
    shrink = xp.where(temperature > limit, step, xp.ones_like(temperature))
    # Where a library takes a subnormal temperature for 0 there is no loss.
    some = temperature + temperature != 0
    scale = xp.where(some, temperature * shrink, xp.nan)
    return xp.expand_dims(scale, axis=-1), xp.expand_dims(shrink, axis=-1)


def _pair(xp, logits, temperature):
    """The softened probability p of each class and 1 - p, each to its own last digits."""
    leading, _, odds = _softened(xp, logits, temperature)
    return _probabilities(xp, leading, odds, xp.sum(odds, axis=-1, keepdims=True))


@loss("(k),(k)->()", temperature="(0, inf)", scaled="{false, true}")
def knowledge_distillation_loss(xp, logits, teacher_logits, *, temperature=1.0, scaled=True):
    """The divergence of a student's softened probabilities from its teacher's."""
    # Of terms q log(q / p) - q + p, none of which is negative: what they add to each other's sum
    # is 0. With u = log(p / q) a term is q (exp(u) - 1 - u), which is of second order where p is
    # close to q, and there a series.
    student, teacher = (_softened_by(xp, x, temperature) for x in (logits, teacher_logits))
    (gaps, rest, right, _), (gaps_of_teacher, rest_of_teacher, wanted, _) = student, teacher
    ruled_out = xp.isinf(gaps) | xp.isinf(gaps_of_teacher)
    gap = xp.where(ruled_out, 0.0, gaps_of_teacher) - xp.where(ruled_out, 0.0, gaps)
    u = gap + (xp.log1p(rest_of_teacher) - xp.log1p(rest))
    close = (u > -1.0) & (u < 1.0) & ~ruled_out
    small = xp.where(close, u, 0.0)
    near = wanted * (0.5 * small * small * special.exp_excess(small))
    far = (right - wanted) - p.times(xp, wanted, xp.where(close, 0.0, u))
    # Gaps over T that are infinite come after T^2, which may bring them back; with their slope.
    half, half_of_teacher = (_half_gap(xp, x) for x in (logits, teacher_logits))
    lost = xp.isinf(gaps) & (wanted > 0)
    lone = xp.sum(wanted * xp.where(lost, half, 0.0), axis=-1)
    impossible = xp.isinf(half) & ~xp.isinf(half_of_teacher) & (wanted == 0)
    each = xp.where(impossible, xp.inf, xp.where(close, near, far))
    divergence = xp.sum(each, axis=-1)
    if scaled:
        return divergence * temperature * temperature + 2.0 * (lone * temperature)
    return divergence + 2.0 * (lone / temperature)


@knowledge_distillation_loss.gradient("logits")
def _(xp, logits, teacher_logits, *, temperature, scaled):
    student, teacher = (_softened_by(xp, x, temperature) for x in (logits, teacher_logits))
    right, wanted = student[2], teacher[2]
    slope = (right - wanted) * temperature if scaled else (right - wanted) / temperature
    return p.nan_if_any(xp, slope, student[0], teacher[0])


@knowledge_distillation_loss.curvature("logits")
def _(xp, logits, teacher_logits, *, temperature, scaled):
    gaps, _, right, wrong = _softened_by(xp, logits, temperature)
    curvature = right * wrong
    if not scaled:
        curvature = curvature / temperature * (1.0 / temperature)
    # What the teacher says has no part in it, unless it is undefined.
    return p.nan_if_any(xp, curvature, gaps, _softened_by(xp, teacher_logits, temperature)[0])


def _half_gap(xp, logits):
    """Half the distance to the leading class, which overflows nowhere."""
    leading, top = c.leading_class(xp, logits)
    return xp.where(leading, 0.0, 0.5 * top - 0.5 * logits)


def _softened_by(xp, logits, temperature):
    """The gaps (top - z) / T to the leading class, the others' odds together, p and 1 - p."""
    leading, gaps = _gaps(xp, logits, lambda gap: gap / temperature)
    odds = xp.where(leading, 0.0, xp.exp(-gaps))
    rest = xp.sum(odds, axis=-1, keepdims=True)
    return gaps, rest, *_probabilities(xp, leading, odds, rest)


# --- what both have in common


def _gaps(xp, logits, over_temperature):
    """The leading class, and how far the others lie below it, over the temperature."""
    leading, top = c.leading_class(xp, logits)
    gap, half = top - logits, 0.5 * top - 0.5 * logits
    # A gap may overflow that is finite over T; one that is infinite stays away from derivatives.
    wide, absent = xp.isinf(gap), xp.isinf(half)
    near = over_temperature(xp.where(wide | leading, 0.0, gap))
    far = 2.0 * over_temperature(xp.where(wide & ~absent, half, 0.0))
    gaps = xp.where(leading, 0.0, xp.where(absent, xp.inf, xp.where(wide, far, near)))
    # Several classes at infinity, or none above minus infinity, have no probabilities.
    return leading, xp.where(top > -xp.inf, gaps, xp.nan)


def _probabilities(xp, leading, odds, rest):
    """p and 1 - p of each class, from the odds of the others against the leading one."""
    leads, total = xp.astype(leading, odds.dtype), 1.0 + rest
    return (odds + leads) / total, ((rest - odds) + (1.0 - leads)) / total
