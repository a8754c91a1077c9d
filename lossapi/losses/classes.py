"""Building blocks over classes, as functions of their own."""

from .. import primitives as p
from ..loss import primitive


@primitive("(k)->()")
def logsumexp(xp, logits):
    """The logarithm of a sum of exponentials."""
    parts = p.softmax_parts(xp, logits)
    total = xp.where(xp.isinf(parts.top), parts.top, parts.top + xp.log1p(parts.rest))
    return total[..., 0]


@logsumexp.gradient("logits")
def _(xp, logits):
    # Not exp(z - logsumexp(z)), whose rounding error grows with the logits.
    return p.softmax(xp, logits)


@primitive("(k)->(k)", temperature="(0, inf)")
def softmax(xp, logits, *, temperature=1.0):
    """The probabilities of classes from their logits."""
    return p.softmax(xp, logits, temperature)


@softmax.vjp("logits")
def _(xp, cotangent, logits, *, temperature):
    # Relative to the leading class: the gradient of its logit is then a sum over the others
    # alone, and keeps its digits where that class is almost certain.
    probabilities = p.softmax(xp, logits, temperature)
    lead = xp.take_class(cotangent, xp.argmax(logits, axis=-1))
    relative = cotangent - xp.expand_dims(lead, axis=-1)
    mean = xp.sum(probabilities * relative, axis=-1, keepdims=True)
    return probabilities * (relative - mean) / temperature


@primitive("(k)->(k)")
def log_softmax(xp, logits):
    """The log-probabilities of classes from their logits."""
    return p.log_softmax(xp, logits)


@log_softmax.vjp("logits")
def _(xp, cotangent, logits):
    # c_i - p_i sum(c), with what belongs to class i itself taken together.
    probabilities, complements = p.softmax_pair(xp, logits)
    return cotangent * complements - probabilities * p.leave_out(xp, cotangent, xp.abs(cotangent))
