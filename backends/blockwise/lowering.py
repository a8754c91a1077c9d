"""Selections as arithmetic on bits, which is several times as fast as NumPy's `where`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .graph import Node, constant, rewritten
from .places import put_at, sum_without

_SIGNED: dict[int, Any] = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


def lowered(outputs: list[Any]) -> list[Any]:
    """The same graph with all selections lowered, and with arrays where numbers will not do."""
    return rewritten(outputs, _lower)


def _lower(node: Node, operands: tuple[Any, ...]) -> Any:
    if node.function is np.where:
        return _selected(node, *operands)
    if node.function is np.negative and _is_magnitude(operands[0], node.dtype):
        return _minus_magnitude(node, operands[0].operands[0])
    if node.function is np.sum and _can_be_left_out(operands[0]):
        put = operands[0]
        return node.tape.add(
            sum_without, put.operands[:2], node.rows, node.core, node.dtype, **node.options
        )
    if isinstance(node.function, np.ufunc) or node.function in ("astype", "broadcast", "full"):
        return None
    if node.function is put_at and _is_full(operands[0]):
        return None  # its own entries are filled before
    return node.of(tuple(_filled(x) if _is_full(x) else x for x in operands))


def _is_magnitude(x: Any, dtype: Any) -> bool:
    return isinstance(x, Node) and x.function is np.absolute and dtype.kind == "f"


def _minus_magnitude(node: Node, x: Node) -> Node:
    """-|x|: the sign set, in one step."""
    kind = _SIGNED[node.dtype.itemsize]
    return _view(_with_bits(np.bitwise_or, kind, _view(x, kind), np.iinfo(kind).min), node.dtype)


def _can_be_left_out(x: Any) -> bool:
    """Whether a sum is one of all entries but one, of an array that is the block's own."""
    if not isinstance(x, Node) or x.function is not put_at or constant(x.operands[2]) != 0:
        return False
    return isinstance(x.operands[0].function, np.ufunc)


def _is_full(x: Any) -> bool:
    return isinstance(x, Node) and x.function == "full"


def _filled(x: Node) -> Node:
    return x.like("broadcast", x)


def _selected(node: Node, mask: Any, first: Any, second: Any) -> Node:
    """`where(mask, first, second)` from the bits of both."""
    dtype = node.dtype
    if not isinstance(mask, Node) or _is_full(mask):
        return node.of((mask, first, second))
    first, second = _as(first, dtype), _as(second, dtype)
    if dtype.kind == "b":
        chosen = _mixed(first, second, mask, lambda: _with_bits(np.logical_not, np.bool_, mask))
        return _in_shape_of(node, chosen)
    kind = _SIGNED[dtype.itemsize]
    if mask.function is np.signbit and mask.operands[0].dtype == dtype:
        number = _view(mask.operands[0], kind)
        lanes = _with_bits(np.right_shift, kind, number, 8 * dtype.itemsize - 1)

        def opposite() -> Node:
            return _with_bits(np.invert, kind, lanes)

    else:
        narrow = _view(mask, np.int8)
        lanes = _with_bits(np.negative, kind, narrow)

        def opposite() -> Node:
            return _with_bits(np.subtract, kind, narrow, 1)

    one, other = _bits(first, dtype, kind), _bits(second, dtype, kind)
    sign = np.iinfo(kind).min
    if _is_negative_of(second, first):
        turned = _with_bits(np.bitwise_and, kind, opposite(), sign)
        result = _with_bits(np.bitwise_xor, kind, one, turned)
    elif _is_negative_of(first, second):
        turned = _with_bits(np.bitwise_and, kind, lanes, sign)
        result = _with_bits(np.bitwise_xor, kind, other, turned)
    else:
        result = _mixed(one, other, lanes, opposite)
    return _in_shape_of(node, _view(result, dtype))


def _in_shape_of(node: Node, x: Node) -> Node:
    """A result in full, where only a number had all axes."""
    return x if (x.rows, x.core) == (node.rows, node.core) else node.like("broadcast", x)


def _mixed(one: Any, other: Any, lanes: Node, opposite: Callable[[], Node]) -> Node:
    """The bits of one where lanes are set, and those of the other elsewhere."""
    kind = lanes.dtype
    if _is_nothing(other):
        return _with_bits(np.bitwise_and, kind, one, lanes)
    if _is_nothing(one):
        return _with_bits(np.bitwise_and, kind, other, opposite())
    if not isinstance(one, Node) and not isinstance(other, Node):
        difference: Any = one ^ other
    else:
        # In one order, so that a selection and its opposite share this.
        pair = sorted((one, other), key=lambda x: x.number if isinstance(x, Node) else -1)
        difference = _with_bits(np.bitwise_xor, kind, *reversed(pair))
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
        return value if isinstance(value, dtype.type) else dtype.type(value)
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
