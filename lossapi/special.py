"""Functions of statistics that the Array API lacks, as pure functions of a namespace `xp`.

Polynomials stand where a series converges too slowly. Each was interpolated at Chebyshev nodes to
values of 50 digits; its relative error over its range is below 5e-17, and the tests hold the
functions against such values. Automatic derivatives see polynomials, logarithms and quotients.
"""

import math

from .primitives import Array, Namespace

# log(gamma(1 + y)) / y for y from -0.385 to 0.26.
_NEAR_ONE = (
    -0.5772156649015329,
    0.8224670334241131,
    -0.40068563438653365,
    0.270580808427904,
    -0.20738555102775827,
    0.16955717696958844,
    -0.14404989692792655,
    0.12550967243651703,
    -0.11133425101949528,
    0.10009929508893284,
    -0.09095484101031982,
    0.08335899784753745,
    -0.07690422535197305,
    0.07134100195805256,
    -0.06727298453685136,
    0.06327365025620002,
    -0.05104657756358561,
    0.055955271588468636,
    -0.10741541366860666,
    -0.0047624028802746915,
    0.10972739857802441,
    0.3298685557814752,
)
# log(gamma(2 + y)) / y for y from -0.76 to 0.63.
_NEAR_TWO = (
    0.42278433509846713,
    0.3224670334241132,
    -0.06735230105319837,
    0.020580808427786607,
    -0.007385551028649935,
    0.0028905103306297677,
    -0.0011927539125642156,
    0.0005096695274731009,
    -0.00022315474243793024,
    9.945747675117452e-05,
    -4.49264129300729e-05,
    2.0507493110958606e-05,
    -9.438263116989346e-06,
    4.373535705380587e-06,
    -2.0447636167768944e-06,
    9.589536950956727e-07,
    -4.3286804392020826e-07,
    2.0603141548105987e-07,
    -1.310025747184736e-07,
    5.133806163757033e-08,
    1.0472392105695107e-08,
    1.2927996515142819e-08,
    -2.1989197978185672e-08,
)
# y (log(gamma(1 + y)) - y (log(y) - 1) - log(2 pi y) / 2) in 1 / y^2, for y from 7.
_STIRLING = (
    0.08333333333333333,
    -0.0027777777777771846,
    0.0007936507930372084,
    -0.0005952378520946316,
    0.0008417031743028995,
    -0.0019123895861890429,
    0.006096079668391774,
    -0.018940394290006865,
)
_STIRLING_FROM = 7.0
# With g(x) = log(gamma(x) sqrt(x) / gamma(x + 1/2)): x g(x), -x^2 g'(x) and x^3 g''(x) in 1 / x^2,
# for x from 6.
_GAP = (
    0.125,
    -0.005208333333324703,
    0.0015624999934272384,
    -0.0011858239727633726,
    0.0016815794708908483,
    -0.0038118741546116133,
    0.011802321941028239,
    -0.03289960296800081,
)
_GAP_SLOPE = (
    0.125,
    -0.015624999999992145,
    0.007812499992401366,
    -0.008300778400259534,
    0.015136178394848987,
    -0.04211692462062723,
    0.1628624446270596,
    -0.7357019973245473,
    2.47831794290817,
)
_GAP_CURVATURE = (
    0.25,
    -0.06249999999998977,
    0.046874999987751784,
    -0.06640624427203397,
    0.15136581512273312,
    -0.5059122797134902,
    2.3166461438561994,
    -13.267123593110556,
    77.03858035374282,
    -289.01024249587294,
)
_GAP_STEPS = 6

# (atanh(s) - s) / s^3 in s^2, for s up to 1/3.
_ATANH = (
    0.3333333333333333,
    0.19999999999999762,
    0.1428571428580005,
    0.11111111099118386,
    0.09090909948981357,
    0.07692271982430275,
    0.06667589315724629,
    0.05867139530651599,
    0.05422589197440007,
    0.03746071897775383,
    0.07815288900461426,
)


_EXP_EXCESS = tuple(2.0 / math.factorial(n) for n in range(2, 21))


def polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """A polynomial from its coefficients, that of the constant first (Horner's rule)."""
    result = 0.0 * x + coefficients[-1]
    for coefficient in coefficients[-2::-1]:
        result = result * x + coefficient
    return result


def exp_excess(x: Array) -> Array:
    """2 (e^x - 1 - x) / x^2 for x between -1 and 1."""
    return polynomial(x, _EXP_EXCESS)


def atanh_excess(square: Array) -> Array:
    """(atanh(s) - s) / s^3 for s between -1/3 and 1/3, of which the square is given."""
    return polynomial(square, _ATANH)


def lgamma(xp: Namespace, x: Array) -> Array:
    """log(gamma(x)) for x from 0 to inf, both included, with all digits near its zeros 1 and 2."""
    # gamma(x) = gamma(1 + x) / x, where both logarithms are positive; x - 1 is exact elsewhere.
    low = x < 0.62
    shifted = lgamma1p(xp, xp.where(low, x, x - 1.0))
    return xp.where(low, shifted - xp.log(xp.where(low, x, 1.0)), shifted)


def lgamma1p(xp: Namespace, y: Array) -> Array:
    """log(gamma(1 + y)), the logarithm of y!, for y from -0.385 to inf, without rounding 1 + y."""
    large = y >= _STIRLING_FROM
    small = xp.where(large, 0.0, y)
    big = xp.where(large & (y < xp.inf), y, _STIRLING_FROM)
    by_stirling = big * (xp.log(big) - 1.0) + stirling_rest(xp, big)
    result = xp.where(large, by_stirling, _lgamma1p_below_stirling(xp, small))
    return xp.where(y == xp.inf, y, result)


def stirling_rest(xp: Namespace, y: Array) -> Array:
    """log(gamma(1 + y)) - y (log(y) - 1) for y from 7, which grows as log(y) / 2 only."""
    inverse = 1.0 / y
    volume = 0.5 * xp.log(y) + 0.5 * math.log(2.0 * math.pi)
    return volume + inverse * polynomial(inverse * inverse, _STIRLING)


def _lgamma1p_below_stirling(xp: Namespace, y: Array) -> Array:
    # Divided by factors y, y - 1 … until at most 0.62 from a zero, where a polynomial times the
    # distance to it keeps the digits.
    product, distance = 1.0, y - 1.0
    for k in range(6):
        more = y >= k + 1.5
        product = xp.where(more, product * (y - k), product)
        distance = xp.where(more, y - (k + 2.0), distance)
    near_one = y <= 0.25
    y = xp.where(near_one, y, 0.0)
    distance = xp.where(near_one, 0.0, distance)
    near_two = distance * polynomial(distance, _NEAR_TWO) + xp.log(product)
    return xp.where(near_one, y * polynomial(y, _NEAR_ONE), near_two)


def gamma_gap(xp: Namespace, n: Array) -> Array:
    """log(gamma(n / 2) sqrt(n / 2) / gamma((n + 1) / 2)): falls from inf to 0 as 1 / (4 n).

    From n to n + 2 it falls by log1p(1 / (n (n + 2))) / 2, so that steps up to where a polynomial
    serves add terms of one sign.
    """
    infinite = n == xp.inf
    n = xp.where(infinite, 1.0, n)
    rest = 0.0  # the product of the factors of all steps but the first, less 1
    for k in range(1, _GAP_STEPS):
        step = _step(n + 2.0 * k)
        rest = rest + step + rest * step
    # The first factor is (n + 1)^2 / (n (n + 2)), as it stands where 1 / n may overflow.
    low = n < 0.5
    tiny, ample = xp.where(low, n, 1.0), xp.where(low, 1.0, n)
    one_more = 1.0 + tiny
    first = xp.log(one_more * one_more * (1.0 + rest) / (2.0 + tiny)) - xp.log(tiny)
    step = _step(ample)
    steps = xp.where(low, first, xp.log1p(step + rest + step * rest))
    inverse = _inverse_of_half(n)
    result = 0.5 * steps + inverse * polynomial(inverse * inverse, _GAP)
    return xp.where(infinite, 0.0, result)


def gamma_gap_slope(xp: Namespace, n: Array) -> Array:
    """The derivative of `gamma_gap`: rises from -inf to 0."""
    total = 0.0
    for k in range(_GAP_STEPS):
        total = total + _bend(n + 2.0 * k)
    inverse = _inverse_of_half(n)
    return -total - 0.5 * inverse * inverse * polynomial(inverse * inverse, _GAP_SLOPE)


def gamma_gap_curvature(xp: Namespace, n: Array) -> Array:
    """The second derivative of `gamma_gap`: falls from inf to 0."""
    total = 0.0
    for k in range(_GAP_STEPS):
        m = n + 2.0 * k
        total = total + _bend(m) * (1.0 / m + 1.0 / (m + 1.0) + 1.0 / (m + 2.0))
    inverse = _inverse_of_half(n)
    square = inverse * inverse
    return total + 0.25 * inverse * square * polynomial(square, _GAP_CURVATURE)


def _step(n: Array) -> Array:
    # Not 1 / (n (n + 2)), whose square in a derivative overflows.
    return 1.0 / n / (n + 2.0)


def _bend(n: Array) -> Array:
    # In this order, as 1 / n may overflow.
    return 1.0 / (n + 2.0) / (n + 1.0) / n


def _inverse_of_half(n: Array) -> Array:
    """1 / x for x = n / 2 and the steps after it."""
    return 2.0 / (n + 2.0 * _GAP_STEPS)


def log1p_excess(xp: Namespace, t: Array) -> Array:
    """log(1 + t) - t / (1 + t) for t from 0 to inf: t^2 / 2 where t is small."""
    # With s = t / (2 + t), for which log(1 + t) = 2 atanh(s): both terms are positive.
    low = t <= 1.0
    small, large = xp.where(low, t, 0.0), xp.where(low, 1.0, t)
    s = small / (2.0 + small)
    square = s * s
    near = 2.0 * square * (1.0 / (1.0 + s) + s * atanh_excess(square))
    return xp.where(low, near, xp.log1p(large) - 1.0 / (1.0 + 1.0 / large))


def weighted_residual(xp: Namespace, a: Array, b: Array, t: Array) -> tuple[Array, Array]:
    """r e^-t and r^2 e^-t / 2 for the residual r = a - b and a log-variance t."""
    difference = a - b
    # In halves where the difference overflows and a large variance brings it back.
    wide = xp.isinf(difference)
    r = xp.where(wide, 0.5 * a - 0.5 * b, difference)
    double = xp.where(wide, 2.0, xp.ones_like(r))
    # A large exponent is taken in halves or quarters, between which the residual is multiplied:
    # neither leaves the range before both together do. No more of them than needed, as each
    # exponential adds its error.
    limit = math.log(float(xp.finfo(t.dtype).max))
    far = (t > 0.9 * limit) | (t < -0.9 * limit)
    farther = (t > 1.9 * limit) | (t < -1.9 * limit)
    share = xp.where(farther, 0.25, xp.where(far, 0.5, xp.ones_like(t)))
    part = xp.exp(-t * share)
    alone = ((r == 0) & xp.isinf(part)) | (xp.isinf(r) & xp.isfinite(t))
    part = xp.where(alone, 1.0, part)
    again = xp.where(farther, part, 1.0)
    root = r * part * again * double
    slope = root * xp.where(far, part, 1.0) * again
    return slope, root * xp.where(far, 0.5 * root, r * (0.5 * double))
