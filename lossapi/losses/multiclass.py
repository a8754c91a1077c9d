"""Losses of one class out of several: probabilities, or logits, against a target or a label."""

from .. import primitives as p
from ..loss import loss

# --- from probabilities


@loss("(k),(k)->()", probabilities="[0, 1]", target="[0, inf)", epsilon="[0, 1)")
def categorical_cross_entropy(xp, probabilities, target, *, epsilon=0.0):
    """The negative log-likelihood of a target distribution under predicted probabilities."""
    q = _clip(xp, probabilities, epsilon)
    return xp.sum(0.0 - p.xlogy(xp, target, q), axis=-1)


@categorical_cross_entropy.gradient("probabilities")
def _(xp, probabilities, target, *, epsilon):
    slope = -p.quotient(xp, target, p.divisor(xp, probabilities, target))
    slope = _zero_where_clipped(xp, slope, probabilities, epsilon)
    return p.nan_if_any(xp, slope, probabilities, target)


@categorical_cross_entropy.gradient("target")
def _(xp, probabilities, target, *, epsilon):
    slope = 0.0 - xp.log(_clip(xp, probabilities, epsilon))
    return p.nan_if_any(xp, slope, probabilities, target)


@categorical_cross_entropy.curvature("probabilities")
def _(xp, probabilities, target, *, epsilon):
    # y / p^2 by the root of y: neither p^2 nor y / p underflows before the quotient does.
    root = xp.sqrt(target) / p.divisor(xp, probabilities, target)
    curvature = _zero_where_clipped(xp, root * root, probabilities, epsilon)
    return p.nan_if_any(xp, curvature, probabilities, target)


def _clip(xp, probabilities, epsilon):
    return xp.where(probabilities <= epsilon, epsilon, probabilities) if epsilon else probabilities


def _zero_where_clipped(xp, slope, probabilities, epsilon):
    return xp.where(probabilities <= epsilon, 0.0, slope) if epsilon else slope


# --- from logits


@loss("(k),(k)->()", target="[0, inf)", label_smoothing="[0, 1]")
def softmax_cross_entropy(xp, logits, target, *, label_smoothing=0.0):
    """The negative log-likelihood of a target distribution under the softmax of logits."""
    return _cross_entropy(xp, logits, _smooth(xp, target, label_smoothing))


@softmax_cross_entropy.gradient("logits")
def _(xp, logits, target, *, label_smoothing):
    # p_i sum(w) - w_i = p_i sum_{j != i} w_j - w_i (1 - p_i): neither part cancels in itself.
    weights = _smooth(xp, target, label_smoothing)
    summable, grow = _summable(xp, weights)
    others = p.leave_out(xp, summable, summable)
    probabilities, complements = p.softmax_pair(xp, logits)
    return (probabilities * others - summable * complements) * grow


@softmax_cross_entropy.gradient("target")
def _(xp, logits, target, *, label_smoothing):
    kept = 2.0 * (1.0 - label_smoothing)
    surprise = _half_surprise(xp, logits)
    return p.nan_if_any(xp, kept * surprise if kept else p.zero(xp, surprise), target)


@softmax_cross_entropy.curvature("logits")
def _(xp, logits, target, *, label_smoothing):
    summable, grow = _summable(xp, _smooth(xp, target, label_smoothing))
    mass = xp.sum(summable, axis=-1, keepdims=True)
    probabilities, complements = p.softmax_pair(xp, logits)
    return mass * probabilities * complements * grow


@loss("(k),()->()", labels="labels", label_smoothing="[0, 1]")
def sparse_softmax_cross_entropy(xp, logits, labels, *, label_smoothing=0.0):
    """The negative log-likelihood of a label under the softmax of logits."""
    if label_smoothing:
        weights, _ = _smooth_label(xp, logits, labels, label_smoothing)
        return _cross_entropy(xp, logits, weights)
    # Two terms of one sign, so that the loss of a right and confident prediction keeps its digits.
    parts = p.softmax_parts(xp, logits)
    gap = parts.top[..., 0] - xp.take_class(logits, labels)
    right = xp.argmax(logits, axis=-1) == labels
    return xp.where(right, 0.0, gap) + xp.log1p(parts.rest[..., 0])


@sparse_softmax_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, label_smoothing):
    probabilities, complements = p.softmax_pair(xp, logits)
    if not label_smoothing:
        return xp.where(p.is_label(xp, logits, labels), -complements, probabilities)
    weights, others = _smooth_label(xp, logits, labels, label_smoothing)
    return probabilities * others - weights * complements


@sparse_softmax_cross_entropy.curvature("logits")
def _(xp, logits, labels, *, label_smoothing):
    probabilities, complements = p.softmax_pair(xp, logits)
    return probabilities * complements


def _smooth(xp, target, label_smoothing):
    """The target mixed with the uniform distribution."""
    if not label_smoothing:
        return target
    kept = 1.0 - label_smoothing
    return (kept * target if kept else p.zero(xp, target)) + label_smoothing / target.shape[-1]


def _summable(xp, weights):
    """The weights times a power of two, so that their sum can't overflow, and its inverse."""
    factor = 2.0 ** weights.shape[-1].bit_length()
    _, largest = p.leading_class(xp, weights)
    grow = xp.where(largest > 1, factor, xp.ones_like(largest))
    return weights / grow, grow


def _smooth_label(xp, logits, labels, label_smoothing):
    """The label's one-hot vector mixed with the uniform distribution: w and 1 - w."""
    uniform = label_smoothing / logits.shape[-1]
    right = xp.astype(p.is_label(xp, logits, labels), logits.dtype)
    others = (label_smoothing - uniform) * right + (1.0 - uniform) * (1.0 - right)
    return (1.0 - label_smoothing) * right + uniform, others


def _cross_entropy(xp, logits, weights):
    """sum(w * -log(softmax(z))), where a weight of zero removes a class without probability."""
    return 2.0 * xp.sum(p.times(xp, weights, _half_surprise(xp, logits)), axis=-1)


def _half_surprise(xp, logits):
    """-log(softmax(z)) / 2, as a spread of logits may overflow that a small weight makes finite."""
    parts = p.softmax_parts(xp, logits)
    gap = xp.where(parts.leading, 0.0, 0.5 * parts.top - 0.5 * logits)
    return gap + 0.5 * xp.log1p(parts.rest)
