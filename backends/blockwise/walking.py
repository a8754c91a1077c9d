"""Programs of blocks, run over all examples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from lossapi.threads import get_threads

if TYPE_CHECKING:
    from .steps import Steps, Walk

PER_THREAD = 500_000
"""How many entries make another thread worth its start."""
KEPT_BYTES = 64 * 1024
"""How much scratch memory is kept with a call for the next one like it."""


class Run:
    """A program for a number of examples, with its scratch memory where that is small."""

    def __init__(self, steps: Steps, rows: int) -> None:
        self._steps, self._rows = steps, rows
        self._size = min(rows, steps.rows)
        self._blocks = -(-rows // self._size)
        self._values = list(steps.values)
        for slot in steps.counts:
            self._values[slot] = float(rows)
        _compute(steps.first, self._values)
        self._walks = [
            (walk, [(slot, (rows, *core), dtype) for slot, core, dtype in walk.results])
            for walk in steps.walks
        ]
        blocks = [b for walk in steps.walks for b in (walk.block, walk.ordinary) if b is not None]
        small = self._blocks == 1 and max(b.bytes_each for b in blocks) * rows <= KEPT_BYTES
        self._kept: list[Scratch] | None = [] if small else None

    def __call__(self, arrays: dict[str, Any]) -> list[Any]:
        """The outputs, from arrays whose first axis is that of the examples, or that have none."""
        values, steps = self._values.copy(), self._steps
        for slot, name in steps.inputs:
            values[slot] = arrays[name]
        scratch = self._kept.pop() if self._kept else Scratch()
        for walk, results in self._walks:
            if walk.before:
                _compute(walk.before, values)
            inputs = [arrays[name] for name in walk.inputs]
            shared = [values[slot] for slot in walk.shared]
            made = []
            for slot, shape, dtype in results:
                values[slot] = array = np.empty(shape, dtype)
                made.append(array)
            if self._blocks == 1:
                totals = scratch.run(walk, inputs, shared, made, self._rows)
            else:
                totals = self._walked(walk, inputs, shared, made)
            for (slot, other, _), total in zip(walk.totals, totals, strict=True):
                values[slot] = values[other] = total
        if self._kept is not None:
            self._kept.append(scratch)
        _compute(steps.after, values)
        return [values[slot] for slot in steps.outputs]

    def _walked(self, walk: Walk, inputs: Any, shared: Any, results: Any) -> list[Any]:
        """The totals of all blocks, which are dealt out to threads."""
        parts: list[Any] = [None] * self._blocks
        blocks = count()

        def work() -> None:
            scratch = Scratch()
            with np.errstate(all="ignore"):
                while (place := next(blocks)) < self._blocks:
                    here = slice(place * self._size, min((place + 1) * self._size, self._rows))
                    given, made = [x[here] for x in inputs], [x[here] for x in results]
                    parts[place] = scratch.run(walk, given, shared, made, here.stop - here.start)

        entries = self._rows * self._steps.entries
        _together(work, min(get_threads(), self._blocks, max(1, entries // PER_THREAD)))
        # In the order of the blocks, whoever ran them: the sum does not depend on the threads.
        return [
            np.add.reduce(np.asarray([part[k] for part in parts], np.float64)).astype(dtype)
            for k, (_, _, dtype) in enumerate(walk.totals)
        ]


class Scratch:
    """The memory of one thread: the buffers of each block that it has run."""

    __slots__ = ("_buffers",)

    def __init__(self) -> None:
        self._buffers: dict[tuple[int, int], list[Any]] = {}

    def run(self, walk: Walk, inputs: Any, shared: Any, results: Any, rows: int) -> Any:
        """What one block adds to the totals; its part of the results is filled."""
        block = walk.block
        if walk.ordinary is not None:
            for place, holds in walk.checks:
                if not holds(inputs[place]):
                    break
            else:
                block = walk.ordinary
        key = id(block), rows
        buffers = self._buffers.get(key)
        if buffers is None:
            buffers = self._buffers[key] = block.buffers_for(rows)
        return block.function(*inputs, *shared, *results, *buffers)


def _compute(steps: Any, values: list[Any]) -> None:
    for slot, function, places in steps:
        values[slot] = function(*[values[place] for place in places])


def _together(work: Callable[[], None], threads: int) -> None:
    """Have threads do work that they share among them, this one included."""
    if threads == 1:
        work()
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(work) for _ in range(threads - 1)]
        work()
        for other in others:
            other.result()
