"""The loss of a model along directions in the space of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ..errors import ParameterError, ShapeError
from ..training.arguments import Arrays, gathered, one_of, quiet, widened
from ..training.trees import Tree, check_same, mapped
from .drawing import Axes, axes_or_new

VECTORS = ("zero", "scale")


@dataclass(frozen=True, eq=False)
class LossLandscape1D:
    """The loss at ``steps`` along a direction from the parameters, which are at 0."""

    steps: Any
    values: Any

    def plot(self, axes: Axes | None = None, **style: Any) -> Axes:
        """Draw the loss along the direction."""
        axes = axes_or_new(axes)
        axes.plot(self.steps, self.values, **style)
        axes.axvline(0.0, color="0.7", linewidth=0.8, zorder=0)
        axes.set_xlabel("step along the direction")
        axes.set_ylabel("loss")
        return axes


@dataclass(frozen=True, eq=False)
class LossLandscape2D:
    """The loss at steps along two directions: ``values[i, j]`` at ``steps[0][i], steps[1][j]``."""

    steps: tuple[Any, Any]
    values: Any

    def plot(self, axes: Axes | None = None, *, levels: int = 24, **style: Any) -> Axes:
        """Draw lines of equal loss, the parameters as a cross."""
        axes = axes_or_new(axes)
        filled = axes.contourf(*self.steps, self.values.T, levels=levels, **style)
        axes.contour(*self.steps, self.values.T, levels=levels, colors="k", linewidths=0.3)
        axes.plot([0.0], [0.0], "+", color="w", markersize=10)
        axes.figure.colorbar(filled, ax=axes, label="loss")
        axes.set_xlabel("first direction")
        axes.set_ylabel("second direction")
        return axes


def filter_normalised(
    direction: Tree, parameters: Any, *, filter_axis: int = 0, vectors: str = "zero"
) -> Tree:
    """A direction each of whose filters is as long as that of the parameters.

    So landscapes of networks can be compared that only differ in the scale of their layers. A
    filter is what belongs to one entry of ``filter_axis``: the first axis of PyTorch's weights,
    the last one (-1) of those of Flax and Keras. Of vectors, such as biases, nothing is taken
    ("zero", as in the article), or they are scaled as one filter ("scale"). A filter that is 0
    stays 0.

    H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, Visualizing the loss landscape of neural
    nets, 2018, arXiv:1712.09913.

    >>> import numpy as np
    >>> from lossapi.diagnostics import filter_normalised
    >>> filter_normalised(np.array([[3.0, 4.0], [0.0, 2.0]]), np.array([[5.0, 0.0], [0.0, 1.0]]))
    array([[3., 4.],
           [0., 1.]])
    """
    name = "filter_normalised"
    vectors = one_of(name, "vectors", vectors, VECTORS)
    check_same(name, "direction", direction, "parameters", parameters)
    given = gathered(name, ("direction", direction), ("parameters", parameters))
    backend, xp = given.backend, given.backend.xp

    def scaled(leaf: Any, other: Any) -> Any:
        if other is None or tuple(given.array(other).shape) != tuple(given.array(leaf).shape):
            raise ShapeError(
                f"{name}: an array of the direction has shape {tuple(given.array(leaf).shape)}, "
                f"and that of the parameters is another one; accepted is a direction of the shape "
                f"of the parameters."
            )
        own, due = (widened(backend, given.array(x)) for x in (leaf, other))
        dtype = given.array(leaf).dtype
        if own.ndim < 2 and vectors == "zero":
            return xp.astype(xp.zeros_like(own), dtype)
        axes = tuple(range(own.ndim))
        if own.ndim > 1:
            if not -own.ndim <= filter_axis < own.ndim:
                raise ParameterError(
                    f"{name}: filter_axis is {filter_axis!r}, but an array has shape "
                    f"{tuple(own.shape)}; accepted is an axis that all have."
                )
            axes = tuple(a for a in axes if a != filter_axis % own.ndim)
        length, wanted = (xp.sqrt(xp.sum(x * x, axis=axes, keepdims=True)) for x in (own, due))
        factor = wanted / xp.where(length > 0, length, xp.ones_like(length))
        return xp.astype(own * factor, dtype)

    with quiet(given.backend):
        return mapped(scaled, direction, parameters)


def loss_landscape_1d(
    function: Callable[[Any], Any], parameters: Any, direction: Any, *, steps: Any = None
) -> LossLandscape1D:
    """The loss along one direction: ``function(parameters + step · direction)``.

    ``function`` takes parameters, a tree of arrays, and gives one number. ``steps`` are 41 numbers
    from -1 to 1 if left out.

    >>> import numpy as np
    >>> from lossapi.diagnostics import loss_landscape_1d
    >>> found = loss_landscape_1d(lambda w: (w**2).sum(), np.ones(2), -np.ones(2), steps=[0, 1, 2])
    >>> found.values.tolist()
    [2.0, 0.0, 2.0]
    """
    name = "loss_landscape_1d"
    along = _steps(name, "steps", steps, 41)
    move = partial(_moved, *_checked(name, parameters, direction=direction), parameters)
    values = [_number(name, function(move((step, direction)))) for step in along]
    return LossLandscape1D(along, np.asarray(values))


def loss_landscape_2d(
    function: Callable[[Any], Any],
    parameters: Any,
    first: Any,
    second: Any,
    *,
    steps: Any = None,
    second_steps: Any = None,
) -> LossLandscape2D:
    """The loss in the plane of two directions, at each pair of steps along them.

    ``steps`` are 25 numbers from -1 to 1 if left out, and ``second_steps`` the same as ``steps``.
    """
    name = "loss_landscape_2d"
    across = _steps(name, "steps", steps, 25)
    along = across if second_steps is None else _steps(name, "second_steps", second_steps, 25)
    move = partial(_moved, *_checked(name, parameters, first=first, second=second), parameters)
    values = [
        [_number(name, function(move((one, first), (two, second)))) for two in along]
        for one in across
    ]
    return LossLandscape2D((across, along), np.asarray(values))


def _checked(name: str, parameters: Any, **directions: Any) -> tuple[Arrays]:
    for key, direction in directions.items():
        check_same(name, "parameters", parameters, key, direction)
    return (gathered(name, ("parameters", parameters), *directions.items()),)


def _moved(given: Arrays, parameters: Any, *moves: tuple[float, Any]) -> Any:
    """Parameters moved by steps along directions; what has no direction stays."""
    found = parameters
    for step, direction in moves:
        found = mapped(partial(_moved_leaf, given, float(step)), found, direction)
    return found


def _moved_leaf(given: Arrays, step: float, leaf: Any, direction: Any) -> Any:
    if direction is None:
        return leaf
    array, way = given.array(leaf), given.array(direction)
    return given.backend.xp.astype(array + step * way, array.dtype)


def _steps(name: str, key: str, steps: Any, count: int) -> Any:
    found = np.linspace(-1.0, 1.0, count) if steps is None else np.asarray(steps, np.float64)
    if found.ndim != 1 or not found.size:
        raise ShapeError(
            f"{name}: {key} has shape {found.shape}; accepted are numbers in one dimension."
        )
    return found


def _number(name: str, value: Any) -> float:
    if isinstance(value, int | float):
        return float(value)
    given = gathered(name, ("the result of function", value))
    if len(given.arrays) != 1 or given.arrays[0].ndim:
        shapes = [tuple(array.shape) for array in given.arrays]
        raise ShapeError(
            f"{name}: function gave arrays of shape {shapes}; accepted is one number, "
            f"such as the mean loss."
        )
    return float(given.backend.to_numpy(given.arrays[0]))
