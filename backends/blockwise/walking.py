"""Programs of blocks, run over all examples."""

from __future__ import annotations

import operator
import threading
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from lossapi.threads import get_threads

from .lowering import lowered, ordered
from .tracing import Node, constant
from .writing import Block, Buffer

BLOCK_BYTES = 64 * 1024
"""How much of one array a block holds: a dozen of them share the cache of a core."""
PER_THREAD = 500_000
"""How many entries make another thread worth its start."""
KEPT_BYTES = 64 * 1024
"""How much scratch memory is kept with a call for the next one like it."""

Step = tuple[int, Callable[..., Any], tuple[Any, ...], tuple[int | None, ...]]


class Walk(NamedTuple):
    """One walk over all examples, and what is computed once before it."""

    before: list[Step]
    block: Callable[..., Any]
    source: str
    inputs: list[str]
    shared: list[int]
    results: list[Node]
    totals: list[Node]
    buffers: list[Buffer]


class Steps:
    """A plan as walks over blocks of examples, for any number of them."""

    def __init__(self, outputs: list[Any]) -> None:
        outputs = lowered(outputs)
        nodes = ordered(outputs)
        self._slots = {id(node): place for place, node in enumerate(nodes)}
        self._nodes = nodes
        stages = _stages(nodes)
        last = max((stages[id(n)] for n in nodes if n.rows), default=0)
        done: set[int] = set()
        results = list({id(x): x for x in outputs if isinstance(x, Node) and x.rows}.values())
        waiting = _waited_for(nodes)
        self.walks = []
        for stage in range(last + 1):
            totals = [n for n in nodes if n.function == "total" and id(n) not in done]
            if stage < last:
                totals = [n for n in totals if id(n) in waiting and stages[id(n)] == stage + 1]
            self.walks.append(self._walk(totals, results if stage == last else [], done))
        self._after = self._once([n for n in nodes if not n.rows], done)
        self.outputs = [
            (self._slots[id(x)], None) if isinstance(x, Node) else (0, x) for x in outputs
        ]
        entries = [_size(node.core) for node in nodes if node.rows]
        self.entries = max(entries, default=1)
        """How many entries the largest array has for each example."""
        bytes_each = max((_size(n.core) * n.dtype.itemsize for n in nodes if n.rows), default=1)
        self.rows = max(1, BLOCK_BYTES // bytes_each)
        """How many examples make a block."""

    def _walk(self, totals: list[Node], results: list[Node], done: set[int]) -> Walk:
        own = {id(n) for n in totals}
        nodes = [n for n in ordered([*totals, *results]) if n.rows or id(n) in own]
        shared: dict[int, Node] = {}
        for node in nodes:
            for x in node.operands:
                if isinstance(x, Node) and not x.rows and constant(x) is None:
                    shared[id(x)] = x
        before = self._once([n for n in ordered([*shared.values()]) if not n.rows], done)
        done.update(id(n) for n in totals)
        block = Block(nodes, [*shared.values()], results, totals)
        return Walk(
            before=before,
            block=block.compiled(),
            source=block.source,
            inputs=[node.options["name"] for node in block.inputs],
            shared=[self._slots[key] for key in shared],
            results=results,
            totals=totals,
            buffers=block.buffers,
        )

    def _once(self, nodes: list[Node], done: set[int]) -> list[Step]:
        """The steps to what is the same for all examples and not yet done."""
        steps: list[Step] = []
        for node in nodes:
            slot = self._slots[id(node)]
            if id(node) in done or constant(node) is not None:
                continue
            if node.function == "input":
                steps.append((slot, _input, (node.options["name"],), ()))
            elif node.function == "count":
                steps.append((slot, _count, (), ()))
            else:
                places = [
                    self._slots[id(x)] if isinstance(x, Node) else None for x in node.operands
                ]
                values = tuple(constant(x) for x in node.operands)
                steps.append((slot, _function(node), values, tuple(places)))
            done.add(id(node))
        return steps

    def bind(self, rows: int) -> Run:
        """The program for a number of examples."""
        return Run(self, rows)


class Run:
    """A program for a number of examples, with its scratch memory where that is small."""

    def __init__(self, steps: Steps, rows: int) -> None:
        self.steps, self.rows = steps, rows
        self.size = min(rows, steps.rows)
        self.blocks = -(-rows // self.size)
        most = max(_bytes(walk.buffers, self.size) for walk in steps.walks)
        is_small = self.blocks == 1 and most <= KEPT_BYTES
        self._kept: list[list[list[Any]]] | None = [] if is_small else None

    def __call__(self, arrays: dict[str, Any]) -> list[Any]:
        """The outputs, from arrays whose first axis is that of the examples, or that have none."""
        values: list[Any] = [None] * len(self.steps._nodes)
        scratch = self._kept.pop() if self._kept else None
        if scratch is None and self._kept is not None:
            scratch = [_scratch(walk.buffers, self.size) for walk in self.steps.walks]
        for place, walk in enumerate(self.steps.walks):
            self._compute(walk.before, values, arrays)
            inputs = [arrays[name] for name in walk.inputs]
            shared = [values[slot] for slot in walk.shared]
            results = [np.empty((self.rows, *node.core), node.dtype) for node in walk.results]
            if scratch is not None:
                parts = [walk.block(*inputs, *shared, *results, *scratch[place])]
            else:
                parts = self._walked(walk, inputs, shared, results)
            for k, node in enumerate(walk.totals):
                values[self.steps._slots[id(node)]] = _added(
                    [part[k] for part in parts], node.dtype
                )
            for node, array in zip(walk.results, results, strict=True):
                values[self.steps._slots[id(node)]] = array
        if self._kept is not None:
            self._kept.append(scratch)
        self._compute(self.steps._after, values, arrays)
        return [values[slot] if known is None else known for slot, known in self.steps.outputs]

    def _compute(self, steps: list[Step], values: list[Any], arrays: dict[str, Any]) -> None:
        for slot, function, known, places in steps:
            if function is _input:
                values[slot] = arrays[known[0]]
            elif function is _count:
                values[slot] = float(self.rows)
            else:
                values[slot] = function(
                    *[
                        x if p is None or x is not None else values[p]
                        for x, p in zip(known, places, strict=True)
                    ]
                )

    def _walked(self, walk: Walk, inputs: Any, shared: Any, results: Any) -> list[Any]:
        """What each block adds to the totals; the blocks are dealt out to threads."""
        parts: list[Any] = [None] * self.blocks
        blocks = count()

        def work() -> None:
            with np.errstate(all="ignore"):
                scratch = _scratch(walk.buffers, self.size)
                while (place := next(blocks)) < self.blocks:
                    here = slice(place * self.size, min((place + 1) * self.size, self.rows))
                    if here.stop - here.start < self.size:
                        scratch = [x[: here.stop - here.start] for x in scratch]
                    given, made = [x[here] for x in inputs], [x[here] for x in results]
                    parts[place] = walk.block(*given, *shared, *made, *scratch)

        entries = self.rows * self.steps.entries
        _together(work, min(get_threads(), self.blocks, max(1, entries // PER_THREAD)))
        return parts


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


_memory = threading.local()


def _scratch(buffers: Sequence[Buffer], rows: int) -> list[Any]:
    """Fresh buffers, each as all the dtypes that it is seen as."""
    found = []
    for core, itemsize, kinds in buffers:
        memory = np.empty((rows, *core), f"V{itemsize}")
        found.extend(memory.view(kind) for kind in kinds)
    return found


def _bytes(buffers: Sequence[Buffer], rows: int) -> int:
    return sum(rows * _size(core) * itemsize for core, itemsize, _ in buffers)


def _added(parts: list[Any], dtype: Any) -> Any:
    """The sum of the blocks' sums, always in the same order."""
    if len(parts) == 1:
        return parts[0]
    return np.add.reduce(np.asarray(parts, np.float64)).astype(dtype)


def _size(core: tuple[int, ...]) -> int:
    return int(np.prod(core, dtype=np.int64))


def _stages(nodes: list[Node]) -> dict[int, int]:
    """In which walk over the examples each node can be known."""
    stages: dict[int, int] = {}
    for node in nodes:
        stage = max((stages[id(x)] for x in node.operands if isinstance(x, Node)), default=0)
        stages[id(node)] = stage + (node.function == "total")
    return stages


def _waited_for(nodes: list[Node]) -> set[int]:
    """The totals without which nothing more is known of each example."""
    after: dict[int, set[int]] = {}
    waited: set[int] = set()
    for node in nodes:
        behind = {id(node)} if node.function == "total" else set()
        for x in node.operands:
            if isinstance(x, Node):
                behind |= after[id(x)]
        after[id(node)] = behind
        if node.rows:
            waited |= behind
    return waited


def _input() -> None:
    """Stands for an array of the call."""


def _count() -> None:
    """Stands for the number of examples."""


def _function(node: Node) -> Callable[..., Any]:
    """What computes a node that is the same for all examples, from the values of its operands."""
    function, options = node.function, node.options
    if function == "view":
        return lambda x: np.asarray(x).view(node.dtype)
    if function == "astype":
        return lambda x: np.asarray(x).astype(node.dtype)
    if function == "broadcast":
        return lambda x: np.broadcast_to(x, node.core)
    if function == "index":
        return lambda: np.arange(node.core[0])
    if function is operator.getitem:
        return lambda x: np.asarray(x)[options["index"]]
    if function == "concat":
        return lambda *arrays: np.concatenate(arrays, **options)
    if node.dtype.kind == "i" and isinstance(function, np.ufunc):
        return lambda *x: function(*x, dtype=node.dtype)
    return (lambda *x: function(*x, **options)) if options else function
