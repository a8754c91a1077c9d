"""The diagonal of the Hessian at every point of the specification."""

from __future__ import annotations

from collections.abc import Iterator

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .cases import golden_cases, grouped
from .derivatives import explicit
from .expected import quantities
from .inquiry import Inquiry

PER_DTYPE = True


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Ask for the curvature of each point by each input that has one, unreduced."""
    inquiry = Inquiry(subject, spec, "curvature", dtype, settings)
    wanted = quantities(spec, "hessian_diag")
    if wanted:
        yield from explicit(inquiry, grouped(golden_cases(spec, dtype)), wanted)
