"""Where convexity ends, beyond what a property of one input at the default parameters states."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import lossapi

Array = np.ndarray[Any, Any]


def test_the_gaussian_nll_is_not_convex_in_mean_and_log_variance_together() -> None:
    mean, log_variance = np.asarray([0.5, 1.0, 1.5]), np.asarray([-0.5, 0.0, 0.5])

    def bulge(mean: Array, log_variance: Array) -> float:
        low, middle, high = lossapi.heteroscedastic_gaussian_nll(
            mean, log_variance, np.zeros(3), full=False, reduction="none"
        )
        return float(middle - (low + high) / 2)

    # Along (r, 1) the curvature is -r² e^(-s) / 2.
    due = 0.5 - (0.125 * math.exp(0.5) + 1.125 * math.exp(-0.5)) / 2
    assert bulge(mean, log_variance) == pytest.approx(due, rel=1e-12)
    assert due > 0.05
    # Each by itself it is convex: on the same segments, with the other one held at its middle.
    assert bulge(mean, np.zeros(3)) < 0
    assert bulge(np.ones(3), log_variance) < 0


def _robust_bulge(alpha: float, scale: float) -> Array:
    draw = np.random.default_rng(3)
    ends = draw.uniform(-10, 10, (2, 500))
    low, high, middle = (
        lossapi.general_robust_loss(x, 0.0, alpha=alpha, scale=scale, reduction="none")
        for x in (*ends, ends.mean(axis=0))
    )
    found: Array = middle - (low + high) / 2
    return found


@pytest.mark.parametrize("alpha", [0.5, 0.0, -2.0, -math.inf])
def test_the_robust_loss_is_not_convex_for_an_alpha_below_one(alpha: float) -> None:
    assert _robust_bulge(alpha, 1.5).max() > 0.1


@pytest.mark.parametrize("alpha", [1.0, 1.25, 2.0, 3.0])
def test_the_robust_loss_is_convex_for_an_alpha_from_one_on(alpha: float) -> None:
    assert _robust_bulge(alpha, 1.5).max() < 1e-12


def test_the_cauchy_loss_lies_above_a_chord() -> None:
    low, middle, high = lossapi.general_robust_loss(
        np.asarray([2.0, 4.0, 6.0]), 0.0, alpha=0, reduction="none"
    )
    assert middle - (low + high) / 2 == pytest.approx(math.log(9) - math.log(57) / 2, rel=1e-12)


def test_dice_and_cross_entropy_together_are_not_convex_in_the_logits() -> None:
    # Four pixels of the object, all with one logit: p = 1 / (1 + e^-z), R = 8p + 1, S = 4p + 5.
    logits = np.asarray([-6.0, -4.0, -2.0])
    p = 1 / (1 + np.exp(-logits))
    low, middle, high = 1 - (8 * p + 1) / (4 * p + 5) - np.log(p)
    due = float(middle - (low + high) / 2)
    assert due > 0.005
    shape = (3, 4)
    low, middle, high = lossapi.dice_cross_entropy_loss(
        np.broadcast_to(logits[:, None], shape), np.ones(shape), reduction="none"
    )
    assert middle - (low + high) / 2 == pytest.approx(due, rel=1e-12)


@pytest.mark.parametrize("epsilon", [0.0, 0.25])
def test_clipping_ends_the_convexity_of_categorical_cross_entropy(epsilon: float) -> None:
    draw = np.random.default_rng(4)
    ends = draw.uniform(0, 1, (2, 500, 3))
    target = draw.dirichlet(np.ones(3), 500)
    low, high, middle = (
        lossapi.categorical_cross_entropy(p, target, epsilon=epsilon, reduction="none")
        for p in (*ends, ends.mean(axis=0))
    )
    bulge = (middle - (low + high) / 2).max()
    assert bulge < 1e-12 if epsilon == 0 else bulge > 0.1
