"""A recorded plan as walks over blocks of examples, with what is computed once between them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .few_classes import are_few, by_masks
from .graph import Node, constant, ordered
from .hopes import Hopeful, hopeful
from .lowering import lowered
from .ordinary import Ordinary
from .patterns import recognised
from .places import by_places
from .ranges import Range, by_signs, narrowed
from .rearranged import rearranged
from .single import Single, single
from .sums import with_products
from .writing import Block, Count, size

CACHE_BYTES = 19 * 2**20 // 10
"""How much all scratch memory of a block may take: two threads stay below 4 MiB together.

With less they wait for Python's lock; with more a single one leaves its cache.
"""
BLOCK_BYTES = CACHE_BYTES // 2
"""How much of one array a block may hold."""
_LOOK = 3
"""As how many nodes it costs to look at an input."""

Step = tuple[int, Callable[..., Any], tuple[int, ...]]
"""What is the same for all examples: where it is to stand, its function, where the operands are."""


class Walk(NamedTuple):
    """One walk over all examples, and what is computed once before it."""

    before: list[Step]
    block: Block
    ordinary: Block | None
    """The same for blocks whose inputs are ordinary, where that is shorter."""
    checks: list[tuple[int, Callable[[Any], bool]]]
    """Of which inputs, and how, that is to be told."""
    checks_of_one: list[tuple[int, Callable[[Any], bool]]]
    """The same of a single example."""
    supposes: bool
    """Whether it may not be so for all that, which shows in totals that are not finite."""
    inputs: list[str]
    shared: list[int]
    """What blocks take besides, by where it stands."""
    results: list[tuple[int, tuple[int, ...], Any, bool]]
    """Where each result of the examples is to stand, its core shape, its dtype and whether it is
    to be 0 before."""
    totals: list[tuple[int, int, Any]]
    """Where each total is to stand, for what follows each of the two blocks, and its dtype."""

    def written_for(self, count: Count) -> Walk:
        """The same for one example or for few."""
        checks = self.checks_of_one if count is Count.ONE else self.checks
        ordinary = self.ordinary and self.ordinary.written_for(count)
        return self._replace(block=self.block.written_for(count), ordinary=ordinary, checks=checks)


class Steps:
    """A plan for any number of examples."""

    def __init__(self, outputs: list[Any], usual: dict[str, Ordinary]) -> None:
        targets = recognised([*outputs, *_totals(outputs)])
        found, self._usual = _shorter(targets, usual)
        shorter = rearranged(recognised(found.outputs), found.ranges)
        shorter = by_signs(shorter, found.ranges)
        self._supposes = found.supposes
        self._rows_last = are_few(targets), are_few(shorter)
        """Whether the two blocks have the examples along their last axis instead of the first."""
        plain = [*targets, *shorter]
        targets, shorter = (
            with_products(
                lowered(by_masks(graph, ranges) if rows_last else by_places(graph)), is_checked
            )
            for graph, rows_last, ranges, is_checked in zip(
                (targets, shorter),
                self._rows_last,
                (None, found.ranges),
                (False, self._supposes),
                strict=True,
            )
        )
        nodes, outputs = ordered(targets), targets[: len(outputs)]
        self._slots: dict[int, int] = {}
        self._plain = {id(x): y for x, y in zip((*targets, *shorter), plain, strict=True)}
        """Of what is computed of each example: how, before it became arithmetic on bits."""
        self._shorter = {id(x): y for x, y in zip(targets, shorter, strict=True)}
        self.values: list[Any] = []
        """What is known beforehand of all that stands somewhere."""
        self.dtypes: list[Any] = []
        """Of all that stands somewhere the dtype; None of plain numbers."""
        self.counts: list[int] = []
        """Where the number of examples is to stand."""
        self._written: dict[Count, list[Walk]] = {}
        self.inputs: list[tuple[int, str]] = []
        """Where the arrays are to stand that are the same for all examples."""
        self.first: list[Step] = []
        """What the number of examples decides."""
        self._done: set[int] = set()
        waited = {id(n) for n in ordered([n for n in nodes if n.rows]) if n.function == "total"}
        stages = _stages(nodes)
        last = max((stages[id(n)] for n in nodes if n.rows), default=0)
        results = list({id(x): x for x in outputs if isinstance(x, Node) and x.rows}.values())
        self.walks = []
        for stage in range(last + 1):
            totals = [n for n in nodes if n.function == "total" and id(n) not in self._done]
            if stage < last:
                totals = [n for n in totals if id(n) in waited and stages[id(n)] == stage + 1]
            self.walks.append(self._walk(totals, results if stage == last else []))
        self.after = self._once([n for n in nodes if not n.rows])
        """What is computed when all totals are known."""
        self.outputs = [self._slot(x) for x in outputs]
        self.entries = max((size(n.core) for n in nodes if n.rows), default=1)
        """How many entries the largest array has for each example."""
        widest = max((size(n.core) * n.dtype.itemsize for n in nodes if n.rows), default=1)
        # The general block of a walk may come beside the ordinary one, and beyond the cache.
        mostly = [(walk.ordinary or walk.block).bytes_each for walk in self.walks]
        scratch = max(mostly + [7 * walk.block.bytes_each // 8 for walk in self.walks])
        self.rows = max(1, min(BLOCK_BYTES // widest, CACHE_BYTES // max(scratch, 1)))
        """How many examples make a block."""

    def written_for(self, rows: int) -> list[Walk]:
        """The walks over so many examples."""
        count = Count.of(rows, self.entries)
        if count not in self._written:
            self._written[count] = [walk.written_for(count) for walk in self.walks]
        return self._written[count]

    def _walk(self, totals: list[Node], results: list[Node]) -> Walk:
        nodes = _of_block([*totals, *results])
        totals_too = [self._shorter[id(n)] for n in totals]
        results_too = [self._shorter[id(n)] for n in results]
        nodes_too = _of_block([*totals_too, *results_too])
        shared = _shared([*nodes, *nodes_too])
        before = self._once([n for n in ordered(shared) if not n.rows])
        self._done.update(id(n) for n in (*totals, *totals_too))
        inputs = [n for n in nodes if n.function == "input"]
        names = [n.options["name"] for n in inputs]
        looks = [(k, n, self._usual.get(n.options["name"])) for k, n in enumerate(inputs)]
        usual = [(k, n, o, o.holds) for k, n, o in looks if o is not None and o.holds is not None]
        checks = [(k, holds) for k, _, _, holds in usual]
        along, along_too = self._rows_last
        block, ordinary = Block(nodes, inputs, shared, results, totals, along), None
        spared = checks or self._supposes
        if spared and not any(constant(n.operands[0]) is not None for n in totals_too):
            ordinary = Block(nodes_too, inputs, shared, results_too, totals_too, along_too, True)
            if ordinary.length + 2 * len(checks) >= block.length:
                ordinary = None
            else:
                ordinary.single = self._single(inputs, shared, results_too, totals_too)
        block.single = self._single(inputs, shared, results, totals)
        both = zip(totals, totals_too, strict=True)
        return Walk(
            before=before,
            block=block,
            ordinary=ordinary,
            checks=checks if ordinary else [],
            checks_of_one=[(k, holds if n.core else o.holds_one) for k, n, o, holds in usual],
            supposes=self._supposes and ordinary is not None,
            inputs=names,
            shared=[self._slot(n) for n in shared],
            results=[
                (self._slot(n), n.core, n.dtype, ordinary is not None and ordinary.leaves(k))
                for k, n in enumerate(results)
            ],
            totals=[(self._slot(n), self._slot(m), n.dtype) for n, m in both],
        )

    def _single(
        self, inputs: list[Node], shared: list[Node], results: list[Node], totals: list[Node]
    ) -> Callable[[], Single | None]:
        """What writes a block for one number, if there is such a block."""
        plain = ([self._plain[id(n)] for n in nodes] for nodes in (results, totals))
        return partial(single, inputs, shared, *plain)

    def _once(self, nodes: list[Node]) -> list[Step]:
        """The steps to what is the same for all examples and not yet done."""
        steps: list[Step] = []
        for node in nodes:
            if id(node) in self._done or constant(node) is not None:
                continue
            self._done.add(id(node))
            slot = self._slot(node)
            if node.function == "input":
                self.inputs.append((slot, node.options["name"]))
            elif node.function == "count":
                self.counts.append(slot)
            else:
                step = slot, _function(node), tuple(self._slot(x) for x in node.operands)
                waits = any(n.function in ("input", "total") for n in ordered([node]))
                (steps if waits else self.first).append(step)
        return steps

    def _slot(self, x: Any) -> int:
        """Where a node's value stands, or a number."""
        if isinstance(x, Node):
            if id(x) not in self._slots:
                self._slots[id(x)] = len(self.values)
                self.values.append(None if x.rows else constant(x))
                self.dtypes.append(x.dtype)
            return self._slots[id(x)]
        self.values.append(x)
        self.dtypes.append(None)
        return len(self.values) - 1


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


def _shorter(targets: list[Any], usual: dict[str, Ordinary]) -> tuple[Hopeful, dict[str, Ordinary]]:
    """The graph for ordinary inputs, and those inputs that are to be looked at for it."""
    stages = _stages(ordered(targets))
    # Only the totals of the same walk tell of a block.
    at_once = not any(n.rows and stages[id(n)] for n in ordered(targets))

    def narrow(inputs: dict[str, Ordinary]) -> Hopeful:
        if not at_once:
            return Hopeful(narrowed(targets, _ranges(inputs)), _ranges(inputs), supposes=False)
        others = {n: o.low.dtype for n, o in usual.items() if n not in inputs}
        return hopeful(targets, _ranges(inputs), others)

    needed, found = usual, narrow(usual)
    for name, own in usual.items():
        wide = own.wider
        while wide is not None:
            with_wider = {**needed, name: wide}
            wider, wide = narrow(with_wider), wide.wider
            if _length(wider) <= _length(found):
                needed, found = with_wider, wider
    for name in [name for name, own in usual.items() if own.holds is not None]:
        fewer = {n: o for n, o in needed.items() if n != name}
        without = narrow(fewer)
        # One node more is less than what the look at an input costs.
        if _length(without) <= _length(found) + 1:
            needed, found = fewer, without
    for name, own in needed.items():
        if own.above is not None:
            with_above = {**needed, name: own.above}
            above = narrow(with_above)
            if _length(above) <= _length(found):
                needed, found = with_above, above
    for name, own in usual.items():
        if own.closer is not None:
            with_closer = {**needed, name: own.closer}
            closer = narrow(with_closer)
            if _length(closer) + _LOOK < _length(found):
                needed, found = with_closer, closer
    return found, needed


def _length(graph: Hopeful) -> int:
    return len(ordered(graph.outputs))


def _ranges(usual: dict[str, Ordinary]) -> dict[str, Range]:
    return {name: o.range for name, o in usual.items()}


def _stages(nodes: Sequence[Node]) -> dict[int, int]:
    """In which walk over the examples each node can be known."""
    stages: dict[int, int] = {}
    for node in nodes:
        stage = max((stages[id(x)] for x in node.operands if isinstance(x, Node)), default=0)
        stages[id(node)] = stage + (node.function == "total")
    return stages


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
