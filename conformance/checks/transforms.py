"""What a library does to functions: compilation, mapping, its own derivatives of every order.

Under each transform a choice of the specification's points (typical, kink, saturated, infinite …)
is asked for again; the points without a finite gradient stand among them, masked. A library that
differentiates the value itself may lose a few bits against the written gradient: four times the
stated error is allowed, and still never a NaN or an infinity where a finite value is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossapi.domain import LABELS

from ..oracle import formats
from ..oracle.formats import Format
from ..oracle.specfile import Spec
from ..oracle.trees import flat
from ..result import Result, Settings
from ..subject import DERIVED, Request, Subject
from . import expected, hessians
from .cases import Array, Case, computing, golden_cases, grouped, reduces, smallest_normal
from .derivatives import judged_derivative
from .expected import VALUE, Quantity
from .inquiry import Inquiry
from .judging import judge

PER_DTYPE = False
LOST_BITS = 4.0
_LARGEST = 10
_MASKED = 4
_TANGENT = (1.0, -1.0, 2.0, 0.5)


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """One result for each transform, quantity and point."""
    inquiry = Inquiry(subject, spec, "transforms", dtype, settings)
    if not subject.traits.transforms:
        return
    kept, gone = _chosen(inquiry)
    mask = np.asarray([True] * len(kept) + [False] * len(gone))
    maskable = reduces(spec) and subject.traits.options and bool(gone)
    seen: set[str] = set()
    for name, kind in subject.traits.transforms.items():
        if kind in DERIVED and not spec.differentiable:
            continue
        # Everything masked, and one transform of each kind without a mask as well.
        if kind not in seen or not maskable:
            yield from _KINDS[kind](inquiry, name, kept, None)
        if maskable:
            yield from _KINDS[kind](inquiry, name, kept + gone, mask)
        seen.add(kind)


def under(inquiry: Inquiry, transform: str, cases: list[Case]) -> Iterator[Result]:
    """What becomes of these cases under one transform."""
    kind = inquiry.subject.traits.transforms[transform]
    yield from _KINDS[kind](inquiry, transform, cases, None)


def _chosen(inquiry: Inquiry) -> tuple[list[Case], list[Case]]:
    """Points of one shape and the default parameters: finite gradients of many flags, and others.

    The derivative of a sum of examples mixes infinite and finite ones in forward mode, since a
    tangent of 0 times infinity is NaN: the points whose derivatives are not finite come masked.
    """
    spec, form = inquiry.spec, inquiry.form
    groups = grouped(golden_cases(spec, inquiry.dtype))
    plain = [group for group in groups if not group[0].parameters] or groups
    cases = max(plain, key=len)
    if inquiry.subject.traits.flushes_subnormals:
        least = smallest_normal(computing(form))
        cases = [case for case in cases if not any(0 < abs(x) < least for x in case.numbers)]
    finite = [case for case in cases if _is_finite(spec, case, form)]
    others = [case for case in cases if case not in finite]
    flags: set[str] = set()
    new = []
    for case in finite:
        if not flags.issuperset(case.flags):
            new.append(case)
        flags.update(case.flags)
    rest = [case for case in finite if case not in new]
    kept = (new + rest)[:_LARGEST]
    return kept, (others + rest)[:_MASKED]


def _is_finite(spec: Spec, case: Case, form: Format) -> bool:
    """Whether all derivatives of a point are finite numbers of the format."""
    return all(
        formats.isfinite(formats.round_to(x, form))
        for quantity in expected.quantities(spec, "gradient", "hessian_diag")
        for x in flat(expected.due(spec, case, quantity).exact)
    )


def _request(
    inquiry: Inquiry,
    transform: str,
    cases: list[Case],
    mask: Array | None,
    want: str,
    wrt: str = "",
) -> Request:
    options: dict[str, Any] = {} if mask is None else {"where": mask}
    names = (wrt,) if wrt else ()
    return inquiry.request(cases, want, names, options, transform=transform)


def _title(transform: str, mask: Array | None) -> str:
    return transform if mask is None else f"{transform}-masked"


def _kept(array: Array, mask: Array | None) -> tuple[list[int], list[int]]:
    """The indices of the examples that count, and of the masked ones."""
    kept = [i for i in range(len(array)) if mask is None or mask[i]]
    return kept, [i for i in range(len(array)) if i not in set(kept)]


def _judged(
    inquiry: Inquiry,
    title: str,
    cases: list[Case],
    mask: Array | None,
    quantity: Quantity,
    request: Request,
) -> Iterator[Result]:
    """Kept examples as they are due, masked ones exactly 0."""
    answer = inquiry.ask(request)
    if answer.response is None:
        yield inquiry.unanswered(f"{title}/{quantity.label}", answer, request)
        return
    yield from _verdicts(inquiry, title, cases, mask, quantity, request, answer.arrays[0])


def _verdicts(
    inquiry: Inquiry,
    title: str,
    cases: list[Case],
    mask: Array | None,
    quantity: Quantity,
    request: Request,
    array: Array,
) -> Iterator[Result]:
    kind = inquiry.subject.traits.transforms[str(request.transform)]
    tolerance = inquiry.tolerance(quantity, LOST_BITS)._replace(own=kind == "gradient")
    name = f"{title}/{quantity.label}/{{id}}"
    if array.shape[:1] != (len(cases),):
        problem = f"the result has shape {array.shape} for {len(cases)} examples"
        yield inquiry.result(f"{title}/{quantity.label}", "fail", problem)
        return
    kept, gone = _kept(array, mask)
    left = [cases[i] for i in kept]
    if quantity.kind == "value":
        found = inquiry.judged_batch(left, quantity, array[kept], request, tolerance, name)
    else:
        found = judged_derivative(inquiry, left, quantity, array[kept], request, tolerance, name)
    for result in found:
        shown = inquiry.subject.reproduce(request) if result.outcome == "fail" else ""
        yield replace(result, reproduce=shown)
    if gone:
        yield _zero(inquiry, f"{title}/{quantity.label}/masked-entries", array[gone], request)


def _zero(inquiry: Inquiry, name: str, array: Array, request: Request) -> Result:
    if np.all(array == 0):
        return inquiry.result(name)
    wrong = array[array != 0].reshape(-1)[:4].tolist()
    problem = f"some entries are {wrong} where 0 is due"
    shown = inquiry.subject.reproduce(request)
    return inquiry.result(name, "fail", problem, expected="0", got=repr(wrong), reproduce=shown)


def _call(
    inquiry: Inquiry, transform: str, cases: list[Case], mask: Array | None
) -> Iterator[Result]:
    """Compiled, mapped and the like: the same values, and with a mask the written gradients too."""
    title = _title(transform, mask)
    if mask is None:
        request = _request(inquiry, transform, cases, mask, "value")
        yield from _judged(inquiry, title, cases, mask, VALUE, request)
        return
    first = inquiry.spec.differentiable[0]
    request = _request(inquiry, transform, cases, mask, "value_and_grad", first)
    answer = inquiry.ask(request)
    if answer.response is None:
        yield inquiry.unanswered(f"{title}/value_and_grad", answer, request)
        return
    for quantity, array in zip((VALUE, Quantity("gradient", first)), answer.arrays, strict=True):
        yield from _verdicts(inquiry, title, cases, mask, quantity, request, array)


def _gradient(
    inquiry: Inquiry, transform: str, cases: list[Case], mask: Array | None
) -> Iterator[Result]:
    """The library's own gradient of the value, by each input; 0 by one that is held constant."""
    names = inquiry.spec.differentiable if mask is None else inquiry.spec.differentiable[:1]
    for name in names:
        request = _request(inquiry, transform, cases, mask, "value", name)
        quantity = Quantity("gradient", name)
        yield from _judged(inquiry, _title(transform, mask), cases, mask, quantity, request)
    held = [
        n
        for n, e in inquiry.spec.inputs.items()
        if not (e["differentiable"] or e["dtype"] == LABELS)
    ]
    for name in held:
        request = _request(inquiry, transform, cases, mask, "value", name)
        answer = inquiry.ask(request)
        title = f"{_title(transform, mask)}/gradient/{name}/held"
        if answer.response is None:
            yield inquiry.unanswered(title, answer, request)
        else:
            yield _zero(inquiry, title, answer.arrays[0], request)


def _directional(
    inquiry: Inquiry, transform: str, cases: list[Case], mask: Array | None
) -> Iterator[Result]:
    """The derivative along a direction: the gradient times it."""
    title, first = _title(transform, mask), inquiry.spec.differentiable[0]
    request = _request(inquiry, transform, cases, mask, "value", first)
    if inquiry.spec.has_vector_output:
        return  # against a cotangent it is one number: the gradient says more
    tangent = np.resize(np.asarray(_TANGENT), request.inputs[first].shape)
    request = replace(request, tangent=tangent)
    answer = inquiry.ask(request)
    if answer.response is None:
        yield inquiry.unanswered(f"{title}/{first}", answer, request)
        return
    array = answer.arrays[0]
    if array.shape != (len(cases),):
        problem = f"the result has shape {array.shape} where ({len(cases)},) is due"
        yield inquiry.result(f"{title}/{first}", "fail", problem)
        return
    quantity = Quantity("gradient", first)
    tolerance = inquiry.tolerance(quantity, LOST_BITS)
    kept, gone = _kept(array, mask)
    for i in kept:
        case = cases[i]
        due = expected.due(inquiry.spec, case, quantity, inquiry.form)
        terms = [
            g * t for g, t in zip(flat(due.exact), tangent[i].reshape(-1).tolist(), strict=True)
        ]
        total = sum(terms)
        if not all(map(formats.isfinite, terms)) and len(terms) > 1:
            continue  # infinities of both signs have no sum
        scale = expected.cancelled(inquiry.spec, case, due.scale)
        scales = list(flat(scale)) if isinstance(scale, list) else [scale] * len(terms)
        sizes = [
            max(abs(term), 2 * abs(size or 0)) for term, size in zip(terms, scales, strict=True)
        ]
        verdict = judge(float(array[i]), total, sum(sizes), tolerance)
        yield inquiry.judged(case, quantity, verdict, request, f"{title}/{first}/{case.id}")
    if gone:
        yield _zero(inquiry, f"{title}/{first}/masked-entries", array[gone], request)


def _hessian(
    inquiry: Inquiry, transform: str, cases: list[Case], mask: Array | None
) -> Iterator[Result]:
    """Second derivatives: each example's own, and none between examples."""
    title, first = _title(transform, mask), inquiry.spec.differentiable[0]
    request = _request(inquiry, transform, cases, mask, "value", first)
    answer = inquiry.ask(request)
    if answer.response is None:
        yield inquiry.unanswered(f"{title}/{first}", answer, request)
        return
    yield from hessians.judged(inquiry, title, cases, mask, first, answer.arrays[0], request)


_KINDS = {
    "call": _call,
    "map": _call,
    "gradient": _gradient,
    "directional": _directional,
    "hessian": _hessian,
}
