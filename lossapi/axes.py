"""The axis of classes, or several taken as one, to the end of an array and back."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
