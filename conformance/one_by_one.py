"""A batch that is refused, asked for example by example: one of them need not spoil the others."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from .oracle.specfile import load_spec
from .subject import CrashError, Refusal, Request, Response

BROKEN = (TypeError, NotImplementedError, AttributeError, ImportError, AssertionError)
"""Errors that say nothing of an example, but of the call."""
CRASHES = 10
"""So many crashes in one batch, and the rest of it is not asked for."""


def examples(request: Request) -> int:
    """How many examples there are along the first axis, each with a result of its own; else 0."""
    reduces = load_spec(request.loss).family != "primitive"
    if reduces and request.options.get("reduction") != "none":
        return 0
    counts = {value.shape[0] if value.ndim else 0 for value in request.inputs.values()}
    return counts.pop() if len(counts) == 1 else 0


def one_by_one(request: Request, ask: Callable[[Request], Response]) -> Response | None:
    """The results of the examples, NaN for those that are refused.

    None where no single one is at fault: all of them are refused, or none, or there is only one.
    """
    count = examples(request)
    if count < 2:
        return None
    answers: list[Response | Refusal] = []
    crashes, before = 0, None
    for i in range(count):
        example = request.rows(count, partial(_only, i))
        if before is not None and _are_same(example, before):  # as where a batch is filled up
            answers.append(answers[-1])
            continue
        before = example
        if crashes == CRASHES:
            text = f"not asked, as {CRASHES} examples of this batch ended the program"
            answers.append(Refusal(text, crash=True))
            continue
        try:
            answers.append(ask(example))
        except Exception as problem:
            crash = isinstance(problem, CrashError)
            crashes += crash
            answers.append(Refusal(f"{type(problem).__name__}: {problem}", crash))
    given = [answer for answer in answers if isinstance(answer, Response)]
    if len(given) in (0, count):
        return None
    rows = [
        [np.full_like(array, np.nan) for array in given[0].arrays]
        if isinstance(answer, Refusal)
        else answer.arrays
        for answer in answers
    ]
    arrays = tuple(np.concatenate(parts) for parts in zip(*rows, strict=True))
    refused = {i: answer for i, answer in enumerate(answers) if isinstance(answer, Refusal)}
    return Response(arrays, given[0].dtypes, refused)


def _only(place: int, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array[place : place + 1]


def _are_same(one: Request, other: Request) -> bool:
    """Whether two examples of a batch are asked the same."""
    pairs = zip(one.arrays().values(), other.arrays().values(), strict=True)
    return one.tangent is None and all(a.tobytes() == b.tobytes() for a, b in pairs)
