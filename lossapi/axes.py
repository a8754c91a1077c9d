"""The axis of classes, or several taken as one, to the end of an array and back; other axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .primitives import entries, sum_of_rows

if TYPE_CHECKING:
    from .backend import Backend
    from .signature import Shape
    from .validation import Axis


def core_last(xp: Any, array: Any, axis: Axis) -> Any:
    """The array with its core axis last; several axes are taken as one."""
    if axis == -1:
        return array
    if not isinstance(axis, tuple):
        return xp.moveaxis(array, axis, -1)
    array = xp.moveaxis(array, axis, tuple(range(-len(axis), 0)))
    split = array.ndim - len(axis)
    return xp.reshape(array, (*array.shape[:split], math.prod(array.shape[split:])))


def core_back(xp: Any, array: Any, axis: Axis, shape: Shape) -> Any:
    """The opposite of that; `shape` is that of the array it was done to."""
    if axis == -1:
        return array
    if not isinstance(axis, tuple):
        return xp.moveaxis(array, -1, axis)
    array = xp.reshape(array, (*array.shape[:-1], *(shape[place] for place in axis)))
    return xp.moveaxis(array, tuple(range(-len(axis), 0)), axis)


def trail(array: Any, count: int) -> Any:
    """The array with `count` axes of length 1 behind."""
    return array[(..., *(None,) * count)] if count else array


def over_examples(backend: Backend, gradient: Any, core: int) -> Any:
    """The gradient of one value that served all examples: the sum of theirs."""
    if core == 0:
        return backend.sum(gradient)
    xp, shape = backend.xp, tuple(gradient.shape)
    rows = xp.reshape(gradient, (entries(shape[:-core]), *shape[-core:]))
    return sum_of_rows(xp, rows)
