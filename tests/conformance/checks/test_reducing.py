from __future__ import annotations

from fractions import Fraction

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.checks.cases import Case
from lossapi.conformance.checks.inquiry import Inquiry
from lossapi.conformance.checks.reducing import Batch, fraction
from lossapi.conformance.oracle.arithmetic import arithmetic
from lossapi.conformance.oracle.specfile import load_spec


@pytest.fixture
def batch() -> Batch:
    inquiry = Inquiry(BackendSubject("numpy"), load_spec("squared_error"), "reduction", "float64")
    points = ((3.0, 1.0), (0.5, 0.0), (1.0, 4.0))
    return Batch(inquiry, [Case("", {"prediction": p, "target": t}) for p, t in points])


def test_the_mean_is_divided_by_the_weights(batch: Batch) -> None:
    due = batch.value([1.0, 2.0, 0.0], "mean")[0].exact
    assert due == Fraction(4 + Fraction(1, 2)) / 3


def test_without_reduction_each_loss_is_weighted(batch: Batch) -> None:
    assert [loss.exact for loss in batch.value([1.0, 2.0, 0.0], "none")] == [4, Fraction(1, 2), 0]


def test_the_gradient_of_a_mean_is_shared_out(batch: Batch) -> None:
    slopes = batch.slope("prediction", [1.0, 1.0, 2.0], "mean")
    assert [row[0].exact for row in slopes] == [1, Fraction(1, 4), -3]


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_nothing_has_a_mean_of_zero(batch: Batch, reduction: str) -> None:
    assert batch.value([0.0, 0.0, 0.0], reduction)[0].exact == 0
    assert all(row[0].exact == 0 for row in batch.slope("target", [0.0] * 3, reduction))


def test_a_masked_entry_must_be_exactly_zero(batch: Batch) -> None:
    request = batch.request("value_and_grad", {"reduction": "none"})
    (result,) = batch.judged("claim", [1.0, 0.0, 1.0], "none", request)
    assert result.outcome == "fail"
    assert "where 0.0 is due" in result.message


def test_what_no_format_shows_is_nothing_and_takes_no_memory() -> None:
    real = arithmetic(30)
    assert fraction(real.exp(real.number(-1e12))) == 0
    assert fraction(real.number(-5e-324)) == Fraction(-5e-324)
