"""Losses of one class out of several: probabilities, or logits, against a target or a label."""

from .. import class_axis as c
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
    return p.nan_if_outside(xp, slope, probabilities, target)


@categorical_cross_entropy.gradient("target")
def _(xp, probabilities, target, *, epsilon):
    slope = 0.0 - xp.log(_clip(xp, probabilities, epsilon))
    return p.nan_if_outside(xp, slope, probabilities, target)


@categorical_cross_entropy.curvature("probabilities")
def _(xp, probabilities, target, *, epsilon):
    # y / p^2 by the root of y: neither p^2 nor y / p underflows before the quotient does.
    root = xp.sqrt(target) / p.divisor(xp, probabilities, target)
    curvature = _zero_where_clipped(xp, root * root, probabilities, epsilon)
    return p.nan_if_outside(xp, curvature, probabilities, target)


def _clip(xp, probabilities, epsilon):
    return xp.where(probabilities <= epsilon, epsilon, probabilities) if epsilon else probabilities


def _zero_where_clipped(xp, slope, probabilities, epsilon):
    return xp.where(probabilities <= epsilon, 0.0, slope) if epsilon else slope


# --- from logits


@loss("(k),(k)->()", target="[0, inf)", label_smoothing="[0, 1]")
def softmax_cross_entropy(xp, logits, target, *, label_smoothing=0.0, class_where=None):
    """The negative log-likelihood of a target distribution under the softmax of logits."""
    weights = _smooth(xp, target, label_smoothing, class_where)
    return _cross_entropy(xp, c.ruled_out(xp, logits, class_where), weights)


@softmax_cross_entropy.gradient("logits")
def _(xp, logits, target, *, label_smoothing, class_where=None):
    # p_i sum(w) - w_i, which cancels only for a class that is all but certain: of the leading
    # one p_i sum_{j != i} w_j - w_i (1 - p_i), neither part of which cancels in itself.
    weights = _smooth(xp, target, label_smoothing, class_where)
    summable, grow = _summable(xp, weights)
    parts = c.softmax_parts(xp, c.ruled_out(xp, logits, class_where))
    total = 1.0 + parts.rest
    own = c.of_leader(xp, parts, summable)
    others = xp.sum(c.with_leader(xp, parts, summable, 0.0), axis=-1, keepdims=True)
    slope = parts.odds / total * (own + others) - summable
    leading = (others - own * parts.rest) / total
    return c.only(xp, class_where, c.with_leader(xp, parts, slope, leading) * grow)


@softmax_cross_entropy.gradient("target")
def _(xp, logits, target, *, label_smoothing, class_where=None):
    kept = 2.0 * (1.0 - label_smoothing)
    surprise = c.half_surprise(xp, c.ruled_out(xp, logits, class_where))
    slope = kept * surprise if kept else p.zero(xp, surprise)
    return c.only(xp, class_where, p.nan_if_outside(xp, slope, target))


@softmax_cross_entropy.curvature("logits")
def _(xp, logits, target, *, label_smoothing, class_where=None):
    summable, grow = _summable(xp, _smooth(xp, target, label_smoothing, class_where))
    mass = xp.sum(summable, axis=-1, keepdims=True)
    probabilities, complements = c.softmax_pair(xp, c.ruled_out(xp, logits, class_where))
    return c.only(xp, class_where, mass * probabilities * complements * grow)


@loss("(k),()->()", labels="labels", label_smoothing="[0, 1]")
def sparse_softmax_cross_entropy(xp, logits, labels, *, label_smoothing=0.0, class_where=None):
    """The negative log-likelihood of a label under the softmax of logits."""
    logits = c.ruled_out(xp, logits, class_where)
    if label_smoothing:
        weights, _ = _smooth_label(xp, logits, labels, label_smoothing, class_where)
        loss = _cross_entropy(xp, logits, weights)
        return loss if label_smoothing == 1 else _inf_for_none(xp, loss, class_where)
    # Two terms of one sign, so that the loss of a right and confident prediction keeps its digits.
    parts = c.softmax_parts(xp, logits)
    loss = c.gap_below_top(xp, parts, logits, labels) + xp.log1p_of_shares(parts.rest[..., 0])
    return _inf_for_none(xp, loss, class_where)


@sparse_softmax_cross_entropy.gradient("logits")
def _(xp, logits, labels, *, label_smoothing, class_where=None):
    logits = c.ruled_out(xp, logits, class_where)
    if not label_smoothing:
        parts = c.softmax_parts(xp, logits)
        total = 1.0 + parts.rest
        against = c.odds_against(xp, parts, labels)[..., None] / total
        slope = xp.put_class(parts.odds / total, labels, -against)
    else:
        probabilities, complements = c.softmax_pair(xp, logits)
        weights, others = _smooth_label(xp, logits, labels, label_smoothing, class_where)
        slope = probabilities * others - weights * complements
    return c.only(xp, class_where, slope)


@sparse_softmax_cross_entropy.curvature("logits")
def _(xp, logits, labels, *, label_smoothing, class_where=None):
    probabilities, complements = c.softmax_pair(xp, c.ruled_out(xp, logits, class_where))
    return c.only(xp, class_where, probabilities * complements)


def _inf_for_none(xp, loss, class_where):
    """Infinity where no class is kept, and so the label's is not."""
    return c.only(xp, c.any_kept(xp, class_where), loss, xp.inf)


def _smooth(xp, target, label_smoothing, class_where):
    """The target mixed with the uniform distribution over the classes that are kept."""
    if not label_smoothing:
        return target
    kept = 1.0 - label_smoothing
    uniform = label_smoothing / _class_count(xp, target, class_where)
    return c.only(xp, class_where, (kept * target if kept else p.zero(xp, target)) + uniform)


def _class_count(xp, logits, class_where):
    """How many classes are kept, or 1 for none."""
    if class_where is None:
        return logits.shape[-1]
    count = xp.sum(xp.astype(class_where, logits.dtype), axis=-1, keepdims=True)
    return xp.where(count > 0, count, 1.0)


def _summable(xp, weights):
    """The weights times a power of two, so that their sum can't overflow, and its inverse."""
    factor = 2.0 ** weights.shape[-1].bit_length()
    largest = xp.max(weights, axis=-1, keepdims=True)
    limit = float(xp.finfo(weights.dtype).max) / factor
    grow = xp.where(largest > limit, factor, xp.ones_like(largest))
    return weights / grow, grow


def _smooth_label(xp, logits, labels, label_smoothing, class_where):
    """The label's one-hot vector mixed with the uniform distribution: w and 1 - w."""
    uniform = label_smoothing / _class_count(xp, logits, class_where)
    right = xp.astype(c.is_label(xp, logits, labels), logits.dtype)
    others = (label_smoothing - uniform) * right + (1.0 - uniform) * (1.0 - right)
    return (1.0 - label_smoothing) * right + c.only(xp, class_where, uniform), others


def _cross_entropy(xp, logits, weights):
    """sum(w * -log(softmax(z))), where a weight of zero removes a class without probability."""
    return 2.0 * xp.sum(p.times(xp, weights, c.half_surprise(xp, logits)), axis=-1)
