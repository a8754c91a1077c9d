"""The exact value, gradient and curvature of a loss at any inputs, from its specification."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from lossapi.domain import LABELS, Domain
from lossapi.errors import LossError

from . import definition, formats
from .arithmetic import Mpf, arithmetic
from .specfile import Spec

Quantity = Literal["value", "gradient", "hessian_diag"]
Value = Any
"""A number, or a list of them for a vector."""

MOST_DIGITS = 20_000
# Enough to see the smallest subnormal beside the square of the largest number: a zero, an
# infinity, a NaN or a tie that still stands here is not an accident of the precision.
_CONFIRMING_DIGITS = 1_400
_NAN = arithmetic(30).nan


class PrecisionError(LossError, ArithmeticError):
    """A definition does not settle, however many digits it is given."""


def exact(
    spec: Spec,
    quantity: Quantity,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    wrt: str | None = None,
    cotangent: Any = None,
    *,
    fast: bool = False,
) -> Value:
    """The exact value, or derivative with respect to an input, at binary64 inputs.

    NaN in any input and any input outside its domain give NaN; limits take the place of the
    definition where a clause of the file says so; where the value is NaN every derivative is. With
    ``fast`` 25 digits are right, otherwise 45.
    """
    names = _names(spec, inputs, parameters, cotangent)
    shape = _shape(spec, quantity, inputs, wrt)
    if not in_domain(spec, inputs):
        return _filled(shape, _NAN)
    infinite = any(math.isinf(x) for name in spec.inputs for x in _flat(inputs[name]))
    if infinite and quantity != "value":
        value = exact(spec, "value", inputs, parameters, fast=fast)
        if any(formats.isnan(x) for x in _flat(value)):
            return _filled(shape, _NAN)
    text = formula(spec, quantity, wrt, names)
    return settle(
        lambda digits: _like(shape, definition.evaluate(text, names, digits)),
        f"{spec.name}: {quantity}{f' of {wrt}' if wrt else ''} at {dict(inputs)}",
        fast=fast,
        confirm=not infinite,
    )


def scale(
    spec: Spec,
    quantity: Quantity,
    wrt: str | None,
    inputs: Mapping[str, Any],
    parameters: Mapping[str, Any] | None = None,
    cotangent: Any = None,
) -> Value | None:
    """The size of the largest terms, against which a sum of both signs is judged; None if strict.

    Where the size itself has no finite value it is 0, so that the error is judged strictly there.
    """
    bound = spec.data["accuracy"][quantity]
    text = (bound if quantity == "value" else bound[wrt]).get("scale")
    if text is None:
        return None
    shape = _shape(spec, quantity, inputs, wrt)
    if not in_domain(spec, inputs):
        return _filled(shape, arithmetic(30).zero)
    names = _names(spec, inputs, parameters, cotangent)
    found = _like(shape, definition.evaluate(text, names, 30))
    return _mapped(found, lambda x: x if formats.isfinite(x) else arithmetic(30).zero)


def in_domain(spec: Spec, inputs: Mapping[str, Any]) -> bool:
    """Whether every input lies in its domain; NaN and a label that names no class do not."""
    classes = _class_count(spec, inputs)
    for name, entry in spec.inputs.items():
        domain = _domain(entry["domain"])
        for x in _flat(inputs[name]):
            if math.isnan(x) or x not in domain:
                return False
            if entry["dtype"] == LABELS and classes is not None and x >= classes:
                return False
    return True


def defaults(spec: Spec, parameters: Mapping[str, Any] | None = None) -> dict[str, float | None]:
    """Every parameter's value where only some are given."""
    values = {
        name: None if entry["default"] == "none" else formats.parse(entry["default"])
        for name, entry in spec.parameters.items()
    }
    return values | dict(parameters or {})


def formula(spec: Spec, quantity: Quantity, wrt: str | None, names: Mapping[str, Any]) -> str:
    """The text that gives a quantity here: the first limit clause that holds, or the definition."""
    for clause in spec.data.get("limits", []):
        text = clause.get(quantity) if quantity == "value" else clause.get(quantity, {}).get(wrt)
        if text is not None and definition.holds(clause["at"], names, 60):
            return str(text)
    return definition_text(spec, quantity, wrt)


def definition_text(spec: Spec, quantity: Quantity, wrt: str | None) -> str:
    """The definition of a quantity."""
    if quantity == "value":
        return str(spec.data["formula"]["definition"])
    return str(spec.data[quantity][wrt]["definition"])


def settle(
    compute: Callable[[int], Value], what: str, *, fast: bool = False, confirm: bool = True
) -> Value:
    """Compute with more and more digits until two results agree; raise ``PrecisionError`` if never.

    A result that agrees with itself can still be the same accident twice: what has no digits to
    compare (zero, infinity, NaN), or is exactly halfway between two floats, is computed once more
    with many. A result that only ever shrinks with the precision is zero.
    """
    digits, wanted = (30, 25) if fast else (60, 45)
    history = [compute(digits)]
    while digits < MOST_DIGITS:
        digits *= 2
        history.append(compute(digits))
        if all(_agree(a, b, wanted) for a, b in _pairs(history[-2], history[-1])):
            if digits >= _CONFIRMING_DIGITS or not (confirm and _doubtful(history[-1])):
                return history[-1]
            digits = _CONFIRMING_DIGITS // 2
            wanted = 45
        elif digits > 2 * _CONFIRMING_DIGITS and len(history) > 2:
            cleaned = _without_noise(history[-3:], digits, wanted)
            if cleaned is not None:
                return cleaned
    raise PrecisionError(f"{what}: no agreement up to {digits} digits; rewrite the definition")


def _agree(a: Mpf, b: Mpf, digits: int) -> bool:
    if not formats.isfinite(a) or not formats.isfinite(b):
        return bool(a == b) or (formats.isnan(a) and formats.isnan(b))
    real = arithmetic(30)
    a, b = real.number(a), real.number(b)
    return bool(a == b or abs(arithmetic(60).number(a) - b) <= abs(b) * real.decimal(f"1e-{digits}"))


def _doubtful(value: Value) -> bool:
    return any(
        x == 0
        or not formats.isfinite(x)
        or any(formats.is_tie(x, form) for form in formats.FORMATS.values())
        for x in _flat(value)
    )


def _without_noise(history: list[Value], digits: int, wanted: int) -> Value | None:
    """The latest result with zero for what is rounding error only; None where that is not all."""
    first, second, last = history
    noise = arithmetic(30).decimal(f"1e-{digits * 4 // 10}")
    rows = zip(_flat(first), _flat(second), _flat(last), strict=True)
    cleaned = []
    for a, b, c in rows:
        if _agree(b, c, wanted):
            cleaned.append(c)
        elif abs(c) < noise and abs(c) <= abs(b) <= abs(a):
            cleaned.append(arithmetic(30).zero)
        else:
            return None
    left = iter(cleaned)
    return _mapped(last, lambda _: next(left))


@lru_cache(maxsize=256)
def _domain(text: str) -> Domain:
    return Domain(text)


def _names(
    spec: Spec, inputs: Mapping[str, Any], parameters: Mapping[str, Any] | None, cotangent: Any
) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, entry in spec.inputs.items():
        labels = entry["dtype"] == LABELS
        names[name] = _mapped(inputs[name], _label if labels else float)
    names |= defaults(spec, parameters)
    if spec.has_vector_output:
        output = _shape(spec, "value", inputs, None)
        names["cotangent"] = _filled(output, 1.0) if cotangent is None else cotangent
    return names


def _label(x: float) -> float | int:
    return int(x) if math.isfinite(x) else x


def _sizes(spec: Spec, inputs: Mapping[str, Any]) -> dict[str, int]:
    """The length of every core dimension."""
    sizes: dict[str, int] = {}
    for name, core in zip(spec.inputs, spec.signature.inputs, strict=True):
        level = inputs[name]
        for dimension in core:
            sizes[dimension] = len(level)
            level = level[0]
    return sizes


def _class_count(spec: Spec, inputs: Mapping[str, Any]) -> int | None:
    """The length of the last core axis of the first input that has one."""
    for name, core in zip(spec.inputs, spec.signature.inputs, strict=True):
        if core and spec.inputs[name]["dtype"] != LABELS:
            return _sizes(spec, inputs)[core[-1]]
    return None


def _shape(
    spec: Spec, quantity: Quantity, inputs: Mapping[str, Any], wrt: str | None
) -> tuple[int, ...]:
    if quantity == "value":
        core = spec.signature.output
    else:
        core = dict(zip(spec.inputs, spec.signature.inputs, strict=True))[str(wrt)]
    sizes = _sizes(spec, inputs)
    return tuple(sizes[dimension] for dimension in core)


def _filled(shape: tuple[int, ...], value: Any) -> Value:
    return [_filled(shape[1:], value) for _ in range(shape[0])] if shape else value


def _like(shape: tuple[int, ...], value: Value) -> Value:
    """A result in its due shape: one number may stand for a whole vector of it."""
    if not shape:
        if isinstance(value, list):
            raise definition.DefinitionError("a definition gave a list where one number is due")
        return value
    if not isinstance(value, list):
        return _filled(shape, value)
    if len(value) != shape[0]:
        raise definition.DefinitionError(
            f"a definition gave {len(value)} components where {shape[0]} are due"
        )
    return [_like(shape[1:], item) for item in value]


def _mapped(value: Value, function: Callable[[Any], Any]) -> Value:
    if isinstance(value, list | tuple):
        return [_mapped(item, function) for item in value]
    return function(value)


def _flat(value: Value) -> Iterator[Any]:
    if isinstance(value, list | tuple):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def _pairs(a: Value, b: Value) -> Iterator[tuple[Any, Any]]:
    return zip(_flat(a), _flat(b), strict=True)
