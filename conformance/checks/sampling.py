"""Random examples over the whole range of a format, from the bytes that hypothesis draws.

Numbers are log-uniform over all exponents, or ordinary, or close to one that stands there already
(near-equal pairs, near-kinks), or at the ends of the domain; a few lie outside it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from lossapi.domain import LABELS, Domain

from ..oracle import formats
from ..oracle.formats import FORMATS, Format
from ..oracle.specfile import Spec
from ..oracle.trees import flat, mapped
from .cases import Case, Value, core_shape, labelled, shape_of
from .hazards import numbers

_BYTES = 10
"""As many bytes make one number."""


_FACTORS = Domain("[-8, 8]")
"""Where the components of a cotangent are drawn."""


def bytes_needed(spec: Spec, count: int, sizes: Mapping[str, int]) -> int:
    """The length of the draw that makes `count` cases."""
    return count * _numbers_per_case(spec, sizes) * _BYTES


def drawn_cases(
    spec: Spec,
    dtype: str,
    parameters: Mapping[str, float | None],
    data: bytes,
    sizes: Mapping[str, int],
) -> list[Case]:
    """The cases that a draw stands for, with core dimensions of these sizes."""
    size = _numbers_per_case(spec, sizes) * _BYTES
    cases = []
    for start in range(0, len(data) - size + 1, size):
        draw = Draw(data[start : start + size], FORMATS[dtype], parameters)
        inputs: dict[str, Any] = {}
        for name, entry in spec.inputs.items():
            domain = spec.domain(name, parameters)
            if entry["dtype"] == LABELS:
                inputs[name] = labelled(spec, name, sizes, draw.integer)
            elif entry["shape"] == "()":
                inputs[name] = draw.number(domain)
            else:
                shape = shape_of(spec, name, sizes)
                inputs[name] = draw.array(domain, shape)
        cotangent = None
        if spec.has_vector_output:
            shape = core_shape(spec.signature.output, sizes)
            cotangent = mapped(draw.array(_FACTORS, shape), _factor)
        title = ", ".join(f"{name}={value!r}" for name, value in inputs.items())
        cases.append(Case(title, inputs, parameters, cotangent))
    return cases


def _factor(x: float) -> float:
    # A draw leaves its domain now and then; what multiplies a result has no domain to leave.
    return x if x in _FACTORS else 1.0


def _numbers_per_case(spec: Spec, sizes: Mapping[str, int]) -> int:
    signature = spec.signature
    cores = [*signature.inputs, *([signature.output] if spec.has_vector_output else [])]
    shapes = [core_shape(core, sizes) for core in cores]
    # One more for each vector.
    return sum(math.prod(shape) + math.prod(shape[:-1]) * bool(shape) for shape in shapes)


class Draw:
    """Reads one example from bytes; all zeros make the simplest one."""

    def __init__(self, data: bytes, form: Format, parameters: Mapping[str, float | None]) -> None:
        self._data, self._place, self._form = data, 0, form
        self._special = numbers(form)
        given = (x for value in parameters.values() for x in flat(value))
        self._scales = [x for x in given if x and not isinstance(x, bool)] or [1.0]
        self._earlier: list[float] = []
        self._vectors: list[list[float]] = []

    def integer(self) -> int:
        """The next integer of 80 bits."""
        piece = self._data[self._place : self._place + _BYTES]
        self._place += _BYTES
        return int.from_bytes(piece, "little")

    def number(self, domain: Domain) -> float:
        """The next number; rarely one outside the domain."""
        bits = self.integer()
        mode, bits = bits % 256, bits >> 8
        if mode >= 252:
            found = self._special[bits % len(self._special)]
        elif domain.values is not None:
            found = domain.values[bits % len(domain.values)]
        else:
            found = self._inside(domain, self._rounded(self._raw(mode, bits, domain)))
        self._earlier.append(found)
        return found

    def _raw(self, mode: int, bits: int, domain: Domain) -> float:
        sign = -1.0 if bits & 1 else 1.0
        bits >>= 1
        fraction = 1.0 + (bits & 0xFFFFFFFF) / 2**32
        exponent = bits >> 32
        bounded = math.isfinite(domain.low) and math.isfinite(domain.high)
        if mode < 72:  # any size
            span = self._form.top - self._form.bottom
            size = math.ldexp(fraction / 2, self._form.bottom + 1 + exponent % span)
            # Towards both ends of a bounded domain.
            return domain.high - size if bounded and sign < 0 else sign * size
        if mode < 136:  # ordinary, or evenly over a bounded domain
            if bounded:
                return domain.low + (fraction - 1.0) * (domain.high - domain.low)
            return sign * math.ldexp(fraction, exponent % 14 - 8)
        if mode < 176 and self._earlier:  # next to an earlier number, or its mirror image
            return self._beside(self._earlier[exponent % len(self._earlier)], bits, sign)
        if mode < 208:  # next to a kink: a parameter's distance away, or where a product is one
            earlier = self._earlier[-1] if self._earlier else 0.0
            scale = self._scales[exponent % len(self._scales)]
            kinks = (earlier + scale, earlier - scale, scale, scale / (earlier or 1.0))
            return self._beside(kinks[(exponent >> 8) % 4], bits, 1.0)
        if mode < 228:  # saturated
            return sign * math.ldexp(fraction, exponent % 8 + 3)
        if mode < 244:
            return sign * (exponent % 32) / 4
        return self._special[exponent % len(self._special)]

    def _beside(self, x: float, bits: int, sign: float) -> float:
        """A number at a relative distance from nothing to a quarter."""
        if not math.isfinite(x):
            return x
        steps = bits % 9 - 4
        if bits & 0x10000:
            return sign * (x + steps * float(formats.ulp(x, self._form)))
        return sign * x * (1.0 + steps * math.ldexp(1.0, -4 - (bits >> 8) % self._form.precision))

    def _rounded(self, x: float) -> float:
        return formats.round_to(x, self._form)

    def _inside(self, domain: Domain, x: float) -> float:
        for candidate in (x, -x, 1.0 - x, 1.0 / x if x else x, self._rounded(x % 1.0)):
            if candidate in domain and self._rounded(candidate) == candidate:
                return candidate
        return domain.harmless

    def array(self, domain: Domain, shape: tuple[int, ...]) -> Value:
        """The next vector, or vectors of vectors, some of them close to earlier ones."""
        if len(shape) == 1:
            return self.vector(domain, shape[0])
        return [self.array(domain, shape[1:]) for _ in range(shape[0])]

    def vector(self, domain: Domain, size: int) -> list[float]:
        """The next vector: independent numbers, a distribution, one-hot, or close to an earlier."""
        bits = self.integer()
        mode, bits = bits % 16, bits >> 4
        found = [self.number(domain) for _ in range(size)]
        bounded = domain.low == 0.0 and domain.high == 1.0
        if mode >= 13:
            found = [self._inside(domain, float(k == bits % size)) for k in range(size)]
        elif mode >= 9 and self._vectors:
            found = [
                self._inside(domain, self._rounded(self._beside(x, bits >> (8 * k), 1.0)))
                for k, x in enumerate((self._vectors[-1] * size)[:size])
            ]
        elif mode >= 4 and bounded and 0 < sum(found) < math.inf:
            found = [self._inside(domain, self._rounded(x / sum(found))) for x in found]
        elif mode == 3:
            found = [found[0]] * size
        if domain.is_increasing and not any(map(math.isnan, found)):
            found.sort()  # some are alike, and lie outside
        self._vectors.append(found)
        return found
