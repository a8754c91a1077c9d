"""The value at every point of the specification, in ULP of the golden result."""

from __future__ import annotations

from collections.abc import Iterator

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .cases import golden_cases, grouped
from .expected import VALUE
from .inquiry import Inquiry

PER_DTYPE = True


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Ask for the loss of each point, unreduced."""
    inquiry = Inquiry(subject, spec, "value", dtype, settings)
    for cases in grouped(golden_cases(spec, dtype)):
        request = inquiry.request(cases)
        answer = inquiry.ask_rows(request)
        if answer.response is None:
            for case in cases:
                yield inquiry.unanswered(f"{case.id}/value", answer, request)
            continue
        yield from inquiry.judged_batch(
            cases, VALUE, answer.arrays[0], request, refused=answer.refused
        )
