"""Reports say everything to people and to programs."""

import io
import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from lossapi.conformance.report import junit, summary, terminal
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.run_report import Report
from lossapi.conformance.runner import Step


@pytest.fixture
def report():
    def result(check, case, outcome, **more):
        return Result("huber_loss", check, case, "float64", outcome, subject="numpy", **more)

    found = Report(Settings(seed=5), {"numpy": "2.0", "torch": "2.13"}, {"cupy": "no GPU"})
    found.results = [
        result("value", "linear/value", "pass", ulp=0.5),
        result(
            "value",
            "far/value",
            "fail",
            message="the value is 3 ULP off",
            ulp=math.inf,
            flags=("overflow_intermediate",),
            note="Its square overflows.",
            expected="1e300",
            got="inf",
            reproduce="lossapi.huber_loss(1e300, 0.0)",
        ),
        result("shape", "pairs", "unsupported", message="no axes"),
        result("errors", "labels", "expected failure", message="wraps \x00", reason="known"),
    ]
    return found


def text_of(report):
    stream = io.StringIO()
    terminal.write(report, stream)
    return stream.getvalue()


def test_there_is_one_line_for_each_function_and_check(report):
    lines = [line.split() for line in text_of(report).splitlines()]
    assert ["numpy", "huber_loss", "value", "f64", "1", "1", "·", "·", "∞"] in lines
    assert ["numpy", "huber_loss", "shape", "f64", "·", "·", "1", "·"] in lines


def test_a_failure_is_told_with_all_that_is_known(report):
    text = text_of(report)
    for part in (
        "FAIL numpy huber_loss value far/value float64",
        "the value is 3 ULP off",
        "overflow_intermediate",
        "Its square overflows.",
        "1e300",
        "inf",
        "∞ ULP",
        "lossapi.huber_loss(1e300, 0.0)",
    ):
        assert part in text


def test_what_was_not_judged_is_said_with_its_reason(report):
    text = text_of(report)
    assert "numpy: no axes (1 cases)" in text
    assert "cupy: not run: no GPU" in text
    assert "torch 2.13: NOTHING WAS JUDGED" in text
    assert "numpy 2.0: NOT conforming. 1 functions, 4 cases: 1 pass, 1 fail" in text
    assert "seed 5" in text
    assert f"lossapi {report.origin.lossapi}, Python {report.origin.python}" in text


def test_what_fails_as_expected_only_is_not_called_conforming(report):
    passed = replace(report.results[0], outcome="pass")
    report.subjects = {"numpy": "2.0"}
    report.results = [passed, replace(passed, outcome="expected failure", reason="Known.")]
    text = text_of(report)
    assert "numpy 2.0: wrong as expected. 1 functions, 2 cases: 1 pass, 1 expected" in text
    assert "conforming" not in text


def test_a_partial_report_says_so_and_does_not_conform(report):
    report.results = report.results[:1]
    report.subjects = {"numpy": "2.0"}
    report.losses = ("huber_loss", "log_cosh")
    assert report.conforming
    report.partial = "interrupted"
    assert not report.conforming
    text = text_of(report)
    assert "numpy 2.0: PARTIAL, nothing wrong so far" in text
    assert "This report is partial, with 0 of 2 functions: interrupted" in text


def test_stale_expectations_are_shown(report):
    report.stale = ["numpy: gone"]
    assert "Expectations that match nothing:\n  numpy: gone" in text_of(report)


def test_long_lines_are_never_cut(report):
    long = "x" * 500
    report.results[1] = Result("huber_loss", "value", "a", "float64", "fail", subject=long)
    assert long in text_of(report)


def test_junit_counts_and_survives_any_text(report):
    report.stale = ["numpy: gone"]
    stream = io.BytesIO()
    junit.write(report, stream)
    root = ElementTree.fromstring(stream.getvalue())
    suites = {suite.get("name"): suite for suite in root}
    assert {name: suites["numpy"].get(name) for name in ("tests", "failures", "skipped")} == {
        "tests": "5",
        "failures": "2",
        "skipped": "2",
    }
    assert suites["cupy"].get("skipped") == "1"
    failure = root.find(".//testcase/failure")
    assert failure is not None
    assert "far/value" in (failure.text or "")


def test_progress_elsewhere_than_on_a_terminal_is_a_line_per_function():
    stream = io.StringIO()
    with terminal.progress(stream) as progress:
        progress(Step(0, 3, "numpy", "huber_loss", "value", "float64"))
        progress(Step(1, 3, "numpy", "huber_loss", "value", "float32"))
        progress(Step(2, 3, "numpy", "log_cosh", "value", "float64"))
        progress(Step(3, 3))
    assert stream.getvalue() == "[0/3] numpy huber_loss\n[2/3] numpy log_cosh\n"


@pytest.mark.parametrize(
    ("ulp", "text"),
    [(None, ""), (0.0, "0"), (0.25, "0.25"), (3.0, "3"), (123456.0, "1.23e+05"), (math.inf, "∞")],
)
def test_errors_are_spelled_shortly(ulp, text):
    assert summary.spelled(ulp) == text
