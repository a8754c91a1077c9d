"""Losses of a label under log-probabilities or logits that weigh confidence in other ways."""

from typing import NamedTuple

from .. import primitives as p
from ..loss import loss


@loss("(k),()->()", log_probabilities="[-inf, 0]", labels="labels")
def nll(xp, log_probabilities, labels):
    """The negative log-likelihood of a label under predicted log-probabilities."""
    return 0.0 - xp.take_class(log_probabilities, labels)


@nll.gradient("log_probabilities")
def _(xp, log_probabilities, labels):
    right = p.is_label(xp, log_probabilities, labels)
    slope = xp.where(right, -1.0, p.zero(xp, log_probabilities))
    return p.nan_if_any(xp, slope, log_probabilities)


@nll.curvature("log_probabilities")
def _(xp, log_probabilities, labels):
    return p.nan_if_any(xp, p.zero(xp, log_probabilities), log_probabilities)


# --- from logits


@loss("(k),()->()", labels="labels", q="(0, 1]")
def generalized_cross_entropy(xp, logits, labels, *, q=0.7):
    """Between cross-entropy and absolute error: (1 - p^q) / q of the label's probability p."""
    surprise = _judged(xp, logits, labels).surprise
    power = q * surprise
    # Where the power is too small to matter its product may have lost digits to underflow.
    return xp.where(power < 2.0**-60, surprise, -xp.expm1(-power) / q)


@generalized_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, q):
    factor = xp.exp(-q * _judged(xp, logits, labels).surprise)
    return xp.expand_dims(factor, axis=-1) * _slope(xp, logits, labels)


@loss("(k),()->()", labels="labels", alpha="[0, inf)", beta="[0, inf)", log_zero="(-inf, 0)")
def symmetric_cross_entropy(xp, logits, labels, *, alpha=1.0, beta=1.0, log_zero=-4.0):
    """Cross-entropy plus its reverse, in which the logarithm of 0 is a number."""
    judged = _judged(xp, logits, labels)
    reverse = beta * judged.complement * -log_zero
    return alpha * judged.surprise + reverse if alpha else reverse


@symmetric_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, alpha, beta, log_zero):
    # Both parts have the sign of the plain gradient, so that nothing cancels.
    factor = alpha + beta * _judged(xp, logits, labels).probability * -log_zero
    return xp.expand_dims(factor, axis=-1) * _slope(xp, logits, labels)


class _Judged(NamedTuple):
    """What a softmax says of each example's label."""

    surprise: p.Array
    """-log p, as two terms of one sign."""
    probability: p.Array
    complement: p.Array
    """1 - p, to its own last digits."""


def _judged(xp, logits, labels):
    parts = p.softmax_parts(xp, logits)
    right = xp.argmax(logits, axis=-1) == labels
    rest, odds = parts.rest[..., 0], xp.take_class(parts.others, labels)
    gap = xp.where(right, 0.0, parts.top[..., 0] - xp.take_class(logits, labels))
    return _Judged(
        surprise=gap + xp.log1p(rest),
        probability=xp.where(right, 1.0, odds) / (1.0 + rest),
        complement=xp.where(right, rest, 1.0 + (rest - odds)) / (1.0 + rest),
    )


def _slope(xp, logits, labels):
    """The gradient of -log p: probabilities, minus 1 for the label."""
    probabilities, complements = p.softmax_pair(xp, logits)
    return xp.where(p.is_label(xp, logits, labels), -complements, probabilities)
