"""Transport distances between two samples, and what bounds them from below."""

from typing import Any, NamedTuple

from .. import primitives, sample_pair
from ..loss import loss

# --- the dual side


@loss("(n),(m)->()")
def kantorovich_rubinstein_objective(xp, prediction_scores, target_scores):
    """How much higher a critic scores the target samples than the predicted ones, on average."""
    return _mean(xp, target_scores) - _mean(xp, prediction_scores)


@kantorovich_rubinstein_objective.gradient("prediction_scores", "target_scores")
def _(xp, prediction_scores, target_scores):
    value = kantorovich_rubinstein_objective.kernel(xp, prediction_scores, target_scores)
    flat = primitives.zero(xp, value)[..., None]
    ones = xp.ones_like(prediction_scores), xp.ones_like(target_scores)
    return flat - ones[0] / ones[0].shape[-1], flat + ones[1] / ones[1].shape[-1]


def _mean(xp, x):
    # A sum of numbers near the largest would overflow where their mean does not.
    factor = primitives.to_middle(xp, x)
    return (xp.sum(x * factor, axis=-1) / x.shape[-1]) / factor[..., 0]


# --- on a line


@loss(
    "(n),(m)->()",
    p="[1, inf)",
    prediction_weights="(n) [0, inf)",
    target_weights="(m) [0, inf)",
)
def wasserstein_distance_1d(
    xp, prediction, target, *, p=1.0, prediction_weights=None, target_weights=None
):
    """The least cost of moving one sample of numbers to the other: the mean distance, at p = 1."""
    weights = prediction_weights, target_weights
    held = xp.stop_gradient(prediction), xp.stop_gradient(target)
    match = sample_pair.matched(xp, *held, *weights)
    value = _distance(xp, match, p)
    if held[0] is prediction:
        return value
    # A library that differentiates this would find its own way through ties, and none at infinity:
    # there the slopes are given, as factors of a difference that is 0. At p = 1 they are constant.
    samples = prediction, target
    known = ((value == 0) | xp.isinf(value))[..., None]
    given = [sample_pair.tied(xp, side) | known | (p == 1.0) for side in match[:2]]
    if p != 1.0:
        moved = [xp.where(g, h, x) for g, h, x in zip(given, held, samples, strict=True)]
        value = _distance(xp, sample_pair.matched(xp, *moved, *weights), p)
    slopes = _slopes(xp, match, p)
    for x, constant, slope, g in zip(samples, held, slopes, given, strict=True):
        difference = x - xp.where(xp.isinf(x), 0.0, constant)
        used = g & ~((slope == 0) | xp.isnan(slope))
        steps = xp.where(used, slope, 0.0) * xp.where(used, difference, 0.0)
        value = value + xp.sum(steps, axis=-1)
    return value


@wasserstein_distance_1d.gradient("prediction", "target")
def _(xp, prediction, target, *, p, prediction_weights, target_weights):
    match = sample_pair.matched(xp, prediction, target, prediction_weights, target_weights)
    return _slopes(xp, match, p)


def _distance(xp, match, p):
    """The distance: the largest gap, times a mean of all gaps relative to it."""
    gaps = _gaps(xp, match)
    value = (gaps.largest * _power_mean(xp, match, gaps, p)) * gaps.factor
    return value[..., 0]


class _Gaps(NamedTuple):
    """How far apart the entries in each cell lie."""

    size: Any
    relative: Any
    """The distance as a part of the largest one."""
    sign: Any
    largest: Any
    factor: Any
    """What the largest distance is to be multiplied by, as it may overflow."""


def _gaps(xp, match):
    x, y = (sample_pair.in_cells(xp, side) for side in match[:2])
    gap = x - y
    overflows = xp.isinf(gap) & ~(xp.isinf(x) | xp.isinf(y))
    wide = xp.any(overflows & (match.mass > 0), axis=-1, keepdims=True)
    half = 0.5 * xp.where(wide, x, 0.0) - 0.5 * xp.where(wide, y, 0.0)
    gap = xp.where(wide, half, gap)
    size = xp.where(gap < 0, -gap, gap)
    size = xp.where(match.mass > 0, size, 0.0)
    largest = xp.stop_gradient(xp.max(size, axis=-1, keepdims=True))
    # By a power of two before, since compilers multiply by an inverse, which may be subnormal.
    enlarge = primitives.from_the_ends(xp, size)
    plain = ~(xp.isinf(largest) | (largest + largest == 0))
    part = xp.where(plain, size, 0.0) * enlarge / xp.where(plain, largest * enlarge, 1.0)
    infinite = xp.astype(xp.isinf(size), size.dtype)
    relative = xp.where(xp.isinf(largest), infinite, part)
    factor = xp.where(wide, 2.0, xp.ones_like(largest))
    return _Gaps(size, relative, primitives.order(xp, x, y), largest, factor)


def _power_mean(xp, match, gaps, p):
    """(sum m r^p)^(1/p) of relative gaps r with masses m, of shape (..., 1); 0 where all are 0."""
    terms = match.mass * _power(xp, gaps.relative, p)
    mean = xp.sum(terms, axis=-1, keepdims=True) / match.total
    if p == 1.0:
        return mean
    vanishes = mean == 0
    inside = xp.where(vanishes, 1.0, mean)
    root = xp.sqrt(inside) if p == 2.0 else xp.pow(inside, 1.0 / p)
    return xp.where(vanishes, 0.0, root)


def _power(xp, x, p):
    """x^p, with slope 0 at 0."""
    if p == 1.0:
        return x
    if p == 2.0:
        return x * x
    vanishes = x == 0
    return xp.where(vanishes, 0.0, xp.pow(xp.where(vanishes, 1.0, x), p))


def _relative_power(xp, gaps, mean, exponent):
    """(size / distance)^exponent, and 0 at distance 0."""
    vanishes = mean == 0
    falls = _power(xp, xp.where(vanishes, 1.0, mean), exponent)
    power = _power(xp, gaps.relative, exponent)
    if exponent < 1.0:
        # The relative size may underflow where its power does not.
        plain = ~(xp.isinf(gaps.largest) | vanishes)
        unit = _power(xp, xp.where(plain, gaps.largest, 1.0), exponent)
        power = xp.where(plain, _power(xp, xp.where(plain, gaps.size, 1.0), exponent) / unit, power)
    return xp.where(vanishes, 0.0, power) / falls


def _slopes(xp, match, p):
    """The gradients by both samples: entries of equal values share theirs by their weights."""
    gaps, found = _gaps(xp, match), []
    mean = _power_mean(xp, match, gaps, p)
    push = match.mass * gaps.sign
    push = xp.where(match.mass > 0, push, 0.0)
    flat = match.mass * xp.astype(gaps.sign == 0, push.dtype)
    unknown = xp.any(xp.isnan(push), axis=-1, keepdims=True) | ~(match.total > 0)
    if p != 1.0:
        push = push * _relative_power(xp, gaps, mean, p - 1.0)
        # How several infinite entries compare is not known.
        infinite = [xp.isinf(side.values) & (side.weights > 0) for side in match[:2]]
        counts = [xp.sum(xp.astype(x, push.dtype), axis=-1, keepdims=True) for x in infinite]
        unknown = unknown | (counts[0] + counts[1] > 1)
    for side, direction in zip(match[:2], (1.0, -1.0), strict=True):
        slope = direction * sample_pair.by_value(xp, side, push)
        if p == 1.0:
            # The least of all slopes between those to either side, where entries meet.
            slack = sample_pair.by_value(xp, side, flat)
            falling = xp.where(slope < -slack, slope + slack, 0.0)
            slope = xp.where(slope > slack, slope - slack, falling)
        slope = sample_pair.shared(xp, side, slope / match.total)
        found.append(xp.where(unknown, xp.nan, slope))
    return tuple(found)
