"""Reduction, weights, masks, ignored labels and class weights, against exact sums.

The examples are ordinary ones with exact losses from the definition; everything that is due is
computed in fractions. Masked entries hold what no loss can digest.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from ..oracle.specfile import Spec
from ..result import Result, Settings
from ..subject import Subject
from .accumulation import large_sums
from .cases import labels_of, reduces
from .expected import VALUE
from .inquiry import Inquiry
from .masking import masked, nothing
from .probing import Probe
from .reducing import Batch, Sized, as_array

PER_DTYPE = True
COUNT = 8
WEIGHTS = (1.0, 0.5, 2.0, 0.0, 1.5, 0.25, 3.0, 1.0)
MASK = (True, True, False, True, False, True, True, True)


def run(subject: Subject, spec: Spec, dtype: str, settings: Settings) -> Iterator[Result]:
    """How large sums come out in every dtype, and all other claims in the widest."""
    if not reduces(spec):
        return
    inquiry = Inquiry(subject, spec, "reduction", dtype, settings)
    yield from large_sums(inquiry)
    if dtype != subject.traits.widest:
        return
    probe = Probe(inquiry, 0)
    batch = Batch(inquiry, probe.cases(COUNT, probe.sets[0], finite=True))
    yield from _weighted(batch)
    yield from _in_parts(batch)
    yield from masked(batch)
    yield from nothing(batch)
    yield from _class_weights(batch)


def _weighted(batch: Batch) -> Iterator[Result]:
    ones = [1.0] * COUNT
    masked_ones = [float(m) for m in MASK]
    both = [w * m for w, m in zip(WEIGHTS, MASK, strict=True)]
    weights, where = as_array(WEIGHTS), np.asarray(MASK)
    plans: list[tuple[str, list[float], dict[str, Any], tuple[str, ...]]] = [
        ("plain", ones, {}, ("sum", "mean")),
        ("weights", list(WEIGHTS), {"weights": weights}, ("mean",)),
        ("where", masked_ones, {"where": where}, ("mean",)),
        ("weights-and-where", both, {"weights": weights, "where": where}, ("none", "sum", "mean")),
    ]
    for title, due, options, reductions in plans:
        for reduction in reductions:
            request = batch.request("value_and_grad", {**options, "reduction": reduction})
            yield from batch.judged(f"{title}/{reduction}", due, reduction, request)
    both_options = {"weights": weights, "where": where, "reduction": "mean"}
    request = batch.request("value", both_options)
    yield from batch.judged("value-alone/mean", both, "mean", request)


def _in_parts(batch: Batch) -> Iterator[Result]:
    """The sum and the weight, of all examples and of two parts that add up to them."""
    half = COUNT // 2
    parts = {
        "all": slice(0, COUNT),
        "first-half": slice(0, half),
        "second-half": slice(half, COUNT),
    }
    for title, part in parts.items():
        weights = list(WEIGHTS)[part]
        one = Batch(batch.inquiry, batch.cases[part])
        request = one.request("sum_and_weight", {"weights": as_array(weights)})
        answer = one.inquiry.ask(request)
        name = f"sum_and_weight/{title}"
        if answer.response is None:
            yield one.inquiry.unanswered(name, answer, request)
            continue
        total = Fraction(sum(weights))
        due = [
            ("the sum", VALUE, one.value(weights, "sum")),
            ("the weight", VALUE, [Sized(total, total)]),
        ]
        yield one.compared(name, due, answer, request)


def _class_weights(batch: Batch) -> Iterator[Result]:
    """Class weights are example weights: of the label, or of what the target holds of each."""
    spec = batch.inquiry.spec
    if not spec.over_classes:
        return
    by_class = (0.5, 2.0, 3.0)
    label = labels_of(spec)
    given = [case.inputs[label or list(spec.inputs)[1]] for case in batch.cases]
    if label:
        due = [Fraction(by_class[k]) for k in given]
    else:
        due = [
            sum(
                (Fraction(t) * Fraction(c) for t, c in zip(row, by_class, strict=True)), Fraction(0)
            )
            for row in given
        ]
    for reduction in ("sum", "mean"):
        options = {"class_weights": np.asarray(by_class), "reduction": reduction}
        request = batch.request("value_and_grad", options)
        yield from batch.judged(f"class_weights/{reduction}", due, reduction, request)
