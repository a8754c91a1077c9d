"""Losses of embeddings: worked values, identities, and what other libraries make of them."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi


def test_pairs_of_embeddings_are_pulled_together_and_pushed_apart() -> None:
    a = np.asarray([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    b = np.asarray([[3.0, 4.0], [3.0, 4.5], [0.0, 0.0]])
    distance = lossapi.pairwise_distance(a[:, None, :], b[:, None, :])[:, 0, 0]
    np.testing.assert_array_equal(distance, [5.0, 0.5, 0.0])
    found = lossapi.contrastive_loss(distance, [1, 0, 0], reduction="none")
    np.testing.assert_array_equal(found, [12.5, 0.125, 0.5])


def test_the_contrastive_gradient_reaches_embeddings_and_is_0_where_they_coincide() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    b = torch.tensor([[3.0, 4.0], [3.0, 4.5], [0.0, 0.0]])
    distance = lossapi.pairwise_distance(a[:, None, :], b[:, None, :])[:, 0, 0]
    target = torch.tensor([1, 0, 0])
    lossapi.contrastive_loss(distance, target, reduction="sum").backward()
    np.testing.assert_allclose(a.grad, [[-3.0, -4.0], [0.0, 0.5], [0.0, 0.0]], rtol=1e-6)


def test_the_cosine_distance_of_nearly_parallel_vectors_is_half_the_squared_angle() -> None:
    angle = 1e-9
    u, v = np.asarray([3.0, 0.0]), np.asarray([2.0, 2e-9])
    np.testing.assert_allclose(lossapi.cosine_distance(u, v), 0.5 * angle**2, rtol=1e-15)
    slope = lossapi.cosine_distance.grad(u, v)
    np.testing.assert_allclose(slope, [0.0, -angle / 3.0], rtol=1e-15, atol=1e-25)
    assert 1.0 - np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v)) == 0.0
