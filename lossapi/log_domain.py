"""Sums of exponentials in the log domain, where -inf stands for nothing."""

from .primitives import Array, Namespace


def log_sum(xp: Namespace, x: Array, axis: int) -> Array:
    """log(sum(exp(x))) along an axis; -inf where there is nothing."""
    top = xp.stop_gradient(xp.max(x, axis=axis, keepdims=True))
    nothing = top == -xp.inf
    total = xp.sum(xp.exp(x - xp.where(nothing, 0.0, top)), axis=axis, keepdims=True)
    found = xp.where(nothing, -xp.inf, top + xp.log(xp.where(nothing, 1.0, total)))
    return xp.squeeze(found, axis=axis)


def log_add(xp: Namespace, a: Array, b: Array) -> Array:
    """log(exp(a) + exp(b)), where the sum may be as close to the larger as it likes."""
    first = a > b
    # Not &, which MLX gets wrong under vmap where only one side is mapped over.
    nothing = xp.logical_and(a == -xp.inf, b == -xp.inf)
    top, low = xp.where(first, a, b), xp.where(first, b, a)
    gap = low - xp.where(nothing, 0.0, top)
    return top + xp.log1p(xp.exp(gap))
