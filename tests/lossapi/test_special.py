"""The special functions against values of many digits, over the whole range of both formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from lossapi import special

_ULP = 6.0


def gap(n: Any) -> Any:
    return mpmath.loggamma(n / 2) - mpmath.loggamma((n + 1) / 2) + mpmath.log(n / 2) / 2


def gap_slope(n: Any) -> Any:
    return (mpmath.digamma(n / 2) - mpmath.digamma((n + 1) / 2) + 1 / n) / 2


def gap_curvature(n: Any) -> Any:
    return (mpmath.psi(1, n / 2) - mpmath.psi(1, (n + 1) / 2)) / 4 - 1 / (2 * n * n)


def excess(t: Any) -> Any:
    return mpmath.log(1 + t) - t / (1 + t)


FUNCTIONS = [
    (special.lgamma, mpmath.loggamma),
    (special.lgamma1p, lambda y: mpmath.loggamma(1 + y)),
    (special.gamma_gap, gap),
    (special.gamma_gap_slope, gap_slope),
    (special.gamma_gap_curvature, gap_curvature),
    (special.log1p_excess, excess),
]


def arguments(dtype: type) -> np.ndarray[Any, Any]:
    """Of every size, ordinary, and close to the zeros and to where one formula follows another."""
    draw = np.random.default_rng(1)
    near = 10.0 ** draw.uniform(-16, -1, 40)
    ends = [
        x + side * near
        for x in (0.25, 0.5, 0.62, 1.0, 1.25, 1.5, 2.0, 7.0, 8.0)
        for side in (1, -1)
    ]
    sizes = 10.0 ** draw.uniform(-12, 12, 200)
    x = np.concatenate([sizes, draw.uniform(0, 12, 300), *ends]).astype(dtype)
    return x[x > 0]


@pytest.mark.parametrize(("function", "exact"), FUNCTIONS, ids=lambda f: getattr(f, "__name__", ""))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_digit_is_right_but_the_last_few(
    function: Callable[..., Any], exact: Callable[..., Any], dtype: type
) -> None:
    x = arguments(dtype)
    with mpmath.workdps(80):
        due = [exact(mpmath.mpf(float(value))) for value in x]
        got = [mpmath.mpf(float(value)) for value in function(np, x)]
        for value, a, b in zip(x, got, due, strict=True):
            spacing = mpmath.mpf(float(np.spacing(np.abs(dtype(b)))))
            assert abs(a - b) <= _ULP * spacing, (value, a, b)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_excess_of_the_exponential_has_all_its_digits(dtype: type) -> None:
    x = np.linspace(-1.0, 1.0, 200).astype(dtype)
    with mpmath.workdps(40):
        for value, got in zip(x, special.exp_excess(x), strict=True):
            exact = mpmath.mpf(float(value))
            due = 2 * (mpmath.expm1(exact) - exact) / exact**2
            assert abs(mpmath.mpf(float(got)) - due) <= _ULP * float(np.spacing(dtype(due)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_ends_are_limits(dtype: type) -> None:
    ends = np.asarray([0.0, np.inf], dtype=dtype)
    with np.errstate(all="ignore"):
        assert special.lgamma(np, ends).tolist() == [np.inf, np.inf]
        assert special.lgamma1p(np, ends).tolist() == [0.0, np.inf]
        assert special.gamma_gap(np, ends).tolist() == [np.inf, 0.0]
        assert special.gamma_gap_slope(np, ends).tolist() == [-np.inf, 0.0]
        assert special.gamma_gap_curvature(np, ends).tolist() == [np.inf, 0.0]
        assert special.log1p_excess(np, ends).tolist() == [0.0, np.inf]


def test_nothing_overflows_before_the_result() -> None:
    largest = np.asarray([2.5e305, 1.7e308])
    with np.errstate(all="ignore"):
        assert np.isfinite(special.lgamma(np, largest)).tolist() == [True, False]
        assert special.gamma_gap(np, largest) == pytest.approx(0.25 / largest)


def test_zeros_of_lgamma_are_exact() -> None:
    assert special.lgamma(np, np.asarray([1.0, 2.0])).tolist() == [0.0, 0.0]
    assert special.lgamma1p(np, np.asarray([0.0, 1.0])).tolist() == [0.0, 0.0]


def test_the_plain_derivative_of_lgamma_is_digamma() -> None:
    torch = pytest.importorskip("torch")
    x = torch.asarray([1e-3, 0.3, 1.0, 1.4, 2.6, 6.5, 7.5, 1e3], dtype=torch.float64)
    derivative = torch.func.grad(lambda y: special.lgamma(torch, y).sum())(x)
    assert derivative.tolist() == pytest.approx(torch.special.digamma(x).tolist(), rel=1e-12)
