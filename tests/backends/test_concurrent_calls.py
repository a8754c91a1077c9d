"""Calls from several threads at once, which share programs and what is known of earlier calls."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import call
from lossapi.backend import get

pytestmark = pytest.mark.usefixtures("nothing_came_before")

SIZES = (1, 50, 3000, 1_200_000)
"""One number, a single dot product, one block, and blocks on threads of their own."""


@pytest.fixture
def many_switches() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def calls() -> list[tuple[str, tuple[Any, ...], dict[str, float]]]:
    numbers = np.random.default_rng(5)
    found: list[tuple[str, tuple[Any, ...], dict[str, float]]] = []
    for size in SIZES:
        x, y = numbers.standard_normal((2, size))
        found += [(name, (x, y), {}) for name in ("squared_error", "log_cosh", "absolute_error")]
        found.append(("sigmoid_focal_loss", (x, np.heaviside(y, 1.0)), {}))
        # The first four values have programs of their own, the others one together.
        found += [("huber_loss", (x[:3000], y[:3000]), {"delta": 0.5 + k / 8}) for k in range(8)]
    logits = numbers.standard_normal((40, 7))
    targets = np.full((40, 7), 1 / 7)
    found += [
        ("softmax_cross_entropy", (logits, targets), {"label_smoothing": k / 16}) for k in range(8)
    ]
    return found


def carried_out(one: tuple[str, tuple[Any, ...], dict[str, float]]) -> Any:
    name, arrays, numbers = one
    return getattr(lossapi, name).value_and_grad(*arrays, **numbers)


@pytest.mark.usefixtures("many_switches")
def test_they_give_what_they_give_one_by_one() -> None:
    todo = calls()
    due = [carried_out(one) for one in todo]
    for attempt in range(3):
        get("numpy").forget()
        call.forget()
        order = np.random.default_rng(attempt).permutation(2 * len(todo)) % len(todo)
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda place: carried_out(todo[place]), order))
        for place, (value, gradient) in zip(order, results, strict=True):
            # Which number has a program of its own depends on who comes first.
            assert value == pytest.approx(due[place][0], rel=1e-14), todo[place][0]
            np.testing.assert_allclose(gradient, due[place][1], rtol=1e-12, atol=1e-18)
