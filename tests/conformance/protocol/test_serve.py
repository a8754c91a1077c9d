"""A Python subject in a process of its own is judged as in this one, fault by fault."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lossapi.conformance import Subject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.protocol.client import HarnessSubject
from lossapi.conformance.protocol.process import HarnessError
from lossapi.conformance.result import KINDS, Result, Settings
from lossapi.conformance.runner import load_checks, run

from .faulty import Faulty

LOSS = "squared_error"
SERVE = [sys.executable, "-m", "lossapi.conformance.protocol.serve"]


@pytest.fixture(scope="module")
def fault(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that says which fault the subject has."""
    place = tmp_path_factory.mktemp("fault") / "fault"
    place.write_text("")
    return place


@pytest.fixture(scope="module")
def served(fault: Path) -> Iterator[HarnessSubject]:
    """The subject of the module `faulty`, in a process of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        with pytest.MonkeyPatch.context() as own:
            own.setenv("FAULT", str(fault))
            subject = HarnessSubject([*SERVE, "faulty:subject"])
        yield subject
        subject.close()


def judged(subject: Subject) -> list[Result]:
    settings = Settings(examples=8, seed=7)
    return run([subject], [load_spec(LOSS)], load_checks(), ("float64",), settings).results


def test_it_says_what_it_is(served: HarnessSubject) -> None:
    assert (served.name, served.version) == ("faulty", "1")
    assert served.traits == Faulty().traits
    assert served.supports(LOSS)
    assert not served.supports("no_such_loss")


def test_a_right_one_passes_every_check_whatever_its_library_prints(
    served: HarnessSubject, fault: Path
) -> None:
    fault.write_text("")
    results = judged(served)
    assert {result.outcome for result in results} == {"pass"}
    assert {result.check for result in results} == set(KINDS)


@pytest.mark.parametrize("kind", ["value", "raises"])
def test_it_is_judged_as_in_this_process(kind: str, served: HarnessSubject, fault: Path) -> None:
    fault.write_text(kind)
    here, there = judged(Faulty(fault)), judged(served)
    assert [str(result) for result in there] == [str(result) for result in here]
    assert any(result.bad for result in here)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_fails_the_check_it_is_planted_for_and_no_other(
    kind: str, served: HarnessSubject, fault: Path
) -> None:
    fault.write_text(kind)
    bad = [result for result in judged(served) if result.bad]
    assert {result.check for result in bad} == {kind}, bad
    assert all(result.reproduce.startswith("import lossapi") for result in bad)


@pytest.mark.usefixtures("served")
def test_a_library_that_ends_the_interpreter_is_no_subject() -> None:
    with pytest.raises(HarnessError, match="SIGABRT"):
        HarnessSubject([*SERVE, "faulty:ends"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage: python -m"),
        (["no.such.module:here"], "No module named 'no'"),
        (["math:pi"], "math:pi is a float; accepted is a subject"),
    ],
)
def test_what_cannot_be_served_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(HarnessError) as raised:
        HarnessSubject([*SERVE, *arguments])
    assert told in str(raised.value)
