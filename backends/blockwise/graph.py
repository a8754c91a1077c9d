"""What a plan does to its arrays, as a graph: one node for each call of a function of NumPy."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

Shape = tuple[Any, ...]


class UntraceableError(Exception):
    """What a kernel does cannot be done to a block of examples at a time."""


class _Rows:
    """How many examples there are, while nobody knows."""

    def __repr__(self) -> str:
        return "rows"

    def __mul__(self, other: Any) -> Any:
        raise UntraceableError("the number of all entries")

    __rmul__ = __mul__


ROWS = _Rows()


class Node:
    """The result of one recorded call: an array with, or without, an axis of examples in front."""

    __slots__ = ("core", "dtype", "function", "number", "operands", "options", "rows", "tape")
    __array_ufunc__ = None

    def __init__(
        self,
        tape: Tape,
        function: Any,
        operands: tuple[Any, ...],
        options: dict[str, Any],
        rows: bool,
        core: tuple[int, ...],
        dtype: Any,
    ) -> None:
        self.tape, self.function, self.operands, self.options = tape, function, operands, options
        self.rows, self.core, self.dtype = rows, core, np.dtype(dtype)
        self.number = len(tape)

    @property
    def shape(self) -> Shape:
        """The shape, in which ROWS stands for the number of examples."""
        return (ROWS, *self.core) if self.rows else self.core

    @property
    def is_number(self) -> bool:
        """Whether it is one number, of more digits than the arrays have."""
        return not (self.rows or self.core) and self.dtype == np.float64 != self.tape.compute

    @property
    def ndim(self) -> int:
        """The number of axes, that of the examples included."""
        return len(self.core) + self.rows

    def __getitem__(self, index: Any) -> Node:
        index = index if isinstance(index, tuple) else (index,)
        consumed = sum(entry is not None for entry in index) - 1
        if index[0] is not Ellipsis or consumed > len(self.core):
            raise UntraceableError(f"index {index}")
        core = dummy(self.core)[index].shape
        return self.tape.add(operator.getitem, (self,), self.rows, core, self.dtype, index=index)

    def of(self, operands: tuple[Any, ...]) -> Node:
        """The same call with other operands."""
        if all(a is b for a, b in zip(operands, self.operands, strict=True)):
            return self
        return self.tape.add(
            self.function, operands, self.rows, self.core, self.dtype, **self.options
        )

    def like(self, function: Any, *operands: Any) -> Node:
        """A call whose result may take the place of this one's."""
        return self.tape.add(function, operands, self.rows, self.core, self.dtype)

    def _refused(self, *_: Any, **__: Any) -> Any:
        raise UntraceableError("a value that is not known yet")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __len__ = __iter__ = _refused
    __hash__ = object.__hash__


class Tape:
    """The calls of one recording, each kept once."""

    def __init__(self, compute: str) -> None:
        self.compute = np.dtype(compute)
        """What arrays of floats are computed in."""
        self._known: dict[Any, Node] = {}
        self.orders: dict[tuple[int, ...], tuple[Node, ...]] = {}
        """What was found to be needed for which outputs."""

    def __len__(self) -> int:
        return len(self._known)

    def add(
        self,
        function: Any,
        operands: tuple[Any, ...],
        rows: bool,
        core: tuple[int, ...],
        dtype: Any,
        **options: Any,
    ) -> Node:
        """The node of a call: the one recorded before, if there is one."""
        operands = tuple(operands)
        key = (
            function,
            *(id(x) if isinstance(x, Node) else (type(x), repr(x)) for x in operands),
            repr(options) if options else "",
            (rows, core, np.dtype(dtype)),
        )
        found = self._known.get(key)
        if found is None:
            found = Node(self, function, operands, options, rows, core, dtype)
            self._known[key] = found
        return found

    def input(self, name: str, rows: bool, core: tuple[int, ...], dtype: Any) -> Node:
        """An array that comes with each call."""
        return self.add("input", (), rows, core, dtype, name=name)

    def full(self, value: Any, rows: bool, core: tuple[int, ...], dtype: Any) -> Node:
        """An array of one number."""
        return self.add("full", (np.dtype(dtype).type(value),), rows, core, dtype)

    def count(self, dtype: Any) -> Node:
        """The number of examples, or 1 where there is none."""
        return self.add("count", (), False, (), dtype)

    def total(self, node: Node) -> Node:
        """The sum over all examples and entries."""
        return self.add("total", (node,), False, (), node.dtype)


def dummy(core: tuple[int, ...]) -> Any:
    """An array of a shape, without its memory."""
    return np.broadcast_to(np.empty((), bool), core)


def constant(x: Any) -> Any:
    """The number that an operand is in all its entries; None if that is not known."""
    if not isinstance(x, Node):
        return x
    return x.operands[0] if x.function == "full" else None


def ordered(outputs: list[Any]) -> tuple[Node, ...]:
    """All nodes that the outputs need, each after its operands."""
    wanted = [x for x in outputs if isinstance(x, Node)]
    if not wanted:
        return ()
    orders, key = wanted[0].tape.orders, tuple(map(id, wanted))
    if key not in orders:
        orders[key] = _ordered(wanted)
    return orders[key]


def _ordered(outputs: list[Node]) -> tuple[Node, ...]:
    found: dict[int, Node] = {}
    stack = [(x, False) for x in reversed(outputs)]
    while stack:
        node, is_ready = stack.pop()
        if id(node) in found:
            continue
        if is_ready:
            found[id(node)] = node
        else:
            stack.append((node, True))
            for x in reversed(node.operands):
                if isinstance(x, Node) and id(x) not in found:
                    stack.append((x, False))
    return tuple(found.values())


def rewritten(outputs: list[Any], change: Callable[[Node, tuple[Any, ...]], Any]) -> list[Any]:
    """The graph with what `change` makes of each node and its new operands; None leaves it."""
    done: dict[int, Any] = {}
    for node in ordered(outputs):
        operands = tuple(done[id(x)] if isinstance(x, Node) else x for x in node.operands)
        new = change(node, operands)
        done[id(node)] = node.of(operands) if new is None else new
    return [done[id(x)] if isinstance(x, Node) else x for x in outputs]
