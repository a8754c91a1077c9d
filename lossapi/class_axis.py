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

    leader: Array
    """Which class leads, for `of_leader` and `with_leader`."""
    top: Array
    """The leading logit; shape (..., 1)."""
    odds: Array
    """exp((z - top) / T), the odds of each class against the leading one, which has 1."""
    rest: Array
    """The sum of all odds but its own, so that log1p(rest) = -log of its probability; (..., 1)."""


def softmax_parts(
    xp: Namespace, logits: Array, temperature: float = 1.0, keeps_small_top: bool = False
) -> Softmax:
    """The parts that keep the digits of a confident softmax, where 1 + rest would round to 1.

    A class masked by a logit of -inf has odds 0, and a single +inf leaves odds 0 to the others;
    several of them, or nothing but -inf, are undefined: NaN.

    If it `keeps_small_top`, a leading logit near 0 is not taken off before the exponential, as the
    rounding of differences would be seen beside it: the rest is as ever, the odds are not.
    """
    if xp.marks_leaders:
        return _parts_by_mask(xp, logits, temperature, keeps_small_top)
    index = xp.argmax(logits, axis=-1)
    top = xp.expand_dims(xp.take_class(logits, index), axis=-1)
    base, scale = _base(xp, top) if keeps_small_top else (top, 1.0)
    gap = xp.put_class(logits - base, index, 0.0)
    odds = xp.exp(gap if temperature == 1.0 else gap / temperature)
    rest = xp.sum(xp.put_class(odds, index, 0.0), axis=-1, keepdims=True)
    rest = rest * scale if keeps_small_top else rest
    return Softmax(index, top, odds, xp.where(top > -xp.inf, rest, xp.nan))


def _base(xp: Namespace, top: Array) -> tuple[Array, Array]:
    """What to take off logits for their leading one, and the odds of this against the latter."""
    near = xp.abs(top) < 0.5
    return xp.where(near, 0.0, top), xp.exp(xp.where(near, -top, 0.0))


def _parts_by_mask(
    xp: Namespace, logits: Array, temperature: float, keeps_small_top: bool
) -> Softmax:
    """The same without a look for the place of the largest logit, which for some costs a pass.

    All that equal it are left out of the sum, and all but one of them counted. Where there are
    several none has more than half of the probability, and so none is apart as the leader.
    """
    top = xp.max(logits, axis=-1, keepdims=True)
    leads = logits == top
    base, scale = _base(xp, top) if keeps_small_top else (top, 1.0)
    odds = xp.exp((logits - base) if temperature == 1.0 else (logits - base) / temperature)
    others = xp.sum(xp.where(leads, 0.0, odds), axis=-1, keepdims=True)
    others = others * scale if keeps_small_top else others
    ties = xp.sum(xp.where(leads, xp.ones_like(odds), 0.0), axis=-1, keepdims=True) - 1.0
    defined = (top > -xp.inf) & ((top < xp.inf) | (ties == 0))
    leader = leads & (ties == 0)
    odds = xp.where(leader, 1.0, odds)
    return Softmax(leader, top, odds, xp.where(defined, others + ties, xp.nan))


def of_leader(xp: Namespace, parts: Softmax, x: Array) -> Array:
    """The entry of the leading class, with its axis; 0 where `with_leader` changes none."""
    if xp.marks_leaders:
        return xp.sum(xp.where(parts.leader, x, 0.0), axis=-1, keepdims=True)
    return xp.expand_dims(xp.take_class(x, parts.leader), axis=-1)


def with_leader(xp: Namespace, parts: Softmax, x: Array, value: Array | float) -> Array:
    """`x` with a value for the leading class, if it has to be apart from the others."""
    if xp.marks_leaders:
        return xp.where(parts.leader, value, x)
    return xp.put_class(x, parts.leader, value)


def softmax_pair(xp: Namespace, logits: Array) -> tuple[Array, Array]:
    """The probability p of each class and 1 - p, each to its own last digits."""
    parts = softmax_parts(xp, logits)
    total = 1.0 + parts.rest
    p = parts.odds / total
    # Only of the leading class is p above 1/2, where the difference would cancel.
    return p, with_leader(xp, parts, 1.0 - p, parts.rest / total)


def softmax(xp: Namespace, logits: Array, temperature: float = 1.0) -> Array:
    """The probability of each class, exp(z / T) over their sum."""
    parts = softmax_parts(xp, logits, temperature)
    return parts.odds / (1.0 + parts.rest)


def gap_below_top(xp: Namespace, parts: Softmax, logits: Array, labels: Array) -> Array:
    """How far the logit of each example's label lies below the leading one."""
    own, top = xp.take_class(logits, labels), parts.top[..., 0]
    # A class like the leading one has the gap 0 too, but for derivatives.
    leads = labels == parts.leader if xp.differentiates else own == top
    return xp.where(leads, 0.0, top - own)


def odds_against(xp: Namespace, parts: Softmax, labels: Array) -> Array:
    """The sum of the odds of all classes but each example's label."""
    own, rest = xp.take_class(parts.odds, labels), parts.rest[..., 0]
    # Of the leading class that is the rest as it stands; of one like it too, but for derivatives.
    leads = labels == parts.leader if xp.differentiates else own == 1
    return xp.where(leads, rest, 1.0 + (rest - own))


def log_softmax(xp: Namespace, logits: Array) -> Array:
    """The log-probability of each class."""
    parts = softmax_parts(xp, logits)
    return with_leader(xp, parts, logits - parts.top, 0.0) - xp.log1p_of_shares(parts.rest)


def half_surprise(xp: Namespace, logits: Array) -> Array:
    """-log(softmax(z)) / 2, as a spread of logits may overflow that a small weight makes finite."""
    parts = softmax_parts(xp, logits)
    gap = with_leader(xp, parts, 0.5 * parts.top - 0.5 * logits, 0.0)
    return gap + 0.5 * xp.log1p_of_shares(parts.rest)


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
