"""Programs for few classes, which run along the examples, with one row for each class.

Along short vectors NumPy's functions start anew for each example. What picks an entry by its
index becomes a selection by a mask.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Node, ordered, rewritten
from .tracing import put_class, take_class

MOST = 48
"""How many classes are few."""


def are_few(outputs: list[Any]) -> bool:
    """Whether the examples are vectors of few entries, and these do not all stand alone."""
    cores = {n.core for n in ordered(outputs) if n.rows}
    few = all(len(core) < 2 for core in cores) and 1 < max(map(sum, cores), default=0) <= MOST
    return few and len(cores) > 1


def by_masks(outputs: list[Any]) -> list[Any]:
    """The same graph without indices of classes."""
    return rewritten(outputs, _masked)


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


def _masked(node: Node, operands: tuple[Any, ...]) -> Any:
    if node.function is take_class:
        array, index = operands
        if index.function is np.argmax and index.operands[0] is array:
            return node.tape.add(np.max, (array,), True, (), node.dtype, axis=-1)
        chosen = array.like(np.where, _mask(array, index), array, 0.0)
        return node.tape.add(np.sum, (chosen,), True, (), node.dtype, axis=-1)
    if node.function is put_class:
        array, index, value = operands
        return node.like(np.where, _mask(array, index), value, array)
    if node.function is np.equal and any(_is_leader(x) for x in operands):
        leader, other = operands if _is_leader(operands[0]) else reversed(operands)
        array = leader.operands[0]
        both = array.tape.add(
            np.bitwise_and, (_mask(array, leader), _mask(array, other)), True, array.core, bool
        )
        return node.tape.add(np.any, (both,), True, (), bool, axis=-1)
    return None


def _is_leader(x: Any) -> bool:
    return isinstance(x, Node) and x.function is np.argmax


def _mask(array: Node, index: Node) -> Node:
    """Where a class is the one of an index."""
    tape, core = array.tape, array.core
    if index.function is np.argmax:
        of = index.operands[0]
        top = tape.add(np.max, (of,), True, (), of.dtype, axis=-1)[..., None]
        return tape.add(leading, (of, top), True, core, bool)
    short = tape.add("astype", (index,), True, (), np.int8)[..., None]
    classes = tape.add(
        "astype", (tape.add("index", (), False, core, np.int64),), False, core, np.int8
    )
    return tape.add(np.equal, (classes, short), True, core, bool)
