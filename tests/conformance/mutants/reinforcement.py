"""Mistakes that are plausible in losses of the family "reinforcement"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def policy_multiplying_infinity(xp, log_probabilities, advantages):
    return -advantages * log_probabilities


def value_squared_before_it_is_scaled(xp, values, returns, *, scale=1.0):
    residual = values - returns
    return scale * (residual * residual)


def value_of_the_smaller_square(xp, values, old_values, returns, *, clip=0.2, scale=1.0):
    low, high = old_values - clip, old_values + clip
    near = xp.where(values < low, low, xp.where(values > high, high, values))
    plain, clipped = (values - returns) ** 2, (near - returns) ** 2
    return scale * xp.where(clipped < plain, clipped, plain)


def regularizer_without_limit(xp, probabilities, *, weight=0.01):
    return weight * xp.sum(probabilities * xp.log(probabilities), axis=-1)


def entropy_added(
    xp, policy_losses, value_losses, entropies, *, value_weight=0.5, entropy_weight=0.01
):
    return policy_losses + value_weight * value_losses + entropy_weight * entropies


def regularizer_that_sharpens(xp, logits, *, weight=0.01):
    return -registry["entropy_regularizer"].kernel(xp, logits, weight=weight)


MUTANTS = [
    Mutant(
        "an impossible action of no advantage",
        "policy_gradient_loss",
        "value",
        "impossible-but-neutral/value",
        kernel=policy_multiplying_infinity,
    ),
    Mutant(
        "a square before its scale",
        "value_loss",
        "value",
        "square-overflows/value",
        kernel=value_squared_before_it_is_scaled,
    ),
    Mutant(
        "a square that rewards leaving the interval",
        "clipped_value_loss",
        "value",
        "moved-too-far/value",
        kernel=value_of_the_smaller_square,
    ),
    Mutant(
        "zero times the logarithm of zero",
        "probability_entropy_regularizer",
        "value",
        "zero-action/value",
        kernel=regularizer_without_limit,
    ),
    Mutant(
        "an entropy that is added",
        "actor_critic_loss",
        "value",
        "defaults/value",
        kernel=entropy_added,
    ),
    Mutant(
        "a regularizer that sharpens",
        "entropy_regularizer",
        "value",
        "three-classes/value",
        kernel=regularizer_that_sharpens,
    ),
]
