"""Targets as integers."""

from __future__ import annotations

from lossapi.conformance.checks import dtype
from lossapi.domain import Domain


def test_a_matrix_of_targets_stays_a_matrix_when_it_is_made_hard() -> None:
    soft = [[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]]
    hard = dtype._hard(soft, Domain("[0, 1]"), "int64", False)
    assert hard == [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
