"""Mistakes that are plausible in losses of the family "probabilistic"."""

from __future__ import annotations

import numpy as np

from lossapi import class_axis, special
from tests.conformance.mutants.mutant import Mutant


def student_by_two_log_gammas(xp, prediction, scale, degrees_of_freedom, target, *, full=True):
    n = degrees_of_freedom
    z = (prediction - target) / scale
    volume = special.lgamma(xp, 0.5 * n) - special.lgamma(xp, 0.5 * n + 0.5) + 0.5 * xp.log(0.5 * n)
    constant = 0.5 * np.log(2.0 * np.pi) if full else 0.0
    return 0.5 * (n + 1.0) * xp.log1p(z * z / n) + xp.log(scale) + volume + constant


def mixture_of_densities(xp, mixture_logits, means, log_variances, target, *, full=True):
    residual = means - xp.expand_dims(target, axis=-1)
    cost = 0.5 * residual * residual * xp.exp(-log_variances) + 0.5 * log_variances
    density = xp.sum(class_axis.softmax(xp, mixture_logits) * xp.exp(-cost), axis=-1)
    return (0.5 * np.log(2.0 * np.pi) if full else 0.0) - xp.log(density)


MUTANTS = [
    Mutant(
        "two log-gammas subtracted",
        "student_t_nll",
        "value",
        "huge-degrees-of-freedom/value",
        kernel=student_by_two_log_gammas,
    ),
    Mutant(
        "densities that underflow",
        "gaussian_mixture_nll",
        "value",
        "far-target/value",
        kernel=mixture_of_densities,
    ),
]
