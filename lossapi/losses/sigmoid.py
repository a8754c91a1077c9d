"""Losses of a logit behind a sigmoid: squared, weighted, and for several labels at once."""

from typing import Any, NamedTuple

from .. import primitives as p
from ..loss import loss


@loss("(),()->()", target="[0, 1]")
def squared_sigmoid_error(xp, logits, target):
    """The squared error of the probability that a logit stands for."""
    residual = _residual(target, *p.sigmoid_pair(xp, logits))
    return residual * residual


@squared_sigmoid_error.gradient("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    residual = _residual(target, probability, complement)
    return 2.0 * residual * (probability * complement)


@squared_sigmoid_error.gradient("target")
def _(xp, logits, target):
    return -2.0 * _residual(target, *p.sigmoid_pair(xp, logits))


@squared_sigmoid_error.curvature("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    variance = probability * complement
    bend = _residual(target, probability, complement) * (complement - probability)
    return 2.0 * variance * (variance + bend)


@squared_sigmoid_error.curvature("target")
def _(xp, logits, target):
    return 2.0 + p.zero(xp, logits, target)


def _residual(target, probability, complement):
    """The probability minus the target, of two terms one of which is 0 for a hard target."""
    return (1.0 - target) * probability - target * complement


@loss("(),()->()", target="[0, 1]", positive_weight="[0, inf)", negative_weight="[0, inf)")
def weighted_sigmoid_binary_cross_entropy(
    xp, logits, target, *, positive_weight=1.0, negative_weight=1.0
):
    """The negative log-likelihood of a binary target, each class with a weight of its own."""
    negative, positive = p.softplus_pair(xp, logits)
    return p.weighted_tail(xp, positive_weight, target, positive, logits) + p.weighted_tail(
        xp, negative_weight, 1.0 - target, negative, -logits
    )


@weighted_sigmoid_binary_cross_entropy.gradient("logits")
def _(xp, logits, target, *, positive_weight, negative_weight):
    probability, complement = p.sigmoid_pair(xp, logits)
    return p.weighted_tail(
        xp, negative_weight, 1.0 - target, probability, -logits
    ) - p.weighted_tail(xp, positive_weight, target, complement, logits)


@weighted_sigmoid_binary_cross_entropy.gradient("target")
def _(xp, logits, target, *, positive_weight, negative_weight):
    # The logarithms without the linear part that one of them has, so that equal weights leave
    # that alone.
    above = logits > 0
    size = xp.where(above, logits, -logits)
    rest = p.softplus(xp, -size)
    curved = p.weighted_tail(xp, positive_weight, 1.0, rest, size) - p.weighted_tail(
        xp, negative_weight, 1.0, rest, size
    )
    down = p.times(xp, negative_weight, logits)
    linear = xp.where(above, down, p.times(xp, positive_weight, logits))
    return curved - linear + p.zero(xp, target)


@weighted_sigmoid_binary_cross_entropy.curvature("logits")
def _(xp, logits, target, *, positive_weight, negative_weight):
    probability, complement = p.sigmoid_pair(xp, logits)
    variance = probability * complement
    size = xp.where(logits > 0, logits, -logits)
    return p.weighted_tail(xp, positive_weight, target, variance, size) + p.weighted_tail(
        xp, negative_weight, 1.0 - target, variance, size
    )


@weighted_sigmoid_binary_cross_entropy.curvature("target")
def _(xp, logits, target, *, positive_weight, negative_weight):
    return p.zero(xp, logits, target)


# --- several labels


@loss("(l),(l)->()", target="[0, 1]")
def multilabel_soft_margin_loss(xp, logits, target):
    """The mean over labels, each of which may hold or not, of their binary cross-entropies."""
    negative, positive = p.softplus_pair(xp, logits)
    terms = p.times(xp, target, positive) + p.times(xp, 1.0 - target, negative)
    return p.mean(xp, terms)


@multilabel_soft_margin_loss.gradient("logits")
def _(xp, logits, target):
    residual = _residual(target, *p.sigmoid_pair(xp, logits))
    return p.nan_if_any(xp, residual / logits.shape[-1], logits, target)


@multilabel_soft_margin_loss.gradient("target")
def _(xp, logits, target):
    return p.nan_if_any(xp, -logits / logits.shape[-1], logits, target)


@multilabel_soft_margin_loss.curvature("logits")
def _(xp, logits, target):
    probability, complement = p.sigmoid_pair(xp, logits)
    curvature = probability * complement / logits.shape[-1]
    return p.nan_if_any(xp, curvature, logits, target)


@multilabel_soft_margin_loss.curvature("target")
def _(xp, logits, target):
    return p.nan_if_any(xp, xp.zeros_like(logits), logits, target)


@loss(
    "(),()->()",
    target="{0, 1}",
    gamma_positive="[0, inf)",
    gamma_negative="[0, inf)",
    clip="[0, 1)",
)
def asymmetric_loss(xp, logits, target, *, gamma_positive=1.0, gamma_negative=4.0, clip=0.05):
    """Focal loss with a power for each class, from a probability shifted down for negatives."""
    miss = _miss(xp, logits, clip)
    # An infinite surprise stands apart, so that it multiplies no derivative.
    missed = xp.where(logits == -xp.inf, -logits, 0.0)
    false = xp.where((logits == xp.inf) & ~miss.is_clipped, logits, 0.0)
    surprise = xp.where(missed > 0, 0.0, p.softplus(xp, -logits))
    positive = p.power(xp, miss.complement, gamma_positive) * surprise + missed
    surprise = xp.where(false > 0, 0.0, miss.surprise)
    negative = _shifted_power(xp, miss, gamma_negative) * surprise + false
    return _of_class(xp, target, positive, negative)


@asymmetric_loss.gradient("logits")
def _(xp, logits, target, *, gamma_positive, gamma_negative, clip):
    miss = _miss(xp, logits, clip)
    probability, complement = miss.probability, miss.complement
    pull = gamma_positive * p.times(xp, probability, p.softplus(xp, -logits)) + complement
    positive = -p.power(xp, complement, gamma_positive) * pull
    # What multiplies the complement may be large, and a subnormal one has few digits: of one that
    # is far from 1 a root comes in at the end.
    far = miss.is_clipped & (logits > 64.0)
    root = xp.exp(-0.5 * xp.where(far, logits, 0.0))
    part = xp.where(far, root, complement)
    push = gamma_negative * p.times(xp, part, _steepness(xp, miss))
    push = push + xp.where(miss.is_clipped, part / miss.left, 1.0)
    negative = _shifted_power(xp, miss, gamma_negative) * (probability * push) * root
    return _of_class(xp, target, positive, xp.where(miss.fourfold == 0, 0.0, negative))


@asymmetric_loss.curvature("logits")
def _(xp, logits, target, *, gamma_positive, gamma_negative, clip):
    # Every term has a factor p (1 - p), which a large surprise may bring back from underflow: of
    # the smaller of the two one root comes in at the end.
    miss = _miss(xp, logits, clip)
    probability, complement = miss.probability, miss.complement
    above = logits > 0
    root = xp.exp(-0.5 * xp.where(above, logits, -logits))

    part = xp.where(above, probability, root * complement)
    surprise = p.times(xp, part, p.softplus(xp, -logits))
    bend = gamma_positive * surprise * (gamma_positive * probability - complement)
    bend = bend + (2.0 * gamma_positive + 1.0) * (part * complement)
    bend = xp.where(above, bend, bend * root)
    positive = p.power(xp, complement, gamma_positive) * bend

    part = xp.where(above, root * probability, complement)
    power = _shifted_power(xp, miss, gamma_negative)
    share = xp.where(miss.is_clipped, complement / miss.left, 1.0)
    level = complement - probability * (clip / miss.left)
    bend = xp.where(miss.is_clipped, part / miss.left * level, part)
    steepness = p.times(xp, part, _steepness(xp, miss))
    bend = bend - gamma_negative * steepness * probability
    # What has the shifted probability below it, which may be as good as zero.
    over = steepness * complement * (gamma_negative * probability - clip)
    over = over + 2.0 * probability * part * share
    # Before the quarters, in which the smallest power vanishes.
    quotient = p.power(xp, miss.fourfold, gamma_negative)
    quotient = quotient / xp.where(miss.fourfold == 0, 1.0, miss.fourfold)
    quotient = quotient * xp.pow(0.25 * xp.ones_like(power), gamma_negative - 1.0)
    bend = power * bend + p.times(xp, gamma_negative * over, quotient)
    negative = probability * xp.where(above, bend * root, bend)
    return _of_class(xp, target, positive, xp.where(miss.fourfold == 0, 0.0, negative))


class _Miss(NamedTuple):
    """What a negative sees of a prediction, and what a positive does."""

    probability: Any
    complement: Any
    fourfold: Any
    """Four times the next, which is not 0 for the smallest logit above a kink at 0."""
    shifted: Any
    """max(p - clip, 0)."""
    is_clipped: Any
    """Whether clip is above 0."""
    left: Any
    """1 - p + clip, so 1 - shifted where that is positive; 1 without a clip."""
    surprise: Any
    """-log(1 - shifted)."""


def _miss(xp, logits, clip):
    probability, complement = p.sigmoid_pair(xp, logits)
    clip = xp.zeros_like(logits) + clip
    is_clipped = clip > 0
    fourfold = _fourfold(xp, logits, probability, complement, clip)
    shifted = 0.25 * fourfold
    left = xp.where(is_clipped, complement + clip, 1.0)
    near = shifted < 0.5
    far = -xp.log(xp.where(near, 1.0, left))
    surprise = xp.where(near, -xp.log1p(-xp.where(near, shifted, 0.0)), far)
    surprise = xp.where(is_clipped, surprise, p.softplus(xp, logits))
    return _Miss(probability, complement, fourfold, shifted, is_clipped, left, surprise)


def _fourfold(xp, logits, probability, complement, clip):
    """4 max(p - clip, 0), with the rounding error of what is smallest: p, 1 - p or p - 1/2."""
    above = logits > 0
    size = xp.where(above, logits, -logits)
    central = size < 1.0
    reach = -2.0 * xp.expm1(-xp.where(central, size, 0.0)) / (1.0 + xp.exp(-size))
    middle = (2.0 - 4.0 * clip) + xp.where(above, reach, -reach)
    ends = 4.0 * xp.where(above, (1.0 - clip) - complement, probability - clip)
    fourfold = xp.where(central, middle, ends)
    return xp.where(fourfold <= 0, 0.0, fourfold)


def _shifted_power(xp, miss, gamma):
    """shifted ** gamma."""
    return p.power(xp, miss.fourfold, gamma) * xp.pow(0.25 * xp.ones_like(miss.fourfold), gamma)


def _steepness(xp, miss):
    """surprise / shifted, and its limit 1 where both vanish."""
    gone = miss.shifted == 0
    return p.quotient(xp, xp.where(gone, 1.0, miss.surprise), xp.where(gone, 1.0, miss.shifted))


def _of_class(xp, target, positive, negative):
    return xp.where(target == 1, positive, xp.where(target == 0, negative, xp.nan))
