"""Extreme inputs of somebody's plain function are those of its domain."""

from __future__ import annotations

import numpy as np
import pytest

from lossapi.conformance import check


def square(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """A number outside [0, 1] as well, where the specification has NaN."""
    with np.errstate(all="ignore"):
        return (probabilities - target) ** 2


def forgets_nan(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    return np.nan_to_num(square(probabilities, target))


def test_what_comes_of_inputs_outside_the_domain_is_asked_at_single_points_alone() -> None:
    check("brier_score", square, checks=["stability"])
    with pytest.raises(AssertionError, match="above-one/value"):
        check("brier_score", square, checks=["value"])


def test_nan_among_them_still_counts() -> None:
    with pytest.raises(AssertionError, match="where NaN is due"):
        check("brier_score", forgets_nan, checks=["stability"])
