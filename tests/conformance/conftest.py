"""What the tests of planted mistakes ask: which cases a subject does not pass."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings
from lossapi.loss import Function
from lossapi.losses import registry
from lossapi.signature import SEVERAL


def _failures(check: str, subject: BackendSubject, loss: str, dtype: str) -> dict[str, Result]:
    """The cases of one check that a subject does not pass."""
    module = importlib.import_module(f"lossapi.conformance.checks.{check}")
    results: Iterator[Result] = module.run(subject, load_spec(loss), dtype, Settings(128, 7))
    return {result.case: result for result in results if result.bad}


@cache
def _healthy(check: str, backend: str, loss: str, dtype: str) -> list[str]:
    """The cases that the unbroken loss does not pass: none."""
    return sorted(_failures(check, BackendSubject(backend), loss, dtype))


Change = tuple[tuple[str, ...], Callable[..., Any]] | None
"""The inputs whose derivative is changed, and to what."""


def _mutated(
    loss: str,
    kernel: Callable[..., Any] | None = None,
    gradient: Change = None,
    curvature: Change = None,
    pullback: Callable[..., Any] | None = None,
) -> Function:
    """The loss with a mistake in it, known to nobody else."""
    original = registry[loss]
    kernel = kernel or original.kernel
    kernel.__name__ = loss
    texts = {name: domain.text for name, domain in original.domains.items()}
    for name, domain in original.parameter_domains.items():
        core = original.parameter_cores.get(name, ())
        text = " ".join([*(f"({dimension})" for dimension in core), domain.text])
        texts[name] = text + SEVERAL * (name in original.several)
    copy = type(original)(kernel, original.signature.text, texts)
    copy.gradients.update(original.gradients)
    copy.curvatures.update(original.curvatures)
    copy.vjps.update(original.vjps)
    copy.pullback_kernel = pullback or original.pullback_kernel
    for table, change in ((copy.gradients, gradient), (copy.curvatures, curvature)):
        if change is not None:
            names, function = change
            table.update(dict.fromkeys(names, (names, function)))
    return copy


@pytest.fixture(scope="session")
def mutated() -> Callable[..., Function]:
    """Makes a loss with another kernel, gradient or curvature."""
    return _mutated


@pytest.fixture(scope="session")
def failures() -> Callable[..., dict[str, Result]]:
    """Asks for the cases of one check that a subject does not pass."""
    return _failures


@pytest.fixture(scope="session")
def healthy() -> Callable[..., list[str]]:
    """Asks the same of the unbroken loss, once for all that are made of it."""
    return _healthy
