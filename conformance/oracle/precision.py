"""How many digits a definition needs: compute with more and more until two results agree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from lossapi.errors import LossError

from . import formats
from .arithmetic import Mpf, arithmetic
from .trees import flat, mapped

Value = Any
"""A number, or nested lists of them."""

MOST_DIGITS = 20_000
# No sum, difference or product of two binary64 numbers is rounded here, so what a condition or a
# cancellation hides from fewer digits comes to light.
_CONFIRMING_DIGITS = 1_400


class PrecisionError(LossError, ArithmeticError):
    """A definition does not settle, however many digits it is given."""


def settle(compute: Callable[[int], Value], *, fast: bool = False) -> Value:
    """The value, to 45 digits or, if ``fast``, to 25; ``PrecisionError`` where it never settles.

    Two results that agree can still be the same accident twice, so one more with many digits must
    agree too; if ``fast``, only where there is nothing to compare (zero, infinity, NaN) or the
    value is exactly halfway between two floats. What only ever shrinks as the digits grow is zero.
    """
    digits, wanted = (30, 25) if fast else (60, 45)
    history = [compute(digits)]
    while digits < MOST_DIGITS:
        digits *= 2
        history.append(compute(digits))
        if all(_agree(a, b, wanted) for a, b in _pairs(history[-2], history[-1])):
            if digits >= _CONFIRMING_DIGITS or (fast and not _doubtful(history[-1])):
                return history[-1]
            digits = _CONFIRMING_DIGITS // 2
        elif digits > 2 * _CONFIRMING_DIGITS and len(history) > 2:
            cleaned = _without_noise(history[-3:], digits, wanted)
            if cleaned is not None:
                return cleaned
    raise PrecisionError(f"no two results agree up to {digits} digits; rewrite the definition")


def _agree(a: Mpf, b: Mpf, digits: int) -> bool:
    if not formats.isfinite(a) or not formats.isfinite(b):
        return bool(a == b) or (formats.isnan(a) and formats.isnan(b))
    return bool(a == b or abs(a - b) <= abs(b) * _power_of_ten(-digits))


def _power_of_ten(power: int) -> Mpf:
    return arithmetic(30).decimal(f"1e{power}")


def _doubtful(value: Value) -> bool:
    return any(
        x == 0
        or not formats.isfinite(x)
        or any(formats.is_tie(x, form) for form in formats.FORMATS.values())
        for x in flat(value)
    )


def _without_noise(history: list[Value], digits: int, wanted: int) -> Value | None:
    """The latest result with zero for what is rounding error only; None where that is not all."""
    levels = [_power_of_ten(-(used * 4 // 10)) for used in (digits // 4, digits // 2, digits)]
    cleaned = []
    for a, b, c in zip(*(flat(value) for value in history), strict=True):
        if _agree(b, c, wanted):
            cleaned.append(c)
        elif all(abs(x) < noise for x, noise in zip((a, b, c), levels, strict=True)):
            cleaned.append(arithmetic(30).zero)
        else:
            return None
    left = iter(cleaned)
    return mapped(history[-1], lambda _: next(left))


def _pairs(a: Value, b: Value) -> Iterator[tuple[Any, Any]]:
    return zip(flat(a), flat(b), strict=True)
