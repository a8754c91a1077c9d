"""Recording what a plan does to its arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from .graph import ROWS, Node, Shape, UntraceableError, constant, dummy

if TYPE_CHECKING:
    from lossapi.backend import Backend


take_class, put_class = "take_class", "put_class"
"""To take, of each example, the entry of the last axis that its label names, and to replace it."""


def elementwise(function: Any) -> Callable[..., Any]:
    """A function of NumPy that treats each entry alike, recorded where a node takes part."""

    def recorded(*operands: Any) -> Any:
        nodes = [x for x in operands if isinstance(x, Node)]
        if not nodes:
            return function(*operands)
        if any(map(_is_number, nodes)) and not all(map(_leaves_numbers, operands)):
            operands = tuple(_in_arrays(x) for x in operands)
        rows, core = _together(nodes)
        kinds = [x.dtype if hasattr(x, "dtype") else type(x) for x in operands]
        dtype = _dtype(function, tuple(kinds))
        known = [constant(x) for x in operands]
        if None not in known:
            with np.errstate(all="ignore"):
                return nodes[0].tape.full(function(*known), rows, core, dtype)
        left = _neutral(function, operands, known, rows, core, dtype)
        if left is not None:
            return left
        if function is np.where:
            if known[0] is not None:
                chosen = operands[1] if known[0] else operands[2]
                shape = (chosen.rows, chosen.core) if isinstance(chosen, Node) else None
                if shape == (rows, core) and chosen.dtype == dtype:
                    return chosen
            if operands[1] is operands[2]:
                return operands[1]
        return nodes[0].tape.add(function, operands, rows, core, dtype)

    return recorded


def _is_number(node: Node) -> bool:
    return node.is_number


def _leaves_numbers(x: Any) -> bool:
    """Whether a number that meets it keeps its digits, as Python's numbers do among themselves."""
    if isinstance(x, Node):
        return x.is_number or not (x.rows or x.core or x.dtype.kind == "f")
    return not isinstance(x, np.ndarray | np.generic)


def _in_arrays(x: Any) -> Any:
    """A number as it is among arrays: rounded to their dtype; other operands as they are."""
    return _astype(x, x.tape.compute) if isinstance(x, Node) and x.is_number else x


@cache
def _dtype(function: Any, kinds: tuple[Any, ...]) -> Any:
    """The dtype that a function gives of arrays of such dtypes, and of numbers of such types."""
    samples = [kind(1) if isinstance(kind, type) else np.empty(0, kind) for kind in kinds]
    with np.errstate(all="ignore"):
        return function(*samples).dtype


def _neutral(
    function: Any, operands: Any, known: list[Any], rows: bool, core: Any, dtype: Any
) -> Any:
    """The operand that a factor or divisor of 1, or a bool without effect, leaves as it is."""
    if function is np.power and isinstance(operands[0], Node) and operands[0].dtype == dtype:
        return _power(operands[0], operands[1], known[1])
    if function is np.true_divide and known[1] == 1:
        x = operands[0]
        same = isinstance(x, Node) and (x.rows, x.core, x.dtype) == (rows, core, dtype)
        return x if same else None
    if len(operands) != 2 or function not in _NEUTRAL:
        return None
    for x, other in zip(operands, reversed(known), strict=True):
        if other is None or not isinstance(x, Node) or (x.rows, x.core) != (rows, core):
            continue
        if x.dtype == dtype and other == _NEUTRAL[function]:
            return x
        if dtype.kind == "b" and function is not np.multiply:
            return x.tape.full(other, rows, core, dtype)
    return None


def _power(base: Node, exponent: Any, known: Any) -> Node | None:
    """A power of what is not negative that is cheaper in another way, and no less accurate."""
    if (isinstance(exponent, Node) and exponent.core != base.core) or known not in (0.5, 1, 2):
        return None
    if known == 1:
        return base
    return base.like(np.sqrt, base) if known == 0.5 else base.like(np.multiply, base, base)


_NEUTRAL = {np.multiply: 1, np.bitwise_and: True, np.bitwise_or: False}


def _together(nodes: list[Node]) -> tuple[bool, tuple[int, ...]]:
    """Whether the result has an axis of examples, and its other axes."""
    rows = any(node.rows for node in nodes)
    first = nodes[0].core
    if all(node.core == first for node in nodes):
        return rows, first
    length = max(len(node.core) for node in nodes)
    if any(node.rows and len(node.core) < length for node in nodes):
        raise UntraceableError("examples along different axes")
    return rows, np.broadcast_shapes(*(node.core for node in nodes))


def _along_core(function: Any) -> Callable[..., Any]:
    """A function of NumPy that works along axes of the examples' own, counted from the end."""

    def recorded(x: Any, *, axis: Any = None, **options: Any) -> Any:
        if not isinstance(x, Node):
            return function(x, axis=axis, **options)
        if function is np.expand_dims and axis == -1:
            return x[..., None]
        axes = axis if isinstance(axis, tuple) else (axis,)
        extra = 1 if function is np.expand_dims else 0
        outside = any(a is None or not -len(x.core) - extra <= a < 0 for a in axes)
        if outside and (x.rows or axis is not None):
            raise UntraceableError(f"axis {axis} of {x.shape}")
        sample = function(np.ones([min(n, 2) for n in x.core] or (), x.dtype), axis=axis, **options)
        core = function(np.broadcast_to(np.ones((), x.dtype), x.core), axis=axis, **options).shape
        return x.tape.add(function, (x,), x.rows, core, sample.dtype, axis=axis, **options)

    return recorded


def _astype(x: Any, dtype: Any) -> Any:
    if not isinstance(x, Node):
        return np.asarray(x).astype(dtype, copy=False)
    if x.dtype == dtype:
        return x
    if x.function == "full":
        return x.tape.full(x.operands[0], x.rows, x.core, dtype)
    return x.tape.add("astype", (x,), x.rows, x.core, dtype)


def _like(value: float) -> Callable[..., Any]:
    def recorded(x: Any, *, dtype: Any = None) -> Any:
        if not isinstance(x, Node):
            return np.full_like(x, value, dtype=dtype)
        return x.tape.full(value, x.rows, x.core, dtype or x.dtype)

    return recorded


def _broadcast_to(x: Any, shape: Shape) -> Any:
    if not isinstance(x, Node):
        raise UntraceableError("a number in the shape of the examples")
    rows = shape[:1] == (ROWS,)
    core = tuple(shape[1:]) if rows else tuple(shape)
    if rows or core:
        x = _in_arrays(x)
    if (rows, core) == (x.rows, x.core):
        return x
    if x.function == "full":
        return x.tape.full(x.operands[0], rows, core, x.dtype)
    if x.rows and (not rows or len(x.core) != len(core)):
        raise UntraceableError(f"{x.shape} as {shape}")
    return x.tape.add("broadcast", (x,), rows, core, x.dtype)


def take_class_of_node(array: Node, labels: Node) -> Node:
    """The same, recorded."""
    if not (array.rows and labels.rows and len(labels.core) == len(array.core) - 1):
        raise UntraceableError("labels of other examples")
    core = np.broadcast_shapes(array.core[:-1], labels.core)
    return array.tape.add(take_class, (array, labels), True, core, array.dtype)


def put_class_of_node(array: Node, labels: Node, value: Any) -> Node:
    """The array with another value there, recorded."""
    if not (array.rows and labels.rows and len(labels.core) == len(array.core) - 1):
        raise UntraceableError("labels of other examples")
    if isinstance(value, Node) and not (value.rows and value.core == (*array.core[:-1], 1)):
        raise UntraceableError("a value for several examples")
    return array.like(put_class, array, labels, value)


def class_index_of_node(array: Node) -> Node:
    """The integers 0 … K-1 along the last axis."""
    return array.tape.add("index", (), False, array.core[-1:], np.int64)


def _concat(arrays: Any, *, axis: int = 0) -> Any:
    nodes = [x for x in arrays if isinstance(x, Node)]
    if not nodes:
        return np.concatenate(arrays, axis=axis)
    first = nodes[0]
    alike = all(x.rows == first.rows and len(x.core) == len(first.core) for x in nodes)
    if len(nodes) < len(arrays) or not alike or not -len(first.core) <= axis < 0:
        raise UntraceableError("arrays that do not stand side by side")
    core = np.concatenate([dummy(x.core) for x in nodes], axis=axis).shape
    dtype = np.result_type(*(x.dtype for x in nodes))
    return first.tape.add("concat", tuple(nodes), first.rows, core, dtype, axis=axis)


@cache
def namespace(backend: Backend) -> Any:
    """A backend's functions, in a form that records what happens to nodes."""
    names = {name: entry for name, entry in vars(backend.xp).items() if name != "ones"}
    recording = {n: elementwise(f) for n, f in names.items() if isinstance(f, np.ufunc)}
    reducing = ("max", "min", "any", "all", "argmax", "argmin", "prod", "sum", "cumulative_sum")
    return SimpleNamespace(
        **{
            **names,
            **recording,
            **{name: _along_core(getattr(np, name)) for name in (*reducing, "expand_dims")},
            "where": elementwise(np.where),
            "astype": _astype,
            "ones_like": _like(1),
            "zeros_like": _like(0),
            "broadcast_to": _broadcast_to,
            "concat": _concat,
            "take_class": take_class_of_node,
            "put_class": put_class_of_node,
            "class_index": class_index_of_node,
            "stop_gradient": lambda array: array,
        }
    )


def _operators() -> None:
    binary = {
        "add": np.add,
        "sub": np.subtract,
        "mul": np.multiply,
        "truediv": np.true_divide,
        "and": np.bitwise_and,
        "or": np.bitwise_or,
        "xor": np.bitwise_xor,
        "pow": np.power,
    }
    others = {
        "lt": np.less,
        "le": np.less_equal,
        "gt": np.greater,
        "ge": np.greater_equal,
        "eq": np.equal,
        "ne": np.not_equal,
        "neg": np.negative,
        "invert": np.invert,
        "abs": np.abs,
    }
    for name, function in (binary | others).items():
        setattr(Node, f"__{name}__", elementwise(function))
    for name, function in binary.items():
        setattr(Node, f"__r{name}__", _reflected(elementwise(function)))


def _reflected(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda a, b: function(b, a)


_operators()
