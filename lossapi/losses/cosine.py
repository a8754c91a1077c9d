"""Losses of the angle between two vectors."""

from typing import NamedTuple

from .. import primitives as p
from ..loss import loss


@loss("(k),(k)->()", u="(-inf, inf)", v="(-inf, inf)")
def cosine_distance(xp, u, v):
    """One minus the cosine of the angle between two vectors."""
    return _distance(xp, _pair(xp, u, v))


@cosine_distance.gradient("u")
def _(xp, u, v):
    return -_slope(xp, u, v)


@cosine_distance.gradient("v")
def _(xp, u, v):
    return -_slope(xp, v, u)


@loss("(k),(k),()->()", u="(-inf, inf)", v="(-inf, inf)", target="{-1, 1}", margin="[-1, 1]")
def cosine_embedding_loss(xp, u, v, target, *, margin=0.0):
    """The cosine distance of a similar pair, or how far a dissimilar one's cosine is too large."""
    pair = _pair(xp, u, v)
    excess = _excess(xp, pair, margin)
    apart = xp.where(_exceeds(xp, pair, u, v, margin), excess, p.zero(xp, excess))
    return xp.where(target == 1, _distance(xp, pair), apart)


@cosine_embedding_loss.gradient("u")
def _(xp, u, v, target, *, margin):
    return _turned(xp, u, v, target, margin)


@cosine_embedding_loss.gradient("v")
def _(xp, u, v, target, *, margin):
    return _turned(xp, v, u, target, margin)


class _Pair(NamedTuple):
    """What two vectors say of the angle between them."""

    cosine: p.Array
    versine: p.Array
    """1 - |cosine|, to its own last digits; both are those of a right angle for a zero vector."""


def _pair(xp, u, v):
    apart = _apart(xp, *(_lifted(xp, x)[0] for x in (u, v)))
    vanishes = apart.vanishes[..., 0]
    square, other = (_square(xp, x)[..., 0] for x in (apart.u, apart.v))
    cosine = xp.sum(apart.u * apart.v, axis=-1) / xp.sqrt(square * other)
    size = xp.where(cosine < 0, -cosine, cosine)
    # sin^2 / (1 + |cos|), where 1 - |cos| has no digit left for vectors that are nearly parallel.
    versine = xp.sum(apart.across * apart.across, axis=-1) / other / (1.0 + size)
    return _Pair(xp.where(vanishes, 0.0, cosine), xp.where(vanishes, 1.0, versine))


def _distance(xp, pair):
    return xp.where(pair.cosine < 0, 2.0 - pair.versine, pair.versine)


def _excess(xp, pair, margin):
    """cosine - margin, from its distance to the nearest of 1, 0 and -1."""
    cosine, versine = pair
    towards = xp.where(cosine > 0.5, (1.0 - margin) - versine, cosine - margin)
    return xp.where(cosine < -0.5, versine - (1.0 + margin), towards)


def _exceeds(xp, pair, u, v, margin):
    """Whether the cosine is above the margin."""
    exceeds = _excess(xp, pair, margin) > 0
    if margin == 0.0:  # a cosine that underflows has a side all the same
        exceeds = exceeds | ((pair.cosine == 0) & (_product(xp, u, v) > 0))
    return exceeds


def _turned(xp, x, other, target, margin):
    """The gradient of the embedding loss by x."""
    slope = _slope(xp, x, other)
    target = xp.expand_dims(target, axis=-1)
    if margin == -1.0:  # which all cosines exceed, or have no slope
        return xp.where(target == 1, -slope, slope)
    active = _exceeds(xp, _pair(xp, x, other), x, other, margin)
    active = xp.expand_dims(active, axis=-1)
    return xp.where(target == 1, -slope, xp.where(active, slope, p.zero(xp, slope)))


def _product(xp, x, other):
    """The inner product, times whatever keeps its largest term within the range."""
    a, b, one = xp.abs(x), xp.abs(other), xp.ones_like(x)
    signs = xp.where((x < 0) == (other < 0), one, -one)
    small, large = xp.where(a < b, a, b), xp.where(a < b, b, a)
    up = 2.0**800 if p.is_wide(xp, x) else 2.0**100
    top = xp.max(small * large, axis=-1, keepdims=True)
    down = xp.where(xp.isinf(top), 1.0 / up, xp.ones_like(top))
    # A large number beside a small one stays as it is.
    low = large < 1.0
    lifted = (small * up * xp.where(low, one, up)) * xp.where(low, large * up, large)
    plain = (small * down) * (large * down)
    return xp.sum(signs * xp.where(top < 1.0 / up, lifted, plain), axis=-1)


def _slope(xp, x, other):
    """The gradient of the cosine by x: what of the other is across, over both lengths."""
    x, factors = _lifted(xp, x)
    # Small entries beside huge ones on their own, since no factor brings both into the middle.
    limit, least = (2.0**480, 2.0**-400) if p.is_wide(xp, x) else (2.0**50, 2.0**-30)
    size = xp.abs(other)
    apart = (size < least) & (xp.max(size, axis=-1, keepdims=True) > limit)
    huge, (down, _) = _lifted(xp, xp.where(apart, 0.0, other))
    rest, (first, second) = _lifted(xp, xp.where(apart, other, 0.0))
    # The length of the rest over that of all: the larger factor reduces it before what may
    # enlarge it, the others do afterwards.
    length, whole = (xp.sqrt(_square(xp, part)) for part in (rest, huge))
    swaps = first < second
    early, late = xp.where(swaps, second, first), xp.where(swaps, first, second)
    shares = length / whole / early, xp.where(down < 1.0, down, 1.0) / late
    return _slope_of(xp, x, factors, huge) + _slope_of(xp, x, factors, rest, shares)


def _slope_of(xp, x, factors, other, shares=(1.0, 1.0)):
    """The slope by x over its factors, times the product of two shares."""
    # Held up until the last product, since one length may bring back what the other took away.
    up = 2.0**530 if p.is_wide(xp, x) else 2.0**75
    first, second = factors
    apart = _apart(xp, x, other, up)
    lengths = xp.sqrt(_square(xp, apart.u) * _square(xp, apart.v))
    across = xp.where(apart.vanishes, 0.0, apart.across / lengths) * shares[0]
    tiny = first > 1.0
    slope = across * xp.where(tiny, first / up, 1.0) * (second / apart.size) * shares[1]
    return slope * xp.where(tiny, 1.0, first) * xp.where(tiny, xp.ones_like(first), 1.0 / up)


class _Apart(NamedTuple):
    """Two vectors over their lengths, constants, and what of the second is across the first."""

    across: p.Array
    u: p.Array
    v: p.Array
    size: p.Array
    """The length of the first as it was given."""
    vanishes: p.Array
    """Whether one of them is zero."""


def _apart(xp, u, v, up=1.0):
    # The multiple of u that takes the entry of v beside the largest of u is subtracted first, in
    # exact products: what is left of nearly parallel vectors has all its digits.
    index = xp.argmax(xp.abs(u), axis=-1)
    leads = xp.class_index(u) == xp.expand_dims(index, axis=-1)
    a, b = xp.stop_gradient(u), xp.stop_gradient(v)
    top, beside = (xp.expand_dims(xp.take_class(x, index), axis=-1) for x in (a, b))
    vanishes = top == 0
    limit = 2.0**500 if p.is_wide(xp, u) else 2.0**96
    high, low = p.two_product(xp, b, top + xp.zeros_like(b), limit)
    less, error = p.two_product(xp, a, beside + xp.zeros_like(a), limit)
    rest = xp.where(leads, 0.0, (high - less) + (low - error)) / xp.where(vanishes, 1.0, top)
    size, length = (xp.sqrt(_square(xp, x)) for x in (a, b))
    u, v, rest = u / size, v / length, rest * up / length
    if xp.differentiates:
        top, beside = (xp.expand_dims(xp.take_class(x, index), axis=-1) for x in (u, v))
        line = xp.where(leads, 0.0, v - beside / xp.where(vanishes, 1.0, top) * u)
        rest = rest + (line - xp.stop_gradient(line)) * up
    across = rest - xp.sum(rest * u, axis=-1, keepdims=True) / _square(xp, u) * u
    return _Apart(across, u, v, size, vanishes | xp.all(b == 0, axis=-1, keepdims=True))


def _square(xp, x):
    """The squared length, or 1 for the zero vector."""
    square = xp.sum(x * x, axis=-1, keepdims=True)
    return xp.where(square == 0, 1.0, square)


def _lifted(xp, x):
    """The vector with its largest entry between 2^16 and 2^50, or 2^128 and 2^480; by what factors.

    So products with the smallest numbers keep their digits, and squares do not overflow.
    """
    first = p.to_middle(xp, x)
    size = xp.stop_gradient(xp.max(xp.abs(x), axis=-1, keepdims=True)) * first
    second = xp.ones_like(size)
    for limit, step in ((-128, 512), (128, 256)) if p.is_wide(xp, x) else ((-16, 64), (16, 32)):
        small = (size < 2.0**limit) & (size > 0)
        up = xp.where(small, 2.0**step, xp.ones_like(size))
        size, second = size * up, second * up
    # Their product, unless that may overflow: a part of what is small would be lost between them.
    down = first < 1.0
    factors = xp.where(down, first * second, first), xp.where(down, 1.0, second)
    return x * factors[0] * factors[1], factors
