"""Several runs are put side by side, and nothing in one hides the other."""

from dataclasses import replace

import pytest

from lossapi.conformance.report import matrix
from lossapi.conformance.report.reading import ReportError
from lossapi.conformance.result import OUTCOMES


def test_every_outcome_has_a_sign_of_its_own():
    assert sorted(matrix.SYMBOLS) == sorted(OUTCOMES)
    assert len(set(matrix.SYMBOLS.values())) == len(OUTCOMES)


def test_each_subject_is_a_column_with_its_verdict(right, wrong):
    numpy, textbook = matrix.columns([right, wrong])
    assert (numpy.title, numpy.verdict, numpy.partial) == ("numpy", "conforming", "")
    assert textbook.verdict == "partial, not conforming"
    assert textbook.partial == "3 of 4 functions: interrupted"
    assert (len(numpy.right), len(numpy.judged)) == (4, 4)
    assert (len(textbook.right), len(textbook.judged)) == (0, 3)


def test_what_was_stale_or_not_judged_does_not_conform(right):
    right.stale = ["numpy: gone"]
    (column,) = matrix.columns([right])
    assert (column.stale, column.verdict) == (["gone"], "not conforming")
    right.stale = []
    right.results = [replace(r, outcome="unsupported") for r in right.results]
    assert matrix.columns([right])[0].verdict == "not judged"
    right.partial = "interrupted"
    assert matrix.columns([right])[0].verdict == "partial"


def test_a_cell_shows_what_most_needs_a_look_and_the_worst_error(wrong):
    (column,) = matrix.columns([wrong])
    cell = matrix.cell(column.results["huber_loss"])
    assert (cell.verdict, cell.worst.ulp) == ("fail", 3.5)
    assert matrix.cell(column.results["log_cosh"]).verdict == "expected failure"


def test_rows_are_grouped_by_family_and_unknown_functions_are_kept(right):
    right.losses = (*right.losses, "loss_of_tomorrow")
    shown = matrix.rows(matrix.columns([right]))
    assert [row.loss for row in shown] == [
        "kl_divergence",
        "loss_of_tomorrow",
        "softplus",
        "huber_loss",
        "log_cosh",
    ]


def test_two_versions_are_two_columns_and_two_runs_of_one_are_put_together(right, wrong):
    import copy

    older = copy.deepcopy(right)
    older.subjects = {"numpy": "2.1"}
    assert [c.title for c in matrix.columns([right, older])] == ["numpy 2.4", "numpy 2.1"]

    first, second = copy.deepcopy(right), copy.deepcopy(right)
    first.results = [r for r in right.results if r.loss == "huber_loss"]
    second.results = [r for r in right.results if r.loss != "huber_loss"]
    (column,) = matrix.columns([first, second])
    assert sorted(column.results) == sorted(right.losses)

    with pytest.raises(ReportError, match=r"numpy 2.4 huber_loss is in two of the reports"):
        matrix.columns([right, right])


def test_who_was_not_run_is_told_unless_another_report_has_them(right, wrong):
    right.skipped = {"textbook": "away", "cupy": "no GPU"}
    assert matrix.skipped(matrix.columns([right, wrong])) == {"cupy": "no GPU"}


def test_a_subject_that_fails_as_expected_is_not_called_conforming(right):
    right.results = [*right.results[1:], replace(right.results[0], outcome="expected failure")]
    assert matrix.columns([right])[0].verdict == "wrong as expected"
