"""Programs for few classes, which run along the examples, with one row for each class.

Along short vectors NumPy's functions start anew for each example. What picks an entry by a label
finds its place in the row of that class; what picks the leading entry becomes a selection by a
mask.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .graph import Node, ordered, rewritten
from .places import places_by_class, put_at, take_at
from .ranges import Range, is_top, range_of
from .tracing import put_class, take_class

MOST = 48
"""How many classes are few."""

Finite = dict[int, Node]


def are_few(outputs: list[Any]) -> bool:
    """Whether the examples are vectors of few entries, which do not all stand alone."""
    cores = {n.core for n in ordered(outputs) if n.rows}
    few = all(len(core) < 2 for core in cores) and 1 < max(map(sum, cores), default=0) <= MOST
    return few and any(map(_crosses, ordered(outputs)))


def _crosses(node: Node) -> bool:
    """Whether all entries of an example meet, or meet one number of it."""
    if node.function in (take_class, put_class, operator.getitem, np.expand_dims, "total"):
        return False
    return any(x.rows and x.core != node.core for x in node.operands if isinstance(x, Node))


def by_masks(outputs: list[Any], inputs: dict[str, Range] | None = None) -> list[Any]:
    """The same graph without indices of classes, for inputs in these ranges if they are given."""
    known: dict[int, Range | None] = {}
    finite: dict[int, Node] = {}
    """Arrays without infinity and NaN, by what stands for them."""

    def change(node: Node, operands: tuple[Any, ...]) -> Any:
        new = _masked(node, operands, finite)
        new = node.of(operands) if new is None else new
        if inputs is not None:
            known[id(node)] = limits = range_of(node, known, inputs)
            if limits is not None and np.isfinite(limits).all():
                finite[id(new)] = new
        return new

    with np.errstate(all="ignore"):
        return rewritten(outputs, change)


def leading(x: Any, top: Any) -> Any:
    """Mask of the first largest entry of each example, or the first NaN, as `argmax` finds it.

    The classes are the first axis; `top` has the largest entries.
    """
    mask = np.less(x, top)
    np.logical_not(mask, mask)
    if np.count_nonzero(mask) > mask.shape[1]:  # there are ties, or NaN is nowhere less
        mask = (x == top) | np.isnan(x)
        seen = mask[0].copy()
        for row in mask[1:]:
            np.greater(row, seen, row)
            np.logical_or(seen, row, seen)
    return mask


def apart(gaps: Any) -> None:
    """Leave, of each example, the first 0 among its differences to its largest entry.

    The others become -0, whose sign tells them from it as it does all that is negative.
    """
    bits = gaps.view(f"i{gaps.itemsize}")
    if np.count_nonzero(bits) != bits.size - bits.shape[1]:
        seen = bits[0] == 0
        for row in bits[1:]:
            is_zero = row == 0
            row[is_zero & seen] = np.iinfo(row.dtype).min
            np.logical_or(seen, is_zero, seen)


def _masked(node: Node, operands: tuple[Any, ...], finite: Finite) -> Any:
    if node.function is np.subtract and is_top(node.operands[1], node.operands[0]):
        return _gaps(operands[0]) if id(operands[0]) in finite else None
    if node.function is take_class:
        array, index = operands
        if index.function is not np.argmax:
            return node.like(take_at, array, index.like(places_by_class, index))
        if index.operands[0] is array:
            return node.tape.add(np.max, (array,), True, (), node.dtype, axis=-1)
        chosen = _selected(array.like, index, array, 0.0, finite)
        return node.tape.add(np.sum, (chosen,), True, (), node.dtype, axis=-1)
    if node.function is put_class:
        array, index, value = operands
        if index.function is not np.argmax:
            return node.like(put_at, array, index.like(places_by_class, index), value)
        return _selected(node.like, index, value, array, finite)
    if node.function is np.equal and any(_is_leader(x) for x in operands):
        leader, other = operands if _is_leader(operands[0]) else reversed(operands)
        array = leader.operands[0]
        both = array.tape.add(
            np.bitwise_and, (_mask(array, leader), _mask(array, other)), True, array.core, bool
        )
        return node.tape.add(np.any, (both,), True, (), bool, axis=-1)
    return None


def _selected(like: Any, leader: Node, own: Any, other: Any, finite: Finite) -> Node:
    """`own` for the leading entry of each example, and `other` for the rest."""
    x = leader.operands[0]
    if id(x) not in finite:
        selected: Node = like(np.where, _mask(x, leader), own, other)
        return selected
    mask = x.tape.add(np.signbit, (_gaps(x),), True, x.core, bool)
    selected = like(np.where, mask, other, own)
    return selected


def _gaps(x: Node) -> Node:
    """The differences to the largest entry, of which only the leading one has no sign."""
    return x.like(apart, x.like(np.subtract, x, _top(x)))


def _top(x: Node) -> Node:
    return x.tape.add(np.max, (x,), True, (), x.dtype, axis=-1)[..., None]


def _is_leader(x: Any) -> bool:
    return isinstance(x, Node) and x.function is np.argmax


def _mask(array: Node, index: Node) -> Node:
    """Where a class is the one of an index."""
    tape, core = array.tape, array.core
    if index.function is np.argmax:
        of = index.operands[0]
        return tape.add(leading, (of, _top(of)), True, core, bool)
    short = tape.add("astype", (index,), True, (), np.int8)[..., None]
    classes = tape.add(
        "astype", (tape.add("index", (), False, core, np.int64),), False, core, np.int8
    )
    return tape.add(np.equal, (classes, short), True, core, bool)
