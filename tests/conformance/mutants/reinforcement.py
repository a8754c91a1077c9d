"""Mistakes that are plausible in losses of the family "reinforcement"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def policy_multiplying_infinity(xp, log_probabilities, advantages):
    return -advantages * log_probabilities


def value_squared_before_it_is_scaled(xp, values, returns, *, scale=1.0):
    residual = values - returns
    return scale * (residual * residual)


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
