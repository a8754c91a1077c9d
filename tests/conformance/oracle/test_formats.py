import math
import struct
from decimal import Context, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossapi.conformance.oracle import formats
from lossapi.conformance.oracle.arithmetic import arithmetic
from lossapi.conformance.oracle.formats import (
    BFLOAT16,
    BINARY16,
    BINARY32,
    BINARY64,
    FORMATS,
    ulp_error,
)

ANY = st.floats(allow_nan=False)
INF, NAN = math.inf, math.nan


def identical(a, b):
    return struct.pack("d", a) == struct.pack("d", b)


def bfloat16(x):
    """Rounds a float32 by its bits."""
    (bits,) = struct.unpack("I", struct.pack("f", x))
    return struct.unpack("f", struct.pack("I", (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000))[0]


@given(ANY)
def test_rounding_is_that_of_the_hardware(x):
    with np.errstate(over="ignore", under="ignore"):
        assert identical(formats.round_to(x, BINARY32), float(np.float32(x)))
        assert identical(formats.round_to(x, BINARY16), float(np.float16(x)))
    assert identical(formats.round_to(x, BINARY64), x)


@given(st.floats(allow_nan=False, width=32))
def test_rounding_to_bfloat16_is_that_of_the_bits(x):
    assert identical(formats.round_to(x, BFLOAT16), bfloat16(x))


@given(ANY, st.sampled_from(list(FORMATS.values())))
def test_an_mpmath_number_and_a_fraction_round_alike(x, form):
    due = formats.round_to(x, form)
    assert formats.round_to(arithmetic(60).number(x), form) == due
    if math.isfinite(x):
        assert formats.round_to(Fraction(x), form) == due


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_ends_of_a_format(form):
    smallest = Fraction(2) ** form.bottom
    largest = form.largest
    step = Fraction(2) ** (form.top - form.precision)
    assert formats.round_to(largest, form) == float(largest)
    assert formats.round_to(largest + step * Fraction(499, 1000), form) == float(largest)
    assert formats.round_to(largest + step / 2, form) == INF
    assert formats.round_to(-largest - step, form) == -INF
    assert formats.round_to(smallest / 2, form) == 0
    assert formats.round_to(smallest * Fraction(501, 1000), form) == float(smallest)
    assert formats.round_to(smallest * Fraction(3, 2), form) == float(2 * smallest)
    assert identical(formats.round_to(-smallest / 3, form), -0.0)


def test_known_ends():
    assert float(BINARY16.largest) == 65504
    assert float(BINARY32.largest) == float(np.finfo(np.float32).max)
    assert float(BINARY64.largest) == float(np.finfo(np.float64).max)
    assert math.ldexp(1, BINARY16.bottom) == float(np.finfo(np.float16).smallest_subnormal)
    assert float(BFLOAT16.largest) == 3.3895313892515355e38


def test_a_tie_that_a_third_does_not_share_is_broken_by_what_is_left():
    half = Fraction(1, 2**53)
    assert formats.round_to(1 + half, BINARY64) == 1
    assert formats.round_to(1 + half + Fraction(1, 10**400), BINARY64) == 1 + 2**-52
    assert formats.is_tie(1 + half, BINARY64)
    assert not formats.is_tie(1 + half + Fraction(1, 10**400), BINARY64)
    assert formats.is_tie(Fraction(3, 2) * Fraction(1, 2**24), BINARY16)
    assert not formats.is_tie(1 + half, BINARY32)


def test_an_astronomical_exponent_is_no_burden():
    exp = arithmetic(60).exp
    huge = exp(arithmetic(60).number(1e308))
    assert formats.round_to(huge, BINARY64) == INF
    assert formats.round_to(1 / huge, BINARY64) == 0
    assert ulp_error(1.0, huge, BINARY64) > 1e15
    assert formats.decimal(huge, 40) == "Infinity"
    assert formats.decimal(-1 / huge, 40) == "0"


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_the_shortest_decimal_is_that_of_numpy_for_float32(x):
    token = formats.shortest(x, BINARY32)
    if x != 0:
        due = np.format_float_scientific(np.float32(x), unique=True, trim="-")
        assert Decimal(token) == Decimal(due)
    assert identical(formats.round_to(float(token), BINARY32), x)


@pytest.mark.parametrize("start", range(0, 0x7C00, 0x400))
def test_the_shortest_decimal_is_that_of_numpy_for_float16(start):
    for bits in range(start, start + 0x400, 37):
        x = np.array([bits], dtype=np.uint16).view(np.float16)[0]
        token = formats.shortest(float(x), BINARY16)
        assert Decimal(token) == Decimal(np.format_float_scientific(x, unique=True, trim="-"))


@given(st.integers(0, 0x7F7F), st.booleans())
def test_the_shortest_decimal_of_a_bfloat16_is_shortest(bits, negative):
    (x,) = struct.unpack("f", struct.pack("I", bits << 16))
    token = formats.shortest(-x if negative else x, BFLOAT16)
    value = Decimal(token)
    assert formats.round_to(Fraction(value), BFLOAT16) == (-x if negative else x)
    digits = len(value.normalize().as_tuple().digits)
    if digits > 1:
        one_less = Context(prec=digits - 1)
        nearest = one_less.plus(value)
        spacing = Decimal((0, (1,), nearest.adjusted() - digits + 2))
        for other in (nearest, nearest - spacing, nearest + spacing):
            assert formats.round_to(Fraction(other), BFLOAT16) != (-x if negative else x)


@given(ANY)
def test_tokens_of_binary64_are_read_back(x):
    assert identical(formats.parse(formats.shortest(x, BINARY64)), x)


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(1, 40))
def test_decimals_are_correctly_rounded(x, digits):
    due = Context(prec=digits, Emin=-9999, Emax=9999).create_decimal(Decimal(x))
    assert Decimal(formats.decimal(x, digits)) == due
    assert Decimal(formats.decimal(arithmetic(60).number(x), digits)) == due


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("0", 0.0),
        ("-0", -0.0),
        ("0.1", 0.1),
        ("-3", -3.0),
        ("10000000000", 1e10),
        ("1e10", 1e10),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", float(BINARY64.largest)),
        ("Infinity", INF),
        ("-Infinity", -INF),
    ],
)
def test_tokens(token, number):
    assert identical(formats.parse(token), number)


def test_the_token_of_nan():
    assert math.isnan(formats.parse("NaN"))
    assert formats.shortest(NAN, BINARY16) == "NaN"


@pytest.mark.parametrize(
    ("token", "advice"),
    [
        ("1e+5", "write 100000"),
        ("2.0", "write 2"),
        ("01", "write 1"),
        (".5", "write 0.5"),
        ("5.", "write 5"),
        ("12e3", "write 12000"),
        ("1E5", "write 100000"),
        ("1e-07", "write 1e-7"),
        ("+1", "write 1"),
        ("inf", "write Infinity"),
        ("nan", "write NaN"),
        ("1_000", "write 1000"),
        ("ten", "write it like"),
        ("", "write it like"),
        ("1e999", "write Infinity"),
        ("1e-999", "write 0"),
        ("0.10000000000000000555", "write 0.1"),
        ("0.1000000000000000111", "write 0.1"),
        ("4.9e-324", "write 5e-324"),
    ],
)
def test_a_token_that_is_not_the_shortest_is_refused_with_the_one_that_is(token, advice):
    with pytest.raises(ValueError, match=advice):
        formats.parse(token)


def test_the_ulp_of_a_number():
    assert formats.ulp(1.0, BINARY64) == Fraction(2) ** -52
    assert formats.ulp(math.nextafter(1.0, 0.0), BINARY64) == Fraction(2) ** -53
    assert formats.ulp(0.0, BINARY32) == Fraction(2) ** -149
    assert formats.ulp(1e-320, BINARY64) == Fraction(2) ** -1074
    assert formats.ulp(65504.0, BINARY16) == 32


@given(st.floats(1e-300, 1e300), st.integers(-8, 8))
def test_an_error_counts_the_floats_between(x, steps):
    got = x
    for _ in range(abs(steps)):
        got = math.nextafter(got, math.copysign(INF, steps))
    error = ulp_error(got, x, BINARY64)
    assert error == abs(steps) or math.frexp(got)[1] != math.frexp(x)[1]


def test_an_error_is_counted_from_the_correctly_rounded_value():
    third = Fraction(1, 3)
    assert ulp_error(1 / 3, third, BINARY64) == 0
    assert ulp_error(math.nextafter(1 / 3, 1), third, BINARY64) == 1
    assert ulp_error(float(np.float32(1 / 3)), third, BINARY32) == 0
    assert ulp_error(1 / 3, third, BINARY32) < 1


def test_a_larger_scale_forgives_and_a_smaller_one_does_not_count():
    assert ulp_error(1e-20, Fraction(0), BINARY64, scale=1.0) == 1e-20 / 2**-52
    strict = ulp_error(1.0000001, 1.0, BINARY64)
    assert ulp_error(1.0000001, 1.0, BINARY64, scale=1e-5) == strict
    assert ulp_error(1.0000001, 1.0, BINARY64, scale=INF) == strict
    assert ulp_error(1.0000001, 1.0, BINARY64, scale=NAN) == strict


def test_a_scale_may_lie_beyond_the_largest_number():
    due = float(BINARY32.largest)
    got = due - 64 * float(formats.ulp(due, BINARY32))
    assert ulp_error(got, due, BINARY32) == 64
    assert ulp_error(got, due, BINARY32, scale=due) == 64
    assert ulp_error(got, due, BINARY32, scale=32 * due) == 2
    assert ulp_error(0.0, due, BINARY32, scale=Fraction(10) ** 10_000) > 0


@pytest.mark.parametrize(
    ("got", "exact", "error"),
    [
        (NAN, NAN, 0.0),
        (1.0, NAN, INF),
        (NAN, 1.0, INF),
        (NAN, INF, INF),
        (INF, INF, 0.0),
        (-INF, INF, INF),
        (float(BINARY64.largest), INF, INF),
        (-0.0, 0.0, 0.0),
        (5e-324, 0.0, 1.0),
        (INF, BINARY64.largest, 1.0),
        (INF, 10**400, 0.0),
        (float(BINARY64.largest), 10**309, 1.0),
    ],
)
def test_errors_at_the_ends(got, exact, error):
    assert ulp_error(got, exact, BINARY64) == error
