"""Losses of a label under log-probabilities or logits that weigh confidence in other ways."""

from typing import NamedTuple

from .. import class_axis as c
from .. import primitives as p
from ..loss import loss


@loss("(k),()->()", log_probabilities="[-inf, 0]", labels="labels")
def nll(xp, log_probabilities, labels):
    """The negative log-likelihood of a label under predicted log-probabilities."""
    return 0.0 - xp.take_class(log_probabilities, labels)


@nll.gradient("log_probabilities")
def _(xp, log_probabilities, labels):
    slope = xp.put_class(p.zero(xp, log_probabilities), labels, -1.0)
    return p.nan_if_outside(xp, slope, log_probabilities)


@nll.curvature("log_probabilities")
def _(xp, log_probabilities, labels):
    return p.nan_if_outside(xp, p.zero(xp, log_probabilities), log_probabilities)


# --- from logits


@loss("(k),()->()", labels="labels", q="(0, 1]")
def generalized_cross_entropy(xp, logits, labels, *, q=0.7):
    """Between cross-entropy and absolute error: (1 - p^q) / q of the label's probability p."""
    surprise = _judged(xp, c.softmax_parts(xp, logits), logits, labels).surprise
    power = q * surprise
    # Where the power is too small to matter its product may have lost digits to underflow.
    return xp.where(power < 2.0**-60, surprise, -xp.expm1(-power) / q)


@generalized_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, q):
    parts = c.softmax_parts(xp, logits)
    judged = _judged(xp, parts, logits, labels)
    return _each(xp, xp.exp(-q * judged.surprise)) * _slope(xp, parts, judged, labels)


@loss("(k),()->()", labels="labels", alpha="[0, inf)", beta="[0, inf)", log_zero="(-inf, 0)")
def symmetric_cross_entropy(xp, logits, labels, *, alpha=1.0, beta=1.0, log_zero=-4.0):
    """Cross-entropy plus its reverse, in which the logarithm of 0 is a number."""
    parts = c.softmax_parts(xp, logits)
    judged = _judged(xp, parts, logits, labels)
    reverse = beta * judged.complement * -log_zero
    if alpha == 0.0:
        return reverse
    weighted = 2.0 * (alpha * _half_surprise(xp, parts, logits, labels))
    return xp.where(xp.isinf(judged.surprise), weighted, alpha * judged.surprise) + reverse


@symmetric_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, alpha, beta, log_zero):
    # Both parts have the sign of the plain gradient, so that nothing cancels.
    parts = c.softmax_parts(xp, logits)
    judged = _judged(xp, parts, logits, labels)
    factor = alpha + beta * judged.probability * -log_zero
    return _each(xp, factor) * _slope(xp, parts, judged, labels)


@loss("(k),()->()", labels="labels", gamma="[0, inf)", alpha="(k) [0, inf)")
def softmax_focal_loss(xp, logits, labels, *, gamma=2.0, alpha=None):
    """Cross-entropy that turns away from what is right already: -(1 - p)^gamma log p."""
    parts = c.softmax_parts(xp, logits)
    judged = _judged(xp, parts, logits, labels)
    # Where p is 0 the power is 1, and its derivative, 0, must not meet the infinite surprise.
    impossible = xp.isinf(judged.surprise)
    finite = xp.where(impossible, 0.0, judged.surprise)
    focal = _weighted(xp, alpha, labels, _power(xp, judged.complement, gamma) * finite)
    weighted = 2.0 * _weighted(xp, alpha, labels, _half_surprise(xp, parts, logits, labels))
    return xp.where(impossible, weighted, focal)


@softmax_focal_loss.gradient("logits")
def _(xp, logits, labels, *, gamma, alpha):
    # (1 - p)^gamma (gamma p / (1 - p) (-log p) + 1) times the plain gradient, without a quotient
    # that could be infinite: the label's entry of that is 1 - p, and the others' share of it is q.
    parts = c.softmax_parts(xp, logits)
    judged = _judged(xp, parts, logits, labels)
    slope, complement = _slope(xp, parts, judged, labels), _each(xp, judged.complement)
    certain = complement == 0
    share = xp.put_class(slope / xp.where(certain, 1.0, complement), labels, -1.0)
    pull = _each(xp, gamma * p.times(xp, judged.probability, judged.surprise))
    factor = _each(xp, _weighted(xp, alpha, labels, _power(xp, judged.complement, gamma)))
    return factor * (pull * share + slope)


def _weighted(xp, alpha, labels, x):
    """`x` times the weight of each example's label, where a weight of 0 removes an infinity."""
    return x if alpha is None else p.times(xp, xp.take_class(alpha, labels), x)


def _power(xp, x, exponent):
    """x^exponent, whose derivative at 0 is 0 also for exponents below 1."""
    if exponent in (0.0, 1.0, 2.0):
        return (xp.ones_like(x), x, x * x)[int(exponent)]
    return xp.where(x > 0, xp.where(x > 0, x, 1.0) ** exponent, x)


class _Judged(NamedTuple):
    """What a softmax says of each example's label."""

    surprise: p.Array
    """-log p, as two terms of one sign."""
    probability: p.Array
    complement: p.Array
    """1 - p, to its own last digits."""


def _judged(xp, parts, logits, labels):
    rest, gap = parts.rest[..., 0], c.gap_below_top(xp, parts, logits, labels)
    return _Judged(
        surprise=gap + xp.log1p_of_shares(rest),
        probability=xp.take_class(parts.odds, labels) / (1.0 + rest),
        complement=c.odds_against(xp, parts, labels) / (1.0 + rest),
    )


def _half_surprise(xp, parts, logits, labels):
    """Half of a surprise, as that may overflow where a small weight makes it finite again."""
    halves = parts._replace(top=0.5 * parts.top)
    gap = c.gap_below_top(xp, halves, 0.5 * logits, labels)
    return gap + 0.5 * xp.log1p_of_shares(parts.rest[..., 0])


def _slope(xp, parts, judged, labels):
    """The gradient of -log p: probabilities, minus 1 for the label."""
    return xp.put_class(parts.odds / (1.0 + parts.rest), labels, -_each(xp, judged.complement))


def _each(xp, x):
    """One number of each example, for all its classes."""
    return xp.expand_dims(x, axis=-1)
