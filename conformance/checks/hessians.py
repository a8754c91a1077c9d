"""Hessians of a batch, against high-precision derivatives of the gradient's definition."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..oracle import definition, formats
from ..oracle import exact as oracle
from ..oracle.arithmetic import arithmetic
from ..oracle.trees import flat, refilled
from ..result import Result
from ..subject import Request
from . import expected
from .cases import Array, Case
from .expected import Quantity
from .inquiry import Inquiry
from .judging import Verdict, judge

LOST_BITS = 4.0
_DIGITS = 120
_LEAST = 64.0
"""ULP of the largest entry: what second derivatives of a value kernel may always lose."""


def judged(
    inquiry: Inquiry,
    title: str,
    cases: list[Case],
    mask: Array | None,
    name: str,
    array: Array,
    request: Request,
) -> Iterator[Result]:
    """A result for each example, one for the rest of the matrix."""
    count = len(cases)
    core = np.shape(cases[0].inputs[name])
    size = int(np.prod(core))
    if array.shape != (count, *core, count, *core):
        problem = f"the Hessian has shape {array.shape} for inputs of shape {(count, *core)}"
        yield inquiry.result(f"{title}/{name}", "fail", problem)
        return
    blocks = array.reshape(count, size, count, size)
    finite = []
    for i, case in enumerate(cases):
        if mask is not None and not mask[i]:
            finite.append(i)
            continue
        due = _due(inquiry, case, name)
        if due is None:
            continue
        if all(formats.isfinite(x) for x in flat(due)):
            finite.append(i)
        verdict = _verdict(inquiry, case, name, blocks[i, :, i, :], due)
        yield inquiry.judged(
            case, Quantity("gradient", name), verdict, request, f"{title}/{name}/{case.id}"
        )
    between = blocks[np.ix_(finite, range(size), finite, range(size))].copy()
    for i, kept in enumerate(finite):
        if mask is None or mask[kept]:
            between[i, :, i, :] = 0.0
    if np.all(between == 0):
        yield inquiry.result(f"{title}/{name}/between-examples")
        return
    wrong = between[between != 0].reshape(-1)[:4].tolist()
    yield inquiry.result(
        f"{title}/{name}/between-examples",
        "fail",
        f"masked examples, or different ones, have second derivatives {wrong} where 0 is due",
        expected="0",
        got=repr(wrong),
        reproduce=inquiry.subject.reproduce(request),
    )


def _verdict(
    inquiry: Inquiry, case: Case, name: str, block: Array, due: list[list[Any]]
) -> Verdict:
    """The worst entry of one block."""
    quantity = Quantity("gradient", name)
    if name in inquiry.spec.data.get("hessian_diag", {}):
        quantity = Quantity("hessian_diag", name)
    tolerance = inquiry.tolerance(quantity, LOST_BITS, least=_LEAST)
    largest = max((abs(x) for x in flat(due) if formats.isfinite(x)), default=0)
    size = max(
        largest,
        _scale(inquiry, case, quantity),
        expected.cancelled(inquiry.spec, case, 0),
        _steepness(inquiry, case, name),
    )
    interval = expected.permitted(inquiry.spec, case, quantity)
    worst: Verdict | None = None
    for (i, j), got in np.ndenumerate(block):
        verdict = judge(float(got), due[i][j], size, tolerance)
        if interval is not None and not verdict.ok:
            inside = interval.low <= float(got) <= interval.high
            verdict = verdict._replace(ok=bool(inside))
        if worst is None or verdict.worse_than > worst.worse_than:
            worst = verdict._replace(
                problem=f"{verdict.problem} in entry ({i}, {j}) of the Hessian"
            )
    assert worst is not None
    return worst


def _steepness(inquiry: Inquiry, case: Case, name: str) -> Any:
    """The size of gradient over input, which cancels in curvatures as value over input does."""
    slopes = flat(expected.due(inquiry.spec, case, Quantity("gradient", name)).exact)
    largest = max([1.0, *(abs(x) for x in case.numbers if abs(x) < math.inf)])
    return max((abs(x) / largest for x in slopes if formats.isfinite(x)), default=0)


def _scale(inquiry: Inquiry, case: Case, quantity: Quantity) -> Any:
    """The largest size of the terms that a curvature is made of."""
    scale = expected.due(inquiry.spec, case, quantity, inquiry.form).scale
    return max((abs(x) for x in flat(scale) if x is not None), default=0)


def _due(inquiry: Inquiry, case: Case, name: str) -> list[list[Any]] | None:
    """The exact Hessian of one example; None where the definition has no second derivative."""
    spec = inquiry.spec
    if spec.signature.elementwise:
        if name not in spec.data.get("hessian_diag", {}):
            return None
        return [[expected.due(spec, case, Quantity("hessian_diag", name)).exact]]
    kink = expected.permitted(spec, case, Quantity("gradient", name))
    numbers = [x for x in case.numbers if isinstance(x, float)]
    ordinary = all(x == 0 or 1e-6 < abs(x) < 1e6 for x in numbers)
    if kink is not None or not ordinary or not oracle.in_domain(spec, case.inputs, case.parameters):
        return None
    return _numerical(inquiry, case, name)


def _numerical(inquiry: Inquiry, case: Case, name: str) -> list[list[Any]] | None:
    """Central differences of the gradient's definition, in steps far below any rounding."""
    spec, real = inquiry.spec, arithmetic(_DIGITS)
    text = oracle.definition_text(spec, "gradient", name)
    step = real.decimal("1e-40")
    names = oracle.names(spec, case.inputs, case.parameters, case.cotangent)
    values = list(flat(case.inputs[name]))
    columns, largest = [], real.zero
    for j in range(len(values)):
        slopes = []
        for side in (1, -1):
            moved = [real.number(x) + side * step * (k == j) for k, x in enumerate(values)]
            value = refilled(case.inputs[name], moved)
            found = definition.evaluate(text, {**names, name: value}, _DIGITS, names)
            slopes.append(list(flat(found)) if isinstance(found, list) else [found] * len(values))
            largest = max([largest, *map(abs, slopes[-1])])
        columns.append([(a - b) / (2 * step) for a, b in zip(*slopes, strict=True)])
    hessian = [[columns[j][i] for j in range(len(values))] for i in range(len(values))]
    if not all(formats.isfinite(x) for x in flat(hessian)):
        return None
    # A difference of slopes is exact to some forty digits of their size.
    noise = real.decimal("1e-18") * largest
    return [[x if abs(x) > noise else real.zero for x in row] for row in hessian]
