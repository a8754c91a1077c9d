"""Sums of many terms, which must not lose what each of them adds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from lossapi.domain import LABELS

from ..oracle import formats
from ..result import Result
from .cases import Case, Value, core_sizes, labelled, nested, shape_of
from .expected import VALUE
from .hazards import CLASSES, parameter_sets
from .inquiry import Inquiry
from .probing import described
from .reducing import Batch

HALF_ROWS = 70_000
"""More than float16 can count."""
SINGLE_TERMS = 2**20
"""Enough that adding them one after the other in float32 goes wrong in the third digit."""
_CLOSE = 1e-6
_SHARES = (0.7, 0.2, 0.1)


def large_sums(inquiry: Inquiry) -> Iterator[Result]:
    """The mean over more rows than float16 counts, the sum of millions of float32 terms."""
    if inquiry.form.precision < 24:
        yield from _many(inquiry, (HALF_ROWS,), "mean", f"{HALF_ROWS}-rows/mean")
    elif inquiry.dtype == "float32":
        # An axis that is not the last one: libraries add up along it one by one.
        rows = SINGLE_TERMS // (2 if inquiry.spec.signature.elementwise else 16)
        yield from _many(inquiry, (rows, 2), "sum", f"{2 * rows}-terms/sum")


def _many(inquiry: Inquiry, shape: tuple[int, ...], reduction: str, name: str) -> Iterator[Result]:
    case = _case(inquiry)
    batch = Batch(inquiry, [case])
    request = batch.request("value", {"reduction": reduction})
    inputs = {
        key: np.ascontiguousarray(np.broadcast_to(value[0], (*shape, *value.shape[1:])))
        for key, value in request.inputs.items()
    }
    large = replace(request, inputs=inputs)
    if not inquiry.subject.traits.loop_axes:
        large = replace(
            large, inputs={k: v.reshape(-1, *v.shape[len(shape) :]) for k, v in inputs.items()}
        )
    answer = inquiry.ask(large)
    if answer.response is None:
        yield inquiry.unanswered(name, answer, replace(large, inputs=request.inputs))
        return
    loss = batch.value([1.0], "sum")[0].exact
    due = loss if reduction == "mean" else loss * math.prod(shape)
    got = float(answer.arrays[0].reshape(-1)[0])
    error = formats.ulp_error(got, due, inquiry.form)
    allowed = max(batch.tolerance(VALUE).ulp, _CLOSE * 2.0**inquiry.form.precision)
    if error <= allowed:
        yield inquiry.result(name, ulp=error)
        return
    shown = inquiry.subject.reproduce(replace(large, inputs=request.inputs))
    yield inquiry.result(
        name,
        "fail",
        f"the {reduction} of {math.prod(shape)} equal losses is {got!r}, {error:.3g} ULP off",
        ulp=error,
        expected=repr(formats.round_to(due, inquiry.form)),
        got=repr(got),
        reproduce=f"{shown}  # of {'x'.join(map(str, shape))} such examples",
    )


def _case(inquiry: Inquiry) -> Case:
    """An example whose loss has many digits, so that every addition rounds."""
    inputs: dict[str, Value] = {}
    for n, (name, entry) in enumerate(inquiry.spec.inputs.items()):
        domain = inquiry.spec.domain(name)
        numbers: list[Any] = [formats.round_to(x, inquiry.form) for x in _SHARES]
        sizes = core_sizes(inquiry.spec, CLASSES)
        if entry["dtype"] == LABELS:
            usual = partial(int, entry.get("default", 1))
            inputs[name] = labelled(inquiry.spec, name, sizes, usual)
        elif domain.is_mask:
            (size,) = shape_of(inquiry.spec, name, sizes)
            inputs[name] = [float(i == 0) for i in range(size)]
        else:
            if domain.values is not None:
                vector = list(domain.values[-1:] if n == 0 else domain.values[::-1])
            else:
                vector = numbers if n == 0 else numbers[::-1]
                vector = [-x for x in vector] if domain.high == 0.0 else vector
                vector = sorted(vector) if domain.is_increasing else vector
            shape = shape_of(inquiry.spec, name, sizes)
            inputs[name] = nested(np.resize(vector, math.prod(shape)).tolist(), shape)
    parameters = parameter_sets(inquiry.spec, inquiry.form)[0]
    return Case(described(inputs), inputs, parameters)
