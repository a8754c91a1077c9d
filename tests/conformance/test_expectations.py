"""Expectations files say what, and why."""

from pathlib import Path

import pytest

from lossapi.conformance import expectations
from lossapi.conformance.expectations import Expectation
from lossapi.conformance.result import Result
from lossapi.errors import SpecError

GOOD = """
- loss: huber_loss
  check: value
  case: linear/value
  dtype: float16
  reason: Its exp is off.
  kind: accuracy
  issue: https://example.org/issues/1
"""


def test_an_entry_is_read():
    (entry,) = expectations.parse(GOOD, "here")
    assert entry == Expectation(
        "huber_loss",
        "value",
        "Its exp is off.",
        "linear/value",
        "float16",
        "accuracy",
        "https://example.org/issues/1",
    )


def test_the_entry_that_the_page_on_reports_shows_is_one():
    page = (Path(__file__).parents[2] / "docs" / "reports.md").read_text("utf-8")
    (entry,) = expectations.parse(page.partition("```yaml")[2].partition("```")[0], "here")
    assert (entry.case, entry.kind) == ("far-*", "bug")


def test_an_entry_speaks_of_several_functions_checks_and_cases():
    text = "- {loss: [a, b], check: [value, gradient], case: [x/*, z], reason: Why.}"
    entries = expectations.parse(text, "here")
    assert [(e.loss, e.check) for e in entries] == [
        ("a", "value"),
        ("a", "gradient"),
        ("b", "value"),
        ("b", "gradient"),
    ]
    cases = ("x/value", "z", "z/value")
    results = [Result("a", "value", case, "float64", "fail") for case in cases]
    assert [entries[0].matches(result) for result in results] == [True, True, False]
    assert entries[0].what == "a value x/* z"


@pytest.mark.parametrize("outcome", ["pass", "fail"])
def test_what_certain_draws_show_may_be_seen_or_not(outcome):
    drawn = [Result("a", "properties", "drawn/value", "float64", outcome)]
    text = "- {loss: a, check: properties, case: drawn/*, reason: Why., sometimes: true}"
    (entry,) = expectations.parse(text, "here")
    (judged,), stale = expectations.apply(drawn, [entry])
    assert judged.outcome == ("pass" if outcome == "pass" else "expected failure")
    assert not stale
    assert expectations.apply([], [entry]) == ([], [])
    (strict,) = expectations.parse(text.replace(", sometimes: true", ""), "here")
    (judged,), _ = expectations.apply(drawn, [strict])
    assert judged.outcome == ("unexpected pass" if outcome == "pass" else "expected failure")


def test_a_subject_without_a_file_has_none():
    assert expectations.load("no-such-subject") == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("loss: huber_loss", "accepted is a list"),
        ("- {loss: huber_loss, check: value}", "missing reason"),
        ("- {loss: huber_loss, check: valeu, reason: x}", "accepted are value, gradient"),
        (
            "- {loss: huber_loss, check: value, reason: x, points: all}",
            "accepted are the keys loss",
        ),
        (
            "- {loss: huber_loss, check: value, reason: x, kind: taste}",
            "kind: got taste; accepted are convention, accuracy, bug",
        ),
        (
            "- {loss: huber_loss, check: value, reason: x, issue: 'javascript:1'}",
            "issue: got javascript:1; accepted is an https",
        ),
        ("- {loss: huber_loss, check: value, reason: [x]}", "reason: got .* accepted is a text"),
        ("- {loss: a, check: value, reason: x, case: [[x]]}", "case: got .* or a list of them"),
        ("- {loss: [], check: value, reason: x}", "missing loss"),
        ("- {loss: a, check: value, reason: x, sometimes: often}", "accepted is true or false"),
        ("- [", "not YAML"),
    ],
)
def test_a_malformed_file_is_one_line(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        expectations.parse(text, "here.yaml")
    assert str(caught.value).startswith("here.yaml")
    assert "\n" not in str(caught.value)
