"""The mixture of normal distributions where its parts are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi


def test_two_halves_on_either_side_are_a_hyperbolic_cosine() -> None:
    """Of unit components at 1 and -1: the density is e^(-(y² + 1) / 2) cosh(y) / sqrt(2 pi)."""
    y = np.asarray([0.0, 0.5, -3.0, 20.0])
    shape = (4, 2)
    means = np.broadcast_to([1.0, -1.0], shape)
    loss = lossapi.gaussian_mixture_nll(
        np.zeros(shape), means, np.zeros(shape), y, reduction="none"
    )
    due = (y**2 + 1 + math.log(2 * math.pi)) / 2 - np.log(np.cosh(y))
    assert loss == pytest.approx(due, rel=1e-14)


def test_a_ruled_out_component_may_be_left_out() -> None:
    logits, means, s = np.asarray([0.5, -np.inf, 2.0]), np.asarray([1.0, 2.0, 3.0]), np.zeros(3)
    kept = [0, 2]
    inputs = ("mixture_logits", "means", "log_variances", "target")
    value, slopes = lossapi.gaussian_mixture_nll.value_and_grad(logits, means, s, 1.5, wrt=inputs)
    less, fewer = lossapi.gaussian_mixture_nll.value_and_grad(
        logits[kept], means[kept], s[kept], 1.5, wrt=inputs
    )
    assert value == less
    for slope, few in zip(slopes[:3], fewer[:3], strict=True):
        assert slope[1] == 0.0
        assert slope[kept].tolist() == few.tolist()


def test_a_close_pair_far_from_the_target_is_told_apart() -> None:
    """In float32 the residuals are one number; their squares differ by 2 y times the distance."""
    single = np.float32
    gap, y = single(2.0**-20), single(2.0**20)
    logits, s = np.zeros(2, single), np.zeros(2, single)
    slopes = lossapi.gaussian_mixture_nll.grad(
        logits, np.asarray([0.0, gap], single), s, y, wrt="mixture_logits"
    )
    share = 1 / (1 + math.exp(-1.0))
    assert slopes.tolist() == pytest.approx([share - 0.5, 0.5 - share], rel=1e-6)
