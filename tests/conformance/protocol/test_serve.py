"""A Python subject in a process of its own is judged as in this one, fault by fault."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.protocol.client import HarnessSubject
from lossapi.conformance.protocol.process import HarnessError
from lossapi.conformance.result import KINDS, Result, Settings
from lossapi.conformance.runner import load_checks, run

LOSS = "squared_error"
SERVE = [sys.executable, "-m", "lossapi.conformance.protocol.serve"]
Serve = Callable[[str], HarnessSubject]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A subject of the module `faulty` in a process of its own, with a fault in it."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    made = []

    def serve(fault: str = "") -> HarnessSubject:
        monkeypatch.setenv("FAULT", fault)
        made.append(HarnessSubject([*SERVE, "faulty:subject"]))
        return made[-1]

    yield serve
    for subject in made:
        subject.close()


def judged(subject: HarnessSubject) -> list[Result]:
    settings = Settings(examples=8, seed=7)
    return run([subject], [load_spec(LOSS)], load_checks(), ("float64",), settings).results


def test_it_says_what_it_is(served: Serve) -> None:
    from .faulty import Faulty

    subject = served("")
    assert (subject.name, subject.version) == ("faulty", "1")
    assert subject.traits == Faulty("").traits
    assert subject.supports(LOSS)
    assert not subject.supports("no_such_loss")


def test_a_right_one_passes_every_check_whatever_its_library_prints(served: Serve) -> None:
    results = judged(served(""))
    assert {result.outcome for result in results} == {"pass"}
    assert {result.check for result in results} == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_fails_the_check_it_is_planted_for_and_no_other(kind: str, served: Serve) -> None:
    bad = [result for result in judged(served(kind)) if result.bad]
    assert {result.check for result in bad} == {kind}, bad
    assert all(result.reproduce.startswith("import lossapi") for result in bad)


def test_a_library_that_ends_the_interpreter_is_no_subject(served: Serve) -> None:
    served("")
    with pytest.raises(HarnessError, match="SIGABRT"):
        HarnessSubject([*SERVE, "faulty:ends"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "usage: python -m"),
        (["no.such.module:here"], "No module named 'no'"),
        (["math:pi"], "cannot be used here"),
    ],
)
def test_what_cannot_be_served_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(HarnessError) as raised:
        HarnessSubject([*SERVE, *arguments])
    assert told in str(raised.value)
