"""Numerical calculus at high precision: one-sided derivatives and limits, to hold formulas against.

A result is judged against a claim, never reported by itself: a step is made smaller and the
precision higher until the numbers confirm the claim or every step has denied it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from . import formats
from .arithmetic import Mpf, arithmetic

Curve = Callable[[Mpf, int], Mpf]
"""A function of one offset, computed with this many digits."""

# (step, digits): the first serves nearly always; the last sees a branch one subnormal away from
# the point beside terms as large as the square of the largest number.
_STEPS = ((40, 160), (400, 1_600), (1_300, 4_500))
_RELATIVE = arithmetic(30).decimal("1e-20")
# Below the smallest subnormal of every format, times its square.
_NOTHING = arithmetic(30).decimal("1e-700")


def slope(curve: Curve, side: int, step: int, digits: int) -> Mpf:
    """The derivative at 0 from one side, exact for parabolas."""
    real = arithmetic(digits)
    h = real.decimal(f"1e-{step}") * side
    here, near, far = (curve(h * i, digits) for i in range(3))
    if formats.isinf(near):
        return (near - here) / h
    return (4 * near - 3 * here - far) / (2 * h)


def derivative_is(curve: Curve, side: int, claim: Mpf) -> tuple[bool, Mpf]:
    """Whether the one-sided derivative is the claim, and the derivative as last computed."""
    found: list[Mpf] = []
    for step, digits in _STEPS:
        found.append(slope(curve, side, step, digits))
        if same(found[-1], claim):
            return True, found[-1]
    # An infinite slope, or one that falls to zero as a root does, is approached and never reached.
    return (claim == 0 or formats.isinf(claim)) and goes_to(found, claim), found[-1]


def limit_is(curve: Curve, side: int, claim: Mpf) -> tuple[bool, Mpf]:
    """Whether the curve goes to the claim as the offset goes to 0 from one side."""
    found = [
        curve(arithmetic(digits).decimal(f"1e-{step}") * side, digits) for step, digits in _STEPS
    ]
    return goes_to(found, claim), found[-1]


def same(x: Mpf, y: Mpf) -> bool:
    """Whether two numbers agree to 20 digits, or are both nothing to any format."""
    if not formats.isfinite(x) or not formats.isfinite(y):
        return bool(x == y)
    return bool(x == y or abs(x - y) <= abs(y) * _RELATIVE or max(abs(x), abs(y)) < _NOTHING)


def goes_to(found: Sequence[Mpf], claim: Mpf) -> bool:
    """Whether a sequence of numbers tends to a number or an infinity."""
    if any(formats.isnan(x) for x in found) or formats.isnan(claim):
        return False
    if formats.isinf(claim):
        return _diverges(found, 1 if claim > 0 else -1)
    if formats.isinf(found[-1]):
        return False
    if claim == 0 and _falls_slowly(found):
        return True
    away = [abs(x - claim) for x in found]
    shrinking = all(b < a * 0.9 for a, b in pairwise(away))
    return bool(
        same(found[-1], claim)
        or away[-1] <= max(abs(claim), _NOTHING) * _RELATIVE
        or (shrinking and away[-1] <= max(abs(claim), 1) * 1e-6)
    )


def tends_to(found: Sequence[Mpf]) -> Mpf | None:
    """The limit of a sequence, as far as its terms show one; None where they do not."""
    if any(formats.isnan(x) for x in found):
        return None
    for sign in (1, -1):
        if _diverges(found, sign):
            return sign * arithmetic(30).inf
    return found[-1] if goes_to(found, found[-1]) and goes_to(found[:-1], found[-1]) else None


def _falls_slowly(found: Sequence[Mpf]) -> bool:
    """Whether a sequence tends to 0 as the reciprocal of one that grows beyond all bounds."""
    if any(x == 0 for x in found):
        return False
    return any(_diverges([1 / x for x in found], sign) for sign in (1, -1))


def _diverges(found: Sequence[Mpf], sign: int) -> bool:
    """Whether a sequence grows beyond all bounds: at least as the logarithm of a doubling power."""
    sizes = [x * sign for x in found]
    growing = all(b > a * 1.2 or (formats.isinf(b) and b > 0) for a, b in pairwise(sizes))
    return bool(growing and sizes[-1] > 20)
