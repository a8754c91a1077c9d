"""The gradient by every differentiable input at every point: the explicit one, and autodiff's.

At a kink two things are judged apart: that the gradient lies in the interval of subgradients, and
that it is the one that the specification chooses, the same on every library.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .cases import Case, golden_cases, grouped
from .derivatives import explicit, judged_derivative
from .expected import Quantity, quantities
from .inquiry import Inquiry

PER_DTYPE = True


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Ask for the gradients of each point, unreduced, and for what autodiff makes of the value.

    Autodiff, which a compiling library compiles anew each time, is asked at the most points that
    share a shape and parameters, by the first input; the check of transforms asks for the others.
    """
    inquiry = Inquiry(subject, spec, "gradient", dtype, settings)
    wanted = quantities(spec, "gradient")
    if not wanted:
        return
    kinds = subject.traits.transforms
    autodiff = next((name for name, kind in kinds.items() if kind == "gradient"), None)
    groups = grouped(golden_cases(spec, dtype))
    yield from explicit(inquiry, groups, wanted)
    if autodiff is not None and groups:
        yield from _automatic(inquiry, max(groups, key=len), wanted[0], autodiff)


def _automatic(
    inquiry: Inquiry, cases: list[Case], quantity: Quantity, transform: str
) -> Iterator[Result]:
    """The gradient that the subject's own library finds by differentiating the value."""
    name = f"{{id}}/{transform}/{quantity.wrt}"
    request = inquiry.request(cases, "value", (str(quantity.wrt),), transform=transform)
    answer = inquiry.ask(request)
    if answer.response is None:
        for case in cases:
            yield inquiry.unanswered(name.format(id=case.id), answer, request)
        return
    tolerance = inquiry.tolerance(quantity)
    yield from judged_derivative(
        inquiry, cases, quantity, answer.arrays[0], request, tolerance, name
    )
