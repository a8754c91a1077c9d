"""Programs of blocks, run over all examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from lossapi.threads import get_threads

from .writing import LINE

if TYPE_CHECKING:
    from .steps import Step, Steps, Walk
    from .writing import Block

PER_THREAD = 500_000
"""How many entries make another thread worth its start."""
_KEPT = 64
"""For how many programs and sizes scratch memory is kept divided."""
_idle: list[Scratch] = []
"""Scratch memory that no thread uses now: fresh memory costs as much as computing in it."""


def forget() -> None:
    """Give back all scratch memory."""
    _idle.clear()


class Run:
    """A program for a number of examples."""

    def __init__(self, steps: Steps, rows: int) -> None:
        self._steps, self._rows = steps, rows
        # The nearest number of blocks: the beginning of one costs more than a cache half too small.
        self._size = -(-rows // max(1, round(rows / steps.rows)))
        self._blocks = -(-rows // self._size)
        self._values = list(steps.values)
        for slot in steps.counts:
            self._values[slot] = float(rows)
        _compute(steps.first, self._values)
        self._call = self._written()

    def __call__(self, arrays: dict[str, Any]) -> list[Any]:
        """The outputs, from arrays whose first axis is that of the examples, or that have none."""
        scratch = _unused()
        outputs: list[Any] = scratch.context.run(self._call, arrays, scratch)
        _idle.append(scratch)
        return outputs

    def _written(self) -> Callable[[dict[str, Any], Scratch], list[Any]]:
        """All that a call does, as a function: loops over the few steps would take as long."""
        steps = self._steps
        names: dict[str, Any] = {"empty": np.empty, "zeros": np.zeros}
        lines = [f"v{slot} = arrays[{name!r}]" for slot, name in steps.inputs]
        known = set(range(len(self._values))) - {slot for slot, _ in steps.inputs}
        run = "scratch.run" if self._blocks == 1 else "walked"
        names["walked"] = self._walked

        def compute(planned: list[Step]) -> None:
            for slot, function, places in planned:
                lines.append(f"v{slot} = f{slot}({', '.join(f'v{x}' for x in places)})")
                names[f"f{slot}"] = function
                known.discard(slot)

        walks = [walk.of_one() for walk in steps.walks] if self._rows == 1 else steps.walks
        for k, walk in enumerate(walks):
            compute(walk.before)
            for slot, core, dtype, is_blank in walk.results:
                maker = "zeros" if is_blank else "empty"
                lines.append(f"v{slot} = {maker}(shape{slot}, dtype{slot})")
                names |= {f"shape{slot}": (self._rows, *core), f"dtype{slot}": dtype}
                known.discard(slot)
            inputs = "".join(f"arrays[{name!r}], " for name in walk.inputs)
            shared = "".join(f"v{slot}, " for slot in walk.shared)
            made = "".join(f"v{slot}, " for slot, *_ in walk.results)
            last = "" if self._blocks == 1 else ", scratch"
            names[f"walk{k}"] = walk
            totals = "".join(f"v{slot}, " for slot, _, _ in walk.totals)
            target = f"{totals} = " if totals else ""
            lines.append(
                f"{target}{run}(walk{k}, ({inputs}), ({shared}), ({made}), {self._rows}{last})"
            )
            for slot, other, _ in walk.totals:
                lines.append(f"v{other} = v{slot}")
                known -= {slot, other}
        compute(steps.after)
        lines.append(f"return [{', '.join(f'v{slot}' for slot in steps.outputs)}]")
        names |= {f"v{slot}": self._values[slot] for slot in known}
        text = "".join(f"    {line}\n" for line in lines)
        exec(f"def call(arrays, scratch):\n{text}", names)  # our own text, as that of blocks
        call: Callable[[dict[str, Any], Scratch], list[Any]] = names["call"]
        return call

    def _walked(
        self, walk: Walk, inputs: Any, shared: Any, results: Any, rows: int, scratch: Scratch
    ) -> list[Any]:
        """The totals of all blocks, which are dealt out to threads."""
        parts: list[Any] = [None] * self._blocks
        blocks = count()

        def work(scratch: Scratch) -> None:
            while (place := next(blocks)) < self._blocks:
                here = slice(place * self._size, min((place + 1) * self._size, rows))
                given, made = [x[here] for x in inputs], [x[here] for x in results]
                parts[place] = scratch.run(walk, given, shared, made, here.stop - here.start)

        def elsewhere() -> None:
            scratch = _unused()
            scratch.context.run(work, scratch)
            _idle.append(scratch)

        entries = rows * self._steps.entries
        threads = min(get_threads(), self._blocks, max(1, entries // PER_THREAD))
        if threads > 1:
            with _others(elsewhere, threads - 1):
                work(scratch)
        else:
            work(scratch)
        # In the order of the blocks, whoever ran them: the sum does not depend on the threads.
        return [
            np.add.reduce(np.asarray([part[k] for part in parts], np.float64)).astype(dtype)
            for k, (_, _, dtype) in enumerate(walk.totals)
        ]


class Scratch:
    """Memory in which one thread at a time runs blocks, each of them in all of it."""

    __slots__ = ("_divided", "_filled", "_memory", "context")

    def __init__(self) -> None:
        self.context = Context()
        """In which NumPy does not warn: entering it takes a tenth of the time of `errstate`."""
        self.context.run(np.seterr, all="ignore")
        self._memory = np.empty(0, np.uint8)
        self._divided: dict[tuple[Block, int], list[Any]] = {}
        self._filled: list[Any] = []
        """The buffers whose numbers stand in the memory."""

    def run(self, walk: Walk, inputs: Any, shared: Any, results: Any, rows: int) -> Any:
        """What one block adds to the totals; its part of the results is filled."""
        if walk.ordinary is not None:
            for place, holds in walk.checks:
                if not holds(inputs[place]):
                    break
            else:
                totals = self._compute(walk.ordinary, inputs, shared, results, rows)
                if not walk.supposes or all(map(isfinite, totals)):
                    return totals
        return self._compute(walk.block, inputs, shared, results, rows)

    def _compute(self, block: Block, inputs: Any, shared: Any, results: Any, rows: int) -> Any:
        buffers = self._divided.get((block, rows))
        if buffers is None:
            buffers = self._divide(block, rows)
        if buffers is not self._filled:
            block.fill(buffers)
            self._filled = buffers
        return block.function(*inputs, *shared, *results, *buffers)

    def _divide(self, block: Block, rows: int) -> list[Any]:
        due = block.bytes_for(rows)
        if due > self._memory.size:
            del self._memory, self._filled
            self._divided.clear()  # and with them the last hold on what is too small
            memory = np.empty(due + LINE, np.uint8)
            self._memory, self._filled = memory[-memory.ctypes.data % LINE :], []
        if len(self._divided) >= _KEPT:
            self._divided.clear()
        buffers = self._divided[block, rows] = block.buffers_in(self._memory, rows)
        return buffers


def _unused() -> Scratch:
    try:  # another thread may take the last one after a look at the list
        return _idle.pop()
    except IndexError:
        return Scratch()


def _compute(steps: Any, values: list[Any]) -> None:
    for slot, function, places in steps:
        values[slot] = function(*[values[place] for place in places])


@contextmanager
def _others(work: Callable[[], None], threads: int) -> Iterator[None]:
    """Have so many other threads do work meanwhile."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        others = [pool.submit(work) for _ in range(threads)]
        yield
        for other in others:
            other.result()
