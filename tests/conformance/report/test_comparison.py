"""Two subjects are held against each other, case by case."""

from dataclasses import replace

import pytest

from lossapi.conformance.report import comparison, matrix
from lossapi.conformance.report.reading import ReportError


def compared(*reports):
    found = comparison.compare(*matrix.columns(reports))
    return found, "\n".join(comparison.lines(found))


def test_a_disagreement_is_told_with_what_became_of_each_and_what_is_due(right, wrong):
    _, text = compared(right, wrong)
    assert text.splitlines() == [
        "textbook is from a partial report, 3 of 4 functions: interrupted",
        "huber_loss value",
        "  far/value float32",
        "    numpy     ✓ pass, 1.25 ULP",
        "    textbook  ✗ fail, came 1.25, 3.5 ULP, the value is 3.5 ULP off",
        "    due       1.5",
        "log_cosh value",
        "  far/value float32",
        "    numpy     ✓ pass, 1.25 ULP",
        "    textbook  ≠ expected failure, came inf, ∞ ULP, bug: It overflows. "
        "https://example.org/issues/1?a_b=(1)",
        "numpy and textbook disagree in 2 of 3 cases; 11 more were judged for one of them only",
    ]


def as_of(report, subject):
    report.subjects = {subject: "1.0"}
    report.results = [replace(result, subject=subject) for result in report.results]
    return report


def test_equal_subjects_agree_also_where_both_are_wrong(wrong):
    import copy

    other = as_of(copy.deepcopy(wrong), "another")
    found, text = compared(wrong, other)
    assert found.differ == []
    assert "disagree in 0 of 5 cases; 0 more" in text

    other.results[1] = replace(other.results[1], got="7.0")
    assert len(compared(wrong, other)[0].differ) == 1


def test_subjects_without_a_common_case_cannot_be_compared(right, wrong):
    right.results = [result for result in right.results if result.loss == "softplus"]
    with pytest.raises(ReportError, match="no judged case in common"):
        compared(right, wrong)
