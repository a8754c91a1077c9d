"""The shorter programs of ordinary blocks: who takes them, and that nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import call
from lossapi.backend import get
from lossapi.loss import registry


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    call.forget()
    get("numpy").forget()
    yield
    call.forget()
    get("numpy").forget()


def _inputs(name: str, size: int) -> list[Any]:
    random = np.random.default_rng(3)
    x = random.normal(size=size).astype("float32")
    if name == "poisson_nll":
        return [x, random.poisson(1.0, size).astype("float32")]
    if name == "binary_cross_entropy":
        return [1 / (1 + np.exp(-x)), random.integers(0, 2, size).astype("float32")]
    return [x, np.where(random.random(size) < 0.5, 1, -1).astype("float32")]


CALLS = {
    "half_squared_error": 4,
    "squared_hinge_loss": 7,
    "poisson_nll": 7,
    "smooth_l1_loss": 8,
    "hinge_loss": 10,
    "binary_cross_entropy": 14,
    "logistic_loss": 17,
}
"""How many lines an ordinary block has at most, with its gradient."""


@pytest.mark.parametrize("name", CALLS)
def test_ordinary_inputs_take_few_calls(name: str) -> None:
    arrays = _inputs(name, 1000)
    registry[name].value_and_grad(*arrays)
    (steps,) = get("numpy")._steps.values()  # type: ignore[attr-defined]
    (walk,) = steps.walks
    # Where nothing is left to guard against, there is but one program.
    assert (walk.ordinary or walk.block).length <= CALLS[name]
    given = dict(zip(registry[name].inputs, arrays, strict=True))
    taken = [given[x] for x in walk.inputs]
    assert all(holds(taken[place]) for place, holds in walk.checks)
    assert all(holds(taken[place][:1]) for place, holds in walk.checks_of_one)


@pytest.mark.parametrize("size", [1, 5, 3000])
@pytest.mark.parametrize(
    ("name", "place", "number"),
    [
        *(("hinge_loss", 1, x) for x in (0.0, 0.5, -1.0000001, 2.0, np.nan, np.inf)),
        *(("logistic_loss", 1, x) for x in (0.0, 0.99999994, np.nan)),
        *(("poisson_nll", 1, x) for x in (-1.0, np.nan)),
        *(("binary_cross_entropy", 1, x) for x in (-1e-9, 1.0000001, np.nan)),
        *(("binary_cross_entropy", 0, x) for x in (-1e-9, 1.0000001, np.nan)),
    ],
)
def test_what_is_outside_the_domain_is_nan_alone(
    name: str, place: int, number: float, size: int
) -> None:
    arrays = _inputs(name, size)
    arrays[place][size // 2] = number
    function = registry[name]
    value, slope = function.value_and_grad(*arrays)
    assert np.isnan(value)
    assert np.array_equal(np.isnan(slope), np.arange(size) == size // 2)


@pytest.mark.parametrize("size", [1, 5, 3000])
def test_counts_of_0_are_ordinary_and_rates_that_overflow_are_not(size: int) -> None:
    logarithm, count = np.full(size, 0.5, "float32"), np.zeros(size, "float32")
    count[0], logarithm[0] = 5e36, 88.0  # the product overflows, the loss does not
    value, slope = lossapi.poisson_nll.value_and_grad(logarithm, count, reduction="sum")
    due = np.exp(88.0) - 5e36 * 88.0
    assert value == pytest.approx(due, rel=1e-5)
    assert slope[0] == pytest.approx(np.exp(88.0) - 5e36, rel=1e-5)


@pytest.mark.parametrize("beta", [0.0, 1e-45, 1e-3, 0.5, 2.0, 3e38])
def test_smooth_l1_loss_of_any_width(beta: float) -> None:
    residual = np.asarray([0.0, 1e-45, -1e-4, 0.5, -3.0, 1e19, -3e38], "float32")
    zero = np.zeros_like(residual)
    value, slope = lossapi.smooth_l1_loss.value_and_grad(residual, zero, beta=beta, reduction="sum")
    r, b = residual.astype(np.longdouble), np.longdouble(np.float32(beta))
    inside = np.abs(r) < b
    parabola = r * r / (2 * np.where(inside, b, 1))
    assert value == pytest.approx(float(np.where(inside, parabola, np.abs(r) - b / 2).sum()))
    due = np.where(inside, r / np.where(inside, b, 1), np.sign(r))
    np.testing.assert_allclose(slope, due.astype(float), rtol=3e-7, atol=1e-45)


def test_the_slope_of_a_probability_at_the_ends_of_its_domain() -> None:
    probability = np.asarray([0.0, 1.0, 0.0, 1.0, -0.0, 1e-45, 0.5], "float32")
    target = np.asarray([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 0.5], "float32")
    slope = lossapi.binary_cross_entropy.grad(probability, target, reduction="sum")
    assert np.array_equal(slope, [1.0, -1.0, -np.inf, np.inf, -np.inf, 1.0, 0.0])
