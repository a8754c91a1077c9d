"""Bad arguments are refused before anything is computed, with messages that help.

An error is of the builtin kind that a Python user expects, and its message names the loss and the
argument. What cannot be seen (labels under tracing) becomes NaN for that example alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossapi.domain import LABELS, Domain
from lossapi.signature import length

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .cases import Case, core_sizes, labels_of, reduces, relabelled, unmasked
from .expected import VALUE
from .hazards import CLASSES
from .inquiry import Inquiry
from .probing import Probe
from .refusals import refused

PER_DTYPE = False
COUNT = 4
_CANDIDATES = (-1.0, 0.0, 0.5, 1.0, 2.0, math.inf, -math.inf, math.nan)
_WRONG_LABELS = (-1, 3, 1000, -(2**31))


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """One result for each bad argument."""
    inquiry = Inquiry(subject, spec, "errors", dtype, settings)
    probe = Probe(inquiry, 0)
    cases = [unmasked(spec, case) for case in probe.cases(COUNT, probe.sets[0])]
    yield from _parameters(inquiry, cases)
    yield from _options(inquiry, cases)
    yield from _weights(inquiry, cases)
    yield from _labels(inquiry, cases)
    yield from _domains(inquiry, cases)


def _parameters(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    request = inquiry.request(cases)
    sizes = core_sizes(inquiry.spec, CLASSES)
    for name, entry in inquiry.spec.parameters.items():
        domain = Domain(entry["domain"])
        vector = "shape" in entry
        single = not domain.is_switch and not vector
        bad: list[Any] = [x for x in _CANDIDATES if x not in domain or not single]
        # One number too few for the classes or the examples, where a list is accepted at all.
        due = length(entry["shape"].strip("()"), sizes) if vector else COUNT
        bad += ["1", [1.0] * (due - 1)]
        if vector and inquiry.subject.traits.visible:
            bad += [[1.0] * (due - 1) + [x] for x in _CANDIDATES if x not in domain]
        bad += [None] if entry.get("default") != "none" else []
        for value in bad:
            asked = replace(request, parameters={**request.parameters, name: value})
            kinds = (ValueError, TypeError) if not isinstance(value, float) else (ValueError,)
            yield refused(inquiry, f"{name}={value!r}", asked, kinds, name)
    unknown = replace(request, parameters={**request.parameters, "sharpness": 1.0})
    yield refused(inquiry, "unknown-parameter", unknown, (ValueError, TypeError), "sharpness")


def _options(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    spec = inquiry.spec
    request = inquiry.request(cases)
    if reduces(spec):
        for value in ("average", "Mean", None, 1):
            asked = replace(request, options={"reduction": value})
            yield refused(inquiry, f"reduction={value!r}", asked, (ValueError,), "reduction")
    else:
        asked = replace(request, options={"reduction": "mean"})
        yield refused(
            inquiry, "reduction-of-a-building-block", asked, (ValueError, TypeError), "reduction"
        )
    if spec.signature.has_axis:
        for axis in (7, -7, 0.5):
            asked = replace(request, options={**request.options, "axis": axis})
            kinds = (ValueError, TypeError)
            yield refused(inquiry, f"axis={axis!r}", asked, kinds, "axis")
    for value in ("int64", "float", 1) if spec.chooses_dtype else ():
        asked = replace(request, options={**request.options, "dtype": value})
        yield refused(inquiry, f"dtype={value!r}", asked, (TypeError,), "dtype")
    for want in ("gradient", "value_and_grad") if spec.differentiable else ():
        asked = inquiry.request(cases, want, (spec.differentiable[0], "nothing"))
        yield refused(inquiry, f"unknown-wrt/{want}", asked, (ValueError,), "wrt")


def _weights(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    if not reduces(inquiry.spec):
        return
    request = inquiry.request(cases)
    negative = np.asarray([1.0, 0.5, -1.0, 2.0])
    plans: list[tuple[str, str, Any, tuple[type[Exception], ...]]] = [
        ("weights-of-wrong-length", "weights", np.ones(COUNT - 1), (ValueError,)),
        ("weights-of-wrong-rank", "weights", np.ones((COUNT, COUNT)), (ValueError,)),
        ("where-of-wrong-length", "where", np.ones(COUNT + 1, dtype=bool), (ValueError,)),
        ("where-in-floats", "where", np.ones(COUNT), (TypeError,)),
    ]
    if inquiry.subject.traits.visible:
        plans.append(("negative-weight", "weights", negative, (ValueError,)))
    if inquiry.spec.over_classes:
        plans.append(("class_weights-of-wrong-length", "class_weights", np.ones(2), (ValueError,)))
        if inquiry.subject.traits.visible:
            bad = np.asarray([1.0, -1.0, 1.0])
            plans.append(("negative-class_weight", "class_weights", bad, (ValueError,)))
    for name, option, value, kinds in plans:
        asked = replace(request, options={**request.options, option: value})
        yield refused(inquiry, name, asked, kinds, option)


def _labels(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """A label that names no class raises where it can be seen, and is NaN where it can't.

    Of somebody's plain function any error will do, and so will NaN: it is not another class."""
    label = labels_of(inquiry.spec)
    if label is None:
        return
    for wrong in _WRONG_LABELS:
        spoiled = [relabelled(inquiry.spec, cases[0], wrong), *cases[1:]]
        for want in ("value", "gradient")[: 1 + bool(inquiry.spec.differentiable)]:
            wrt = inquiry.spec.differentiable[:1] if want == "gradient" else ()
            request = inquiry.request(spoiled, want, wrt)
            name = f"{label}={wrong}/{want}"
            if inquiry.subject.traits.visible:
                yield refused(inquiry, name, request, (IndexError,), label)
            elif want == "value":
                answer = inquiry.ask(request, spare=False)
                if answer.is_refusal and not inquiry.subject.traits.strict:
                    yield inquiry.result(name, note=f"refused: {answer.message}")
                    continue
                if answer.response is None:
                    yield inquiry.unanswered(name, answer, request)
                    continue
                found = inquiry.judged_batch(
                    spoiled, VALUE, answer.arrays[0], request, refused=answer.refused
                )
                yield from filter(None, [inquiry.summarised(name, found)])


def _domains(inquiry: Inquiry, cases: list[Case]) -> Iterator[Result]:
    """A value outside its domain raises where the caller asked for that."""
    for name, entry in inquiry.spec.inputs.items():
        domain = inquiry.spec.domain(name)
        if entry["dtype"] == LABELS or domain.is_everything:
            continue
        request = inquiry.request(cases)
        value = request.inputs[name].copy()
        if domain.is_increasing:
            value[0] = value[0, ::-1]
        else:
            value.flat[0] = next(x for x in (1.5, -1.0, math.inf) if x not in domain)
        if not inquiry.subject.traits.visible:
            told = "the subject cannot look at values"
            yield inquiry.result(f"outside-domain/{name}", "unsupported", told)
            continue
        asked = replace(request, inputs={**request.inputs, name: value}, strict=True)
        yield refused(inquiry, f"outside-domain/{name}", asked, (ValueError,), name)
