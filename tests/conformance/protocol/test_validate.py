"""A harness that breaks the protocol is told what was sent, what came, and what is accepted."""

from __future__ import annotations

import os
import shlex
import sys

import pytest

from lossapi.conformance.protocol import process
from lossapi.conformance.protocol.validate import Exchange, validate

from .conftest import command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="harnesses run on Linux and macOS")


def exchanges(mode: str, timeout: float = 5.0) -> list[Exchange]:
    return list(validate(shlex.join(command(mode)), timeout))


def test_a_served_subject_keeps_to_the_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(__file__))
    serve = f"{sys.executable} -m lossapi.conformance.protocol.serve faulty:simple"
    found = list(validate(serve))
    assert {exchange.verdict for exchange in found} == {"ok", "unsupported"}
    assert found[0].what == "hello"
    assert found[-1].what == "bye"
    lacks = {exchange.what for exchange in found if exchange.verdict == "unsupported"}
    assert lacks == {"its gradient by target", "a function that there is not"}


@pytest.mark.parametrize(
    ("mode", "what", "told"),
    [
        ("exit-at-once", "hello", "ended with exit status 1 before it answered"),
        ("wrong-hello", "hello", "hello: the key protocol is missing"),
        ("crash", "huber_loss in float64", "was ended by signal 11 (SIGSEGV)"),
        ("garbage", "huber_loss in float64", "the line is not JSON"),
        ("huge-number", "huber_loss in float64", "results[0].data[0]: a number beyond float64"),
        ("wrong-id", "huber_loss in float64", "id: got 1001; accepted is 1000"),
        ("too-many", "its gradient by prediction", "id: got 1000; accepted is 1001"),
        ("deaf-to-bye", "bye", "it did not end by itself"),
        ("fails-at-bye", "bye", "it ended with exit status 4"),
        ("talks-at-bye", "bye", "more was written than was asked for"),
    ],
)
def test_what_is_wrong_is_explained(
    mode: str, what: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "deaf-to-bye":
        monkeypatch.setattr(process, "GRACE", 0.3)
    wrong = next(exchange for exchange in exchanges(mode) if exchange.verdict == "wrong")
    assert wrong.what == what
    assert told in wrong.problem
    lines = "\n".join(wrong.lines)
    assert "  sent      {" in lines
    assert "  accepted  " in lines
    assert ("  came      " in lines) == bool(wrong.came)


def test_results_of_another_shape_are_explained() -> None:
    wrong = next(e for e in exchanges("one-for-all") if e.verdict == "wrong")
    assert "results[0].shape: got [1]; accepted is [3], the examples first" in wrong.problem
    assert wrong.accepted.startswith('{"id": 1000, "results": [{"dtype": "float64", "shape": [3]')


def test_results_of_a_function_that_there_is_not_are_wrong() -> None:
    wrong = [exchange for exchange in exchanges("knows-all") if exchange.verdict == "wrong"]
    assert [exchange.what for exchange in wrong] == ["a function that there is not"]
