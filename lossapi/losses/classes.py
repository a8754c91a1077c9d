"""Building blocks over classes, as functions of their own."""

from .. import primitives as p
from ..loss import primitive


@primitive("(k)->()")
def logsumexp(xp, logits):
    """The logarithm of a sum of exponentials."""
    return p.logsumexp(xp, logits)


@logsumexp.gradient("logits")
def _(xp, logits):
    # Not exp(z - logsumexp(z)): its rounding error would grow with the logits.
    return p.softmax(xp, logits)


@primitive("(k)->(k)", temperature="(0, inf)")
def softmax(xp, logits, *, temperature=1.0):
    """The probabilities of classes from their logits."""
    return p.softmax(xp, logits, temperature)


@softmax.vjp("logits")
def _(xp, cotangent, logits, *, temperature):
    # Relative to the leading class: its own gradient is then a sum over the others alone, and
    # keeps its digits where it is almost certain.
    o = p.odds(xp, logits, temperature)
    relative = cotangent - p.take(xp, o.leading, cotangent)
    probabilities = o.odds / o.total
    mean = xp.sum(probabilities * relative, axis=-1, keepdims=True)
    return probabilities * (relative - mean) / temperature


@primitive("(k)->(k)")
def log_softmax(xp, logits):
    """The log-probabilities of classes from their logits."""
    return p.log_softmax(xp, logits)


@log_softmax.vjp("logits")
def _(xp, cotangent, logits):
    probabilities, complements = p.softmax_pair(xp, logits)
    largest = p.is_leading(xp, xp.abs(cotangent))
    return cotangent * complements - probabilities * p.leave_out(xp, largest, cotangent)
