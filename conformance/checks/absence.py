"""Classes that are left out: the result is that of the others alone."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..oracle.specfile import Spec
from ..result import Result
from ..subject import Request
from .asking import together
from .cases import Array, Case, labels_of, reduces
from .expected import VALUE, quantities
from .hazards import CLASSES
from .inquiry import Inquiry
from .probing import Probe

COUNT = 6
_GARBAGE = (math.nan, math.inf, -math.inf, -7.0)


def left_out(inquiry: Inquiry) -> Iterator[Result]:
    """One more class with garbage in it, left out in the same place and in different places."""
    if not inquiry.spec.class_mask or not inquiry.subject.traits.options:
        return
    probe = Probe(inquiry, 0)
    for parameters in probe.sets:
        cases = probe.cases(COUNT, parameters)
        suffix = "".join(f"/{k}={v!r}" for k, v in parameters.items() if v is not None)
        yield from _judged(inquiry, cases, [1] * COUNT, "left-out/one-class", suffix)
        places = [i % (CLASSES + 1) for i in range(COUNT)]
        yield from _judged(inquiry, cases, places, "left-out/a-class-each", suffix)


def ignored(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """Of a building block, 0 for a label that is ignored, be it a class otherwise or none."""
    label = labels_of(inquiry.spec)
    if label is None or reduces(inquiry.spec):
        return
    for title, number in (("inside", cases[0].inputs[label]), ("outside", -100)):
        first = replace(cases[0], inputs={**cases[0].inputs, label: number})
        asked = [first, *cases[1:]]
        kept = [i for i, case in enumerate(asked) if case.inputs[label] != number]
        request = inquiry.request(asked, options={"ignore_index": number})
        answer, name = inquiry.ask(request), f"ignore_index/{title}"
        if answer.response is None:
            yield inquiry.unanswered(name, answer, request)
            continue
        rows = answer.arrays[0]
        found = inquiry.judged_batch([asked[i] for i in kept], VALUE, rows[kept], request)
        summary = inquiry.summarised(name, found) or inquiry.result(name)
        if np.any(np.delete(rows, kept, axis=0)):
            shown = inquiry.subject.reproduce(request)
            problem = "an ignored label gives numbers that are not 0"
            summary = inquiry.result(name, "fail", problem, reproduce=shown)
        yield summary


def _judged(
    inquiry: Inquiry, cases: list[Case], places: list[int], title: str, suffix: str
) -> Iterator[Result]:
    alike = len(set(places)) == 1

    def widened(request: Request) -> Request:
        mask = np.ones((len(cases), CLASSES + 1), dtype=bool)
        mask[np.arange(len(cases)), places] = False
        options = {
            **request.options,
            inquiry.spec.class_mask: mask[0] if alike else mask,
        }
        if "cotangent" in options:
            options["cotangent"] = _inserted(options["cotangent"], places)
        return replace(request, inputs=_inputs(inquiry.spec, request, places), options=options)

    wanted = quantities(inquiry.spec, "value", "gradient", "hessian_diag")
    for quantity, answer, request in together(inquiry, cases, wanted, widened):
        name = f"{title}/{quantity.label}{suffix}"
        if answer.response is None:
            yield inquiry.unanswered(name, answer, request)
            continue
        array, wrong = answer.arrays[0], ""
        if quantity.wrt is not None or inquiry.spec.has_vector_output:
            # What is least: no probability, and -inf for its logarithm.
            due = inquiry.range[0] if quantity == VALUE else 0.0
            array, wrong = _kept(array, places, due)
        if wrong:
            shown = inquiry.subject.reproduce(request)
            yield inquiry.result(name, "fail", wrong, reproduce=shown)
            continue
        found = inquiry.judged_batch(cases, quantity, array, request)
        summary = inquiry.summarised(name, found)
        if summary is not None and summary.outcome == "fail":
            summary = replace(summary, reproduce=inquiry.subject.reproduce(request))
        yield summary or inquiry.result(name)


def _inputs(spec: Spec, request: Request, places: list[int]) -> dict[str, Array]:
    """The inputs with one more class, where they have classes; labels count it."""
    label = labels_of(spec)
    found = {}
    for name, array in request.inputs.items():
        if name == label:
            found[name] = array + (array >= places)
        else:
            one_each = spec.inputs[name]["shape"] == "(k)"
            found[name] = _inserted(array, places) if one_each else array
    return found


def _inserted(rows: Array, places: list[int]) -> Array:
    """Rows with one more entry, which holds garbage."""
    return np.asarray(
        [
            np.insert(row, place, _GARBAGE[i % len(_GARBAGE)])
            for i, (row, place) in enumerate(zip(rows, places, strict=True))
        ]
    )


def _kept(array: Array, places: list[int], due: float) -> tuple[Array, str]:
    """The entries of the classes that are there, and what is wrong with those of the others."""
    if array.shape != (len(places), CLASSES + 1):
        return array, f"the result has shape {array.shape}"
    rows = np.arange(len(places))
    absent = array[rows, places]
    wrong = ""
    if not np.all(absent == due):
        wrong = f"absent classes give {absent.tolist()} where {due} is due"
    kept = [np.delete(row, place) for row, place in zip(array, places, strict=True)]
    return np.asarray(kept), wrong
