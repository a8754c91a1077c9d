"""Selections as arithmetic on bits, which is several times as fast as NumPy's `where`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .tracing import Node, constant

_SIGNED = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def lowered(outputs: list[Any]) -> list[Any]:
    """The same graph with all selections lowered."""
    done: dict[int, Any] = {}
    for node in ordered(outputs):
        operands = tuple(done[id(x)] if isinstance(x, Node) else x for x in node.operands)
        if node.function is np.where:
            done[id(node)] = _selected(node, *operands)
        elif all(a is b for a, b in zip(operands, node.operands, strict=True)):
            done[id(node)] = node
        else:
            done[id(node)] = node.tape.add(
                node.function, operands, node.rows, node.core, node.dtype, **node.options
            )
    return [done[id(x)] if isinstance(x, Node) else x for x in outputs]


def ordered(outputs: list[Any]) -> list[Node]:
    """All nodes that the outputs need, each after its operands."""
    found: dict[int, Node] = {}
    stack = [(x, False) for x in reversed(outputs) if isinstance(x, Node)]
    while stack:
        node, is_ready = stack.pop()
        if id(node) in found:
            continue
        if is_ready:
            found[id(node)] = node
        else:
            stack.append((node, True))
            stack.extend((x, False) for x in reversed(node.operands) if isinstance(x, Node))
    return list(found.values())


def _selected(node: Node, mask: Any, first: Any, second: Any) -> Node:
    """`where(mask, first, second)` from the bits of both."""
    if not isinstance(mask, Node) or mask.function == "full":
        return node.tape.add(np.where, (mask, first, second), node.rows, node.core, node.dtype)
    if node.dtype == bool:
        lanes, opposite = mask, _with_bits(np.logical_not, np.bool_, mask)
        one, other = _as(first, node.dtype), _as(second, node.dtype)
        return _mixed(one, other, lanes, opposite)
    kind = _SIGNED[node.dtype.itemsize]
    narrow = _view(mask, np.int8)
    lanes, opposite = (np.negative, narrow), (np.subtract, narrow, 1)
    one, other = (_bits(_as(x, node.dtype), node.dtype, kind) for x in (first, second))
    sign = np.iinfo(kind).min
    if _is_negative_of(second, first):
        result = _with_bits(np.bitwise_xor, kind, one, _masked(kind, opposite, sign))
    elif _is_negative_of(first, second):
        result = _with_bits(np.bitwise_xor, kind, other, _masked(kind, lanes, sign))
    else:
        result = _mixed(
            one,
            other,
            _with_bits(lanes[0], kind, *lanes[1:]),
            _with_bits(opposite[0], kind, *opposite[1:]),
        )
    return _view(result, node.dtype)


def _masked(kind: Any, lanes: Any, bits: int) -> Node:
    return _with_bits(np.bitwise_and, kind, _with_bits(lanes[0], kind, *lanes[1:]), bits)


def _mixed(one: Any, other: Any, lanes: Node, opposite: Node) -> Node:
    kind = lanes.dtype
    if _is_nothing(other):
        return _with_bits(np.bitwise_and, kind, one, lanes)
    if _is_nothing(one):
        return _with_bits(np.bitwise_and, kind, other, opposite)
    if not isinstance(one, Node) and not isinstance(other, Node):
        difference: Any = one ^ other
    else:
        difference = _with_bits(np.bitwise_xor, kind, one, other)
    chosen = _with_bits(np.bitwise_and, kind, difference, lanes)
    return _with_bits(np.bitwise_xor, kind, chosen, other)


def _is_nothing(bits: Any) -> bool:
    return not isinstance(bits, Node) and bits == 0


def _is_negative_of(x: Any, y: Any) -> bool:
    return isinstance(x, Node) and x.function is np.negative and x.operands[0] is y


def _as(x: Any, dtype: Any) -> Any:
    """An operand in the dtype of the result: a number where it is one."""
    value = constant(x)
    if value is not None:
        return dtype.type(value)
    if x.dtype == dtype:
        return x
    return x.tape.add("astype", (x,), x.rows, x.core, dtype)


def _bits(x: Any, dtype: Any, kind: Any) -> Any:
    if isinstance(x, Node):
        return _view(x, kind)
    return int(np.asarray(x, dtype).view(kind))


def _view(x: Node, dtype: Any) -> Node:
    """The same bits as another dtype of that size."""
    if x.dtype == dtype:
        return x
    if x.function == "view":
        return _view(x.operands[0], dtype)
    return x.tape.add("view", (x,), x.rows, x.core, dtype)


def _with_bits(function: Any, kind: Any, *operands: Any) -> Node:
    nodes = [x for x in operands if isinstance(x, Node)]
    core = np.broadcast_shapes(*(x.core for x in nodes))
    return nodes[0].tape.add(function, operands, any(x.rows for x in nodes), core, kind)
