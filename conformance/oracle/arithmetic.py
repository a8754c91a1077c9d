"""Real arithmetic at any precision, with the infinities and NaNs of IEEE 754 and one zero."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import mpmath
from mpmath import libmp

from . import gamma

Mpf = Any
"""An mpmath number; mpmath has no type stubs."""

# exp of an argument with more bits than this before the point is 0 or inf: its exact value would
# take longer to write down than anyone can wait, and lies beyond every format by far.
_EXPONENT_BITS = 20_000
_INFINITIES = (libmp.finf, libmp.fninf)
_LARGE_BITS = 32
_REMEMBERED = 4_096
_MOST_CHORDS = 400


class Arithmetic:
    """The operations of the definition language at one fixed number of digits."""

    def __init__(self, digits: int) -> None:
        context = mpmath.MPContext()
        context.dps = digits
        self.digits = digits
        self.prec: int = context.prec
        self._context = context
        self.zero: Mpf = context.mpf(0)
        self.one: Mpf = context.mpf(1)
        self.inf: Mpf = context.inf
        self.nan: Mpf = context.nan
        self.pi: Mpf = +context.pi
        self.kind: type = context.mpf
        self._known: dict[tuple[str, Any], Mpf] = {}
        self._written: dict[str | int, Mpf] = {}

    def number(self, value: Any) -> Mpf:
        """An int, a bool, a float or an mpmath number, unrounded, as a number of this precision."""
        if type(value) is self.kind:
            return value
        if isinstance(value, int):
            return self._as_written(int(value))
        if hasattr(value, "_mpf_"):
            return self._context.make_mpf(value._mpf_)
        return self._context.make_mpf(libmp.from_float(float(value)))

    def decimal(self, text: str) -> Mpf:
        """The number that a decimal denotes, rounded to this precision."""
        return self._as_written(text)

    def _as_written(self, value: str | int) -> Mpf:
        """What stands in definitions is read once; whole numbers are not rounded."""
        if value not in self._written:
            if len(self._written) >= _REMEMBERED:
                self._written.clear()
            whole = isinstance(value, int)
            self._written[value] = (
                self._context.make_mpf(libmp.from_int(value)) if whole else self._context.mpf(value)
            )
        return self._written[value]

    def isnan(self, x: Mpf) -> bool:
        """Whether it is NaN."""
        return bool(x._mpf_ == libmp.fnan)

    def isinf(self, x: Mpf) -> bool:
        """Whether it is one of the infinities."""
        return x._mpf_ in _INFINITIES

    def divide(self, x: Mpf, y: Mpf) -> Mpf:
        """x / y; a number over zero is an infinity with the sign of the number."""
        if y._mpf_ == libmp.fzero:
            return self.nan if self.isnan(x) or x == 0 else self.sign(x) * self.inf
        return x / y

    def power(self, x: Mpf, y: Mpf) -> Mpf:
        """x ** y as IEEE 754's pow: 1 wherever y is 0 or x is 1."""
        base, exponent = x._mpf_, y._mpf_
        if exponent == libmp.fzero or base == libmp.fone:
            return self.one
        if libmp.fnan in (base, exponent):
            return self.nan
        if exponent in _INFINITIES:
            size = abs(x)
            if size == 1:
                return self.one
            return self.inf if (size > 1) == (y > 0) else self.zero
        whole = self._context.isint(y)
        if base == libmp.fzero:
            return self.zero if y > 0 else self.inf
        if base[0] and not whole:
            return self.nan
        if base in _INFINITIES:
            odd = whole and self._context.isint((y - 1) / 2)
            size = self.inf if y > 0 else self.zero
            return -size if x < 0 and odd else size
        binary = self._context.mag(x)  # log2(x) rounded up, or one more
        if int(binary).bit_length() + self._context.mag(y) >= _EXPONENT_BITS:
            size = self._binary_logarithm(abs(x)) * y
            if self._context.mag(size) > _EXPONENT_BITS:
                return self.inf if size > 0 else self.zero
        return x**y

    def _binary_logarithm(self, x: Mpf) -> Mpf:
        """log2(x) to a few digits: only its size is of interest."""
        shift = self._context.mag(x)
        return shift + self.log(self._context.ldexp(x, -int(shift)))

    def sign(self, x: Mpf) -> Mpf:
        """-1, 0 or 1."""
        if self.isnan(x):
            return x
        return self.number((x > 0) - (x < 0))

    def absolute(self, x: Mpf) -> Mpf:
        """|x|."""
        return abs(x)

    def exp(self, x: Mpf) -> Mpf:
        """e to the x."""
        if self._too_large(x):
            return self.inf if x > 0 else self.zero
        if not self._context.isnormal(x) or self._context.mag(x) < _LARGE_BITS:
            return self._context.exp(x)
        # mpmath raises e to a power that is whole, by as many squarings as the power has bits.
        with self._context.workprec(self.prec + int(self._context.mag(x)) + 20):
            power = int(self._context.floor(x / self._context.ln2))
            found = self._context.ldexp(self._context.exp(x - power * self._context.ln2), power)
        return +found

    def log(self, x: Mpf) -> Mpf:
        """The natural logarithm: -inf at 0, NaN below."""
        return self.nan if x < 0 else self._context.log(x)

    def log1p(self, x: Mpf) -> Mpf:
        """log(1 + x), without rounding 1 + x."""
        if not self._context.isnormal(x):
            return x if x != -self.inf else self.nan
        lost = -self._context.mag(x)
        if lost > self.prec:
            return x - x * x / 2
        total = libmp.mpf_add(libmp.fone, x._mpf_, self.prec + max(0, lost) + 10)
        return self.log(self._context.make_mpf(total))

    def expm1(self, x: Mpf) -> Mpf:
        """exp(x) - 1, without cancelling."""
        if not self._context.isnormal(x) or self._too_large(x):
            return -self.one if x < -1 else x if not self._too_large(x) else self.inf
        lost = -self._context.mag(x)
        if lost > self.prec:
            return x + x * x / 2
        power = libmp.mpf_exp(x._mpf_, self.prec + max(0, lost) + 10)
        return self._context.make_mpf(libmp.mpf_sub(power, libmp.fone, self.prec, "n"))

    def sqrt(self, x: Mpf) -> Mpf:
        """The square root: NaN below 0."""
        return self.nan if x < 0 else self._context.sqrt(x)

    def sinh(self, x: Mpf) -> Mpf:
        """The hyperbolic sine."""
        return self.sign(x) * self.inf if self._too_large(x) else self._context.sinh(x)

    def cosh(self, x: Mpf) -> Mpf:
        """The hyperbolic cosine."""
        return self.inf if self._too_large(x) else self._context.cosh(x)

    def tanh(self, x: Mpf) -> Mpf:
        """The hyperbolic tangent."""
        return self.sign(x) if self._too_large(x) else self._context.tanh(x)

    def atan(self, x: Mpf) -> Mpf:
        """The arc tangent."""
        return self._context.atan(x)

    def sin(self, x: Mpf) -> Mpf:
        """The sine; NaN of an infinity."""
        return self.nan if self.isinf(x) else self._context.sin(x)

    def cos(self, x: Mpf) -> Mpf:
        """The cosine; NaN of an infinity."""
        return self.nan if self.isinf(x) else self._context.cos(x)

    def lgamma(self, x: Mpf) -> Mpf:
        """log Γ(x) for x ≥ 0; NaN below."""
        return self._gamma(gamma.lgamma, x, self.inf, self.inf)

    def lgamma1p(self, x: Mpf) -> Mpf:
        """log Γ(1 + x) for x ≥ 0, of which 1 + x loses nothing; NaN below."""
        if not x > 0 or x == self.inf:
            return x if x in (0, self.inf) else self.nan
        lost = max(0, -self._context.mag(x))
        if lost > self.prec:
            return -self._context.euler * x
        with self._context.workprec(self.prec + lost + 10):
            found = gamma.lgamma(self._context, 1 + x)
        return +found

    def digamma(self, x: Mpf) -> Mpf:
        """The derivative of log Γ."""
        return self._gamma(gamma.digamma, x, -self.inf, self.inf)

    def trigamma(self, x: Mpf) -> Mpf:
        """The second derivative of log Γ."""
        return self._gamma(gamma.trigamma, x, self.inf, self.zero)

    def _gamma(self, function: Any, x: Mpf, at_zero: Mpf, at_infinity: Mpf) -> Mpf:
        if not x > 0:
            return at_zero if x == 0 else self.nan
        if x == self.inf:
            return at_infinity
        # They take long, and are asked for the same again while other inputs vary.
        key = (function.__name__, x._mpf_)
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = function(self._context, x)
        return self._known[key]

    def xlogy(self, x: Mpf, y: Mpf) -> Mpf:
        """x log(y), and 0 where x is 0 whatever y is."""
        return self.zero if x == 0 else x * self.log(y)

    def xlog1py(self, x: Mpf, y: Mpf) -> Mpf:
        """x log(1 + y), and 0 where x is 0 whatever y is."""
        return self.zero if x == 0 else x * self.log1p(y)

    def root(self, function: Callable[[Mpf], Mpf], low: Mpf, high: Mpf) -> Mpf:
        """Where an increasing function is 0, between two numbers; NaN where it has one sign.

        By chords whose idle end is weakened (Anderson and Björck 1973), until they stand still.
        """
        at_low, at_high = function(low), function(high)
        if at_low == 0 or at_high == 0:
            return low if at_low == 0 else high
        if not at_low < 0 < at_high:
            return self.nan
        found, still = high, self.decimal(f"1e{4 - self.digits}")
        for _ in range(_MOST_CHORDS):
            x = (low * at_high - high * at_low) / (at_high - at_low)
            here = function(x)
            if here == 0 or abs(x - found) <= abs(x) * still:
                return x
            found = x
            if here > 0:
                share = 1 - here / at_high
                at_low = at_low * (share if share > 0 else 0.5)
                high, at_high = x, here
            else:
                share = 1 - here / at_low
                at_high = at_high * (share if share > 0 else 0.5)
                low, at_low = x, here
        return found

    def _too_large(self, x: Mpf) -> bool:
        return bool(self._context.isnormal(x) and self._context.mag(x) > _EXPONENT_BITS)


@lru_cache(maxsize=128)
def arithmetic(digits: int) -> Arithmetic:
    """The arithmetic of that many digits, made once."""
    return Arithmetic(digits)
