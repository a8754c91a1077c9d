"""Mistakes that are plausible in losses of the family "regression"."""

from __future__ import annotations

import numpy as np

from tests.conformance.mutants.mutant import BOTH, Mutant, magnitude


def log_cosh_cancelling(xp, prediction, target):
    size = magnitude(xp, prediction - target)
    return size + xp.log1p(xp.exp(-2.0 * size)) - np.log(2.0)


def quantile_swapped(xp, prediction, target, *, quantile=0.5):
    residual = target - prediction
    return xp.where(residual >= 0, (1.0 - quantile) * residual, -quantile * residual)


def smooth_l1_unscaled(xp, prediction, target, *, beta=1.0):
    size = magnitude(xp, prediction - target)
    return xp.where(size < beta, 0.5 * size * size, size - 0.5 * beta)


def half_squared_overflowing(xp, prediction, target):
    residual = prediction - target
    return 0.5 * (residual * residual)


def absolute_by_root(xp, prediction, target):
    residual = prediction - target
    return xp.sqrt(residual * residual)


def absolute_slope_without_zero(xp, prediction, target):
    slope = xp.where(prediction - target >= 0, 1.0, -1.0) + 0.0 * (prediction - target)
    return slope, -slope


def absolute_slope_of_nowhere(xp, prediction, target):
    slope = xp.where(prediction == target, 2.0, slope_of_magnitude(xp, prediction - target))
    return slope, -slope


def huber_bend_closed(xp, prediction, target, *, delta):
    size = magnitude(xp, prediction - target)
    bend = xp.where(size <= delta, 1.0, 0.0 * size)
    return bend, bend


def slope_of_magnitude(xp, x):
    return xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, 0.0 * x))


MUTANTS = [
    Mutant(
        "log cosh by a difference that cancels",
        "log_cosh",
        "properties",
        "drawn/value",
        kernel=log_cosh_cancelling,
    ),
    Mutant(
        "quantile and its complement swapped",
        "quantile_loss",
        "properties",
        "drawn/value/quantile=0.25",
        kernel=quantile_swapped,
    ),
    Mutant(
        "a parameter left out of one branch",
        "smooth_l1_loss",
        "properties",
        "drawn/value/beta=2.0",
        kernel=smooth_l1_unscaled,
    ),
    Mutant(
        "a square that overflows before it is halved",
        "half_squared_error",
        "stability",
        "grid/value",
        kernel=half_squared_overflowing,
        dtype="float32",
    ),
    Mutant(
        "a norm by the root of a square",
        "absolute_error",
        "transforms",
        "func.grad-masked/gradient/prediction/kink",
        kernel=absolute_by_root,
        backend="torch",
    ),
    Mutant(
        "the gradient of abs at 0 as libraries give it",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction",
        gradient=(BOTH, absolute_slope_without_zero),
    ),
    Mutant(
        "a gradient outside the subdifferential",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction/permitted",
        gradient=(BOTH, absolute_slope_of_nowhere),
    ),
    Mutant(
        "the other curvature at the kink",
        "huber_loss",
        "curvature",
        "kink-above/hessian_diag/prediction",
        curvature=(BOTH, huber_bend_closed),
    ),
]
