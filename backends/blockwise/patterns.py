"""What kernels write as selections, because derivatives at ties matter there and not here."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from .graph import Node, constant, rewritten
from .tracing import elementwise, put_class

_UP = (np.greater, np.greater_equal)
_DOWN = (np.less, np.less_equal)


def recognised(outputs: list[Any]) -> list[Any]:
    """The same graph with magnitudes, signs, the smaller and the larger as NumPy's functions.

    The sign of a zero may differ. Powers of two meet the number of examples.
    """
    return rewritten(outputs, _known)


def _known(node: Node, operands: tuple[Any, ...]) -> Node | None:
    if node.function is np.true_divide:
        return _share(node, *operands)
    if node.function == "total":
        return _of_all_entries(node, *operands)
    if node.function is not np.where or node.dtype.kind != "f":
        return None
    mask, first, second = operands
    if not isinstance(mask, Node) or mask.function not in (*_UP, *_DOWN):
        return None
    a, b = mask.operands
    if not isinstance(a, Node):
        return None
    if mask.function is np.less and _is_shortfall(first, a, b) and _vanishes_with(second, a):
        return node.like(np.maximum, first, 0.0)
    if isinstance(b, Node) and constant(b) is None:
        return _of_difference(node, a, b, first, second) if mask.function is np.greater else None
    found = _magnitude(node, a, b, first, second)
    return _extreme(node, a, b, first, second) if found is None else found


def _of_all_entries(node: Node, x: Node) -> Node | None:
    """The sum over all entries at once, for that over all examples of a sum over their entries."""
    if x.function is not np.sum or not x.operands[0].rows or x.operands[0].dtype != x.dtype:
        return None
    return node.of(x.operands)


def _share(node: Node, x: Any, whole: Any) -> Node | None:
    """x / n for (2 x) / (2 n), and x / -n for -x / n, where n is the same for all examples.

    Also where -x is selected, and 0 elsewhere; and of what is 0 but for one number of each example,
    that number over n.
    """
    if not isinstance(x, Node) or not isinstance(whole, Node) or whole.rows:
        return None
    if x.function is np.where and _turns(x.operands[1]) and constant(x.operands[2]) == 0:
        mask, turned, zero = x.operands
        straight = x.of((mask, turned.operands[0], zero))
        return node.of((straight, whole.like(operator.neg, whole)))
    if x.function is put_class and constant(x.operands[0]) == 0 and whole.function == "count":
        array, labels, value = x.operands
        share = value if isinstance(value, Node) else node.tape.full(value, False, (), node.dtype)
        return x.of((array, labels, elementwise(np.true_divide)(share, whole)))
    if x.function is np.negative and x.operands[0].dtype == node.dtype:
        return node.of((x.operands[0], whole.like(operator.neg, whole)))
    if x.function is not np.multiply:
        return None
    factor, rest = constant(x.operands[0]), x.operands[1]
    if factor is None or not isinstance(rest, Node) or rest.dtype != node.dtype:
        return None
    if abs(math.frexp(factor)[0]) != 0.5 or (rest.rows, rest.core) != (x.rows, x.core):
        return None
    # Python's division, as NumPy's would make a float64 of the number and of all that meets it.
    return node.of((rest, whole.like(operator.truediv, whole, float(factor))))


def _magnitude(node: Node, a: Node, b: Any, first: Any, second: Any) -> Node | None:
    """|a| and -|a|, from a comparison of a with 0."""
    straight, turned = first is a and _negates(second, a), second is a and _negates(first, a)
    if constant(b) != 0 or not (straight or turned):
        return None
    size = node.like(np.absolute, a)
    is_up = node.operands[0].function in _UP
    return size if straight == is_up else node.like(np.negative, size)


def _extreme(node: Node, a: Node, b: Any, first: Any, second: Any) -> Node | None:
    """The smaller or the larger of a and a number b, also of an a that has a floor already."""
    if constant(first) is None or constant(first) != constant(b):
        return None
    if node.operands[0].function in _UP and (second is a or _has_floor(second, a, b)):
        return node.like(np.minimum, second, b)
    if node.operands[0].function in _DOWN and second is a:
        return node.like(np.maximum, a, b)
    return None


def _of_difference(node: Node, a: Node, b: Node, first: Any, second: Any) -> Node | None:
    """|a - b|, or the sign of a - b, from comparisons of a with b both ways."""
    if not isinstance(second, Node) or second.function is not np.where:
        return None
    mask, below, equal = second.operands
    if not isinstance(mask, Node) or mask.function is not np.less or mask.operands != (a, b):
        return None
    difference = node.like(np.subtract, a, b)
    if not _vanishes_with(equal, difference):
        return None
    if first is difference and _negates(below, difference):
        return node.like(np.absolute, difference)
    if constant(first) == 1 and constant(below) == -1:
        return _sign(node, a, b, equal)
    return None


def _sign(node: Node, a: Node, b: Node, equal: Any) -> Node:
    """The sign of a - b as the difference of two comparisons: NumPy's own has a branch."""
    tape, place = node.tape, (node.rows, node.core)
    above, below = (tape.add(f, (a, b), *place, bool) for f in (np.greater, np.less))
    narrow = tuple(tape.add("view", (x,), *place, np.int8) for x in (above, below))
    sign = tape.add("astype", (tape.add(np.subtract, narrow, *place, np.int8),), *place, node.dtype)
    if constant(equal) is not None:
        return sign
    return node.like(np.where, equal.operands[0], equal, sign)


def _is_shortfall(x: Any, a: Node, b: Any) -> bool:
    """Whether x is b - a, for a finite number b."""
    if not isinstance(x, Node) or x.function is not np.subtract or x.operands[1] is not a:
        return False
    most = constant(b)
    return most is not None and math.isfinite(most) and constant(x.operands[0]) == most


def _turns(x: Any) -> bool:
    return isinstance(x, Node) and x.function is np.negative


def _negates(x: Any, y: Node) -> bool:
    return isinstance(x, Node) and x.function is np.negative and x.operands[0] is y


def _has_floor(x: Any, of: Node, ceiling: Any) -> bool:
    if not isinstance(x, Node) or x.function is not np.maximum or x.operands[0] is not of:
        return False
    floor = constant(x.operands[1])
    return floor is not None and bool(floor <= constant(ceiling))


def _vanishes_with(x: Any, difference: Node) -> bool:
    """Whether x is 0, or NaN where the difference is."""
    if constant(x) is not None:
        return bool(constant(x) == 0)
    if x.function is not np.where or x.operands[1] is not difference:
        return False
    mask = x.operands[0]
    is_nan = isinstance(mask, Node) and mask.function is np.isnan and mask.operands[0] is difference
    return is_nan and constant(x.operands[2]) == 0
