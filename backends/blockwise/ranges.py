"""What is known of every entry of a block from the ranges of the inputs, and what that spares.

Kernels guard against infinities, NaN, zeros and overflow. In most blocks no input comes near
these: the guards are decided by interval arithmetic once, and a shorter program serves such blocks.
Rounding is monotonic, so that a range's ends, computed in the dtype itself, are true bounds; the
functions of NumPy that are not rounded correctly get a margin.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Container
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from .graph import Node, constant, rewritten
from .tracing import elementwise, put_class, take_class

Range = tuple[Any, Any]
"""The least and the greatest value; NaN is none of them."""


class Ends(NamedTuple):
    """A range of which nothing but its ends occurs."""

    low: Any
    high: Any


_MARGIN = 1e-5
_ROUNDED = (np.add, np.subtract, np.multiply, np.maximum, np.minimum, np.true_divide)
_RISING = {
    np.exp: 0.0,
    np.expm1: -1.0,
    np.tanh: -1.0,
    np.sinh: -np.inf,
    np.log: -np.inf,
    np.log1p: -np.inf,
    np.sqrt: 0.0,
}
"""Functions that rise, and below what they never fall."""
_SAME = ("broadcast", np.max, np.min, np.expand_dims, operator.getitem)
_SAME_NUMBER = (*_SAME, np.any, np.all)
_DECIDED: dict[Any, Callable[[Range, Range], bool | None]] = {
    np.less: lambda x, y: True if x[1] < y[0] else False if x[0] >= y[1] else None,
    np.less_equal: lambda x, y: True if x[1] <= y[0] else False if x[0] > y[1] else None,
    np.greater: lambda x, y: True if x[0] > y[1] else False if x[1] <= y[0] else None,
    np.greater_equal: lambda x, y: True if x[0] >= y[1] else False if x[1] < y[0] else None,
    np.equal: lambda x, y: False if x[1] < y[0] or x[0] > y[1] else None,
    np.not_equal: lambda x, y: True if x[1] < y[0] or x[0] > y[1] else None,
}
_CLASSES: dict[Any, Callable[[Range], bool | None]] = {
    np.isnan: lambda x: False,
    np.isinf: lambda x: False if np.isfinite(x).all() else None,
    np.isfinite: lambda x: True if np.isfinite(x).all() else None,
}


def narrowed(
    outputs: list[Any],
    inputs: dict[str, Range],
    supposed: dict[int, tuple[Any, Node]] | None = None,
    hopeless: Container[int] = (),
) -> list[Any]:
    """The same results for inputs that lie in these ranges.

    Where a node asks whether something is finite, and that is not known, it is `supposed` to be
    and put down there; but not by nodes that are `hopeless`.
    """
    known: dict[int, Range | None] = {}

    def narrow(node: Node, operands: tuple[Any, ...]) -> Any:
        asks = node.function in _CLASSES and _decision(node.function, operands, known) is None
        if asks and supposed is not None and id(node) not in hopeless:
            supposed[id(node)] = node.function, operands[0]
            new: Any = node.tape.full(node.function is np.isfinite, node.rows, node.core, bool)
        else:
            new = _rebuilt(node, operands, known)
        if isinstance(new, Node) and id(new) not in known:
            known[id(new)] = range_of(new, known, inputs)
        return new

    with np.errstate(all="ignore"):
        return rewritten(outputs, narrow)


def by_signs(outputs: list[Any], inputs: dict[str, Range]) -> list[Any]:
    """The same graph with selections by the sign of what is never NaN as such by its sign bit."""
    known: dict[int, Range | None] = {}

    def turn(node: Node, operands: tuple[Any, ...]) -> Any:
        selected = _by_sign(node, operands, known)
        new = node.of(operands) if selected is None else selected
        if id(new) not in known:
            known[id(new)] = range_of(new, known, inputs)
        return new

    with np.errstate(all="ignore"):
        return rewritten(outputs, turn)


_SIGNS = {
    # Of a number that it does not take for -0: whether it is turned, and whether the mask is.
    np.greater: (True, False),
    np.less_equal: (True, True),
    np.less: (False, False),
    np.greater_equal: (False, True),
}


def _by_sign(node: Node, operands: tuple[Any, ...], known: dict[int, Range | None]) -> Node | None:
    if node.function is not np.where or not isinstance(operands[0], Node):
        return None
    mask, first, second = operands
    if mask.function not in _SIGNS or constant(mask.operands[1]) != 0:
        return None
    (x, _), (turned, is_opposite) = mask.operands, _SIGNS[mask.function]
    if not isinstance(x, Node) or x.dtype != node.dtype or known.get(id(x)) is None:
        return None
    number = x.like(np.subtract, 0.0, x) if turned else x.like(np.add, x, 0.0)
    mask = mask.tape.add(np.signbit, (number,), mask.rows, mask.core, bool)
    return node.like(np.where, mask, *((second, first) if is_opposite else (first, second)))


def _rebuilt(node: Node, operands: tuple[Any, ...], known: dict[int, Range | None]) -> Any:
    """The node with new operands, or what it is known to be."""
    function, tape = node.function, node.tape
    decided = _decision(function, operands, known)
    if decided is not None:
        return tape.full(decided, node.rows, node.core, bool)
    if function is np.where and constant(operands[0]) is not None:
        return _as(operands[1] if constant(operands[0]) else operands[2], node)
    if function in _SAME_NUMBER and constant(operands[0]) is not None:
        return tape.full(constant(operands[0]), node.rows, node.core, node.dtype)
    if function is np.bitwise_or and _is_one_of_ends(operands, known):
        return tape.full(True, node.rows, node.core, bool)
    vanishing = _without_zero(node, operands, known)
    if vanishing is not None:
        return vanishing
    again = node.of(operands)
    if again is not node and (isinstance(function, np.ufunc) or function is np.where):
        return _as(elementwise(function)(*operands), node)
    return again


def _without_zero(node: Node, operands: tuple[Any, ...], known: dict[int, Range | None]) -> Any:
    """What is left of a sum with 0, or of a product of 0 and what is finite; None of others."""
    zeros = [place for place, x in enumerate(operands) if constant(x) == 0]
    if node.function not in (np.add, np.subtract, np.multiply) or not zeros:
        return None
    other = operands[1 - zeros[0]]
    if node.function is np.multiply:
        limits = _of(other, known)
        if limits is None or not np.isfinite(limits).all():
            return None
        return node.tape.full(0, node.rows, node.core, node.dtype)
    if node.function is np.subtract and zeros == [0]:
        return None
    return _as(other, node) if isinstance(other, Node) else None


def _is_one_of_ends(operands: tuple[Any, ...], known: dict[int, Range | None]) -> bool:
    """Whether it is asked if something is one end or the other, and nothing else occurs."""
    if any(not isinstance(x, Node) or x.function is not np.equal for x in operands):
        return False
    (x, low), (y, high) = (mask.operands for mask in operands)
    ends = known.get(id(x))
    return x is y and isinstance(ends, Ends) and ends == (constant(low), constant(high))


def _decision(
    function: Any, operands: tuple[Any, ...], known: dict[int, Range | None]
) -> bool | None:
    if function in _DECIDED or function in _CLASSES:
        ranges = [_of(x, known) for x in operands]
        table: Any = _DECIDED if function in _DECIDED else _CLASSES
        return None if None in [r if r is None else 0 for r in ranges] else table[function](*ranges)
    return None


def _as(x: Any, node: Node) -> Any:
    """A result in the shape and dtype of the node that it stands for."""
    value = constant(x)
    if value is not None:
        return node.tape.full(value, node.rows, node.core, node.dtype)
    if x.dtype != node.dtype:
        x = node.tape.add("astype", (x,), x.rows, x.core, node.dtype)
    if (x.rows, x.core) != (node.rows, node.core):
        x = node.tape.add("broadcast", (x,), node.rows, node.core, node.dtype)
    return x


def _of(x: Any, known: dict[int, Range | None]) -> Range | None:
    value = constant(x)
    if value is None:
        return known.get(id(x))
    return None if np.isnan(value) else (value, value)


def range_of(node: Node, known: dict[int, Range | None], inputs: dict[str, Range]) -> Range | None:
    """The range of a node's entries; None if it may be NaN, or nothing is known."""
    function = node.function
    if function == "input":
        return inputs.get(node.options["name"])
    if function == "count":
        return node.dtype.type(1), node.dtype.type(np.inf)
    if function == "total" or node.dtype == bool:
        return None
    if function == "astype" and node.operands[0].dtype == np.int8:
        return node.dtype.type(-128), node.dtype.type(127)
    ranges = [_of(x, known) for x in node.operands]
    if function is np.where:
        ranges = ranges[1:]
    elif function in (put_class, take_class):
        ranges = [r for place, r in enumerate(ranges) if place != 1]
    if not ranges or any(r is None for r in ranges):
        return None
    found = _image(function, [r for r in ranges if r is not None], node)
    if found is None or np.isnan(found).any():
        return None
    if function is np.subtract:
        first, second = node.operands
        if is_top(second, first):
            return found[0], node.dtype.type(0)
        if is_top(first, second):
            return node.dtype.type(0), found[1]
    return found


def is_top(node: Any, x: Any) -> bool:
    """Whether a node is the largest entry of x, beside all of its entries."""
    if not isinstance(node, Node) or node.function not in (operator.getitem, np.expand_dims):
        return False
    largest = node.operands[0]
    if largest.function is not take_class or largest.operands[0] is not x:
        return False
    index = largest.operands[1]
    return index.function is np.argmax and index.operands[0] is x


def _image(function: Any, ranges: list[Range], node: Node) -> Range | None:
    kind = node.dtype.type
    first = ranges[0]
    if function in _SAME or function in (np.where, "concat", put_class, take_class):
        return min(r[0] for r in ranges), max(r[1] for r in ranges)
    if function == "astype":
        ends = kind(first[0]), kind(first[1])
        return Ends(*ends) if isinstance(first, Ends) else ends
    if function in _ROUNDED:
        return _corners(function, ranges, kind)
    if function is np.power and first[0] >= 0 and ranges[1][0] == ranges[1][1] >= 0:
        with_margin = kind(1 + _MARGIN) * np.power(kind(first[1]), kind(ranges[1][1]))
        return kind(0), max(kind(1), with_margin)
    if function is np.negative:
        return -first[1], -first[0]
    if function is np.absolute:
        least = max(first[0], -first[1], kind(0))
        return least, max(-first[0], first[1])
    if function in _RISING:
        ends = function(kind(first[0])), function(kind(first[1]))
        low, high = (
            x + side * (kind(_MARGIN) * abs(x) + kind(1e-30))
            for x, side in zip(ends, (-1, 1), strict=True)
        )
        return max(low, kind(_RISING[function])), high
    if function is np.sum:
        most = kind(2 * np.prod(node.operands[0].core))
        return min(kind(0), first[0] * most), max(kind(0), first[1] * most)
    return None


def _corners(function: Any, ranges: list[Range], kind: Any) -> Range | None:
    first, second = ranges
    holds_zero = [r[0] <= 0 <= r[1] for r in ranges]
    endless = [not np.isfinite(r).all() for r in ranges]
    if function is np.true_divide and holds_zero[1]:
        return None
    if function is np.multiply and any(
        z and e for z, e in zip(holds_zero, reversed(endless), strict=True)
    ):
        return None
    ends = [function(kind(x), kind(y)) for x, y in product(first, second)]
    return (min(ends), max(ends)) if not any(np.isnan(ends)) else None
