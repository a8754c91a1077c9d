"""What a student's logits lack of a teacher's, both softened by a temperature."""

from .. import primitives as p
from ..loss import loss

TERMS = 18
"""Terms of the exponential's series that reach every digit of float64 between -1 and 1."""


@loss("(k),(k)->()", temperature="(0, inf)", scaled="{false, true}")
def knowledge_distillation_loss(xp, logits, teacher_logits, *, temperature=1.0, scaled=True):
    """The divergence of a student's softened probabilities from its teacher's."""
    # Of terms q log(q / p) - q + p, none of which is negative: what they add to each other's sum
    # is 0. With u = log(p / q) a term is q (exp(u) - 1 - u), which is of second order where p is
    # close to q, and there a series.
    student, teacher = (_softened(xp, x, temperature) for x in (logits, teacher_logits))
    (gaps, rest, right, _), (gaps_of_teacher, rest_of_teacher, wanted, _) = student, teacher
    ruled_out = xp.isinf(gaps) | xp.isinf(gaps_of_teacher)
    gap = xp.where(ruled_out, 0.0, gaps_of_teacher) - xp.where(ruled_out, 0.0, gaps)
    u = gap + (xp.log1p(rest_of_teacher) - xp.log1p(rest))
    close = (u > -1.0) & (u < 1.0) & ~ruled_out
    small = xp.where(close, u, 0.0)
    series = xp.ones_like(small)
    for n in range(TERMS, 2, -1):
        series = 1.0 + small * series / n
    near = wanted * (0.5 * small * small * series)
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
    student, teacher = (_softened(xp, x, temperature) for x in (logits, teacher_logits))
    right, wanted = student[2], teacher[2]
    slope = (right - wanted) * temperature if scaled else (right - wanted) / temperature
    return p.nan_if_any(xp, slope, student[0], teacher[0])


@knowledge_distillation_loss.curvature("logits")
def _(xp, logits, teacher_logits, *, temperature, scaled):
    gaps, _, right, wrong = _softened(xp, logits, temperature)
    curvature = right * wrong
    if not scaled:
        curvature = curvature / temperature * (1.0 / temperature)
    # What the teacher says has no part in it, unless it is undefined.
    return p.nan_if_any(xp, curvature, gaps, _softened(xp, teacher_logits, temperature)[0])


def _half_gap(xp, logits):
    """Half the distance to the leading class, which overflows nowhere."""
    leading, top = p.leading_class(xp, logits)
    return xp.where(leading, 0.0, 0.5 * top - 0.5 * logits)


def _softened(xp, logits, temperature):
    """The gaps (top - z) / T to the leading class, the others' odds together, p and 1 - p."""
    leading, top = p.leading_class(xp, logits)
    gap, half = top - logits, 0.5 * top - 0.5 * logits
    # A gap may overflow that is finite over T; one that is infinite stays away from derivatives.
    wide, absent = xp.isinf(gap), xp.isinf(half)
    near = xp.where(wide | leading, 0.0, gap) / temperature
    far = 2.0 * (xp.where(wide & ~absent, half, 0.0) / temperature)
    gaps = xp.where(leading, 0.0, xp.where(absent, xp.inf, xp.where(wide, far, near)))
    # Several classes at infinity, or none above minus infinity, have no probabilities.
    gaps = xp.where(top > -xp.inf, gaps, xp.nan)
    odds, leads = xp.where(leading, 0.0, xp.exp(-gaps)), xp.astype(leading, gaps.dtype)
    rest = xp.sum(odds, axis=-1, keepdims=True)
    total = 1.0 + rest
    return gaps, rest, (odds + leads) / total, ((rest - odds) + (1.0 - leads)) / total
