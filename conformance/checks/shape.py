"""Shapes: any loop dimensions, any class axis, scalars, strides; and what does not broadcast."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Request, Subject
from .absence import ignored, left_out
from .asking import Asked, together
from .cases import Array, Case, core_shape, core_sizes, reduces, shape_of
from .expected import VALUE, Quantity
from .hazards import CLASSES
from .inquiry import Answer, Inquiry
from .probing import Probe
from .refusals import refused

PER_DTYPE = False
COUNT = 6
_LOOPS = ((), (4,), (2, 3), (2, 1, 3), (0,), (2, 0))


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """The same examples in every arrangement."""
    inquiry = Inquiry(subject, spec, "shape", dtype, settings)
    probe = Probe(inquiry, 0)
    cases = probe.cases(COUNT, probe.sets[0])
    loops = _LOOPS if subject.traits.loop_axes else ((4,), (0,))
    for loop in loops:
        yield from _arranged(inquiry, cases[: math.prod(loop)] or cases[:1], loop)
    yield from _reordered(inquiry, cases)
    if not subject.traits.loop_axes:
        return
    yield from _axes(inquiry, cases)
    yield from left_out(inquiry)
    yield from ignored(inquiry, cases)
    yield from _several(inquiry, cases)
    yield from _without(inquiry, cases)
    yield from _scalars(inquiry, cases)
    if reduces(spec):
        request = _looped(inquiry.request(cases, options={"reduction": "mean"}), (2, 3))
        yield _shaped(inquiry, "mean-is-scalar", request, inquiry.ask(request), [()])
    yield from _refusals(inquiry, cases)


def _looped(request: Request, loop: tuple[int, ...]) -> Request:
    """The examples of a request in another loop shape; the first none or few of them."""
    count = math.prod(loop)

    def arranged(array: Array) -> Array:
        return array[:count].reshape((*loop, *array.shape[1:]))

    options = {
        name: arranged(value) if isinstance(value, np.ndarray) else value
        for name, value in request.options.items()
    }
    inputs = {name: arranged(value) for name, value in request.inputs.items()}
    return replace(request, inputs=inputs, options=options)


def _arranged(inquiry: Inquiry, cases: list[Case], loop: tuple[int, ...]) -> Iterator[Result]:
    """Value and gradient in one loop shape."""
    wanted = _wanted(inquiry)
    title = f"loop-{'x'.join(map(str, loop)) or 'scalar'}"
    few = cases[: math.prod(loop)]
    for asked in together(inquiry, cases, wanted, lambda request: _looped(request, loop)):
        yield _compared(inquiry, f"{title}/{asked.quantity.label}", asked, loop, few)


def _compared(
    inquiry: Inquiry,
    name: str,
    asked: Asked,
    loop: tuple[int, ...],
    cases: list[Case],
    axis: int = -1,
) -> Result:
    """The shape of the result, and each example's result in it."""
    quantity, answer, request = asked
    if answer.response is None:
        return inquiry.unanswered(name, answer, request)
    core = _core(inquiry.spec, quantity)
    array = answer.arrays[0]
    if core and array.ndim and inquiry.spec.signature.has_axis:
        array = np.moveaxis(array, axis, -1)
    if array.shape != (*loop, *core):
        return _shaped(inquiry, name, request, answer, [(*loop, *core)])
    flat = array.reshape((len(cases), *core))
    found = inquiry.judged_batch(cases, quantity, flat, request, inquiry.tolerance(quantity, 2))
    summary = inquiry.summarised(name, found)
    if summary is not None and summary.outcome == "fail":
        return replace(summary, reproduce=inquiry.subject.reproduce(request))
    return summary or inquiry.result(name)


def _asked(inquiry: Inquiry, request: Request) -> Asked:
    return Asked(VALUE, inquiry.ask(request), request)


def _core(spec: Spec, quantity: Quantity) -> tuple[int, ...]:
    """The shape that a quantity of one example has, at the sizes of a probe."""
    sizes = core_sizes(spec, CLASSES)
    if quantity.wrt is None:
        return core_shape(spec.signature.output, sizes)
    return shape_of(spec, quantity.wrt, sizes)


def _shaped(
    inquiry: Inquiry, name: str, request: Request, answer: Answer, due: list[tuple[int, ...]]
) -> Result:
    if answer.response is None:
        return inquiry.unanswered(name, answer, request)
    came = [array.shape for array in answer.arrays]
    if came == due:
        return inquiry.result(name)
    problem = f"the result has shape {came[0]} where {due[0]} is due"
    shown = inquiry.subject.reproduce(request)
    return inquiry.result(
        name, "fail", problem, expected=str(due[0]), got=str(came[0]), reproduce=shown
    )


def _axes(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """The class axis in every place, counted from the front and from the back."""
    if not inquiry.spec.signature.has_axis:
        return
    for axis in (0, 1, 2, -2, -3):

        def arranged(request: Request, axis: int = axis) -> Request:
            return _moved(inquiry, _looped(request, (3, 2)), axis)

        wanted = _wanted(inquiry)
        for asked in together(inquiry, cases, wanted, arranged, {"axis": axis}):
            name = f"axis={axis}/{asked.quantity.label}"
            yield _compared(inquiry, name, asked, (3, 2), cases, axis)


def _several(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """A list of parameters along a last axis that the other inputs lack."""
    spec, values = inquiry.spec, (0.25, 0.5, 0.875)
    first, *others = spec.inputs
    table = (len(cases), len(values))
    for name in (name for name, entry in spec.parameters.items() if entry.get("several")):
        rows = [
            replace(
                case,
                inputs={**case.inputs, first: other.inputs[first]},
                parameters={**case.parameters, name: value},
            )
            for case in cases
            for other, value in zip(cases, values, strict=False)
        ]

        def arranged(request: Request, name: str = name) -> Request:
            inputs = {key: value.reshape(table) for key, value in request.inputs.items()}
            inputs |= {key: inputs[key][:, 0] for key in others}
            return replace(request, inputs=inputs, parameters={name: np.asarray(values)})

        for asked in together(inquiry, rows, _wanted(inquiry), arranged):
            label = f"several/{name}/{asked.quantity.label}"
            yield _compared(inquiry, label, asked, table, rows)
        for key in others:
            request = arranged(inquiry.request(rows, "gradient", (key,)))
            answer = inquiry.ask(request)
            yield _shaped(inquiry, f"several/{name}/gradient/{key}", request, answer, [table[:1]])


def _without(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """Inputs that are left out have their default in every entry."""
    entries = inquiry.spec.inputs.items()
    defaults = {name: float(e["default"]) for name, e in entries if "default" in e}
    if not defaults:
        return

    def filled(case: Case) -> Case:
        numbers = {n: np.full(np.shape(case.inputs[n]), x).tolist() for n, x in defaults.items()}
        return replace(case, inputs={**case.inputs, **numbers})

    same = [filled(case) for case in cases]

    def arranged(request: Request) -> Request:
        inputs = {name: value for name, value in request.inputs.items() if name not in defaults}
        return replace(request, inputs=inputs)

    for asked in together(inquiry, same, _wanted(inquiry), arranged):
        yield _compared(inquiry, f"defaults/{asked.quantity.label}", asked, (COUNT,), same)


def _moved(inquiry: Inquiry, request: Request, axis: int) -> Request:
    """The request with the class axis in another place."""
    entries = inquiry.spec.inputs
    inputs = {
        name: np.moveaxis(value, -1, axis) if entries[name]["shape"] != "()" else value
        for name, value in request.inputs.items()
    }
    options = dict(request.options)
    if "cotangent" in options:
        options["cotangent"] = np.moveaxis(options["cotangent"], -1, axis)
    return replace(request, inputs=inputs, options=options)


def _scalars(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """One value of an input serves all examples, and its gradient is the sum of theirs."""
    if len(inquiry.spec.inputs) == 1:
        return
    for name in inquiry.spec.inputs:
        same = [replace(c, inputs={**c.inputs, name: cases[0].inputs[name]}) for c in cases]
        request = inquiry.request(same)
        one = {**request.inputs, name: np.asarray(request.inputs[name][0])}
        title = f"one-{name}-for-all"
        yield _compared(
            inquiry, f"{title}/value", _asked(inquiry, replace(request, inputs=one)), (COUNT,), same
        )
        if name not in inquiry.spec.data["gradient"]:
            continue
        slopes = inquiry.request(same, "gradient", (name,))
        slopes = replace(slopes, inputs=one)
        answer = inquiry.ask(slopes)
        due = [np.shape(cases[0].inputs[name])]
        yield _shaped(inquiry, f"{title}/gradient/{name}", slopes, answer, due)


def _reordered(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """Another order of the examples, and arrays that are not contiguous."""
    backwards = cases[::-1]
    permuted = _asked(inquiry, inquiry.request(backwards))
    yield _compared(inquiry, "permuted", permuted, (COUNT,), backwards)
    request = inquiry.request(cases)

    def spread(array: Array) -> Array:
        wide = np.zeros((2 * len(array), *(2 * n for n in array.shape[1:])), dtype=array.dtype)
        step = tuple(slice(None, None, 2) for _ in array.shape)
        wide[step] = array
        return wide[step]

    strided = replace(request, inputs={k: spread(v) for k, v in request.inputs.items()})
    yield _compared(inquiry, "strided", _asked(inquiry, strided), (COUNT,), cases)
    before = {name: value.copy() for name, value in request.inputs.items()}
    answer = inquiry.ask(request)
    changed = [k for k, v in request.inputs.items() if not np.array_equal(v, before[k])]
    if answer.response is None:
        yield inquiry.unanswered("inputs-unmodified", answer, request)
    elif changed:
        problem = f"{', '.join(changed)} was modified"
        yield inquiry.result("inputs-unmodified", "fail", problem)
    else:
        yield inquiry.result("inputs-unmodified")


def _refusals(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """[N] against [N, 1] is a mistake and no broadcast; so are unequal lengths."""
    request = inquiry.request(cases)
    names = list(inquiry.spec.inputs)
    if len(names) > 1:
        first, second = names[:2]
        value = request.inputs[second]
        column = {**request.inputs, second: value[:, None]}
        asked = replace(request, inputs=column)
        yield refused(inquiry, "refused/N-against-Nx1", asked, (ValueError,), second)
        short = {**request.inputs, second: value[:-1]}
        asked = replace(request, inputs=short)
        yield refused(inquiry, "refused/unequal-lengths", asked, (ValueError,), first)
    cores = inquiry.spec.signature.inputs
    for name, core in zip(names, cores, strict=True):
        shared = bool(core) and sum(core[-1] in other for other in cores) > 1
        if core and (core[-1].isdigit() or shared):
            fewer = {**request.inputs, name: request.inputs[name][..., :-1]}
            asked = replace(request, inputs=fewer)
            yield refused(inquiry, f"refused/fewer-classes-{name}", asked, (ValueError,), name)
    if cores[0]:
        flat = {name: np.asarray(value.reshape(-1)[0]) for name, value in request.inputs.items()}
        asked = replace(request, inputs=flat)
        yield refused(inquiry, "refused/no-class-axis", asked, (ValueError,), names[0])


def _wanted(inquiry: Inquiry) -> list[Quantity]:
    """The value, and the gradient by the first input that has one."""
    return [VALUE, *(Quantity("gradient", name) for name in inquiry.spec.differentiable[:1])]
