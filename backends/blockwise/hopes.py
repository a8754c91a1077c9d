"""What need not be looked at beforehand, since the sum over a block would tell.

An infinity or a NaN goes through sums, products and logarithms into the total. Guards against it
can be left out where that is so: a block whose total is not finite is computed again with them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .graph import Node, ordered
from .ranges import Range, narrowed

_SPREADS = (
    *(np.add, np.subtract, np.multiply, np.negative, np.absolute, np.sqrt, np.log, np.log1p),
    *(np.sum, np.expand_dims, "broadcast", "total"),
)
"""What gives no finite number where one of its operands is none."""
_SPREADS_NAN = (*_SPREADS, np.maximum, np.minimum, np.true_divide, np.exp, np.expm1, np.tanh)
"""What gives NaN where one of its operands is."""


class Hopeful(NamedTuple):
    """A graph, and what it supposes of inputs that nobody looks at."""

    outputs: list[Any]
    ranges: dict[str, Range]
    """Where all inputs lie, those that are looked at included."""
    supposes: bool
    """Whether it is wrong for some inputs, which its totals betray."""


def hopeful(outputs: list[Any], seen: dict[str, Range], kinds: dict[str, Any]) -> Hopeful:
    """The graph for inputs in the ranges seen, which supposes that the others are finite.

    `kinds` has the dtypes of those others.
    """
    limits = {n: np.finfo(kind) for n, kind in kinds.items() if np.dtype(kind).kind == "f"}
    hoped = {name: (limit.min, limit.max) for name, limit in limits.items()}
    hopeless: set[int] = set()
    while True:
        supposed: dict[int, tuple[Any, Node]] = {}
        found = narrowed(outputs, {**hoped, **seen}, supposed, hopeless)
        telling, telling_nan = _telling(found, _SPREADS), _telling(found, _SPREADS_NAN)
        told = {n.options["name"] for n in ordered(found) if _is_input(n) and id(n) in telling}
        # An input that is gone, as a finite number times 0 is, tells of nothing either.
        silent = hoped.keys() - told
        false = {
            mask
            for mask, (asks, x) in supposed.items()
            if id(x) not in (telling_nan if asks is np.isnan else telling)
        }
        if not silent and not false:
            return Hopeful(found, {**hoped, **seen}, bool(supposed or hoped))
        hopeless |= false
        for name in silent:
            del hoped[name]


def _is_input(node: Node) -> bool:
    return bool(node.function == "input")


def _telling(outputs: list[Any], spreads: tuple[Any, ...]) -> set[int]:
    """The nodes all of whose entries are in the totals by way of what spreads a fault of theirs."""
    found: set[int] = set()
    for node in reversed(ordered(outputs)):
        if node.function != "total" and id(node) not in found:
            continue
        spreading = node.operands if node.function in spreads else ()
        if node.function is np.true_divide and not spreading:
            spreading = node.operands[:1]
        found |= {id(x) for x in spreading if isinstance(x, Node)}
    return found
