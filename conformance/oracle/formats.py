"""The four floating-point formats: rounding, shortest decimals and errors in ULP, all exact."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

Exact = Any
"""An mpmath number, a fraction, a float or an int."""

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?")
_SCIENTIFIC = re.compile(r"-?[1-9](?:\.[0-9]*[1-9])?e-?[1-9][0-9]*")
_WIDEST = 332_000  # some 100,000 decimal digits
_SPECIAL = {"Infinity": math.inf, "-Infinity": -math.inf, "NaN": math.nan}


class Format(NamedTuple):
    """A binary floating-point format."""

    name: str
    precision: int
    """Significant bits, the hidden one included."""
    top: int
    """Every finite number is below two to this power."""
    bottom: int
    """The smallest subnormal is two to this power."""

    @property
    def largest(self) -> Fraction:
        """The largest finite number."""
        return Fraction(2) ** self.top - Fraction(2) ** (self.top - self.precision)


BINARY64 = Format("float64", 53, 1024, -1074)
BINARY32 = Format("float32", 24, 128, -149)
BINARY16 = Format("float16", 11, 16, -24)
BFLOAT16 = Format("bfloat16", 8, 128, -133)
FORMATS = {form.name: form for form in (BFLOAT16, BINARY16, BINARY32, BINARY64)}


class _Binary(NamedTuple):
    """sign * mantissa * 2**exponent, plus a little more where ``sticky``."""

    sign: int
    mantissa: int
    exponent: int
    sticky: bool = False

    @property
    def top(self) -> int:
        """The number is below two to this power, and at least half of that."""
        return self.exponent + self.mantissa.bit_length()


def isnan(x: Exact) -> bool:
    """Whether an exact number is NaN."""
    return bool(x != x)  # noqa: PLR0124


def isinf(x: Exact) -> bool:
    """Whether an exact number is one of the infinities."""
    return bool(abs(x) == math.inf)


def isfinite(x: Exact) -> bool:
    """Whether an exact number is neither infinite nor NaN."""
    if hasattr(x, "_mpf_"):  # asked so often that comparing takes too long
        _, mantissa, exponent, _ = x._mpf_
        return bool(mantissa) or exponent == 0
    return not isnan(x) and not isinf(x)


def round_to(x: Exact, form: Format) -> float:
    """The nearest number of the format, ties to even; beyond the largest, an infinity."""
    if isnan(x):
        return math.nan
    if isinf(x):
        return math.inf if x > 0 else -math.inf
    if x == 0:
        return float(x)
    parts = _binary(x, form.precision + 2)
    if parts.top > form.top:
        return parts.sign * math.inf
    unit = max(parts.top - form.precision, form.bottom)
    count = _nearest(parts, unit)
    if count.bit_length() + unit > form.top:
        return parts.sign * math.inf
    return math.copysign(math.ldexp(count, unit), parts.sign)


def is_representable(x: float, form: Format) -> bool:
    """Whether the format holds this number exactly; it holds infinities and NaN."""
    return isnan(x) or round_to(x, form) == x


def is_tie(x: Exact, form: Format) -> bool:
    """Whether a number lies exactly halfway between two neighbours of the format."""
    if not isfinite(x) or x == 0:
        return False
    if hasattr(x, "_mpf_") and x._mpf_[3] > form.precision + 1:
        return False  # an odd number of more bits
    parts = _binary(x, form.precision + 2)
    if parts.sticky or parts.top > form.top:
        return False
    odd = (parts.mantissa & -parts.mantissa).bit_length() - 1
    return parts.exponent + odd == max(parts.top - form.precision, form.bottom) - 1


def ulp_exponent(x: Exact, form: Format) -> int:
    """The ULP at a finite number is two to this power."""
    if x == 0:
        return form.bottom
    top = min(_binary(x, form.precision + 2).top, form.top)
    return max(top - form.precision, form.bottom)


def ulp(x: Exact, form: Format) -> Fraction:
    """The distance between neighbours of the format around a finite number."""
    return Fraction(2) ** ulp_exponent(x, form)


def ulp_error(got: float, exact: Exact, form: Format, scale: Exact | None = None) -> float:
    """|got - exact correctly rounded| in ULPs of the exact value, or of a larger ``scale``.

    0 means correctly rounded. NaN is right where NaN is due, an infinity where the exact value is
    that infinity or rounds to it. Where a finite value is due an infinity counts as the first power
    of two beyond the largest number, so that the last few ULP below overflow are judged as any
    others; where an infinity is exact nothing else will do.
    """
    if isnan(exact) or math.isnan(got):
        return 0.0 if isnan(exact) and math.isnan(got) else math.inf
    due = round_to(exact, form)
    if got == due:
        return 0.0
    if isinf(exact):
        return math.inf
    exponent = ulp_exponent(exact, form)
    if scale is not None and isfinite(scale) and scale != 0:
        # A scale is no number of the format: it may lie beyond the largest, and its ULP with it.
        top = min(_binary(scale, form.precision + 2).top, form.top + form.precision)
        # The exponents are compared, not the powers: a scale may be as small as exp(-1e10).
        exponent = max(exponent, top - form.precision)
    unit = Fraction(2) ** exponent
    difference = abs(_finite(got, form) - _finite(due, form))
    try:
        return float(difference / unit)
    except OverflowError:
        return math.inf


def _finite(x: float, form: Format) -> Fraction:
    if math.isinf(x):
        return Fraction(2) ** form.top * (1 if x > 0 else -1)
    return Fraction(x)


def _binary(x: Exact, bits: int) -> _Binary:
    """A finite nonzero number in binary, to at least this many bits."""
    if hasattr(x, "_mpf_"):
        sign, mantissa, exponent, _ = x._mpf_
        return _Binary(-1 if sign else 1, int(mantissa), int(exponent))
    number = Fraction(x)
    above, below = abs(number.numerator), number.denominator
    shift = bits + max(0, below.bit_length() - above.bit_length())
    mantissa, rest = divmod(above << shift, below)
    return _Binary(1 if number > 0 else -1, mantissa, -shift, rest != 0)


def _nearest(parts: _Binary, unit: int) -> int:
    """The nearest whole number of units of 2**unit, ties to even."""
    drop = unit - parts.exponent
    if drop <= 0:
        return parts.mantissa << -drop
    # Far below half a unit: shifting by a huge exponent would only make a huge integer.
    if drop > parts.mantissa.bit_length() + 1:
        return 0
    count, rest = divmod(parts.mantissa, 1 << drop)
    half = 1 << (drop - 1)
    up = rest > half or (rest == half and (parts.sticky or count % 2 == 1))
    return count + up


def decimal(x: Exact, digits: int) -> str:
    """A number rounded to this many significant decimal digits, ties to even, as a token.

    Where the power of ten has more than five digits no reader could hold the number: it is written
    as an infinity or as 0.
    """
    if isnan(x):
        return "NaN"
    top = 0 if isinf(x) or x == 0 else _binary(x, 1).top
    if isinf(x) or top > _WIDEST:
        return "Infinity" if x > 0 else "-Infinity"
    if x == 0 or top < -_WIDEST:
        return "0"
    significant, exponent = _decimal_digits(x, digits)
    return _spell("-" if x < 0 else "", significant, exponent)


def shortest(x: float, form: Format) -> str:
    """The shortest decimal that the format reads back as this number of its own."""
    if not math.isfinite(x) or x == 0:
        return "-0" if x == 0 and math.copysign(1, x) < 0 else decimal(x, 1)
    sign = "-" if x < 0 else ""
    if form is BINARY64:
        significant, exponent = _parts(repr(abs(x)))
        return _spell(sign, significant, exponent)
    exact = Fraction(abs(x))
    for digits in range(1, 18):
        significant, exponent = _decimal_digits(exact, digits)
        near = int(significant.ljust(digits, "0"))
        unit = Fraction(10) ** (exponent - digits)
        # Below a power of two the neighbours are closer, so the nearest decimal may miss where
        # the next one does not.
        candidates = [count for count in (near, near - 1, near + 1) if count > 0]
        candidates.sort(key=lambda count: abs(count * unit - exact))
        for count in candidates:
            if round_to(count * unit, form) == abs(x):
                text = str(count)
                return _spell(sign, text.rstrip("0"), exponent - digits + len(text))
    raise ValueError(f"{x!r} is not a number of {form.name}")


@lru_cache(maxsize=65_536)
def parse(token: str) -> float:
    """The binary64 number that a token denotes; ``ValueError`` where it is not written well."""
    if token in _SPECIAL:
        return _SPECIAL[token]
    if not (_PLAIN.fullmatch(token) or _SCIENTIFIC.fullmatch(token)):
        raise ValueError(f"{token!r} is not a number token; write {_suggestion(token)}")
    number = float(token)
    if math.isinf(number):
        raise ValueError(f"{token!r} is beyond binary64; write Infinity")
    written, short = _parts(token.lstrip("-"))[0], shortest(abs(number), BINARY64)
    if number == 0 and token not in ("0", "-0"):
        raise ValueError(f"{token!r} is zero in binary64; write 0")
    if number != 0 and written != _parts(short)[0]:
        spelled = shortest(number, BINARY64)
        raise ValueError(
            f"{token!r} is not the shortest decimal of its binary64 number; write {spelled}"
        )
    return number


def _suggestion(token: str) -> str:
    """The token that was probably meant, or what tokens look like."""
    try:
        return shortest(float(token), BINARY64)
    except ValueError:
        return "it like 0.1, -3, 2.5e-300, Infinity, -Infinity, NaN or -0"


def _parts(text: str) -> tuple[str, int]:
    """The significant digits of a positive decimal, and the power of ten just above it."""
    mantissa, _, power = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    lead = len(whole + fraction) - len(digits)
    return digits.rstrip("0"), len(whole) - lead + int(power or "0")


def _decimal_digits(x: Exact, digits: int) -> tuple[str, int]:
    """The significant digits of a finite nonzero number, and the power of ten just above it."""
    if hasattr(x, "_mpf_"):
        _, mantissa, exponent, _ = x._mpf_
        number = Fraction(int(mantissa)) * Fraction(2) ** int(exponent)
    else:
        number = abs(Fraction(x))
    power = math.floor(_log10(number)) + 1
    for _ in range(3):
        count = round(number / Fraction(10) ** (power - digits))
        if count >= 10**digits:
            power += 1
        elif count < 10 ** (digits - 1):
            power -= 1
        else:
            break
    return str(count).rstrip("0"), power


def _log10(number: Fraction) -> float:
    """The decimal logarithm, near enough."""
    shift = number.numerator.bit_length() - number.denominator.bit_length()
    return math.log10(number / Fraction(2) ** shift) + shift * math.log10(2)


def _spell(sign: str, digits: str, power: int) -> str:
    """Digits and the power of ten just above them, spelled plainly where that stays short."""
    if -4 < power <= 0:
        return f"{sign}0.{'0' * -power}{digits}"
    if 0 < power <= 16:
        whole = digits[:power].ljust(power, "0")
        return f"{sign}{whole}.{digits[power:]}" if digits[power:] else sign + whole
    mantissa = f"{digits[0]}.{digits[1:]}" if digits[1:] else digits
    return f"{sign}{mantissa}e{power - 1}"
