"""Student's t against densities that textbooks write without gamma functions."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi

# The densities of 1, 2 and 3 degrees of freedom at t.
DENSITIES = [
    (1.0, lambda t: 1 / (math.pi * (1 + t**2))),
    (2.0, lambda t: (2 + t**2) ** -1.5),
    (3.0, lambda t: 6 * math.sqrt(3) / (math.pi * (3 + t**2) ** 2)),
]


@pytest.mark.parametrize(("freedom", "density"), DENSITIES)
@pytest.mark.parametrize("t", [0.0, 0.5, -2.0, 40.0])
def test_few_degrees_of_freedom_have_densities_without_gamma_functions(freedom, density, t) -> None:
    loss = lossapi.student_t_nll(2.0 * t + 1.0, 2.0, freedom, 1.0)
    assert loss == pytest.approx(math.log(2.0) - math.log(density(t)), rel=1e-14)


@pytest.mark.parametrize("freedom", [1e2, 1e5, 1e8])
def test_many_degrees_of_freedom_approach_the_normal_distribution(freedom) -> None:
    """By (1 + 2 z² - z⁴) / (4 n), the first term of its expansion."""
    z = np.asarray([0.0, 0.5, 1.0, 2.0])
    zero, one = np.zeros_like(z), np.ones_like(z)
    loss = lossapi.student_t_nll(z, one, freedom * one, zero, reduction="none")
    normal = lossapi.gaussian_nll(z, one, zero, reduction="none")
    excess = (1 + 2 * z**2 - z**4) / (4 * freedom)
    assert loss - normal == pytest.approx(excess, rel=40 / freedom, abs=1e-15)


def test_the_slope_is_greatest_at_the_scale_times_the_root_of_the_degrees_of_freedom() -> None:
    residual = np.linspace(0.0, 6.0, 601)
    zero = np.zeros_like(residual)
    slopes = lossapi.student_t_nll.grad(
        residual, zero + 1.5, zero + 4.0, zero, wrt="prediction", reduction="sum"
    )
    assert residual[np.argmax(slopes)] == 3.0
    assert slopes.max() == pytest.approx(5 / 6)
