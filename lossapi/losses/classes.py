"""Building blocks over classes, as functions of their own."""

from .. import class_axis as c
from ..loss import primitive


@primitive("(k)->()")
def logsumexp(xp, logits, *, class_where=None):
    """The logarithm of a sum of exponentials."""
    logits = c.ruled_out(xp, logits, class_where)
    parts = c.softmax_parts(xp, logits, keeps_small_top=True)
    total = xp.where(xp.isinf(parts.top), parts.top, parts.top + xp.log1p_of_shares(parts.rest))[
        ..., 0
    ]
    return c.only(xp, c.any_kept(xp, class_where), total, -xp.inf)


@logsumexp.gradient("logits")
def _(xp, logits, *, class_where=None):
    # Not exp(z - logsumexp(z)), whose rounding error grows with the logits.
    return c.only(xp, class_where, c.softmax(xp, c.ruled_out(xp, logits, class_where)))


@primitive("(k)->(k)", temperature="(0, inf)")
def softmax(xp, logits, *, temperature=1.0, class_where=None):
    """The probabilities of classes from their logits."""
    logits = c.ruled_out(xp, logits, class_where)
    return c.only(xp, class_where, c.softmax(xp, logits, temperature))


@softmax.vjp("logits")
def _(xp, cotangent, logits, *, temperature, class_where=None):
    # Relative to the leading class: the gradient of its logit is then a sum over the others
    # alone, and keeps its digits where that class is almost certain.
    logits = c.ruled_out(xp, logits, class_where)
    cotangent = c.only(xp, class_where, cotangent)
    probabilities = c.softmax(xp, logits, temperature)
    lead = xp.take_class(cotangent, xp.argmax(logits, axis=-1))
    relative = cotangent - xp.expand_dims(lead, axis=-1)
    mean = xp.sum(probabilities * relative, axis=-1, keepdims=True)
    return c.only(xp, class_where, probabilities * (relative - mean) / temperature)


@primitive("(k)->(k)")
def log_softmax(xp, logits, *, class_where=None):
    """The log-probabilities of classes from their logits."""
    logits = c.ruled_out(xp, logits, class_where)
    return c.only(xp, class_where, c.log_softmax(xp, logits), -xp.inf)


@log_softmax.vjp("logits")
def _(xp, cotangent, logits, *, class_where=None):
    # c_i - p_i sum(c), with what belongs to class i itself taken together.
    cotangent = c.only(xp, class_where, cotangent)
    probabilities, complements = c.softmax_pair(xp, c.ruled_out(xp, logits, class_where))
    others = c.leave_out(xp, cotangent, xp.abs(cotangent))
    return c.only(xp, class_where, cotangent * complements - probabilities * others)
