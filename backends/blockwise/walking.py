"""Programs of blocks, run over all examples."""

from __future__ import annotations

import operator
from collections.abc import Callable
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from lossapi.threads import get_threads

from .graph import Node, constant, ordered
from .lowering import lowered
from .patterns import recognised
from .ordinary import Ordinary
from .ranges import narrowed
from .writing import Block, size

BLOCK_BYTES = 128 * 1024
"""How much of one array a block holds: a dozen of them share the cache of a core."""
PER_THREAD = 500_000
"""How many entries make another thread worth its start."""
KEPT_BYTES = 64 * 1024
"""How much scratch memory is kept with a call for the next one like it."""

Step = tuple[int, Callable[..., Any], tuple[Any, ...], tuple[int | None, ...]]


class Walk(NamedTuple):
    """One walk over all examples, and what is computed once before it."""

    before: list[Step]
    block: Block
    ordinary: Block | None
    """The same for blocks whose inputs are ordinary, where that is shorter."""
    checks: list[tuple[int, Callable[[Any], bool]]]
    """Of which inputs, and how, that is to be told."""
    inputs: list[str]
    shared: list[int]
    results: list[Node]
    totals: list[tuple[int, int, Any]]
    """Where each total is to stand, for what follows each of the two, and its dtype."""

    def is_ordinary(self, inputs: list[Any]) -> bool:
        """Whether all inputs of a block lie in their ordinary ranges."""
        return all(holds(inputs[place]) for place, holds in self.checks)


class Steps:
    """A plan as walks over blocks of examples, for any number of them."""

    def __init__(self, outputs: list[Any], usual: dict[str, Ordinary]) -> None:
        targets = recognised([*outputs, *_totals(outputs)])
        shorter, self._usual = _shorter(targets, usual)
        targets, shorter = lowered(targets), lowered(recognised(shorter))
        nodes, outputs = ordered(targets), targets[: len(outputs)]
        self.slots = {id(n): place for place, n in enumerate(ordered([*targets, *shorter]))}
        """Where the value of each node stands that is the same for all examples."""
        self._shorter = {id(x): y for x, y in zip(targets, shorter, strict=True)}
        stages, waited = _stages(nodes), _waited_for(nodes)
        last = max((stages[id(n)] for n in nodes if n.rows), default=0)
        done: set[int] = set()
        results = list({id(x): x for x in outputs if isinstance(x, Node) and x.rows}.values())
        self.walks = []
        for stage in range(last + 1):
            totals = [n for n in nodes if n.function == "total" and id(n) not in done]
            if stage < last:
                totals = [n for n in totals if id(n) in waited and stages[id(n)] == stage + 1]
            self.walks.append(self._walk(totals, results if stage == last else [], done))
        self.after = self._once([n for n in nodes if not n.rows], done)
        """What is computed once, when all totals are known."""
        self.outputs = [
            (self.slots[id(x)], None) if isinstance(x, Node) else (0, x) for x in outputs
        ]
        self.entries = max((size(n.core) for n in nodes if n.rows), default=1)
        """How many entries the largest array has for each example."""
        bytes_each = max((size(n.core) * n.dtype.itemsize for n in nodes if n.rows), default=1)
        self.rows = max(1, BLOCK_BYTES // bytes_each)
        """How many examples make a block."""

    def _walk(self, totals: list[Node], results: list[Node], done: set[int]) -> Walk:
        nodes = _of_block([*totals, *results])
        totals_too = [self._shorter[id(n)] for n in totals]
        results_too = [self._shorter[id(n)] for n in results]
        nodes_too = _of_block([*totals_too, *results_too])
        shared = _shared([*nodes, *nodes_too])
        before = self._once([n for n in ordered(shared) if not n.rows], done)
        done.update(id(n) for n in (*totals, *totals_too))
        inputs = [n for n in nodes if n.function == "input"]
        block = Block(nodes, inputs, shared, results, totals)
        ordinary, checks = None, []
        if not any(constant(n.operands[0]) is not None for n in totals_too):
            ordinary = Block(nodes_too, inputs, shared, results_too, totals_too)
            names = [n.options["name"] for n in inputs]
            checks = [(names.index(n), o.holds) for n, o in self._usual.items() if n in names]
            if ordinary.length + 2 * len(checks) >= block.length or not checks:
                ordinary, checks = None, []
        return Walk(
            before=before,
            block=block,
            ordinary=ordinary,
            checks=checks,
            inputs=[n.options["name"] for n in inputs],
            shared=[self.slots[id(n)] for n in shared],
            results=results,
            totals=[
                (self.slots[id(n)], self.slots[id(m)], n.dtype)
                for n, m in zip(totals, totals_too, strict=True)
            ],
        )

    def _once(self, nodes: list[Node], done: set[int]) -> list[Step]:
        """The steps to what is the same for all examples and not yet done."""
        steps: list[Step] = []
        for node in nodes:
            slot = self.slots[id(node)]
            if id(node) in done or constant(node) is not None:
                continue
            if node.function == "input":
                steps.append((slot, _input, (node.options["name"],), ()))
            elif node.function == "count":
                steps.append((slot, _count, (), ()))
            else:
                places = [self.slots[id(x)] if isinstance(x, Node) else None for x in node.operands]
                values = tuple(constant(x) for x in node.operands)
                steps.append((slot, _function(node), values, tuple(places)))
            done.add(id(node))
        return steps


class Run:
    """A program for a number of examples, with its scratch memory where that is small."""

    def __init__(self, steps: Steps, rows: int) -> None:
        self.steps, self.rows = steps, rows
        self.size = min(rows, steps.rows)
        self.blocks = -(-rows // self.size)
        is_small = self.blocks == 1 and max(map(self._bytes, steps.walks)) <= KEPT_BYTES
        self._kept: list[list[Scratch]] | None = [] if is_small else None

    def _bytes(self, walk: Walk) -> int:
        return max(b.bytes_each for b in (walk.block, walk.ordinary) if b is not None) * self.size

    def __call__(self, arrays: dict[str, Any]) -> list[Any]:
        """The outputs, from arrays whose first axis is that of the examples, or that have none."""
        values: list[Any] = [None] * len(self.steps.slots)
        scratch = self._kept.pop() if self._kept else [Scratch() for _ in self.steps.walks]
        for walk, memory in zip(self.steps.walks, scratch, strict=True):
            self._compute(walk.before, values, arrays)
            inputs = [arrays[name] for name in walk.inputs]
            shared = [values[slot] for slot in walk.shared]
            results = [np.empty((self.rows, *node.core), node.dtype) for node in walk.results]
            if self.blocks == 1:
                parts = [memory.run(walk, inputs, shared, results, self.rows)]
            else:
                parts = self._walked(walk, inputs, shared, results)
            for k, (slot, other, dtype) in enumerate(walk.totals):
                values[slot] = values[other] = _added([part[k] for part in parts], dtype)
            for node, array in zip(walk.results, results, strict=True):
                values[self.steps.slots[id(node)]] = array
        if self._kept is not None:
            self._kept.append(scratch)
        self._compute(self.steps.after, values, arrays)
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
            memory = Scratch()
            with np.errstate(all="ignore"):
                while (place := next(blocks)) < self.blocks:
                    here = slice(place * self.size, min((place + 1) * self.size, self.rows))
                    given, made = [x[here] for x in inputs], [x[here] for x in results]
                    parts[place] = memory.run(walk, given, shared, made, here.stop - here.start)

        entries = self.rows * self.steps.entries
        _together(work, min(get_threads(), self.blocks, max(1, entries // PER_THREAD)))
        return parts


class Scratch:
    """The memory of one thread in one walk."""

    __slots__ = ("_buffers",)

    def __init__(self) -> None:
        self._buffers: dict[Any, list[Any]] = {}

    def run(self, walk: Walk, inputs: Any, shared: Any, results: Any, rows: int) -> Any:
        """What one block adds to the totals; its part of the results is filled."""
        block = walk.block
        if walk.ordinary is not None and walk.is_ordinary(inputs):
            block = walk.ordinary
        key = block, rows
        if key not in self._buffers:
            self._buffers[key] = block.buffers_for(rows)
        return block.function(*inputs, *shared, *results, *self._buffers[key])


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


def _added(parts: list[Any], dtype: Any) -> Any:
    """The sum of the blocks' sums, always in the same order."""
    if len(parts) == 1:
        return parts[0]
    return np.add.reduce(np.asarray(parts, np.float64)).astype(dtype)


def _totals(outputs: list[Any]) -> list[Node]:
    return [n for n in ordered(outputs) if n.function == "total"]


def _of_block(targets: list[Any]) -> list[Node]:
    """What is computed of each example, and the totals of that."""
    own = {id(x) for x in targets}
    return [n for n in ordered(targets) if n.rows or id(n) in own]


def _shared(nodes: list[Node]) -> list[Node]:
    """What blocks take from outside, the same for all."""
    found: dict[int, Node] = {}
    for node in nodes:
        for x in node.operands:
            if isinstance(x, Node) and not x.rows and constant(x) is None:
                found[id(x)] = x
    return list(found.values())


def _shorter(
    targets: list[Any], usual: dict[str, Ordinary]
) -> tuple[list[Any], dict[str, Ordinary]]:
    """The graph for ordinary inputs, and those inputs for which it matters."""

    def narrow(inputs: dict[str, Ordinary]) -> list[Any]:
        return narrowed(targets, {name: (o.low, o.high) for name, o in inputs.items()})

    needed, found = usual, narrow(usual)
    for name in usual:
        fewer = {n: o for n, o in needed.items() if n != name}
        without = narrow(fewer)
        # One node more is less than what the look at an input costs.
        if len(ordered(without)) <= len(ordered(found)) + 1:
            needed, found = fewer, without
    return found, needed


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
