"""What a graph may say in fewer steps where its numbers are known to be finite.

All of it is exact: differences that are 0 anyway, powers of two, and signs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .graph import Node, constant, ordered, rewritten
from .ranges import Range, is_top, range_of
from .tracing import elementwise, put_class


def rearranged(outputs: list[Any], inputs: dict[str, Range]) -> list[Any]:
    """The same results, up to the sign of a zero, for inputs that lie in these ranges."""
    known: dict[int, Range | None] = {}

    def finite(x: Any) -> bool:
        if isinstance(x, Node) and id(x) not in known:
            known[id(x)] = range_of(x, known, inputs)
        limits = known.get(id(x)) if isinstance(x, Node) else (x, x)
        return limits is not None and bool(np.isfinite(limits).all())

    def change(node: Node, operands: tuple[Any, ...]) -> Any:
        new = node.of(operands)
        if node.function is put_class:
            new = _without_put(new, finite)
        elif _halved(new) is None:
            new = _halves_outward(new, finite)
        if isinstance(new, Node) and id(new) not in known:
            known[id(new)] = range_of(new, known, inputs)
        return new

    with np.errstate(all="ignore"):
        return _turned(rewritten(outputs, change))


def _without_put(node: Node, finite: Any) -> Node:
    """x - max(x), and the like, which is 0 for the leader without being set."""
    array, index, value = node.operands
    if index.function is not np.argmax or constant(value) != 0:
        return node
    x, halved = index.operands[0], _halved(array)
    gap = array if halved is None else halved
    if not isinstance(gap, Node) or gap.function is not np.subtract or not finite(x):
        return node
    first, second = gap.operands
    is_gap = (first is x and is_top(second, x)) or (second is x and is_top(first, x))
    return array if is_gap else node


def _halved(node: Any) -> Any:
    """x, of 2^-n x with n above 0; None of others."""
    if not isinstance(node, Node) or node.function is not np.multiply:
        return None
    factor, x = constant(node.operands[0]), node.operands[1]
    is_power = factor is not None and 0 < factor < 1 and math.frexp(factor)[0] == 0.5
    return x if is_power and isinstance(x, Node) and x.dtype == node.dtype else None


def _halves_outward(node: Node, finite: Any) -> Any:
    """c (x + y) for c x + c y, and the like, until a factor that undoes them meets them."""
    function, operands = node.function, node.operands
    halves = [_halved(x) for x in operands]
    if not halves or halves[-1] is None:
        return node
    factor = constant(operands[-1].operands[0])
    if function in (np.add, np.subtract) and halves[0] is not None:
        if constant(operands[0].operands[0]) != factor:
            return node
        inner = elementwise(function)(*halves)
    elif function is np.multiply and constant(operands[0]) is None:
        inner = elementwise(function)(operands[0], halves[1])
    elif function is np.multiply:
        x, undone = halves[1], float(constant(operands[0])) * float(factor) == 1
        return x if undone and (x.rows, x.core) == (node.rows, node.core) else node
    elif function is np.sum:
        place = node.rows, node.core, node.dtype
        inner = node.tape.add(function, tuple(halves), *place, **node.options)
    else:
        return node
    return node.like(np.multiply, factor, inner) if finite(inner) else node


def _turned(outputs: list[Any]) -> list[Any]:
    """c - (b - a) for (a - b) + c, where b - a is there anyway."""
    differences = {
        tuple(map(id, n.operands)): n for n in ordered(outputs) if n.function is np.subtract
    }

    def turn(node: Node, operands: tuple[Any, ...]) -> Any:
        first: Any = operands[0] if operands else None
        if node.function is not np.add or getattr(first, "function", None) is not np.subtract:
            return None
        opposite = differences.get(tuple(map(id, reversed(first.operands))))
        return None if opposite is None else node.like(np.subtract, operands[1], opposite)

    return rewritten(outputs, turn)
