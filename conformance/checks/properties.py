"""The definition against the subject over the whole range, and every property that is stated.

Hypothesis draws the inputs from the seed that the run prints; the same seed draws the same inputs
for every subject. A hunt draws more of them, of more shapes, and steers towards larger errors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import hypothesis
from hypothesis import strategies

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from . import stated
from .asking import together
from .cases import core_shape, core_sizes, fitted, grouped
from .expected import Quantity, quantities
from .hazards import parameter_sets
from .inquiry import Inquiry
from .sampling import bytes_needed, drawn_cases

PER_DTYPE = True
BATCH = 32
_MOST_BYTES = 6_000
"""Hypothesis gives up on draws of more than 8 KiB."""
_CLASSES = 3
_HUNTED_CLASSES = (1, 2, 3, 5, 8)
_SETS = 2


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Judge drawn inputs in this dtype, and in the widest dtype the stated properties too."""
    inquiry = Inquiry(subject, spec, "properties", dtype, settings)
    if inquiry.form.precision < 24 and not settings.hunt:
        return  # halves are computed in float32; their extremes are looked at for stability
    sets = parameter_sets(spec, inquiry.form, vectors=True)
    if not settings.hunt:
        sets = sets[:_SETS]
    for parameters in sets:
        share = math.ceil((settings.examples + settings.hunt) / len(sets))
        yield from _drawn(inquiry, parameters, share, settings)
    if dtype == subject.traits.widest:
        yield from stated.run(inquiry, settings)


def _drawn(
    inquiry: Inquiry, parameters: dict[str, float | None], count: int, settings: Settings
) -> Iterator[Result]:
    """One result per quantity: the worst of `count` inputs that hypothesis draws."""
    wanted = quantities(inquiry.spec, "value", "gradient", "hessian_diag")
    found: dict[Quantity, list[Result]] = {quantity: [] for quantity in wanted}
    classes: tuple[int, ...] = _HUNTED_CLASSES if settings.hunt else (_CLASSES,)
    signature = inquiry.spec.signature
    cores = (*signature.inputs, signature.output)
    if signature.elementwise:
        classes = (1,)
    if "largest" in inquiry.spec.data:
        classes = tuple(n for n in classes if n <= int(inquiry.spec.data["largest"]))
    arrangements = [
        sizes
        for number in classes
        for sizes in _arrangements(inquiry.spec, number)
        if all(0 not in core_shape(core, sizes) for core in cores)
    ]
    for sizes in arrangements:
        given = fitted(inquiry.spec, parameters, sizes)
        _explore(inquiry, given, found, sizes, math.ceil(count / len(arrangements)), settings)
    suffix = "".join(f"/{k}={v!r}" for k, v in parameters.items() if v is not None)
    for quantity in wanted:
        result = inquiry.summarised(f"drawn/{quantity.label}{suffix}", found[quantity])
        if result is not None:
            yield replace(result, note=f"{len(found[quantity])} inputs, seed {settings.seed}")


def _arrangements(spec: Spec, number: int) -> list[dict[str, int]]:
    """Sizes of the core dimensions: where there are several, equal ones and others."""
    found = [core_sizes(spec, number), core_sizes(spec, number, equal=True)]
    return found if found[0] != found[1] else found[:1]


def _explore(
    inquiry: Inquiry,
    parameters: dict[str, float | None],
    found: dict[Quantity, list[Result]],
    sizes: dict[str, int],
    count: int,
    settings: Settings,
) -> None:
    batch = max(1, min(BATCH, _MOST_BYTES // bytes_needed(inquiry.spec, 1, sizes)))
    batches, size = math.ceil(count / batch), bytes_needed(inquiry.spec, batch, sizes)
    phases = [hypothesis.Phase.generate]
    if settings.hunt:
        phases.append(hypothesis.Phase.target)

    @hypothesis.seed(settings.seed)
    @hypothesis.settings(
        max_examples=batches + 1,  # the first draw is always the simplest one
        database=None,
        deadline=None,
        phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategies.binary(min_size=size, max_size=size))
    def explore(data: bytes) -> None:
        cases = drawn_cases(inquiry.spec, inquiry.dtype, parameters, data, sizes)
        worst: dict[str, float] = {}
        for group in grouped(inquiry.defined(cases)):
            for quantity, answer, request in together(inquiry, group, list(found)):
                if answer.response is None:
                    judged = [inquiry.unanswered(quantity.label, answer, request)]
                else:
                    array = answer.arrays[0]
                    judged = list(
                        inquiry.judged_batch(
                            group, quantity, array, request, None, "{id}", answer.refused
                        )
                    )
                found[quantity].extend(judged)
                errors = [r.ulp for r in judged if r.ulp is not None]
                worst[quantity.label] = max([worst.get(quantity.label, 0.0), *errors])
        for label, ulp in worst.items() if settings.hunt else ():
            if math.isfinite(ulp):
                hypothesis.target(ulp, label=label)

    explore()
