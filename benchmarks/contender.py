"""A contender: one implementation of one loss, as two functions that are timed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

Function = Callable[..., Any]


class Contender(NamedTuple):
    """Its value, and its value with gradients: functions of inputs and parameters."""

    value: Function
    value_and_grad: Function | None
    """A function that gives a tuple, the value first; None where gradients are not offered."""


def in_steps(function: Callable[..., Iterator[Any]]) -> Contender:
    """A contender from a function that yields the value and then the gradients.

    The terms they have in common are computed once, and those of the gradient not for a value.
    """

    def value(*inputs: Any, **parameters: float) -> Any:
        return next(function(*inputs, **parameters))

    def value_and_grad(*inputs: Any, **parameters: float) -> Any:
        return tuple(function(*inputs, **parameters))

    return Contender(value, value_and_grad)
