"""Sums over all entries of a block, and of products, by dot products of short pieces.

A dot product is several times as fast as `numpy.sum`, and takes the multiplication along. Along a
whole block it would lose digits: each of its lanes adds up one by one. Pieces of 1024 entries give
a lane no more terms than a piece of NumPy's own sum in pairs has, and their sums are added up so.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .graph import Node, constant, ordered, rewritten

PIECE = 1024
"""How many entries one dot product adds up."""
_ONES = {np.dtype(kind): np.ones(PIECE, kind) for kind in (np.float32, np.float64)}


def can_sum(dtype: Any) -> bool:
    """Whether there are dot products of this dtype."""
    return dtype in _ONES


def sum_of(x: Any) -> Any:
    """The sum of the entries of an array."""
    if x.size <= PIECE:
        return np.add.reduce(x, None)
    x = x.reshape(-1)
    whole = x.size - x.size % PIECE
    parts = np.vecdot(x[:whole].reshape(-1, PIECE), _ONES[x.dtype])
    return np.add.reduce(parts) + np.add.reduce(x[whole:])


def sum_of_products(x: Any, y: Any) -> Any:
    """The sum of the products of the entries of two arrays of one shape."""
    x, y = x.reshape(-1), y.reshape(-1)
    if x.size <= PIECE:
        return np.dot(x, y)
    whole = x.size - x.size % PIECE
    parts = np.vecdot(x[:whole].reshape(-1, PIECE), y[:whole].reshape(-1, PIECE))
    return np.add.reduce(parts) + np.dot(x[whole:], y[whole:])


def with_products(outputs: list[Any]) -> list[Any]:
    """The same graph where a total has two operands if it is that of their products alone."""
    users: dict[int, int] = {}
    for node in ordered(outputs):
        for x in node.operands:
            users[id(x)] = users.get(id(x), 0) + 1
    wanted = {id(x) for x in outputs}

    def join(node: Node, operands: tuple[Any, ...]) -> Node | None:
        if node.function != "total" or not isinstance(operands[0], Node):
            return None
        (old,), (product,) = node.operands, operands
        alone = users[id(old)] == 1 and id(old) not in wanted
        if not alone or product.function is not np.multiply or not can_sum(node.dtype):
            return None
        return node.of(product.operands) if _are_alike(product) else None

    return rewritten(outputs, join)


def _are_alike(product: Node) -> bool:
    """Whether both factors are arrays of the shape and the dtype of their product."""
    kind = product.rows, product.core, product.dtype
    return all(
        isinstance(x, Node) and constant(x) is None and (x.rows, x.core, x.dtype) == kind
        for x in product.operands
    )
