"""Derivatives of a batch: asked together where a subject can, judged with regard to kinks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from ..result import Result
from ..subject import Refusal, Request
from . import expected
from .cases import Array, Case
from .expected import Quantity
from .inquiry import Inquiry, shown_value, single
from .judging import Tolerance, within


def explicit(
    inquiry: Inquiry, groups: list[list[Case]], wanted: list[Quantity]
) -> Iterator[Result]:
    """The derivatives of one kind that a subject gives by itself."""
    kind, wrt = wanted[0].kind, tuple(str(q.wrt) for q in wanted)
    for cases in groups:
        request = inquiry.request(cases, kind, wrt)
        answer = inquiry.ask_rows(request)
        if answer.response is not None:
            for quantity, array in zip(wanted, answer.arrays, strict=True):
                one = replace(request, wrt=(str(quantity.wrt),))
                tolerance = inquiry.tolerance(quantity)
                yield from judged_derivative(
                    inquiry, cases, quantity, array, one, tolerance, "{id}/{label}", answer.refused
                )
        elif len(wanted) > 1 and answer.outcome != "spared":
            # Some give one derivative and not the others.
            for quantity in wanted:
                yield from explicit(inquiry, [cases], [quantity])
        else:
            for quantity in wanted:
                for case in cases:
                    yield inquiry.unanswered(f"{case.id}/{quantity.label}", answer, request)


def judged_derivative(
    inquiry: Inquiry,
    cases: list[Case],
    quantity: Quantity,
    array: Array,
    request: Request,
    tolerance: Tolerance,
    name: str,
    refused: Mapping[int, Refusal] | None = None,
) -> Iterator[Result]:
    """A result per example, and at each kink a second one, on the permitted interval."""
    yield from inquiry.judged_batch(cases, quantity, array, request, tolerance, name, refused)
    if array.shape[:1] != (len(cases),):
        return
    for i, case in enumerate(cases):
        interval = expected.permitted(inquiry.spec, case, quantity)
        if interval is None:
            continue
        title = name.format(id=case.id, label=quantity.label) + "/permitted"
        scale = expected.due(inquiry.spec, case, quantity, inquiry.form).scale
        if within(array[i], interval, tolerance, scale):
            yield inquiry.result(title, flags=case.flags, note=case.note)
            continue
        low, high = shown_value(interval.low), shown_value(interval.high)
        yield inquiry.result(
            title,
            "fail",
            f"{quantity.words} at the kink lies outside [{low}, {high}]",
            flags=case.flags,
            note=case.note,
            expected=f"[{low}, {high}]",
            got=repr(array[i].tolist()),
            reproduce=inquiry.subject.reproduce(single(request, i, len(cases))),
        )
