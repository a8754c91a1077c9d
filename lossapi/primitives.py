"""The stable building blocks of the kernels, as pure functions of a namespace `xp`.

Each keeps its digits over the whole range of its inputs, has a plain automatic derivative that is
right too (selection instead of `abs`, `maximum` and `clip`, whose derivatives libraries disagree
about at ties), and gives NaN where an input is NaN.
"""

import math
from typing import Any

Array = Any
Namespace = Any


def zero(xp: Namespace, *inputs: Array) -> Array:
    """0, or NaN where an input is NaN: the part of a result that its inputs do not move."""
    result: Array = 0.0
    for x in inputs:
        result = xp.where(xp.isnan(x), x, result)
    return result


def times(xp: Namespace, weight: Array, x: Array) -> Array:
    """`weight * x`, where a weight of zero removes an infinite `x`."""
    return weight * xp.where(xp.isinf(x) & (weight == 0), 0.0, x)


def ratio(xp: Namespace, numerator: Array, divisor: Array) -> Array:
    """The quotient of numbers that are not negative, where minus zero divides as zero does."""
    quotient = numerator / divisor
    return xp.where(quotient < 0, -quotient, quotient)


def two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """`a + b` rounded, and the rounding error: together they are exactly a + b (Knuth 1969)."""
    total = a + b
    b_rounded = total - a
    return total, (a - (total - b_rounded)) + (b - b_rounded)


def softplus(xp: Namespace, x: Array) -> Array:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)), which overflows nowhere."""
    return softplus_pair(xp, x)[0]


def softplus_pair(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """softplus(x) and softplus(-x), from one exponential."""
    positive = x > 0
    remainder = xp.log1p_of_share(xp.exp(xp.where(positive, -x, x)))
    return xp.where(positive, x, 0.0) + remainder, xp.where(positive, 0.0, -x) + remainder


def log_sigmoid(xp: Namespace, x: Array) -> Array:
    """log(sigmoid(x)) = -softplus(-x)."""
    return -softplus_pair(xp, x)[1]


def sigmoid(xp: Namespace, x: Array) -> Array:
    """1 / (1 + exp(-x)), with the exponential of -|x| only."""
    return sigmoid_pair(xp, x)[0]


def sigmoid_pair(xp: Namespace, x: Array) -> tuple[Array, Array]:
    """sigmoid(x) and sigmoid(-x) = 1 - sigmoid(x), each to its own last digit."""
    positive = x > 0
    decay = xp.exp(xp.where(positive, -x, x))
    larger, smaller = 1.0 / (1.0 + decay), decay / (1.0 + decay)
    return xp.where(positive, larger, smaller), xp.where(positive, smaller, larger)


def logit(xp: Namespace, probability: Array) -> Array:
    """log(p / (1 - p)), the inverse of the sigmoid."""
    # Near 1/2 the two logarithms cancel; 2p - 1 is exact there.
    central = (probability > 0.25) & (probability < 0.75)
    p = xp.where(central, probability, 0.5)
    near = xp.log1p((2.0 * p - 1.0) / (1.0 - p))
    return xp.where(central, near, xp.log(probability) - xp.log1p(-probability))


def xlogy(xp: Namespace, x: Array, y: Array, base: Array | float | None = None) -> Array:
    """`x * log(y)`, and 0 where x is 0 and the logarithm infinite; of another base if given."""
    # The argument is replaced before its logarithm is taken: 0 * inf would poison derivatives too.
    # y + y, because compilers make of y == 0 or inf a test of its bits, which a subnormal number
    # fails though arithmetic takes it for 0.
    absent = (x == 0) & ((y + y == 0) | xp.isinf(y))
    return x * in_base(xp, xp.log(xp.where(absent, 1.0, y)), base)


def xlog1py(xp: Namespace, x: Array, y: Array) -> Array:
    """`x * log(1 + y)`, and 0 where x is 0 and the logarithm infinite."""
    absent = (x == 0) & ((y == -1) | xp.isinf(y))
    return x * xp.log1p(xp.where(absent, 0.0, y))


# --- classes


def without_signed_zero(xp: Namespace, x: Array) -> Array:
    """x with 0 for -0, which would turn the sign of an infinite quotient over."""
    # Not x + 0, which compilers drop.
    return xp.where(x == 0, 0.0, x)


def nan_if_any(xp: Namespace, result: Array, *inputs: Array) -> Array:
    """The result, or NaN for all classes of an example that has a NaN in any."""
    for x in inputs:
        result = xp.where(xp.any(xp.isnan(x), axis=-1, keepdims=True), xp.nan, result)
    return result


def nan_if_outside(xp: Namespace, result: Array, *inputs: Array) -> Array:
    """The same for inputs with a domain, of which one entry tells.

    Where an entry of an example lies outside, the engine makes all of them NaN, or all results.
    """
    for x in inputs:
        result = xp.where(xp.isnan(x[..., :1]), xp.nan, result)
    return result


def at_least_smallest(xp: Namespace, x: Array) -> Array:
    """A number that is not negative, and the smallest positive one for 0."""
    info = xp.finfo(x.dtype)
    smallest = float(info.smallest_normal) * (1.0 if xp.flushes else float(info.eps))
    return xp.where(x <= smallest, smallest, x)


def quotient(xp: Namespace, x: Array, y: Array) -> Array:
    """x / y, whose derivative in y does not square y: that would underflow long before y does."""
    # Not (x / u) / (y / u), which XLA turns into (x u) / (u y).
    if not xp.differentiates:
        return x / y
    unit = xp.stop_gradient(xp.where(y == 0, 1.0, y))
    return (x / unit) * (1.0 / (y / unit))


def log_ratio(xp: Namespace, p: Array, q: Array) -> Array:
    """log(p / q), to its own last digits also where p is close to q; -inf or inf where one is 0."""
    smallest = xp.finfo(p.dtype).smallest_normal
    inside = (p / q > smallest) & (p / q < xp.inf)
    close = (p < 2.0 * q) & (q < 2.0 * p)
    if not xp.differentiates:
        far = xp.where(inside, xp.log(xp.where(inside, p / q, 1.0)), xp.log(p) - xp.log(q))
        # A sum, of which one part is 0: of the choice between two logarithms XLA makes a branch.
        return _log_of_close(xp, p, q, close) + xp.where(close, 0.0, far)
    # As log(p / u) - log(q / u) with u = q, a constant, which keeps every derivative in range; and
    # u = 1 where the quotient overflows or loses digits to underflow, so that both logs are large.
    # Where p is close to q, p - u is exact.
    unit = xp.stop_gradient(xp.where(inside, q, 1.0))
    near = _log_of_close(xp, p, unit, close)
    return xp.where(close, near, xp.log(p / unit)) - xp.log(q / unit)


def _log_of_close(xp: Namespace, p: Array, unit: Array, close: Array) -> Array:
    """log(p / unit) where these are close, by their exact difference."""
    if not xp.flushes:
        return xp.log1p(xp.where(close, p - unit, 0.0) / xp.where(close, unit, 1.0))
    # Enlarged, exactly, where the difference of small numbers would be subnormal and taken for 0.
    enlarge = xp.where(unit < 2.0**-64, 2.0**64, xp.ones_like(unit))
    difference = xp.where(close, p * enlarge - unit * enlarge, 0.0)
    return xp.log1p(difference / xp.where(close, unit * enlarge, 1.0))


# --- regression


def order(xp: Namespace, a: Array, b: Array) -> Array:
    """1, 0 or -1, the sign of `a - b` and the least subgradient of |a - b|."""
    # The numbers are compared, not their difference, which some libraries flush to zero.
    return xp.where(a > b, 1.0, xp.where(a < b, -1.0, zero(xp, a - b)))


def distance(xp: Namespace, a: Array, b: Array) -> Array:
    """|a - b|, with derivative 0 at 0, where that of `abs` is the library's choice."""
    difference = a - b
    return xp.where(a > b, difference, xp.where(a < b, -difference, zero(xp, difference)))


def half_distance(xp: Namespace, a: Array, b: Array) -> Array:
    """|a - b| / 2, which is finite where `a - b` itself overflows."""
    difference = 0.5 * a - 0.5 * b
    return xp.where(difference < 0, -difference, difference)


def closer_than(xp: Namespace, a: Array, b: Array, limit: Array) -> Array:
    """Whether |a - b| < limit exactly: where the rounded sides are equal, the error decides."""
    difference, error = two_sum(a, -b)
    negative = difference < 0
    size, excess = xp.where(negative, -difference, difference), xp.where(negative, -error, error)
    return (size < limit) | ((size == limit) & (excess < 0))


def shortfall(xp: Namespace, score: Array, margin: Array | float) -> Array:
    """max(0, margin - score), with derivative 0 at the margin."""
    return xp.where(score < margin, margin - score, zero(xp, score))


# --- two classes


def weighted_tail(xp: Namespace, weight: Array, share: Array, tail: Array, size: Array) -> Array:
    """`weight * share * tail`, for a share up to 1 and a tail that approaches exp(-size)."""
    product = weight * share
    tail = xp.where(xp.isinf(tail) & (product == 0), 0.0, tail)
    light = weight * (share * tail)
    if isinstance(weight, float) and weight <= 1.0:
        return light
    # A weight above 1 would bring to light the digits that a subnormal factor or product lost: it
    # goes first, and where the exponential is tiny between two factors of it.
    large = weight * tail
    first = ~xp.isinf(large) & (weight > 1)
    plain = xp.where(first, xp.where(first, large, 0.0) * share, light)
    far = size > 64.0
    root = xp.exp(-0.5 * xp.where(far, size, 0.0))
    return xp.where(far, root * product * root, plain)


# --- labels


def power(xp: Namespace, base: Array, exponent: Array) -> Array:
    """`base ** exponent` for a base from 0 to 1, which vanishes there with its derivatives."""
    # Relative to the base itself, a constant: that keeps every derivative in range, where
    # exponents below 1 have an infinite one. The second power is 1.
    if not xp.differentiates:
        return xp.pow(base, exponent)
    constant = xp.stop_gradient(base)
    present = constant >= xp.finfo(base.dtype).smallest_normal
    relative = xp.where(present, base, 1.0) / xp.where(present, constant, 1.0)
    return xp.pow(constant, exponent) * xp.pow(relative, exponent)


# --- likelihoods


def standardised(xp: Namespace, a: Array, b: Array, unit: Array) -> Array:
    """(a - b) / unit for a unit that is not negative; 0 where a is b, also in units of 0."""
    difference = a - b
    # In halves where the difference overflows, and a large unit may bring the quotient back.
    wide = xp.isinf(difference)
    half = xp.where(wide, 0.5 * a - 0.5 * b, 0.0)
    near = xp.where(wide, 0.0, difference)
    # A library may take a subnormal unit for 0 where it divides only; the reciprocal tells.
    if xp.differentiates:
        small = xp.isinf(1.0 / unit)
    else:
        small = unit < xp.finfo(unit.dtype).smallest_normal
    unit = xp.where((near == 0) & small, 1.0, without_signed_zero(xp, unit))
    if xp.differentiates:
        return xp.where(wide, 2.0 * (half / unit), near / unit)
    quotient = xp.where(wide, half, near) / unit
    return xp.where(wide, 2.0 * quotient, quotient)


def two_product(
    xp: Namespace, a: Array, b: Array, huge_from: float = 2.0**96
) -> tuple[Array, Array]:
    """`a * b` rounded, and the rounding error (Dekker 1971); 0 for it where b is huge."""
    splitter = 2.0 ** (27 if xp.finfo(b.dtype).bits == 64 else 12) + 1.0
    huge = (b > huge_from) | (b < -huge_from)
    c = xp.where(huge, 0.0, b)
    a_high, b_high = _high_half(a, splitter), _high_half(c, splitter)
    a_low, b_low = a - a_high, c - b_high
    product = a * c
    error = ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
    return xp.where(huge, a * b, product), error


def _high_half(x: Array, splitter: float) -> Array:
    scaled = splitter * x
    return scaled - (scaled - x)


# --- information


def divisor(xp: Namespace, probabilities: Array, target: Array) -> Array:
    """The probability to divide by; or 1 where the target vanishes with it, so that 0 / 0 is 0."""
    absent = (probabilities == 0) & (target == 0)
    return xp.where(absent, 1.0, without_signed_zero(xp, probabilities))


def over(xp: Namespace, number: Array | float, divisor: Array) -> Array:
    """A number divided by an array, where minus zero divides as zero does."""
    # As arrays both: PyTorch multiplies a number by the reciprocal, which may overflow before.
    divisor = without_signed_zero(xp, divisor)
    return number * xp.ones_like(divisor) / divisor


def log_base(xp: Namespace, base: Array | float | None) -> Array | float:
    """The nats that make one unit of information: log(base), or 1 for nats themselves."""
    if base is None:
        return 1.0
    return math.log(base) if isinstance(base, float) else xp.log(base)


def in_base(xp: Namespace, nats: Array, base: Array | float | None) -> Array:
    """Natural logarithms as logarithms of a base; as they are where there is none."""
    return nats if base is None else nats / log_base(xp, base)


# --- distances, and sums along an axis


def is_wide(xp: Namespace, x: Array) -> bool:
    """Whether the range is that of float64, not of float32."""
    return float(xp.finfo(x.dtype).max) > 2.0**200


def to_middle(xp: Namespace, x: Array) -> Array:
    """A power of two for each row: times it, sums of squares neither overflow nor underflow.

    Exact, and constant under differentiation, since it cancels.
    """
    wide = is_wide(xp, x)
    limit, step = (2.0**480, 2.0**600) if wide else (2.0**50, 2.0**90)
    size = xp.stop_gradient(xp.max(xp.abs(x), axis=-1, keepdims=True))
    small = xp.where(size < 1.0 / limit, step, xp.ones_like(size))
    return xp.where(size > limit, 1.0 / step, small)


def from_the_ends(xp: Namespace, x: Array) -> Array:
    """A power of two for each row, which takes its largest entry from the ends of the range.

    Less than is wanted for squares, which would take small entries out of it.
    """
    wide = is_wide(xp, x)
    limit, step = (2.0**960, 2.0**64) if wide else (2.0**96, 2.0**32)
    size = xp.stop_gradient(xp.max(xp.abs(x), axis=-1, keepdims=True))
    small = xp.where(size < 1.0 / limit, step, xp.ones_like(size))
    return xp.where(size > limit, 1.0 / step, small)


def mean(xp: Namespace, terms: Array) -> Array:
    """The mean along the last axis."""
    total, count = xp.sum(terms, axis=-1), terms.shape[-1]
    # Divided first where only the sum overflows; elsewhere that would lose digits of small terms.
    return xp.where(xp.isfinite(total), total / count, xp.sum(terms / count, axis=-1))


def entries(shape: tuple[Any, ...]) -> int:
    """How many entries a shape has; -1, which a reshape finds out, if a graph leaves it open."""
    return -1 if [n for n in shape if n is None] else math.prod(shape)


def sum_of_rows(xp: Namespace, rows: Array) -> Array:
    """The sum along the first axis.

    Folded in halves, since libraries that sum pairwise do not along the first axis.
    """
    if not rows.shape[0]:  # there is nothing to fold, or a graph does not know how much
        return xp.sum(rows, axis=0)
    while rows.shape[0] > 1:
        half, odd = divmod(rows.shape[0], 2)
        folded = rows[:half, ...] + rows[half : 2 * half, ...]
        rows = xp.concat([folded, rows[2 * half :, ...]], axis=0) if odd else folded
    return rows[0, ...]
