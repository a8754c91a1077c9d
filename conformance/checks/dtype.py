"""The dtype of results and gradients, what promotes and what is cast, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from lossapi.domain import Domain

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Request, Subject
from .asking import together
from .cases import Array, labels_of, reduces
from .expected import VALUE, Quantity, quantities
from .inquiry import Answer, Inquiry
from .probing import Probe
from .reducing import Batch
from .refusals import refused

PER_DTYPE = True
COUNT = 4
_INTEGERS = ("int64", "int32", "uint8", "bool")
_HEAVY = 60_000.0


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """Results keep the dtype; mixtures are judged where float64 and float32 meet."""
    inquiry = Inquiry(subject, spec, "dtype", dtype, settings)
    probe = Probe(inquiry, 0)
    batch = Batch(inquiry, probe.cases(COUNT, probe.sets[0], finite=True))
    yield from _kept(batch)
    if inquiry.form.precision < 24:
        yield from _heavy(batch)
    if dtype != subject.traits.widest:
        return
    if dtype == "float64" and "float32" in subject.traits.dtypes:
        yield from _mixed(batch)
    yield from _integer_targets(batch)
    yield from _refusals(batch)


def _kept(batch: Batch) -> Iterator[Result]:
    """Everything comes in the dtype of the inputs."""
    inquiry = batch.inquiry
    if inquiry.spec.chooses_dtype and not inquiry.subject.traits.options:
        return
    wanted = quantities(inquiry.spec, "value", "gradient", "hessian_diag")
    for quantity, answer, request in together(inquiry, batch.cases, wanted):
        yield _dtype(inquiry, f"kept/{quantity.label}", answer, request, inquiry.dtype)
    widest = inquiry.dtype == inquiry.subject.traits.widest
    if reduces(inquiry.spec) and inquiry.subject.traits.options and widest:
        request = inquiry.request(batch.cases, options={"reduction": "mean"})
        yield _dtype(inquiry, "kept/mean", inquiry.ask(request), request, inquiry.dtype)


def _dtype(inquiry: Inquiry, name: str, answer: Answer, request: Request, due: str) -> Result:
    if answer.response is None:
        return inquiry.unanswered(name, answer, request)
    came = answer.response.dtypes[0]
    if came == due:
        return inquiry.result(name)
    problem = f"the result is {came} where {due} is due"
    shown = inquiry.subject.reproduce(request)
    return inquiry.result(name, "fail", problem, expected=due, got=came, reproduce=shown)


def _heavy(batch: Batch) -> Iterator[Result]:
    """Halves are computed in float32: weights whose sum no half holds."""
    if not reduces(batch.inquiry.spec) or not batch.inquiry.subject.traits.options:
        return
    if batch.inquiry.dtype != "float16":
        return
    weights = [_HEAVY] * COUNT
    options = {"weights": np.asarray(weights), "reduction": "mean"}
    request = batch.request("value", options)
    rounded = [float(np.float16(w)) for w in weights]
    yield from batch.judged("weights-beyond-float16/mean", rounded, "mean", request)


def _mixed(batch: Batch) -> Iterator[Result]:
    """Inputs that are differentiated promote each other; targets follow."""
    inquiry = batch.inquiry
    entries = inquiry.spec.inputs
    floating = [name for name, entry in entries.items() if entry["dtype"] == "floating"]
    targets = [name for name, entry in entries.items() if entry["dtype"] == "target"]
    mixtures = [(name, "float64" if len(floating) > 1 else "float32") for name in floating]
    mixtures += [(name, "float64") for name in targets]
    if len(entries) == 1:
        return
    for name, result in mixtures:
        given = dict.fromkeys(batch.names, "float64") | {name: "float32"}

        def narrow(request: Request, name: str = name) -> Request:
            return replace(request, input_dtypes={name: "float32"})

        wanted = quantities(inquiry.spec, "value", "gradient")
        low = replace(inquiry, dtype=result)
        for quantity, answer, request in together(inquiry, batch.cases, wanted, narrow):
            title = f"mixed/{name}-in-float32/{quantity.label}"
            due = result if quantity.wrt is None else given[quantity.wrt]
            yield _dtype(inquiry, title, answer, request, due)
            if quantity == VALUE and answer.response is not None:
                judged = low.judged_batch(batch.cases, VALUE, answer.arrays[0], request)
                yield from filter(None, [inquiry.summarised(f"{title}/accuracy", judged)])


def _integer_targets(batch: Batch) -> Iterator[Result]:
    """Integer and bool targets count as numbers; labels come in every integer dtype."""
    inquiry = batch.inquiry
    label = labels_of(inquiry.spec)
    for name, entry in inquiry.spec.inputs.items():
        if entry["dtype"] == "floating":
            continue
        domain = inquiry.spec.domain(name)
        for dtype in _INTEGERS:
            hard = [_hard(case.inputs[name], domain, dtype, name == label) for case in batch.cases]
            if any(value is None for value in hard):
                continue
            cases = [
                replace(case, inputs={**case.inputs, name: value})
                for case, value in zip(batch.cases, hard, strict=True)
            ]
            if name == label and dtype == "bool":
                continue  # two classes only; the cases have three
            array = np.asarray([case.inputs[name] for case in cases], dtype=dtype)

            def given(
                request: Request, name: str = name, array: Array = array, dtype: str = dtype
            ) -> Request:
                inputs = {**request.inputs, name: array}
                return replace(request, inputs=inputs, input_dtypes={name: dtype})

            slopes = [Quantity("gradient", name) for name in batch.names[:1]]
            wanted = [VALUE, *(slopes if dtype == "int64" else [])]
            for quantity, answer, request in together(inquiry, cases, wanted, given):
                title = f"{name}-in-{dtype}/{quantity.label}"
                if answer.response is None:
                    yield inquiry.unanswered(title, answer, request)
                    continue
                judged = inquiry.judged_batch(
                    cases, quantity, answer.arrays[0], request, refused=answer.refused
                )
                yield from filter(None, [inquiry.summarised(title, judged)])


def _hard(value: object, domain: Domain, dtype: str, is_label: bool) -> object:
    """An integer version of a target inside the domain; None where there is none."""
    if is_label:
        return value
    if isinstance(value, list) and isinstance(value[0], list):
        return [_hard(row, domain, dtype, is_label) for row in value]
    if isinstance(value, list):
        largest = max(range(len(value)), key=lambda i: value[i])
        return [float(i == largest) for i in range(len(value))]
    if domain.values is not None:
        return value if dtype.startswith("int") else None
    number = float(round(float(str(value))))
    if dtype == "bool":
        number = float(number > 0)
    if dtype == "uint8":
        number = abs(number)
    return number if number in domain else None


def _refusals(batch: Batch) -> Iterator[Result]:
    """An integer or complex prediction, and labels that are floats, are refused."""
    inquiry = batch.inquiry
    request = inquiry.request(batch.cases)
    for name, entry in inquiry.spec.inputs.items():
        bad = ["complex64"]
        if entry["dtype"] == "floating":
            bad.append("int64")
        if entry["dtype"] == "labels":
            bad.append("float32")
        for dtype in bad:
            asked = replace(request, input_dtypes={name: dtype})
            if dtype == "int64":
                rounded = {name: np.rint(request.inputs[name])}
                asked = replace(asked, inputs={**request.inputs, **rounded})
            yield refused(inquiry, f"refused/{name}-in-{dtype}", asked, (TypeError,), name)
