"""Losses of an agent that learns from rewards: what it does, and what it expects of that."""

from typing import NamedTuple

from .. import primitives as p
from .. import weighted_terms as terms
from ..loss import loss
from .information import softmax_entropy

_FINITE = "(-inf, inf)"

# --- a policy


@loss("(),()->()")
def policy_gradient_loss(xp, log_probabilities, advantages):
    """Minus an action's log-probability, weighted by how much better it was than expected."""
    return -_product(xp, advantages, log_probabilities)


@policy_gradient_loss.gradient("log_probabilities")
def _(xp, log_probabilities, advantages):
    return p.zero(xp, log_probabilities) - advantages


@policy_gradient_loss.curvature("log_probabilities")
def _(xp, log_probabilities, advantages):
    return p.zero(xp, log_probabilities, advantages)


def _product(xp, advantages, log_probabilities):
    """The product, where a 0 removes an infinity."""
    # What is infinite on the side of the log-probability stays away from derivatives.
    nothing = (log_probabilities == 0) & xp.isinf(advantages)
    return p.times(xp, xp.where(nothing, 0.0, advantages), log_probabilities)


@loss("(k)->()", weight="[0, inf)")
def entropy_regularizer(xp, logits, *, weight=0.01):
    """Minus the weighted entropy of a policy's softmax, so that it keeps exploring."""
    return -weight * softmax_entropy.kernel(xp, logits)


@entropy_regularizer.gradient("logits")
def _(xp, logits, *, weight):
    _, slope = softmax_entropy.gradients["logits"]
    return -weight * slope(xp, logits, base=None)


@loss("(k)->()", probabilities="[0, 1]", weight="[0, inf)")
def probability_entropy_regularizer(xp, probabilities, *, weight=0.01):
    """Minus the weighted entropy of a policy's probabilities, so that it keeps exploring."""
    # At p = 0, where p log p is 0 with a slope of -inf, so is -sqrt(p), as in entropy.
    vanishing = probabilities + probabilities == 0
    inside = xp.where(vanishing, 1.0, probabilities)
    logs = xp.log(inside)
    # The weight meets that factor first with which it neither overflows nor underflows.
    weight = weight + xp.zeros_like(probabilities)
    terms = xp.where(weight < 1.0, inside * (weight * logs), (weight * inside) * logs)
    steep = vanishing & (weight > 0)
    roots = -weight * xp.sqrt(xp.where(steep, probabilities, 1.0))
    terms = xp.where(vanishing, xp.where(steep, roots, 0.0), terms)
    return xp.sum(terms, axis=-1)


@probability_entropy_regularizer.gradient("probabilities")
def _(xp, probabilities, *, weight):
    slope = p.times(xp, weight, xp.log(probabilities) + 1.0)
    return p.nan_if_any(xp, slope, probabilities)


@probability_entropy_regularizer.curvature("probabilities")
def _(xp, probabilities, *, weight):
    probabilities = p.without_signed_zero(xp, probabilities)
    weight = weight + xp.zeros_like(probabilities)
    bend = xp.where(weight > 0, weight / probabilities, 0.0)
    return p.nan_if_any(xp, bend, probabilities)


# --- a value


@loss("(),()->()", scale="(0, inf)")
def value_loss(xp, values, returns, *, scale=1.0):
    """The scaled square of what an estimated value misses the return by."""
    residual = values - returns
    return (scale * residual) * residual


@value_loss.gradient("values")
def _(xp, values, returns, *, scale):
    # In halves where the residual overflows and a small scale brings it back.
    residual = values - returns
    wide = xp.isinf(residual)
    half = 0.5 * xp.where(wide, values, 0.0) - 0.5 * xp.where(wide, returns, 0.0)
    near = 2.0 * (scale * xp.where(wide, 0.0, residual))
    return xp.where(wide, 4.0 * (scale * half), near)


@value_loss.curvature("values")
def _(xp, values, returns, *, scale):
    return 2.0 * scale + p.zero(xp, values - returns)


@loss(
    "(),(),()->()",
    values=_FINITE,
    old_values=_FINITE,
    returns=_FINITE,
    clip="(0, inf)",
    scale="(0, inf)",
)
def clipped_value_loss(xp, values, old_values, returns, *, clip=0.2, scale=1.0):
    """The square of what a value misses the return by, or would if it had moved less, if larger."""
    clipped = _clipped(xp, values, old_values, returns, clip)
    # Apart, since infinity times a derivative of 0 would be NaN.
    moves = xp.where(clipped.held, 0.0, clipped.residual) / clipped.unit
    stays = xp.where(clipped.held, clipped.beyond, 0.0) / clipped.unit
    return xp.where(clipped.held, (scale * stays) * stays, (scale * moves) * moves)


@clipped_value_loss.gradient("values")
def _(xp, values, old_values, returns, *, clip, scale):
    clipped = _clipped(xp, values, old_values, returns, clip)
    slope = 2.0 * (scale * clipped.residual) / clipped.unit
    return xp.where(clipped.held, p.zero(xp, slope), slope)


@clipped_value_loss.curvature("values")
def _(xp, values, old_values, returns, *, clip, scale):
    clipped = _clipped(xp, values, old_values, returns, clip)
    flat = p.zero(xp, clipped.residual)
    return xp.where(clipped.held, flat, 2.0 * scale + flat)


class _Clipped(NamedTuple):
    """A value beside the interval that it may move in, in units in which no sum overflows."""

    residual: p.Array
    beyond: p.Array
    """How far the return lies beyond the interval; negative within."""
    held: p.Array
    """Whether the value left the interval towards the return, and is not farther from it."""
    unit: p.Array
    """What numbers are multiplied by: a power of two."""


def _clipped(xp, values, old_values, returns, clip):
    large = 0.0625 * float(xp.finfo(values.dtype).max)
    huge = (xp.abs(values) > large) | (xp.abs(old_values) > large) | (xp.abs(returns) > large)
    unit = xp.where(huge, 0.125, xp.ones_like(values))
    value, old, goal = values * unit, old_values * unit, returns * unit
    clip = clip * unit
    residual = value - goal
    # Turned, so that the return lies above the old value; with the rounding of each difference,
    # which decides where a value is at the end of the interval.
    down = goal < old
    value, old, goal = (xp.where(down, -x, x) for x in (value, old, goal))
    gap, gap_error = p.two_sum(goal, -old)
    moved, moved_error = p.two_sum(value, -old)
    past, past_error = p.two_sum(value, -goal)
    over, over_error = p.two_sum(past, -gap)
    beyond = (gap - clip) + gap_error
    left = (moved - clip) + moved_error >= 0
    farther = (over + clip) + (over_error + past_error - gap_error) > 0
    return _Clipped(residual, beyond, (beyond > 0) & left & ~farther, unit)


# --- both


@loss("(),(),()->()", value_weight="[0, inf)", entropy_weight="[0, inf)")
def actor_critic_loss(
    xp, policy_losses, value_losses, entropies, *, value_weight=0.5, entropy_weight=0.01
):
    """A policy's loss, plus that of its values, less the entropy that keeps it exploring."""
    parts = ((1.0, policy_losses), (value_weight, value_losses), (entropy_weight, -entropies))
    return terms.total(xp, parts)


@actor_critic_loss.gradient("policy_losses", "value_losses", "entropies")
def _(xp, policy_losses, value_losses, entropies, *, value_weight, entropy_weight):
    parts = ((1.0, policy_losses), (value_weight, value_losses), (entropy_weight, -entropies))
    flat = terms.nothing(xp, parts)
    return 1.0 + flat, value_weight + flat, flat - entropy_weight


@actor_critic_loss.curvature("policy_losses", "value_losses", "entropies")
def _(xp, policy_losses, value_losses, entropies, *, value_weight, entropy_weight):
    parts = ((1.0, policy_losses), (value_weight, value_losses), (entropy_weight, -entropies))
    flat = terms.nothing(xp, parts)
    return flat, flat, flat
