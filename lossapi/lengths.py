"""Lengths of vectors along the last axis: p-norms, and their slopes."""

from . import primitives
from .primitives import Array, Namespace


def difference(xp: Namespace, a: Array, b: Array) -> tuple[Array, Array]:
    """The difference, neither overflowing nor subnormal, and the factor for that."""
    # By the largest component of each vector, which costs no look at each pair.
    top = sum(0.5 * xp.max(xp.abs(x), axis=-1, keepdims=True) for x in (a, b))
    wide = top > 0.5 * float(xp.finfo(a.dtype).max)
    small = xp.where(top < 1.0, primitives.from_the_ends(xp, top), 1.0)
    part = xp.stop_gradient(xp.where(wide, 0.5, small))
    return a * part - b * part, 1.0 / part


def size(xp: Namespace, x: Array, p: float) -> Array:
    """|x|, whose derivative at 0 is 0 where it matters."""
    positive = xp.where(x < 0, -x, x)
    return xp.where(x == 0, 0.0, positive) if p == 1.0 else positive


def norm(xp: Namespace, size: Array, p: float) -> tuple[Array, Array]:
    """The p-norm in two factors, of which the first is constant under differentiation."""
    if p == 1.0:
        return xp.ones_like(size[..., :1]), xp.sum(size, axis=-1, keepdims=True)
    top = xp.stop_gradient(xp.max(size, axis=-1, keepdims=True))
    vanishes = top + top == 0
    if p == 2.0:
        # By a power of two, and not the largest component: its derivative takes no part.
        factor = primitives.to_middle(xp, size)
        scaled = size * factor
        total = xp.sum(scaled * scaled, axis=-1, keepdims=True)
        root = xp.sqrt(xp.where(vanishes, 1.0, total))
        return 1.0 / factor, xp.where(vanishes, 0.0, root)
    enlarge = primitives.from_the_ends(xp, size)
    unit = xp.where(vanishes, 1.0, top * enlarge)
    relative = size * enlarge / unit
    zero = relative == 0
    powers = xp.where(zero, 0.0, xp.pow(xp.where(zero, 1.0, relative), p))
    total = xp.sum(powers, axis=-1, keepdims=True)
    rest = xp.pow(xp.where(vanishes, 1.0, total), 1.0 / p)
    return top, xp.where(vanishes, 0.0, rest)


def slopes(xp: Namespace, x: Array, sign: Array, p: float) -> tuple[Array, Array, Array]:
    """The slopes of the p-norm, and the norm in two factors."""
    positive = size(xp, x, p)
    unit, rest = norm(xp, positive, p)
    if p == 1.0:
        return sign, unit, rest
    vanishes = rest == 0
    divisor = xp.where(vanishes, 1.0, rest)
    enlarge = primitives.from_the_ends(xp, positive)
    if p == 2.0:
        # Not by the sign, which would hide how the slope of a component changes at 0.
        slope = x * enlarge / (unit * enlarge * divisor)
        return xp.where(vanishes, 0.0, slope), unit, rest
    zero = positive == 0
    if p < 2.0:
        # The relative size may underflow where its power does not.
        low = xp.pow(xp.where(vanishes, 1.0, unit), p - 1.0)
        power = xp.pow(xp.where(zero, 1.0, positive), p - 1.0) / low
    else:
        relative = positive * enlarge / xp.where(vanishes, 1.0, unit * enlarge)
        power = xp.pow(xp.where(zero, 1.0, relative), p - 1.0)
    slope = xp.where(zero, 0.0, power / xp.pow(divisor, p - 1.0))
    return xp.where(vanishes, 0.0, sign * slope), unit, rest


def along(xp: Namespace, x: Array, unit: Array, rest: Array, size: Array) -> Array:
    """A large size times the direction of x, whose Euclidean length is given in two factors.

    What a component of the direction loses to underflow, the size would bring to light.
    """
    wide = primitives.is_wide(xp, x)
    small, step = (2.0**-900, 2.0**64) if wide else (2.0**-90, 2.0**32)
    lift = primitives.from_the_ends(xp, x)
    lift = xp.where(lift > 1.0, lift, 1.0)
    x, length = x * lift, unit * lift * rest
    vanishes = length == 0
    length = xp.where(vanishes, 1.0, length)
    far = length >= 1.0
    # A length below 1 / step enlarges all components enough by itself.
    tiny = (xp.abs(x) < small) & (length >= 1.0 / step) & ~far
    up = xp.where(tiny, step, xp.ones_like(x))
    near = (x * up / xp.where(far, 1.0, length)) * size / up
    found = xp.where(far, x * (size / length), near)
    return xp.where(vanishes, 0.0, found)
