"""Entries that labels name, by where they stand in an array as one line."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .graph import Node, rewritten
from .tracing import put_class, take_class


def by_places(outputs: list[Any]) -> list[Any]:
    """The same graph with the places of labels, which are found once for all that they name."""
    return rewritten(outputs, _placed)


def _placed(node: Node, operands: tuple[Any, ...]) -> Node | None:
    if node.function not in (take_class, put_class):
        return None
    array, labels, *value = operands
    place = labels.tape.add(places, (labels,), True, labels.core, np.int64, classes=array.core[-1])
    return node.like(take_at if node.function is take_class else put_at, array, place, *value)


def places(labels: Any, *, classes: int) -> Any:
    """Where the labels' entries stand in vectors of so many classes."""
    multiples = _multiples(labels.size, classes)
    return labels + (multiples if labels.ndim == 1 else multiples.reshape(labels.shape))


def places_by_class(labels: Any) -> Any:
    """The same in an array with one row for each class."""
    count = labels.size
    found = labels * count
    found += _multiples(count, 1)
    return found


@lru_cache(maxsize=64)
def _multiples(count: int, of: int) -> Any:
    return np.arange(0, count * of, of)


def take_at(array: Any, where: Any) -> Any:
    """The entries at these places."""
    return array.take(where)


def put_at(array: Any, where: Any, value: Any) -> None:
    """Set the entries at these places."""
    if isinstance(value, np.ndarray) and value.ndim > 1:
        value = value.reshape(-1)
    array.reshape(-1)[where if where.ndim == 1 else where.reshape(-1)] = value


def sum_without(array: Any, where: Any, **options: Any) -> Any:
    """The sum over the last axis of all entries but those at these places.

    They are 0 for a moment, so that nothing need be copied.
    """
    flat = array.reshape(-1)
    kept = flat[where]
    flat[where] = 0
    total = np.add.reduce(array, **options)
    flat[where] = kept
    return total
