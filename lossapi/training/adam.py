"""Adam, written out: a step that tests and examples can rely on with any library."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from ..backend import Backend
from ..binding import is_number
from ..errors import ShapeError
from .arguments import beside, gathered, number, quiet, widened
from .trees import Tree, check_same, mapped


class AdamState(NamedTuple):
    """How many steps were taken, and the moving means of gradients and of their squares."""

    step: Any
    mean: Any
    square: Any


def adam_state(parameters: Any) -> AdamState:
    """The state before the first step: zeros in the place of each parameter."""
    given = gathered("adam_state", ("parameters", parameters))

    def zeros(leaf: Any) -> Any:
        return given.backend.xp.zeros_like(widened(given.backend, given.array(leaf)))

    return AdamState(0, mapped(zeros, parameters), mapped(zeros, parameters))


def adam_update(
    parameters: Tree,
    gradients: Any,
    state: AdamState,
    *,
    learning_rate: Any = 1e-3,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Tree, AdamState]:
    """Parameters and state after one step of Adam, with the correction of the bias at the start.

    In step t, with m and v the moving means of the gradient and of its square,

        m̂ = m / (1 - beta1ᵗ),   v̂ = v / (1 - beta2ᵗ),   θ - learning_rate · m̂ / (√v̂ + epsilon).

    Where √v̂ + epsilon is 0 nothing moves. The step does not depend on the scale of the loss if,
    and only if, ``epsilon`` is 0. Moments are kept in float32 at least; parameters keep their
    dtype. ``learning_rate`` may be an array that is one number. A parameter whose gradient is
    None stays as it is, and so do its moments.

    D. P. Kingma, J. Ba, Adam: a method for stochastic optimization, 2015, arXiv:1412.6980.

    >>> import numpy as np
    >>> from lossapi.training import adam_state, adam_update
    >>> parameters = {"w": np.array([1.0, 2.0])}
    >>> gradients = {"w": np.array([30.0, -0.5])}
    >>> parameters, state = adam_update(
    ...     parameters, gradients, adam_state(parameters), learning_rate=0.25, epsilon=0.0
    ... )
    >>> parameters["w"].round(12).tolist()
    [0.75, 2.25]
    """
    name = "adam_update"
    rate = number(name, "learning_rate", learning_rate, "[0, inf)")
    for key, beta in (("beta1", beta1), ("beta2", beta2)):
        number(name, key, beta, "[0, 1)", fixed=True)
    number(name, "epsilon", epsilon, "[0, inf)", fixed=True)
    trees = {"gradients": gradients, "state.mean": state.mean, "state.square": state.square}
    for key, tree in trees.items():
        check_same(name, "parameters", parameters, key, tree)
    given = gathered(name, ("parameters", parameters), *trees.items())
    backend, step = given.backend, state.step + 1
    first, second = _correction(backend, beta1, step), _correction(backend, beta2, step)

    def moved(leaf: Any, gradient: Any, mean: Any, square: Any) -> tuple[Any, Any, Any]:
        if gradient is None:
            return leaf, mean, square
        parameter, slope = (widened(backend, given.array(x)) for x in (leaf, gradient))
        if not tuple(parameter.shape) == tuple(slope.shape) == tuple(mean.shape):
            raise ShapeError(
                f"{name}: a gradient has shape {tuple(slope.shape)} and its moments "
                f"{tuple(mean.shape)}; accepted is the shape of the parameter, "
                f"{tuple(parameter.shape)}."
            )
        mean = beta1 * mean + (1 - beta1) * slope
        square = beta2 * square + (1 - beta2) * (slope * slope)
        below = backend.xp.sqrt(square / beside(backend, second, square)) + epsilon
        above = mean / beside(backend, first, mean)
        move = above / backend.xp.where(below == 0, backend.xp.ones_like(below), below)
        move = backend.xp.where(below == 0, backend.xp.zeros_like(move), move)
        after = parameter - beside(backend, rate, parameter) * move
        return backend.xp.astype(after, given.array(leaf).dtype), mean, square

    with quiet(backend):
        triples = mapped(
            lambda *found: _Triple(moved(*found)), parameters, gradients, state.mean, state.square
        )
    parts: list[Any] = [mapped(lambda leaf, i=i: leaf.parts[i], triples) for i in range(3)]
    return parts[0], AdamState(step, parts[1], parts[2])


class _Triple:
    """What becomes of one parameter and its moments; no container, so that a tree ends there."""

    def __init__(self, parts: tuple[Any, Any, Any]) -> None:
        self.parts = parts


def _correction(backend: Backend, beta: float, step: Any) -> Any:
    """1 - beta^step, to the last digits."""
    if not beta:
        return 1.0
    if is_number(step):
        return -math.expm1(step * math.log(beta))
    xp = backend.xp
    time = xp.astype(step, backend.asarray(0.0).dtype)
    return -xp.expm1(time * math.log(beta))
