"""Masked entries that hold what no loss can digest, and means over nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from lossapi.domain import LABELS

from ..result import Result
from ..subject import Request
from .cases import Array, labels_of, stacked
from .inquiry import Inquiry
from .reducing import Batch, as_array

IGNORED = -100
_GARBAGE = (math.nan, math.inf, -math.inf, -7.0)
_WRONG_LABELS = (-1, 1000, -(2**31), 3)


def masked(batch: Batch) -> Iterator[Result]:
    """A mask, a weight of 0 and an ignored label take everything of an example away."""
    keep = [i % 2 == 0 for i in range(len(batch.cases))]
    due = [float(k) for k in keep]
    inputs = _spoiled(batch, keep)
    ways: dict[str, dict[str, Any]] = {
        "where": {"where": np.asarray(keep)},
        "weight-zero": {"weights": as_array(due)},
    }
    for title, options in ways.items():
        request = batch.request("value_and_grad", {**options, "reduction": "mean"})
        yield from batch.judged(
            f"masked-{title}/mean", due, "mean", replace(request, inputs=inputs)
        )
    yield from _differentiated(batch, keep, inputs)
    spec = batch.inquiry.spec
    label = labels_of(spec)
    if label is not None and spec.inputs[label]["shape"] == "()":
        yield from _ignored(batch, keep, label)
    yield from _left_out(batch)


def _left_out(batch: Batch) -> Iterator[Result]:
    """An input that is a mask takes everything away along its axis; so does an ignored label."""
    spec = batch.inquiry.spec
    label = labels_of(spec)
    for dimension, mask in spec.masks.items():
        cores = zip(spec.inputs, spec.signature.inputs, strict=True)
        names = [name for name, core in cores if core[:1] == (dimension,) and name != mask]
        inputs = batch.inputs()
        for n, (i, j) in enumerate(np.argwhere(inputs[mask] == 0)):
            for name in names:
                labels = spec.inputs[name]["dtype"] == LABELS
                garbage = _WRONG_LABELS if labels else _GARBAGE
                inputs[name][i, j] = garbage[n % len(garbage)]
        due = [1.0] * len(batch.cases)
        request = batch.request("value_and_grad", {"reduction": "mean"})
        yield from batch.judged(f"left-out/{mask}", due, "mean", replace(request, inputs=inputs))
        if label not in names:
            continue
        inputs[label] = np.where(inputs[mask] == 0, IGNORED, inputs[label])
        inputs[mask] = np.ones_like(inputs[mask])
        options = {"reduction": "mean", "ignore_index": IGNORED}
        request = replace(batch.request("value_and_grad", options), inputs=inputs)
        yield from batch.judged(f"ignore_index/{label}", due, "mean", request)


def _ignored(batch: Batch, keep: list[bool], label: str) -> Iterator[Result]:
    """An ignored label outside the classes, and one that is a class otherwise."""
    inputs = _spoiled(batch, keep)
    inputs[label] = np.where(keep, batch.inputs()[label], IGNORED)
    options = {"ignore_index": IGNORED, "reduction": "mean"}
    request = replace(batch.request("value_and_grad", options), inputs=inputs)
    due = [float(k) for k in keep]
    yield from batch.judged("ignore_index/outside", due, "mean", request)
    ignored = int(batch.cases[0].inputs[label])
    due = [float(case.inputs[label] != ignored) for case in batch.cases]
    options = {"ignore_index": ignored, "reduction": "mean"}
    request = batch.request("value_and_grad", options)
    yield from batch.judged("ignore_index/inside", due, "mean", request)


def _differentiated(batch: Batch, keep: list[bool], inputs: dict[str, Array]) -> Iterator[Result]:
    """The library's own derivatives of a masked loss, in reverse and in forward mode."""
    due = [float(k) for k in keep]
    kinds = batch.inquiry.subject.traits.transforms
    first = {kind: name for name, kind in reversed(list(kinds.items()))}
    name = batch.names[0]
    for kind in ("gradient", "directional"):
        if kind not in first:
            continue
        options = {"where": np.asarray(keep), "reduction": "mean"}
        request = batch.request("value", options, wrt=(name,), transform=first[kind])
        request = replace(request, inputs=inputs)
        title = f"masked-where/{first[kind]}"
        if kind == "gradient":
            yield from batch.judged(title, due, "mean", request)
            continue
        # Along a direction that moves the masked entries only, nothing changes.
        moving = np.ones_like(inputs[name])
        moving[np.asarray(keep)] = 0.0
        yield _still(batch.inquiry, title, replace(request, tangent=moving))


def _still(inquiry: Inquiry, title: str, request: Request) -> Result:
    answer = inquiry.ask(request)
    if answer.response is None:
        return inquiry.unanswered(title, answer, request)
    if np.all(answer.arrays[0] == 0):
        return inquiry.result(title)
    got = answer.arrays[0].tolist()
    problem = f"the derivative along masked entries is {got!r} where 0 is due"
    shown = inquiry.subject.reproduce(request)
    return inquiry.result(title, "fail", problem, expected="0", got=repr(got), reproduce=shown)


def nothing(batch: Batch) -> Iterator[Result]:
    """The mean over nothing is 0 with zero gradient, however nothing comes about."""
    spec, count = batch.inquiry.spec, len(batch.cases)
    spoiled = _spoiled(batch, [False] * count)
    zeros = [0.0] * count
    ways: dict[str, dict[str, Any]] = {
        "all-masked": {"where": np.zeros(count, dtype=bool)},
        "all-weights-zero": {"weights": np.zeros(count)},
    }
    for title, options in ways.items():
        request = batch.request("value_and_grad", {**options, "reduction": "mean"})
        request = replace(request, inputs=spoiled)
        yield from batch.judged(f"{title}/mean", zeros, "mean", request)
    empty = Batch(batch.inquiry, [])
    request = batch.request("value_and_grad", {"reduction": "mean"})
    request = replace(request, inputs={k: v[:0] for k, v in stacked(spec, batch.cases).items()})
    yield from empty.judged("empty/mean", [], "mean", request)


def _spoiled(batch: Batch, keep: list[bool]) -> dict[str, Array]:
    """The inputs, with garbage of every kind wherever an example is not kept."""
    spec, inputs = batch.inquiry.spec, batch.inputs()
    for name, entry in spec.inputs.items():
        domain = spec.domain(name)
        garbage: tuple[float, ...] = (*_GARBAGE, domain.high + 1.5)
        if entry["dtype"] == LABELS:
            garbage = _WRONG_LABELS
        rows = [i for i, kept in enumerate(keep) if not kept]
        for n, row in enumerate(rows):
            inputs[name][row] = garbage[n % len(garbage)]
    return inputs
