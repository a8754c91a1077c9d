"""Fano's inequality: how often a guess must fail where it leaves so much uncertainty."""

import math

from .. import primitives as p
from ..loss import loss

STEPS = 6
"""Steps of Newton's method, which leave no error above rounding for any number of classes."""


@loss("()->()", conditional_entropy="[0, inf]", classes="{2, 3, ...}", weak="{false, true}")
def fano_lower_bound(xp, conditional_entropy, *, classes=2.0, weak=False):
    """The least error probability of a guess that leaves this conditional entropy."""
    if weak:
        return (conditional_entropy - math.log(2.0)) / _log(xp, conditional_entropy, classes)
    value, slope, curvature = _implicit(xp, xp.stop_gradient(conditional_entropy), classes)
    step = _step(xp, conditional_entropy)
    return value + step * (slope + 0.5 * step * _finite(xp, curvature))


@fano_lower_bound.gradient("conditional_entropy")
def _(xp, conditional_entropy, *, classes, weak):
    flat = p.zero(xp, conditional_entropy)
    if weak:
        return flat + 1.0 / _log(xp, conditional_entropy, classes)
    _, slope, curvature = _implicit(xp, xp.stop_gradient(conditional_entropy), classes)
    return slope + _step(xp, conditional_entropy) * _finite(xp, curvature)


@fano_lower_bound.curvature("conditional_entropy")
def _(xp, conditional_entropy, *, classes, weak):
    if weak:
        return p.zero(xp, conditional_entropy)
    return _implicit(xp, conditional_entropy, classes)[2]


def _implicit(xp, entropy, classes):
    """The solution, its slope and its curvature: of an implicit function these are closed forms."""
    few, lift, many, rise, fall = _solutions(xp, entropy, classes)
    flat, count = p.zero(xp, entropy), xp.zeros_like(entropy) + classes
    most = (count - 1.0) / count + flat
    near = 1.0 / (rise * rise * rise * few * (1.0 - few / lift)) * lift
    rest = 1.0 / count + many
    far = 1.0 / (fall * fall * fall * rest * (1.0 - rest))
    value = _chosen(xp, entropy, classes, few / lift, most - many, most)
    slope = _chosen(xp, entropy, classes, 1.0 / rise, 1.0 / fall, flat)
    curvature = _chosen(xp, entropy, classes, near, far, flat)
    return value, slope, xp.where(entropy == 0, xp.inf, curvature)


def _step(xp, entropy):
    """0, with a derivative of 1: what derivatives are multiplied by to be found again.

    They would overflow on their way through the equation, where the entropy is tiny.
    """
    entropy = xp.where(xp.isinf(entropy), 0.0, entropy)
    return entropy - xp.stop_gradient(entropy)


def _finite(xp, curvature):
    return xp.where(xp.isinf(curvature), 0.0, curvature)


def _log(xp, entropy, classes):
    return xp.log(xp.zeros_like(entropy) + classes)


def _sides(xp, entropy, classes):
    """Where the entropy is low, and where it is close to the log of the number of classes."""
    largest = _log(xp, entropy, classes)
    low = (entropy > 0) & (entropy < 0.7 * largest)
    return low, (entropy < largest) & (entropy >= 0.7 * largest)


def _chosen(xp, entropy, classes, low, high, beyond):
    """Of an entropy that is low, high, or more than there can be; 0 where it is 0."""
    is_low, is_high = _sides(xp, entropy, classes)
    found = xp.where(is_low, low, xp.where(is_high, high, beyond))
    return xp.where(entropy == 0, 0.0, found)


def _solutions(xp, entropy, classes):
    """The error P of h(P) + P log(K - 1) = entropy, or how far it is below 1 - 1/K.

    P times a power of two, which lifts it out of the subnormal numbers, and the power; the
    distance; and the slope of the left side for each. The left side is concave, so that Newton's
    method comes from one side.
    """
    low, high = _sides(xp, entropy, classes)
    count = xp.zeros_like(entropy) + classes
    others, largest = xp.log(count - 1.0), xp.log(count)

    wide = p.is_wide(xp, entropy)
    bits = 600.0 if wide else 90.0
    given = xp.where(low, entropy, 0.5 * largest)
    tiny = given < 2.0 ** (-0.75 * bits)
    lift = xp.where(tiny, 2.0**bits, xp.ones_like(entropy))
    others = others + xp.where(tiny, bits * math.log(2.0), xp.zeros_like(entropy))
    given = given * lift
    few = given / (1.0 + others + xp.log1p(given) - xp.log(given))
    # The distance d from 1 - 1/K: what is lacking to log K is the divergence from chance, of
    # second order in d, and at least u^2 / (2 + 2u/3) / K with u = K d (Bernstein).
    lacking = xp.where(high, largest - entropy, 0.2 * largest)
    many = lacking / 3.0 + xp.sqrt(lacking * lacking / 9.0 + 2.0 * lacking / count)
    many = xp.where(many > 0.45, 0.45, many)
    for _ in range(STEPS):
        # A tiny P is -log(1 - P) as well, lifted or not.
        missed = xp.where(tiny, -few, xp.log1p(xp.where(tiny, 0.0, -few)))
        few = (given + missed) / _rise(xp, few, others, tiny)
        more, less = xp.log1p(count * many), xp.log1p(-count * many / (count - 1.0))
        many = (lacking - (more + (count - 1.0) * less) / count) / (more - less)
    fall = xp.log1p(count * many) - xp.log1p(-count * many / (count - 1.0))
    return few, lift, many, _rise(xp, few, others, tiny), fall


def _rise(xp, few, others, tiny):
    return xp.log1p(xp.where(tiny, 0.0, -few)) - xp.log(few) + others
