"""Lengths and distances of vectors."""

from .. import class_axis as c
from .. import lengths, primitives
from ..loss import primitive

# --- one vector


@primitive("(k)->(k)", epsilon="[0, inf)")
def l2_normalize(xp, x, *, epsilon=0.0):
    """The vector divided by its length: its direction, 0 for the zero vector."""
    unit, size, stretch = _direction(xp, x)
    return xp.where(size * stretch < epsilon, x / epsilon, unit) if epsilon else unit


@l2_normalize.vjp("x")
def _(xp, cotangent, x, *, epsilon):
    # (c - u (u·c)) / |x|. What a component of u takes from its own c cancels: c (1 - u^2) is c
    # times the squares of the others.
    unit, size, stretch = _direction(xp, x)
    # A small cotangent is lifted: two of its products with components of u may underflow.
    factor = primitives.to_middle(xp, cotangent)
    factor = xp.where(factor > 1.0, factor, 1.0)
    cotangent = cotangent * factor
    squares, products = unit * unit, unit * cotangent
    across = cotangent * c.leave_out(xp, squares, squares)
    across = across - unit * c.leave_out(xp, products, xp.abs(products))
    large = size > 1.0
    divisor = xp.where(size == 0, 1.0, xp.where(large, size, size * factor))
    slope = across / stretch / divisor * xp.where(large, 1.0 / factor, 1.0)
    if epsilon:
        slope = xp.where(size * stretch < epsilon, cotangent / factor / epsilon, slope)
    return primitives.nan_if_any(xp, slope, unit)


def _direction(xp, x):
    """The direction, and the length in two factors; the limit where a component is infinite."""
    # Relative to the largest component, which no square overflows or underflows; and so that what
    # it takes from its own derivative does not cancel. Times a power of two before, since compilers
    # multiply by the inverse, which may be subnormal.
    infinite = xp.isinf(x)
    count = xp.sum(xp.astype(infinite, x.dtype), axis=-1, keepdims=True)
    axis = xp.where(infinite, primitives.order(xp, x, 0.0), primitives.zero(xp, x))
    finite = xp.where(count == 0, x, axis)
    factor = primitives.from_the_ends(xp, finite)
    finite = finite * factor
    index = xp.argmax(xp.abs(finite), axis=-1)
    leads = xp.class_index(x) == xp.expand_dims(index, axis=-1)
    top = xp.expand_dims(xp.take_class(finite, index), axis=-1)
    vanishes = top == 0
    others = xp.where(leads, 0.0, finite)
    ratio = primitives.quotient(xp, others, xp.where(vanishes, 1.0, top))
    stretch = xp.sqrt(1.0 + xp.sum(ratio * ratio, axis=-1, keepdims=True))
    sign = xp.where(vanishes, 0.0, primitives.order(xp, top, 0.0))
    unit = sign * (xp.where(leads, 1.0, ratio) / stretch)
    # Two infinite components may grow at any ratio, and have no derivative by any.
    unknown = xp.where(count > 1, xp.nan, 0.0 * count) * xp.sum(x, axis=-1, keepdims=True)
    unit = xp.where(infinite & (count > 1), unknown, unit)
    size = xp.where(top < 0, -top, top) / factor
    return unit, xp.where((count == 0) | xp.isnan(top), size, xp.inf), stretch


# --- two sets of vectors


@primitive(
    "(n,d),(m,d)->(n,m)",
    a="(-inf, inf)",
    b="(-inf, inf)",
    p="[1, inf)",
    squared="{false, true}",
)
def pairwise_distance(xp, a, b, *, p=2.0, squared=False):
    """The distance of each vector of one set to each vector of another."""
    gap, factor = _gaps(xp, a, b)
    if squared and p == 2.0:
        return xp.sum(gap * gap, axis=-1) * (factor * factor)[..., 0]
    unit, rest = lengths.norm(xp, lengths.size(xp, gap, p), p)
    length = (unit * rest * factor)[..., 0]
    return length * length if squared else length


@pairwise_distance.vjp("a", "b")
def _(xp, cotangent, a, b, *, p, squared):
    gap, factor = _gaps(xp, a, b)
    if squared and p == 2.0:
        slope, size = gap, 2.0 * factor
    else:
        # By the operands: a library that takes a subnormal difference for 0 still tells its sign.
        sign = primitives.order(xp, a[..., :, None, :], b[..., None, :, :])
        slope, unit, rest = lengths.slopes(xp, gap, sign, p)
        size = (2.0 * rest * factor) * unit if squared else None

    def summed(weight):
        weight = weight[..., None]
        if size is None:
            steps = weight * slope
        else:
            # A small weight first with the length, which may overflow, and a large one last.
            light = (weight < 1.0) & (weight > -1.0)
            steps = (weight * xp.where(light, size, slope)) * xp.where(light, slope, size)
        return xp.sum(steps, axis=-2), -xp.sum(steps, axis=-3)

    if not squared:
        return summed(cotangent)
    # Where steps overflow whose sum does not, by smaller ones.
    small = 2.0**-300 if primitives.is_wide(xp, gap) else 2.0**-40
    sums = zip(summed(cotangent), summed(cotangent * small), strict=True)
    return tuple(xp.where(xp.isinf(x) | xp.isnan(x), y / small, x) for x, y in sums)


def _gaps(xp, a, b):
    """The difference of each pair, and the factor of its unit."""
    return lengths.difference(xp, a[..., :, None, :], b[..., None, :, :])
