"""The runner asks every combination once and forgets no verdict."""

from dataclasses import dataclass
from types import SimpleNamespace

import pytest

from lossapi.conformance import BackendSubject, FunctionSubject, Unsupported
from lossapi.conformance.expectations import Expectation
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.runner import run
from lossapi.errors import SpecError

HUBER, OTHER = (SimpleNamespace(name=n, libraries=()) for n in ("huber_loss", "log_cosh"))


@dataclass
class FakeCheck:
    outcomes: tuple = ("pass",)
    PER_DTYPE: bool = True
    raises: Exception | None = None

    def run(self, subject, spec, dtype, settings):
        for i, outcome in enumerate(self.outcomes):
            yield Result(spec.name, "value", f"case-{i}", dtype, outcome, ulp=float(i))
        if self.raises:
            raise self.raises


def outcome_of(check, **more):
    subject = BackendSubject("numpy")
    return run([subject], [HUBER], {"value": check}, ["float64"], **{"known": KNOWN, **more})


KNOWN: dict = {"numpy": []}


def test_every_dtype_of_the_subject_is_looked_at():
    report = run([BackendSubject("numpy")], [HUBER, OTHER], {"value": FakeCheck()})
    assert [(r.loss, r.dtype) for r in report.results] == [
        (loss, dtype)
        for loss in ("huber_loss", "log_cosh")
        for dtype in ("float64", "float32", "float16")
    ]
    assert {r.subject for r in report.results} == {"numpy"}
    assert report.conforming
    assert report.exit_code == 0


def test_a_check_that_is_not_per_dtype_runs_once_in_the_widest():
    check = FakeCheck(PER_DTYPE=False)
    report = run([BackendSubject("numpy")], [HUBER], {"value": check}, ["float16", "float32"])
    assert [r.dtype for r in report.results] == ["float32"]


@pytest.mark.parametrize("outcome", ["fail", "error"])
def test_one_bad_result_makes_the_run_not_conforming(outcome):
    report = outcome_of(FakeCheck(("pass", outcome, "pass")))
    assert report.exit_code == 1
    assert [r.case for r in report.bad] == ["case-1"]


def test_an_exception_is_an_error_and_keeps_what_came_before():
    report = outcome_of(FakeCheck(("pass",), raises=ZeroDivisionError("by nothing")))
    assert [r.outcome for r in report.results] == ["pass", "error"]
    assert report.results[1].message == "ZeroDivisionError: by nothing"
    assert report.exit_code == 1


def test_a_malformed_specification_breaks_the_run():
    with pytest.raises(SpecError):
        outcome_of(FakeCheck(raises=SpecError("broken")))


def test_unsupported_is_not_passed():
    report = outcome_of(FakeCheck((), raises=Unsupported("no such thing")))
    assert report.counts["unsupported"] == 1
    assert report.counts["pass"] == 0
    assert not report.conforming
    assert report.exit_code == 2


def test_a_missing_function_and_a_missing_dtype_are_unsupported():
    mine = FunctionSubject("mine", {"log_cosh": abs}, dtypes=("float32",))
    report = run([mine], [HUBER, OTHER], {"value": FakeCheck()}, ["float64", "float32"])
    assert [(r.loss, r.dtype, r.outcome) for r in report.results] == [
        ("huber_loss", "float64", "unsupported"),
        ("huber_loss", "float32", "unsupported"),
        ("log_cosh", "float64", "unsupported"),
        ("log_cosh", "float32", "pass"),
    ]


def test_a_known_failure_is_expected_and_the_run_conforms():
    known = {"numpy": [Expectation("huber_loss", "value", "no lgamma", case="case-1")]}
    report = outcome_of(FakeCheck(("pass", "fail")), known=known)
    assert [r.outcome for r in report.results] == ["pass", "expected failure"]
    assert report.results[1].reason == "no lgamma"
    assert report.exit_code == 0


def test_an_expected_failure_keeps_what_happened_beside_why():
    entry = Expectation("huber_loss", "value", "clamped", kind="bug", issue="https://e.org/1")
    known = {"numpy": [entry]}
    (found,) = outcome_of(FakeCheck((), raises=ValueError("3 ULP off")), known=known).results
    assert found.message == "ValueError: 3 ULP off"
    assert (found.reason, found.kind, found.issue) == ("clamped", "bug", "https://e.org/1")


def test_one_entry_can_speak_of_several_cases():
    known = {"numpy": [Expectation("huber_loss", "value", "no lgamma", case="case-?")]}
    report = outcome_of(FakeCheck(("fail", "error")), known=known)
    assert [r.outcome for r in report.results] == ["expected failure"] * 2
    known = {"numpy": [Expectation("huber_loss", "value", "no lgamma", case="*-1")]}
    report = outcome_of(FakeCheck(("fail", "fail")), known=known)
    assert [r.outcome for r in report.results] == ["fail", "expected failure"]


def test_a_known_failure_that_passes_fails_the_run():
    known = {"numpy": [Expectation("huber_loss", "value", "no lgamma")]}
    report = outcome_of(FakeCheck(("pass", "pass")), known=known)
    assert {r.outcome for r in report.results} == {"unexpected pass"}
    assert report.exit_code == 1


def test_an_expectation_that_matches_nothing_fails_the_run():
    known = {"numpy": [Expectation("huber_loss", "value", "gone", case="renamed")]}
    report = outcome_of(FakeCheck(), known=known)
    assert report.stale == ["numpy: huber_loss value renamed: matches nothing; remove the entry"]
    assert report.exit_code == 1


@pytest.mark.parametrize(
    "entry",
    [
        Expectation("log_cosh", "value", "another loss"),
        Expectation("huber_loss", "shape", "another check"),
        Expectation("huber_loss", "value", "another dtype", dtype="float16"),
    ],
)
def test_an_expectation_outside_this_run_is_left_alone(entry):
    assert outcome_of(FakeCheck(), known={"numpy": [entry]}).exit_code == 0


def test_progress_counts_to_the_end():
    steps = []
    outcome_of(FakeCheck(), progress=steps.append)
    assert [(s.done, s.total) for s in steps] == [(0, 1), (1, 1)]
    assert steps[0].loss == "huber_loss"


def test_the_seed_differs_from_run_to_run_and_can_be_given():
    assert Settings().seed != Settings().seed
    assert Settings(seed=7).seed == 7
