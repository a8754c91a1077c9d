"""The Wasserstein distance on a line: sizes, masses and ties that the specification leaves out."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import wasserstein_distance_1d

X = np.array([0.5, 0.5, -1.0, 2.0])
Y = np.array([1.0, 0.25, 0.25, 3.0, -2.0])


def exactly(x: Any, y: Any) -> Fraction:
    """W_1 as the area between the distribution functions, in rational numbers."""
    both = sorted({Fraction(float(v)) for v in (*x, *y)})
    area = Fraction(0)
    for low, high in pairwise(both):
        below = [Fraction(int(np.sum(s <= float(low))), len(s)) for s in (x, y)]
        area += abs(below[0] - below[1]) * (high - low)
    return area


def test_numbers_that_can_be_added_up_by_hand() -> None:
    # 0, 1, 3 against 5, 6, 8: all move by 5; the example of SciPy's documentation.
    assert wasserstein_distance_1d([0.0, 1.0, 3.0], [5.0, 6.0, 8.0]) == 5.0
    assert wasserstein_distance_1d([0.0, 1.0], [0.0, 1.0], target_weights=[3.0, 1.0]) == 0.25
    assert wasserstein_distance_1d([0.0, 4.0], [3.0, 1.0], p=2) == 1.0
    assert wasserstein_distance_1d([0.0], [3.0, 4.0], p=2) == np.sqrt(12.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "m"), [(700, 699), (5000, 4999)])
def test_many_samples_of_unlike_sizes_keep_the_last_digits(n: int, m: int, dtype: Any) -> None:
    # In float32 the product of 5000 and 4999 is no longer a whole number.
    random = np.random.default_rng(n)
    x, y = random.normal(size=n).astype(dtype), random.normal(size=m).astype(dtype)
    value, slope = wasserstein_distance_1d.value_and_grad(x, y)
    due = exactly(x[:100], y[:77]) if n < 1000 else None
    if due is not None:
        few = wasserstein_distance_1d(x[:100], y[:77])
        assert abs(Fraction(float(few)) - due) <= 4 * Fraction(float(np.spacing(few)))
    wide = wasserstein_distance_1d.value_and_grad(x.astype(np.float64), y.astype(np.float64))
    assert abs(value - wide[0]) <= 4 * np.spacing(value)
    np.testing.assert_allclose(slope, wide[1], rtol=0, atol=1.0 / n * 4e-7)


def test_a_mass_is_a_number_of_equal_samples_with_its_gradient() -> None:
    weights = np.array([3.0, 1.0, 2.0, 4.0])
    copies = np.repeat(X, weights.astype(int))
    for p in (1.0, 1.5, 2.0, 4.0):
        value, slope = wasserstein_distance_1d.value_and_grad(X, Y, p=p, prediction_weights=weights)
        due, many = wasserstein_distance_1d.value_and_grad(copies, Y, p=p)
        np.testing.assert_allclose(value, due, rtol=1e-15)
        firsts = np.concatenate([[0], np.cumsum(weights.astype(int))[:-1]])
        np.testing.assert_allclose(slope, weights * many[firsts], rtol=1e-14, atol=1e-17)


def test_the_order_of_samples_does_not_matter() -> None:
    random = np.random.default_rng(5)
    weights = random.random(4)
    value, slope = wasserstein_distance_1d.value_and_grad(X, Y, p=2, prediction_weights=weights)
    for _ in range(5):
        order = random.permutation(4)
        again, other = wasserstein_distance_1d.value_and_grad(
            X[order], random.permutation(Y), p=2, prediction_weights=weights[order]
        )
        np.testing.assert_allclose(again, value, rtol=1e-15)
        np.testing.assert_allclose(other, slope[order], rtol=1e-14)


def test_weights_serve_every_example_of_a_batch() -> None:
    batch = np.stack([X, X[::-1], 2 * X])
    weights = [1.0, 0.0, 2.0, 3.0]
    found = wasserstein_distance_1d(batch, Y, prediction_weights=weights, reduction="none")
    single = [wasserstein_distance_1d(x, Y, prediction_weights=weights) for x in batch]
    assert found.tolist() == single


def test_a_negative_weight_and_a_wrong_length_are_refused() -> None:
    with pytest.raises(lossapi.ParameterError, match=r"target_weights\[1\] is -1"):
        wasserstein_distance_1d([0.0], [1.0, 2.0], target_weights=[1.0, -1.0])
    with pytest.raises(lossapi.ShapeError, match="prediction_weights has shape"):
        wasserstein_distance_1d([0.0], [1.0, 2.0], prediction_weights=[1.0, 1.0])


def test_libraries_find_the_second_derivatives_and_those_by_weights() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y = torch.tensor([0.5, 0.0, -1.0, 2.0]).double(), torch.tensor(Y)
    # No two ends of masses meet, where the distance has a kink in the weights.
    weights = torch.tensor([3.0, 1.5, 2.25, 4.125]).double()

    def distance(x: Any, weights: Any) -> Any:
        return wasserstein_distance_1d(x, y, p=2.0, prediction_weights=weights)

    found = torch.func.hessian(distance)(x, weights)
    slope = torch.func.grad(distance, 1)(x, weights)
    h = 1e-6
    for i in range(4):
        step = h * torch.eye(4)[i].double()
        ends = [
            wasserstein_distance_1d.grad(x + s * step, y, p=2.0, prediction_weights=weights)
            for s in (1, -1)
        ]
        np.testing.assert_allclose(found[i], (ends[0] - ends[1]) / (2 * h), atol=1e-8)
        change = distance(x, weights + step) - distance(x, weights - step)
        np.testing.assert_allclose(slope[i], change / (2 * h), atol=1e-8)
