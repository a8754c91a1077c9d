"""Expectations files say what, and why."""

import pytest

from lossapi.conformance import expectations
from lossapi.conformance.expectations import Expectation
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
        ("- [", "not YAML"),
    ],
)
def test_a_malformed_file_is_one_line(text, message):
    with pytest.raises(SpecError, match=message) as caught:
        expectations.parse(text, "here.yaml")
    assert str(caught.value).startswith("here.yaml")
    assert "\n" not in str(caught.value)
