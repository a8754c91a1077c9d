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

from .single import SIGNS
from .writing import LINE

if TYPE_CHECKING:
    from .layout import Layout
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
    """A plan as a program of blocks, for arrays of known shapes."""

    def __init__(self, layout: Layout, steps: Steps) -> None:
        rows = layout.count
        self._steps, self._rows = steps, rows
        # The nearest number of blocks: the beginning of one costs more than a cache half too small.
        self._size = -(-rows // max(1, round(rows / steps.rows)))
        self._blocks = -(-rows // self._size)
        self._values = list(steps.values)
        for slot in steps.counts:
            self._values[slot] = float(rows)
        _compute(steps.first, self._values)
        self._call = self._written(layout)

    def __call__(self, *arrays: Any) -> Any:
        """The results of the call, from the arrays in the order of the layout."""
        scratch = _unused()
        results = scratch.context.run(self._call, scratch, *arrays)
        _idle.append(scratch)
        return results

    def _written(self, layout: Layout) -> Callable[..., Any]:
        """All that a call does, as a function: loops over the few steps would take as long."""
        steps = self._steps
        names: dict[str, Any] = {"empty": np.empty, "zeros": np.zeros, "isfinite": isfinite}
        arrays = {name: f"a{k}" for k, name in enumerate(layout.arrays)}
        lines = []
        if not layout.flat:
            names |= {"as_rows": layout.as_rows, "shaped": layout.shaped}
            given = ", ".join(f"{name!r}: {x}" for name, x in arrays.items())
            lines.append(f"[{', '.join(arrays.values())}] = as_rows({{{given}}}).values()")
        lines += [f"v{slot} = {arrays[name]}" for slot, name in steps.inputs]
        known = set(range(len(self._values))) - {slot for slot, _ in steps.inputs}
        names["walked"] = self._walked

        def compute(planned: list[Step]) -> None:
            for slot, function, places in planned:
                sign = SIGNS.get(function)
                operands = [f"v{x}" for x in places]
                text = f" {sign} ".join(operands) if sign else f"f{slot}({', '.join(operands)})"
                lines.append(f"v{slot} = {text}")
                names[f"f{slot}"] = function
                known.discard(slot)

        for k, walk in enumerate(steps.written_for(self._rows)):
            compute(walk.before)
            for slot, core, dtype, is_blank in walk.results:
                maker = "zeros" if is_blank else "empty"
                lines.append(f"v{slot} = {maker}(shape{slot}, dtype{slot})")
                names |= {f"shape{slot}": (self._rows, *core), f"dtype{slot}": dtype}
                known.discard(slot)
            inputs = [arrays[name] for name in walk.inputs]
            shared = [f"d{slot}" if slot in known else f"v{slot}" for slot in walk.shared]
            # As arrays, which NumPy's functions take in faster than numbers.
            names |= {
                f"d{slot}": np.asarray(self._values[slot], steps.dtypes[slot])
                for slot in known.intersection(walk.shared)
            }
            made = [f"v{slot}" for slot, *_ in walk.results]
            totals = "".join(f"v{slot}, " for slot, _, _ in walk.totals)
            target = f"{totals} = " if totals else ""
            names[f"walk{k}"] = walk
            if self._blocks == 1:
                lines += self._at_once(f"{k}", walk, target, inputs, [*shared, *made], names)
            else:
                lists = ", ".join(f"[{', '.join(part)}]" for part in (inputs, shared, made))
                lines.append(f"{target}walked(walk{k}, {lists}, {self._rows}, scratch)")
            for slot, other, _ in walk.totals:
                lines.append(f"v{other} = v{slot}")
                known -= {slot, other}
        compute(steps.after)
        lines.append(f"return {layout.restored([f'v{slot}' for slot in steps.outputs])}")
        names |= {f"v{slot}": self._values[slot] for slot in known}
        text = "".join(f"    {line}\n" for line in lines)
        listed = ", ".join(("scratch", *arrays.values()))
        exec(f"def call({listed}):\n{text}", names)  # our own text, as that of blocks
        call: Callable[..., Any] = names["call"]
        return call

    def _at_once(
        self,
        k: str,
        walk: Walk,
        target: str,
        inputs: list[str],
        others: list[str],
        names: dict[str, Any],
    ) -> list[str]:
        """The lines for all examples as a single block."""

        def run(name: str, block: Block) -> str:
            names[f"{name}{k}"], names[f"{name}{k}_memory"] = block.function, (block, self._rows)
            taken = ", ".join((*inputs, *others, f"*scratch.memory({name}{k}_memory)"))
            return f"{target}{name}{k}({taken})"

        general = run("general", walk.block)
        if walk.ordinary is None:
            return [general]
        names |= {f"look{k}_{place}": holds for place, holds in walk.checks}
        looks = [f"look{k}_{place}({inputs[place]})" for place, _ in walk.checks]
        finite = [f"isfinite(v{slot})" for slot, *_ in walk.totals] if walk.supposes else []
        return [
            f"usual = {' and '.join(looks) or True}",
            "if usual:",
            f"    {run('ordinary', walk.ordinary)}",
            *([f"    usual = {' and '.join(finite)}"] if finite else []),
            "if not usual:",
            f"    {general}",
        ]

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
                taken = *inputs, *shared, *results, *self.memory((walk.ordinary, rows))
                totals = walk.ordinary.function(*taken)
                del taken  # the other program may find this memory too small, and give it back
                if not walk.supposes or all(map(isfinite, totals)):
                    return totals
        return walk.block.function(*inputs, *shared, *results, *self.memory((walk.block, rows)))

    def memory(self, key: tuple[Block, int]) -> list[Any]:
        """The buffers of a block for so many examples, those of one number filled."""
        buffers = self._divided.get(key)
        if buffers is None:
            buffers = self._divide(*key)
        if buffers is not self._filled:
            key[0].fill(buffers)
            self._filled = buffers
        return buffers

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
