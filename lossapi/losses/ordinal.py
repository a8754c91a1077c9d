"""Losses of labels in an order, as grades or ages have: they count what an example has passed."""

from typing import Any, NamedTuple

from .. import primitives as p
from ..loss import loss


@loss("(k-1),()->()", labels="labels")
def ordinal_binary_cross_entropy(xp, logits, labels):
    """The sum over the thresholds of a scale of whether a label lies above each, from logits."""
    return xp.sum(p.softplus(xp, xp.where(_passed(xp, logits, labels), -logits, logits)), axis=-1)


@ordinal_binary_cross_entropy.gradient("logits")
def _(xp, logits, labels):
    probability, complement = p.sigmoid_pair(xp, logits)
    slope = xp.where(_passed(xp, logits, labels), -complement, probability)
    return p.nan_if_any(xp, slope, logits)


@ordinal_binary_cross_entropy.curvature("logits")
def _(xp, logits, labels):
    probability, complement = p.sigmoid_pair(xp, logits)
    return p.nan_if_any(xp, probability * complement, logits)


def _passed(xp, logits, labels):
    """Mask of the thresholds that lie below each example's label."""
    return xp.class_index(logits) < xp.expand_dims(labels, axis=-1)


# --- one score between thresholds


@loss("(),(k-1),()->()", thresholds="increasing", labels="labels")
def cumulative_link_loss(xp, score, thresholds, labels):
    """The negative log-likelihood of the interval between thresholds that a label names."""
    # sigmoid(a) - sigmoid(b) = sigmoid(a) sigmoid(-b) (1 - exp(b - a)): three logarithms of one
    # sign, the last of which belongs to the thresholds alone and is not rounded with the score.
    here = _interval(xp, score, thresholds, labels)
    wide = here.decay < 0.5
    narrow = xp.log(here.unit) - xp.log(xp.where(wide, 1.0, here.share))
    rest = xp.where(wide, -xp.log1p(-xp.where(wide, here.decay, 0.0)), narrow)
    return _softplus(xp, here.over) + _softplus(xp, here.under) + rest


@cumulative_link_loss.gradient("score")
def _(xp, score, thresholds, labels):
    # sigmoid(over) - sigmoid(under) cancels where the score is near the middle. As a product it is
    # known from the distance to there.
    here = _interval(xp, score, thresholds, labels)
    (over, not_over), (under, not_under) = _sigmoids(xp, here.over), _sigmoids(xp, here.under)
    right = here.beyond > 0
    odd = -xp.expm1(2.0 * xp.where(right, -here.beyond, here.beyond))
    return xp.where(right, over * not_under * odd, -(not_over * under * odd))


@cumulative_link_loss.gradient("thresholds")
def _(xp, score, thresholds, labels):
    here = _interval(xp, score, thresholds, labels)
    push = _push(here)
    upper = -(_sigmoids(xp, here.over)[0] + push)
    lower = _sigmoids(xp, here.under)[0] + push
    return _at_ends(xp, thresholds, labels, here, upper, lower)


@cumulative_link_loss.curvature("score")
def _(xp, score, thresholds, labels):
    here = _interval(xp, score, thresholds, labels)
    return _variance(xp, here.over) + _variance(xp, here.under)


@cumulative_link_loss.curvature("thresholds")
def _(xp, score, thresholds, labels):
    here = _interval(xp, score, thresholds, labels)
    push = _push(here)
    bend = push * (1.0 + push)
    upper, lower = _variance(xp, here.over) + bend, _variance(xp, here.under) + bend
    return _at_ends(xp, thresholds, labels, here, upper, lower)


class _Exact(NamedTuple):
    """A difference as it is rounded, and its rounding error, which exp multiplies by its size."""

    value: Any
    error: Any


class _Interval(NamedTuple):
    """The interval of a label; that of the first class has no lower end, of the last no upper."""

    over: _Exact
    """How far the score lies above the upper end, -inf where there is none."""
    under: _Exact
    """How far the score lies below the lower end, -inf where there is none."""
    beyond: Any
    """How far the score lies above the middle."""
    decay: Any
    """exp(-w) for the width w."""
    share: Any
    """1 - exp(-w), times the unit."""
    unit: Any
    """1; or 2^64 where both ends are tiny, as some libraries take a subnormal width for 0."""


def _interval(xp, score, thresholds, labels):
    count = thresholds.shape[-1]
    rows = thresholds if count else xp.expand_dims(xp.zeros_like(score), axis=-1)
    first, last = labels == 0, labels == count
    upper = xp.take_class(rows, xp.where(last, 0, labels))
    lower = xp.take_class(rows, xp.where(first, 0, labels - 1))

    nowhere = p.zero(xp, score) - xp.inf
    over = _unless(xp, last, nowhere, _difference(xp, score, upper))
    under = _unless(xp, first, nowhere, _difference(xp, lower, score))

    middle = _difference(xp, 0.5 * upper, -0.5 * lower)
    beyond = _difference(xp, score, middle.value)
    beyond = beyond.value + (beyond.error - middle.error)
    # Infinite ends have no middle, and nothing pulls the score to either.
    beyond = xp.where(xp.isnan(beyond), 0.0, beyond)
    beyond = xp.where(first, xp.inf, xp.where(last, -xp.inf, beyond))

    endless = first | last
    width = _unless(xp, endless, xp.inf, _difference(xp, upper, lower))
    tiny = (upper < 2.0**-64) & (lower > -(2.0**-64)) & ~endless
    unit = xp.where(tiny, 2.0**64, xp.ones_like(width.value))
    enlarged = unit * xp.where(tiny, upper, 0.0) - unit * xp.where(tiny, lower, 0.0)
    share = xp.where(tiny, enlarged, -xp.expm1(-width.value))
    return _Interval(over, under, beyond, _tail(xp, width), share, unit)


def _difference(xp, a, b):
    value, error = p.two_sum(a, -b)
    return _Exact(value, xp.where(xp.isnan(error), 0.0, error))


def _unless(xp, absent, value, difference):
    return _Exact(
        xp.where(absent, value, difference.value), xp.where(absent, 0.0, difference.error)
    )


def _tail(xp, x):
    """exp(-|x|)."""
    positive = x.value > 0
    size = xp.where(positive, x.value, -x.value)
    return xp.exp(-size) * (1.0 - xp.where(positive, x.error, -x.error))


def _softplus(xp, x):
    return xp.where(x.value > 0, x.value, 0.0) + xp.log1p(_tail(xp, x))


def _sigmoids(xp, x):
    """sigmoid(x) and sigmoid(-x)."""
    tail = _tail(xp, x)
    larger, smaller = 1.0 / (1.0 + tail), tail / (1.0 + tail)
    positive = x.value > 0
    return xp.where(positive, larger, smaller), xp.where(positive, smaller, larger)


def _variance(xp, x):
    probability, complement = _sigmoids(xp, x)
    return probability * complement


def _push(here):
    """1 / (exp(w) - 1), with which a narrow interval pushes its ends apart."""
    return here.decay / here.share * here.unit


def _at_ends(xp, thresholds, labels, here, upper, lower):
    """A derivative at each end of the interval, 0 at the other thresholds."""
    index, label = xp.class_index(thresholds), xp.expand_dims(labels, axis=-1)
    flat = xp.expand_dims(p.zero(xp, here.over.value, here.under.value), axis=-1)
    upper, lower = xp.expand_dims(upper, axis=-1), xp.expand_dims(lower, axis=-1)
    return flat + xp.where(index == label, upper, xp.where(index == label - 1, lower, 0.0))
