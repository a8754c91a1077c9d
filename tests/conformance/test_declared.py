"""A declared convention is checked as it is declared, and only where it makes a difference."""

import numpy as np
import pytest

from lossapi.conformance import FunctionSubject, expectations
from lossapi.conformance.declared import Declaration
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Settings
from lossapi.conformance.runner import load_checks, run
from lossapi.errors import SpecError

LOSS = "binary_cross_entropy"
CLIPS = Declaration(
    LOSS,
    "It clips the probability into [2^-20, 1 - 2^-20].",
    """p = min(max(probabilities, 2**-20), 1 - 2**-20)
-(xlogy(target, p) + xlog1py(1 - target, -p))""",
)


def clipping(least):
    def loss(probabilities, target):
        p = np.clip(probabilities, least, 1 - least)
        losses = -(target * np.log(p) + (1 - target) * np.log1p(-p))
        inside = [(x >= 0) & (x <= 1) for x in (probabilities, target)]
        return np.where(inside[0] & inside[1], losses, np.nan)

    return FunctionSubject("clipping", {LOSS: loss}, dtypes=["float64"], accuracy_factor=4)


def judged(subject, declarations, monkeypatch):
    monkeypatch.setattr(expectations, "declared", lambda name: declarations)
    checks = load_checks(["value", "stability"])
    known = {subject.name: ()}
    return run([subject], [load_spec(LOSS)], checks, settings=Settings(seed=1), known=known)


def test_what_is_right_by_the_declared_definition_is_expected(monkeypatch):
    undeclared = judged(clipping(2.0**-20), [], monkeypatch)
    assert not undeclared.conforming
    report = judged(clipping(2.0**-20), [CLIPS], monkeypatch)
    assert report.conforming, report.bad
    told = [r for r in report.results if r.outcome == "expected failure"]
    assert len(told) == len(undeclared.bad)
    assert {(r.reason, r.kind) for r in told} == {(CLIPS.reason, "convention")}
    by_case = {r.case: r for r in report.results}
    assert by_case["certain-and-wrong/value"].outcome == "expected failure"
    assert by_case["unsure/value"].outcome == "pass"


def test_another_convention_than_the_declared_one_fails(monkeypatch):
    report = judged(clipping(2.0**-10), [CLIPS], monkeypatch)
    assert "certain-and-wrong/value" in [r.case for r in report.bad]


def test_a_declaration_that_nothing_bears_out_is_stale(monkeypatch):
    report = judged(clipping(0.0), [CLIPS], monkeypatch)
    assert [line for line in report.stale if "no result is as declared" in line]
    assert not report.conforming


def test_a_declaration_is_read_from_the_file_of_expectations():
    text = f"- {{loss: {LOSS}, reason: It clips., definition: '1', gradient: {{target: '0'}}}}"
    (entry,) = expectations.parse(text, "here")
    assert entry == Declaration(LOSS, "It clips.", "1", {"target": "0"})
    with pytest.raises(SpecError, match="accepted are the keys loss, reason, definition"):
        expectations.parse(f"- {{loss: {LOSS}, check: value, reason: x, definition: '1'}}", "here")
    with pytest.raises(SpecError, match=r"target: got \[\]; accepted is a text"):
        expectations.parse(text.replace("'0'", "[]"), "here")
