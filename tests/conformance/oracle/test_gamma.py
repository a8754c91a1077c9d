"""The gamma functions of the oracle, by equations that they alone satisfy, at many precisions."""

from __future__ import annotations

import mpmath
import pytest

from lossapi.conformance.oracle import gamma
from lossapi.conformance.oracle.arithmetic import arithmetic

ARGUMENTS = [5e-324, 1e-300, 1e-3, 0.5, 0.7, 3.3, 17.0, 90.25, 1234.5, 1e6, 1e40, 2.0**511]
DIGITS = [30, 60, 400, 1400]


@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize("x", ARGUMENTS)
def test_one_step_up_is_the_recurrence(x: float, digits: int) -> None:
    real = arithmetic(digits)
    x = real.number(x)
    # Exact, however small x is.
    with mpmath.workdps(digits + 400):
        above = real.number(mpmath.mpf(x) + 1)
    for function, step in (
        (real.lgamma, real.log(x)),
        (real.digamma, 1 / x),
        (real.trigamma, -1 / (x * x)),
    ):
        size = max(1, abs(function(x)), abs(step))
        assert abs(function(above) - function(x) - step) < size * real.decimal(f"1e{4 - digits}")


@pytest.mark.parametrize("digits", DIGITS)
@pytest.mark.parametrize("x", [0.25, 2.75, 33.0])
def test_twice_an_argument_is_the_duplication_formula(x: float, digits: int) -> None:
    real = arithmetic(digits)
    x, half, two, tolerance = real.number(x), real.number(0.5), real.log(2), f"1e{4 - digits}"
    twice = real.lgamma(x) + real.lgamma(x + half) + (2 * x - 1) * two - real.log(real.pi) / 2
    assert abs(real.lgamma(2 * x) - twice) < real.decimal(tolerance) * max(1, abs(twice))
    twice = real.digamma(x) / 2 + real.digamma(x + half) / 2 + two
    assert abs(real.digamma(2 * x) - twice) < real.decimal(tolerance)
    twice = (real.trigamma(x) + real.trigamma(x + half)) / 4
    assert abs(real.trigamma(2 * x) - twice) < real.decimal(tolerance) * max(1, abs(twice))


@pytest.mark.parametrize("digits", DIGITS)
def test_known_values(digits: int) -> None:
    real = arithmetic(digits)
    half, tolerance = real.number(0.5), real.decimal(f"1e{2 - digits}")
    with mpmath.workdps(digits):
        euler = real.number(+mpmath.euler)
    assert abs(real.lgamma(real.one)) < tolerance
    assert abs(real.lgamma(half) - real.log(real.pi) / 2) < tolerance
    assert abs(real.lgamma(real.number(6)) - real.log(real.number(120))) < tolerance
    assert abs(real.digamma(real.one) + euler) < tolerance
    assert abs(real.digamma(half) + euler + 2 * real.log(real.number(2))) < tolerance
    assert abs(real.trigamma(real.one) - real.pi**2 / 6) < tolerance
    assert abs(real.trigamma(half) - real.pi**2 / 2) < tolerance


@pytest.mark.parametrize("x", [1e-3, 0.7, 3.3, 90.25, 1024.0, 2.0**511, 1e300])
def test_agrees_with_mpmath(x: float) -> None:
    context = mpmath.MPContext()
    context.dps = 100
    x = context.mpf(x)
    for ours, theirs in (
        (gamma.lgamma(context, x), context.loggamma(x)),
        (gamma.digamma(context, x), context.digamma(x)),
        (gamma.trigamma(context, x), context.polygamma(1, x)),
    ):
        assert abs(ours - theirs) <= abs(theirs) * context.mpf("1e-97")


@pytest.mark.parametrize("x", [1e9, 2.0**60, 3e100, 2.0**511, 2.0**1000])
def test_differences_over_half_a_step_fall_as_the_series_says(x: float) -> None:
    """What is left where the leading digits of large values cancel."""
    real = arithmetic(1400)
    x, half = real.number(x), real.number(0.5)
    gap = real.lgamma(x) - real.lgamma(x + half) + real.log(x) / 2
    assert abs(gap * 8 * x - 1) < 1 / x
    assert abs((real.digamma(x + half) - real.digamma(x) - half / x) * 8 * x * x - 1) < 1 / x
    bend = real.trigamma(x) - real.trigamma(x + half) - half / (x * x)
    assert abs(bend * 4 * x**3 - 1) < 1 / x
