"""Kernels broken on purpose: each plausible mistake is caught by the check named beside it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.result import Result
from lossapi.loss import Function
from tests.conformance import mutants
from tests.conformance.mutants.mutant import Mutant

FAMILIES = [m.name for m in pkgutil.iter_modules(mutants.__path__) if m.name != "mutant"]
MUTANTS: list[Mutant] = [
    mutant
    for family in FAMILIES
    for mutant in importlib.import_module(f"{mutants.__name__}.{family}").MUTANTS
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_wrong_kernel_is_caught_by_name(
    mutant: Mutant,
    failures: Callable[..., dict[str, Result]],
    healthy: Callable[..., list[str]],
    mutated: Callable[..., Function],
) -> None:
    if mutant.backend != "numpy":
        pytest.importorskip(mutant.backend)
    assert healthy(mutant.check, mutant.backend, mutant.loss, mutant.dtype) == []
    wrong = mutated(mutant.loss, mutant.kernel, mutant.gradient, mutant.curvature, mutant.pullback)
    broken = BackendSubject(mutant.backend, losses={mutant.loss: wrong})
    found = failures(mutant.check, broken, mutant.loss, mutant.dtype)
    assert mutant.case in found, f"{mutant.mistake} went unnoticed: {sorted(found)}"
    result = found[mutant.case]
    assert result.outcome == "fail", result.message
    assert result.message
    assert result.got
    assert mutant.loss in result.reproduce
