"""What a call does with what it is given, and what it is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi


def test_an_input_with_a_default_may_be_left_out_and_keeps_its_gradient() -> None:
    mean, spread = np.asarray([[1.0, 0.0]]), [[0.0, 0.0]]
    assert lossapi.gaussian_kl_divergence(mean, spread) == 0.5
    slope = lossapi.gaussian_kl_divergence.grad(mean, spread, wrt="prior_mean")
    assert slope.tolist() == [[-1.0, 0.0]]
    loss = lossapi.temperature_softmax_cross_entropy([[0.0, 0.0]], [1])
    assert loss == pytest.approx(np.log(2.0))


def test_a_value_that_can_be_seen_is_judged_beside_one_that_cannot() -> None:
    jax = pytest.importorskip("jax")
    target = jax.numpy.asarray([2.0])

    def loss(logits: Any) -> Any:
        return lossapi.sigmoid_binary_cross_entropy(logits, target)

    with lossapi.errors_on_invalid(), pytest.raises(lossapi.DomainError, match="target"):
        jax.jit(loss)(jax.numpy.zeros(1))
