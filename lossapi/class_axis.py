"""Building blocks along the axis of the classes, the last one: softmax, and classes left out."""

from typing import NamedTuple

from .primitives import Array, Namespace


def leading_class(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """The first largest entry of the last axis, or a NaN: its mask and, with the axis, itself."""
    if xp.leading_class is not None:
        own: tuple[Array, Array] = xp.leading_class(x)
        return own
    index = xp.argmax(x, axis=-1)
    chosen = xp.class_index(x) == xp.expand_dims(index, axis=-1)
    return chosen, xp.expand_dims(xp.take_class(x, index), axis=-1)


class Softmax(NamedTuple):
    """A softmax relative to its leading class, with that class apart from the others."""

    leading: Array
    """Mask of the leading class."""
    top: Array
    """The leading logit; shape (..., 1)."""
    others: Array
    """exp((z - top) / T), the odds against the leading class; 0 for the leading class itself."""
    rest: Array
    """The sum of these odds, so that log1p(rest) = -log of the largest probability; (..., 1)."""


def softmax_parts(xp: Namespace, logits: Array, temperature: float = 1.0) -> Softmax:
    """The parts that keep the digits of a confident softmax, where 1 + rest would round to 1.

    A class masked by a logit of -inf has odds 0, and a single +inf leaves odds 0 to the others;
    several of them, or nothing but -inf, are undefined: NaN.
    """
    leading, top = leading_class(xp, logits)
    others = xp.exp(xp.where(leading, -xp.inf, logits - top) / temperature)
    rest = xp.sum(others, axis=-1, keepdims=True)
    return Softmax(leading, top, others, xp.where(top > -xp.inf, rest, xp.nan))


def softmax_pair(xp: Namespace, logits: Array) -> tuple[Array, Array]:
    """The probability p of each class and 1 - p, each to its own last digits."""
    parts = softmax_parts(xp, logits)
    leads = xp.astype(parts.leading, logits.dtype)
    total = 1.0 + parts.rest
    return (parts.others + leads) / total, ((parts.rest - parts.others) + (1.0 - leads)) / total


def softmax(xp: Namespace, logits: Array, temperature: float = 1.0) -> Array:
    """The probability of each class, exp(z / T) over their sum."""
    parts = softmax_parts(xp, logits, temperature)
    return (parts.others + xp.astype(parts.leading, logits.dtype)) / (1.0 + parts.rest)


def log_softmax(xp: Namespace, logits: Array) -> Array:
    """The log-probability of each class."""
    parts = softmax_parts(xp, logits)
    return xp.where(parts.leading, 0.0, logits - parts.top) - xp.log1p(parts.rest)


def only(xp: Namespace, kept: Array | None, x: Array, otherwise: float = 0.0) -> Array:
    """What belongs to the classes that are kept, and a number for the others."""
    return x if kept is None else xp.where(kept, x, otherwise)


def any_kept(xp: Namespace, kept: Array | None) -> Array | None:
    """Where any class is kept."""
    return None if kept is None else xp.any(kept, axis=-1)


def ruled_out(xp: Namespace, logits: Array, kept: Array | None) -> Array:
    """The logits with -inf for classes that are not kept; as they are where none is."""
    if kept is None:
        return logits
    return xp.where(kept | ~xp.any(kept, axis=-1, keepdims=True), logits, -xp.inf)


def leave_out(xp: Namespace, x: Array, size: Array) -> Array:
    """For each entry the sum of all others; `size` is the magnitude of each."""
    # Total minus entry would cancel for the largest, and for no other.
    chosen, _ = leading_class(xp, size)
    largest = x * xp.astype(chosen, x.dtype)
    smaller = x - largest
    rest = xp.sum(smaller, axis=-1, keepdims=True)
    return xp.where(chosen, 0.0, xp.sum(largest, axis=-1, keepdims=True)) + (rest - smaller)


def is_label(xp: Namespace, x: Array, labels: Array) -> Array:
    """Mask of the class that is each example's label, in the shape of `x`."""
    return xp.class_index(x) == xp.expand_dims(labels, axis=-1)
