from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from lossapi.conformance.checks.judging import Tolerance, judge, judge_components
from lossapi.conformance.oracle.formats import BINARY32, BINARY64

EXACT = Tolerance(BINARY64, 0.0)


@pytest.mark.parametrize(
    ("got", "due", "ok"),
    [
        (1.0, 1.0, True),
        (1.0 + 2**-52, 1.0, False),
        (math.nan, math.nan, True),
        (math.nan, 1.0, False),
        (1.0, math.nan, False),
        (math.inf, math.inf, True),
        (-math.inf, math.inf, False),
        (math.inf, 1e308, False),
        (1.7e308, math.inf, False),
        (-0.0, 0.0, True),
    ],
)
def test_a_number_is_right_or_wrong(got: float, due: float, ok: bool) -> None:
    verdict = judge(got, due, None, EXACT)
    assert verdict.ok is ok
    assert bool(verdict.problem) is not ok


def test_the_bound_is_counted_in_ulp() -> None:
    third = Fraction(1, 3)
    got = float(np.nextafter(np.float32(third), np.float32(1)))
    assert judge(got, third, None, Tolerance(BINARY32, 1.0)).ok
    assert not judge(got, third, None, Tolerance(BINARY32, 0.5)).ok


def test_a_scale_excuses_cancellation() -> None:
    assert not judge(1e-17, 0, None, Tolerance(BINARY64, 4.0)).ok
    assert judge(1e-17, 0, Fraction(1), Tolerance(BINARY64, 4.0)).ok


def test_a_floor_excuses_flushing_and_no_more() -> None:
    flushing = Tolerance(BINARY64, 0.0, floor=2.0**-1022)
    assert judge(0.0, 1e-310, None, flushing).ok
    assert not judge(0.0, 1e-300, None, flushing).ok
    assert not judge(math.nan, 1e-310, None, flushing).ok


def test_nothing_close_excuses_leaving_the_range() -> None:
    bounded = Tolerance(BINARY64, 1e6, low=0.0, high=1.0)
    assert "below" in judge(-1e-300, 0, Fraction(1), bounded).problem
    assert "above" in judge(1.0 + 2**-52, 1, Fraction(1), bounded).problem


def test_the_worst_component_speaks_for_all() -> None:
    verdict = judge_components(np.asarray([1.0, 2.5]), [1.0, 2.0], None, EXACT)
    assert not verdict.ok
    assert verdict.problem.startswith("component 1")
    assert verdict.got == 2.5


def test_a_missing_component_is_a_failure() -> None:
    assert not judge_components(np.asarray([1.0]), [1.0, 2.0], None, EXACT).ok
