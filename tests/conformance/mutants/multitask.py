"""Mistakes that are plausible in losses of the family "multitask"."""

from __future__ import annotations

from lossapi.losses import registry
from tests.conformance.mutants.mutant import Mutant


def sum_multiplying_infinity(xp, losses, task_weights):
    return xp.sum(losses * task_weights, axis=-1)


def uncertainty_without_a_logarithm_each(xp, losses, log_variances, *, task_scales=None):
    scales = 0.5 if task_scales is None else task_scales
    total = xp.sum(scales * losses * xp.exp(-log_variances), axis=-1)
    return total + 0.5 * log_variances[..., 0]


def gradnorm_of_rates(xp, gradient_norms, loss_ratios, *, alpha=1.5):
    return registry["gradnorm_loss"].kernel(xp, gradient_norms, 1.0 / loss_ratios, alpha=alpha)


def gradnorm_whose_targets_move(xp, gradient_norms, loss_ratios, *, alpha):
    _, slope = registry["gradnorm_loss"].gradients["gradient_norms"]
    sign = slope(xp, gradient_norms, loss_ratios, alpha=alpha)
    level = xp.sum(loss_ratios, axis=-1, keepdims=True) / loss_ratios.shape[-1]
    moved = sign * (loss_ratios / level) ** alpha
    return sign - xp.sum(moved, axis=-1, keepdims=True) / loss_ratios.shape[-1]


MUTANTS = [
    Mutant(
        "a task that is switched off with an infinite loss",
        "weighted_sum_loss",
        "value",
        "infinite-but-switched-off/value",
        kernel=sum_multiplying_infinity,
    ),
    Mutant(
        "one logarithm for all tasks",
        "uncertainty_weighted_loss",
        "value",
        "three-tasks/value",
        kernel=uncertainty_without_a_logarithm_each,
    ),
    Mutant(
        "rates in place of their inverse",
        "gradnorm_loss",
        "value",
        "three-tasks/value",
        kernel=gradnorm_of_rates,
    ),
    Mutant(
        "targets that are not held",
        "gradnorm_loss",
        "gradient",
        "three-tasks/gradient/gradient_norms",
        gradient=(("gradient_norms",), gradnorm_whose_targets_move),
    ),
]
