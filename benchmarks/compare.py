"""One comparison: our loss beside its peers and the floor, on the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np

import lossapi

from . import floor, timing
from .cases import CASES, Shape, inputs
from .libraries import LIBRARIES, NumpyLibrary
from .peers import PEERS, load

OURS, LOOP, ALONE = "lossapi", "C loop", "one thread"
MODES = ("value", "value_and_grad")
AGREEMENT = 1e-3
"""Largest difference, relative to the largest number, at which two compute the same loss."""


class Row(NamedTuple):
    """What came of one comparison."""

    library: str
    loss: str
    dtype: str
    shape: Shape
    threads: int
    mode: str
    clock: str
    rounds: int
    seconds: dict[str, float]
    """The median time of a call, by contender."""
    ratios: dict[str, float]
    """The time of each peer over ours: above 1 we are faster."""
    floor: dict[str, float]
    """The median time of a copy and a sum of the first input, of the fused C loop, and of our call
    on one thread, where it has more."""
    memory: dict[str, int]
    """Bytes held at most beyond the results, by contender."""
    absent: dict[str, str]
    """Why a peer was not timed: missing, no such loss, no gradient, differs."""


def compare(
    library: str, loss: str, dtype: str, shape: Shape, threads: int, budget: timing.Budget
) -> list[Row]:
    """The rows of one loss on one input, for a value and for a value with gradients."""
    runner, case = LIBRARIES[library](), CASES[loss]
    numbers = inputs(loss, shape, dtype)
    names = _input_names(loss)
    wrt = tuple(names.index(name) for name in case.wrt)
    rows = []
    with runner.context(dtype):
        arrays = runner.arrays(numbers, wrt)
        for mode in MODES:
            calls, absent = _calls(runner, library, loss, mode, arrays, wrt)
            loop = floor.loop(loss, mode, numbers, case.parameters, len(wrt))
            absent |= _leave_out_what_differs(runner, calls, loop)
            floors = floor.passes(numbers)
            if loop is not None and LOOP not in absent:
                floors[LOOP] = loop
            if library == "numpy" and threads > 1:
                floors[ALONE] = partial(_on_one_thread, calls[OURS])
            seconds, rounds = timing.medians({**calls, **floors}, budget)
            large = prod(shape) >= runner.large
            memory = {n: runner.extra_memory(call) for n, call in calls.items()} if large else {}
            rows.append(
                Row(
                    library=library,
                    loss=loss,
                    dtype=dtype,
                    shape=shape,
                    threads=threads,
                    mode=mode,
                    clock=budget.clock,
                    rounds=rounds,
                    seconds={name: seconds[name] for name in calls},
                    ratios={n: seconds[n] / seconds[OURS] for n in calls if n != OURS},
                    floor={name: seconds[name] for name in floors},
                    memory={name: size for name, size in memory.items() if size is not None},
                    absent=absent,
                )
            )
    return rows


def _on_one_thread(call: Callable[[], Any]) -> None:
    usual = lossapi.get_threads()
    lossapi.set_threads(1)
    try:
        call()
    finally:  # what is timed next is to have all of them
        lossapi.set_threads(usual)


def _input_names(loss: str) -> tuple[str, ...]:
    names: tuple[str, ...] = getattr(lossapi, loss).inputs
    return names


def _calls(
    runner: NumpyLibrary,
    library: str,
    loss: str,
    mode: str,
    arrays: tuple[Any, ...],
    wrt: tuple[int, ...],
) -> tuple[dict[str, Callable[[], Any]], dict[str, str]]:
    """What is to be timed, ours first, and why which peer is not."""
    given = CASES[loss].parameters
    ours = runner.timed(runner.ours(loss), mode, arrays, wrt, **given)
    assert ours is not None
    calls, absent = {OURS: ours}, {}
    for name in PEERS[library]:
        module = load(name)
        if isinstance(module, str):
            absent[name] = f"missing: {module}"
            continue
        contender = runner.peer(module, loss)
        if contender is None:
            absent[name] = "no such loss"
            continue
        call = runner.timed(contender, mode, arrays, wrt, **given)
        if call is None:
            absent[name] = "no gradient"
        else:
            calls[name] = call
    return calls, absent


def _leave_out_what_differs(
    runner: NumpyLibrary, calls: dict[str, Callable[[], Any]], loop: Callable[[], Any] | None
) -> dict[str, str]:
    """Run each once, which also compiles it, and take away who computes something else."""
    due = runner.to_numpy(calls[OURS]())
    absent = {}
    wrong = "" if loop is None else _difference(loop(), due)
    if wrong:
        absent[LOOP] = f"differs: {wrong}"
    for name in [name for name in calls if name != OURS]:
        wrong = _difference(runner.to_numpy(calls[name]()), due)
        if wrong:
            absent[name] = f"differs: {wrong}"
            del calls[name]
    return absent


def _difference(got: tuple[Any, ...], due: tuple[Any, ...]) -> str:
    if [np.shape(array) for array in got] != [np.shape(array) for array in due]:
        return f"shapes {[np.shape(x) for x in got]}, not {[np.shape(x) for x in due]}"
    for place, (its, our) in enumerate(zip(got, due, strict=True)):
        scale = np.max(np.abs(our)) or 1.0
        error = np.max(np.abs(its - our)) / scale
        if not error <= AGREEMENT:
            return f"its {'gradient' if place else 'value'} is off by {error:.1e} of the largest"
    return ""
