"""JAX on a CPU: arrays of short vectors as one long one, as far as a kernel goes entry by entry.

XLA makes of what it does to the entries of an array a loop within a loop, the inner one along the
last axis. Of few entries that is mostly what vector instructions leave over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import Literal

from lossapi.signature import Shape

SHORT = 64
"""How long the last axis may be for that."""
LARGE = 2**12
"""How many entries make it worth a look."""

BY_ENTRY = {"add", "sub", "mul", "div", "neg", "abs", "sign", "max", "min", "integer_pow", "pow"}
BY_ENTRY |= {"square", "sqrt", "rsqrt", "exp", "expm1", "log", "log1p", "logistic", "tanh", "sinh"}
BY_ENTRY |= {"eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "xor", "is_finite", "floor"}
BY_ENTRY |= {"select_n", "convert_element_type", "erf"}
"""The operations that treat each entry alone."""
CALLS = {"jit", "pjit", "custom_jvp_call"}
"""Those that stand for others."""


def flat(function: Callable[..., Any], arrays: tuple[Any, ...]) -> Any:
    """What a function that nobody differentiates makes of arrays, faster for short vectors."""
    shape = next((x.shape for x in arrays if is_short(x)), None)
    if shape is None:
        return function(*arrays)
    closed, result = jax.make_jaxpr(function, return_shape=True)(*arrays)
    if not is_plain(closed.jaxpr):
        return function(*arrays)
    found = _evaluated(closed, arrays, shape)
    return jax.tree.unflatten(jax.tree.structure(result), found)


def inside(test: Callable[..., Any], by_row: Callable[[Any], Any], arrays: tuple[Any, ...]) -> Any:
    """For which rows of short vectors a test of their entries holds throughout.

    The entries are looked at as one vector first. Sums of few numbers, which tell of single rows,
    take XLA several times as long, and are made where some entry fails only.
    """
    holds = jnp.all(test(*(x.reshape(-1) for x in arrays)))
    rows = arrays[0].shape[:-1]
    return jax.lax.cond(
        holds, lambda *_: jnp.ones(rows, bool), lambda *given: by_row(test(*given)), *arrays
    )


def is_short(x: Any) -> bool:
    """Whether an array consists of many short vectors."""
    return bool(x.ndim > 1 and 1 < x.shape[-1] <= SHORT and x.size >= LARGE)


def is_plain(jaxpr: Any) -> bool:
    """Whether it is operations one after the other, without loops and choices of what to do."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in CALLS:
            if not is_plain(called(equation).jaxpr):
                return False
        elif any(hasattr(x, "eqns") or hasattr(x, "jaxpr") for x in equation.params.values()):
            return False
    return True


def called(equation: Any) -> Any:
    """The operations that one of `CALLS` stands for."""
    params = equation.params
    return params["jaxpr"] if "jaxpr" in params else params["call_jaxpr"]


def _evaluated(closed: Any, arrays: Any, shape: Shape) -> list[Any]:
    """The results of recorded operations, of which those on entries of a shape see no axes."""
    known = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
    known |= dict(zip(closed.jaxpr.invars, arrays, strict=True))

    def value(x: Any) -> Any:
        return x.val if isinstance(x, Literal) else known[x]

    for equation in closed.jaxpr.eqns:
        given = [value(x) for x in equation.invars]
        found = done(equation, given, shape)
        known |= dict(zip(equation.outvars, found, strict=True))
    return [value(x) for x in closed.jaxpr.outvars]


def done(equation: Any, given: list[Any], shape: Shape) -> list[Any]:
    """The results of one operation, which sees no axes of entries of the shape if it needs none."""
    primitive, params = equation.primitive, equation.params
    if primitive.name in CALLS:
        return _evaluated(called(equation), given, shape)
    kinds = {jnp.shape(x) for x in given}
    if primitive.name in BY_ENTRY and shape in kinds and kinds <= {shape, ()}:
        given = [x.reshape(-1) if jnp.shape(x) == shape else x for x in given]
        return [primitive.bind(*given, **params).reshape(shape)]
    found = primitive.bind(*given, **params)
    return list(found) if primitive.multiple_results else [found]
