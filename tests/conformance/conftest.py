"""What the tests of planted mistakes ask: which cases a subject does not pass."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings


def _failures(check: str, subject: BackendSubject, loss: str, dtype: str) -> dict[str, Result]:
    """The cases of one check that a subject does not pass."""
    module = importlib.import_module(f"lossapi.conformance.checks.{check}")
    results: Iterator[Result] = module.run(subject, load_spec(loss), dtype, Settings(128, 7))
    return {result.case: result for result in results if result.bad}


@cache
def _healthy(check: str, backend: str, loss: str, dtype: str) -> list[str]:
    """The cases that the unbroken loss does not pass: none."""
    return sorted(_failures(check, BackendSubject(backend), loss, dtype))


@pytest.fixture(scope="session")
def failures() -> Callable[..., dict[str, Result]]:
    """Asks for the cases of one check that a subject does not pass."""
    return _failures


@pytest.fixture(scope="session")
def healthy() -> Callable[..., list[str]]:
    """Asks the same of the unbroken loss, once for all that are made of it."""
    return _healthy
