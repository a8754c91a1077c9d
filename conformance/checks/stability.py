"""Extreme inputs of every kind, in value and gradient.

No NaN and no infinity where a finite value is due, nothing off by more than one per cent of its
scale, NaN for NaN and for what lies outside the domain, never below the lower bound of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .asking import together
from .cases import Case, grouped
from .expected import quantities
from .hazards import grid
from .inquiry import ONE_PER_CENT, Inquiry

PER_DTYPE = True


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Ask for value and gradients over the whole grid; one result per quantity and parameters."""
    inquiry = Inquiry(subject, spec, "stability", dtype, settings)
    for cases in grouped(inquiry.defined(grid(spec, dtype))):
        yield from _judged(inquiry, cases)


def _judged(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    chosen = {k: v for k, v in cases[0].parameters.items() if v is not None}
    suffix = "".join(f"/{name}={value!r}" for name, value in chosen.items())
    per_cent = ONE_PER_CENT * 2.0**inquiry.form.precision
    wanted = quantities(inquiry.spec, "value", "gradient")
    for quantity, answer, request in together(inquiry, cases, wanted):
        name = f"grid/{quantity.label}{suffix}"
        if answer.response is None:
            yield inquiry.unanswered(name, answer, request)
            continue
        tolerance = inquiry.tolerance(quantity, least=per_cent)
        found = inquiry.judged_batch(
            cases, quantity, answer.arrays[0], request, tolerance, "{id}", answer.refused
        )
        result = inquiry.summarised(name, found)
        if result is not None:
            yield result
