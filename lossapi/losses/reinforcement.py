"""Losses of an agent that learns from rewards: what it does, and what it expects of that."""

from .. import primitives as p
from .. import weighted_terms as terms
from ..loss import loss
from .information import softmax_entropy

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
