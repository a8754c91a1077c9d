"""Distances of sets: what the libraries that differentiate them find."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

A = [[3.0, 4.0], [0.0, 0.0], [1e200, -1e200]]


@pytest.mark.parametrize(("p", "due"), [(1, 7.0), (2, 5.0), (3, 91 ** (1 / 3))])
def test_the_triangle_of_three_four_and_five(p: float, due: float) -> None:
    found = lossapi.pairwise_distance(A[:2], A[:2], p=p)
    np.testing.assert_allclose(found, [[0.0, due], [due, 0.0]], rtol=1e-15)
    squares = lossapi.pairwise_distance(A[:2], A[:2], p=p, squared=True)
    np.testing.assert_allclose(squares, [[0.0, due**2], [due**2, 0.0]], rtol=1e-15)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
@pytest.mark.parametrize("squared", [False, True])
def test_pytorch_finds_the_gradient_that_is_written(p: float, *, squared: bool) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    a = torch.tensor([[3.0, 4.0], [0.0, 0.0], [1.0, -2.0]], dtype=torch.float64)
    a.requires_grad_()
    rows = [[3.0, 4.0], [1.0, 1.0], [1e100, 3e100], [1e-200, 2e-200]]
    b = torch.tensor(rows, dtype=torch.float64)
    options: dict[str, Any] = {"p": p, "squared": squared}
    lossapi.pairwise_distance(a, b, **options).sum().backward()
    written = lossapi.pairwise_distance.grad(a.detach(), b, **options)
    np.testing.assert_allclose(a.grad, written, rtol=1e-13, atol=1e-14)
    assert torch.isfinite(a.grad).all()


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_jax_finds_the_gradient_that_is_written(p: float) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    a = jax.numpy.asarray([[3.0, 4.0], [0.0, 0.0], [1.0, -2.0]])
    b = jax.numpy.asarray([[3.0, 4.0], [1.0, 1.0]])
    found = jax.grad(lambda a: lossapi.pairwise_distance(a, b, p=p).sum())(a)
    np.testing.assert_allclose(found, lossapi.pairwise_distance.grad(a, b, p=p), rtol=2e-6)


def test_the_second_derivative_of_a_square_is_two() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    point = torch.tensor([[1.0, 2.0]]).double()

    def square(x: Any) -> Any:
        return lossapi.pairwise_distance(x, point, squared=True).sum()

    for place in (point, 3 * point):
        found = torch.func.hessian(square)(place)
        np.testing.assert_array_equal(found.reshape(2, 2), 2 * np.eye(2))
