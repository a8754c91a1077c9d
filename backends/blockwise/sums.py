"""Sums over all entries of a block, and of products, by dot products of short pieces.

A dot product is several times as fast as `numpy.sum`, and takes the multiplication along. Along a
whole block it would lose digits: each of its lanes adds up one by one. Pieces of 1024 entries give
a lane no more terms than a piece of NumPy's own sum in pairs has, and their sums are added up so.
"""

from __future__ import annotations

import math
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
    if x.size <= PIECE:
        return x.reshape(-1).dot(y.reshape(-1))
    pieces, rest = _in_pieces(x)
    others, other_rest = (pieces, rest) if y is x else _in_pieces(y)
    return np.add.reduce(np.vecdot(pieces, others)) + rest.dot(other_rest)


def _in_pieces(x: Any) -> tuple[Any, Any]:
    """The whole pieces of an array as rows, and what is left."""
    x = x.reshape(-1)
    whole = x.size - x.size % PIECE
    return x[:whole].reshape(-1, PIECE), x[whole:]


def with_products(outputs: list[Any], is_checked: bool) -> list[Any]:
    """The same graph where a total has two operands if it is that of their products alone.

    If it `is_checked` that totals are finite, the total is halved where each product was.
    """
    users: dict[int, int] = {}
    for node in ordered(outputs):
        for x in node.operands:
            users[id(x)] = users.get(id(x), 0) + 1
    for x in outputs:
        users[id(x)] = users.get(id(x), 0) + 1

    def is_alone(x: Any) -> bool:
        product = isinstance(x, Node) and x.function is np.multiply
        return product and users[id(x)] == 1 and can_sum(x.dtype)

    def join(node: Node, operands: tuple[Any, ...]) -> Node | None:
        if node.function != "total" or not is_alone(node.operands[0]):
            return None
        (product,) = operands
        first, second = product.operands
        if not _are_alike(product):
            return None
        if is_checked and is_alone(first) and _is_power_of_two(constant(first.operands[0])):
            scale, rest = constant(first.operands[0]), first.operands[1]
            return node.tape.add("total", (rest, second), False, (), node.dtype, scale=scale)
        return node.of((first, second))

    return rewritten(outputs, join)


def _is_power_of_two(x: Any) -> bool:
    return x is not None and math.frexp(x)[0] == 0.5


def _are_alike(product: Node) -> bool:
    """Whether both factors are arrays of the shape and the dtype of their product."""
    kind = product.rows, product.core, product.dtype
    return all(
        isinstance(x, Node) and constant(x) is None and (x.rows, x.core, x.dtype) == kind
        for x in product.operands
    )
