"""The exact value, gradient and curvature of a loss at any inputs, from its specification."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, Literal

from lossapi.domain import LABELS
from lossapi.signature import length, measure

from . import definition, formats
from .arithmetic import arithmetic
from .definition import DefinitionError
from .precision import PrecisionError, settle
from .specfile import Spec
from .trees import filled, flat, mapped

Quantity = Literal["value", "gradient", "hessian_diag"]
Inputs = Mapping[str, Any]
Parameters = Mapping[str, Any]
Value = Any
"""A number, or nested lists of them for a vector."""

_NAN = arithmetic(30).nan
_ZERO = arithmetic(30).zero


def exact(
    spec: Spec,
    quantity: Quantity,
    inputs: Inputs,
    parameters: Parameters | None = None,
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
    due = shape(spec, quantity, inputs, wrt, parameters)
    if not in_domain(spec, inputs, parameters):
        return filled(due, _NAN)
    inputs = kept(spec, inputs)
    infinite = any(math.isinf(x) for name in spec.inputs for x in flat(inputs[name]))
    if infinite and quantity != "value":
        value = exact(spec, "value", inputs, parameters, fast=fast)
        if any(formats.isnan(x) for x in flat(value)):
            return filled(due, _NAN)
    known = names(spec, inputs, parameters, cotangent)
    text = _text(spec, quantity, wrt, known)
    try:
        return settle(
            lambda digits: shaped(due, definition.evaluate(text, known, digits)),
            fast=fast,
        )
    except (PrecisionError, DefinitionError) as problem:
        of = f"{quantity} of {wrt}" if wrt else quantity
        raise type(problem)(f"{spec.name}: {of} at {dict(inputs)}: {problem}") from None


def scale(
    spec: Spec,
    quantity: Quantity,
    wrt: str | None,
    inputs: Inputs,
    parameters: Parameters | None = None,
    cotangent: Any = None,
    tiny: float = sys.float_info.min,
    *,
    fast: bool = True,
) -> Value | None:
    """The size of the terms, against which a sum of both signs is judged; None if strict.

    `tiny` is the smallest normal number of the format computed in. Where the size itself has no
    finite value it is 0, so that the error is judged strictly there.
    """
    bound = spec.data["accuracy"][quantity]
    text = (bound if quantity == "value" else bound[wrt]).get("scale")
    if text is None:
        return None
    due = shape(spec, quantity, inputs, wrt, parameters)
    if not in_domain(spec, inputs, parameters):
        return filled(due, _ZERO)
    known = {**names(spec, inputs, parameters, cotangent), "tiny": tiny}
    found = shaped(due, definition.evaluate(text, known, 30 if fast else 1400))
    return mapped(found, lambda x: x if formats.isfinite(x) else _ZERO)


def in_domain(spec: Spec, inputs: Inputs, parameters: Parameters | None = None) -> bool:
    """Whether every input lies in its domain; NaN and a label that names no class do not."""
    classes = _sizes(spec, inputs, parameters).get("k")
    inputs = kept(spec, inputs)
    for name, entry in spec.inputs.items():
        domain = spec.domain(name, parameters)
        if domain.is_increasing and not domain.holds(inputs[name]):
            return False
        for x in flat(inputs[name]):
            if math.isnan(x) or x not in domain:
                return False
            if entry["dtype"] == LABELS and classes is not None and x >= classes:
                return False
    return True


def kept(spec: Spec, inputs: Inputs) -> Inputs:
    """The inputs with a number of the domain for every entry that a mask leaves out."""
    if not spec.masks:
        return inputs
    found = dict(inputs)
    for name, core in zip(spec.inputs, spec.signature.inputs, strict=True):
        mask = spec.masks.get(core[0], name) if core else name
        if mask != name:
            labels = spec.inputs[name]["dtype"] == LABELS
            fill = 0 if labels else spec.domain(name).harmless
            found[name] = [
                _all(entry, fill) if is_kept == 0 else entry
                for entry, is_kept in zip(inputs[name], inputs[mask], strict=True)
            ]
    return found


def _all(tree: Value, leaf: float) -> Value:
    return mapped(tree, lambda _: leaf)


def read_point(
    spec: Spec, point: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], Any | None]:
    """A point's inputs, parameters and cotangent, as binary64 numbers and integer labels.

    Only the parameters that the point gives are there; ``names`` and ``exact`` add the defaults.
    """
    inputs = {
        name: mapped(point["inputs"][name], _label if entry["dtype"] == LABELS else formats.parse)
        for name, entry in spec.inputs.items()
    }
    parameters = settings(spec, point)
    cotangent = mapped(point["cotangent"], formats.parse) if "cotangent" in point else None
    return inputs, parameters, cotangent


def settings(spec: Spec, point: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a point gives; those that are a size as integers."""
    given = {name: parameter(token) for name, token in point.get("parameters", {}).items()}
    return {name: int(value) if name in spec.sizes else value for name, value in given.items()}


def defaults(spec: Spec) -> dict[str, Any]:
    """The default of every parameter that has one."""
    return {
        name: parameter(entry["default"])
        for name, entry in spec.parameters.items()
        if "default" in entry
    }


def names(
    spec: Spec, inputs: Inputs, parameters: Parameters | None, cotangent: Any
) -> dict[str, Any]:
    """Everything a definition of the loss may read."""
    inputs = kept(spec, inputs)
    known = {
        name: mapped(inputs[name], int if entry["dtype"] == LABELS else float)
        for name, entry in spec.inputs.items()
    }
    known |= defaults(spec) | dict(parameters or {})
    if spec.has_vector_output:
        output = shape(spec, "value", inputs, None, parameters)
        known["cotangent"] = filled(output, 1.0) if cotangent is None else cotangent
    return known


def definition_text(spec: Spec, quantity: Quantity, wrt: str | None) -> str:
    """The definition of a quantity."""
    if quantity == "value":
        return str(spec.data["formula"]["definition"])
    return str(spec.data[quantity][wrt]["definition"])


def shape(
    spec: Spec,
    quantity: Quantity,
    inputs: Inputs,
    wrt: str | None,
    parameters: Parameters | None = None,
) -> tuple[int, ...]:
    """The shape of a quantity at these inputs: of the output, or of the input it belongs to."""
    signature = spec.signature
    core = signature.output if wrt is None else signature.inputs[list(spec.inputs).index(wrt)]
    sizes = _sizes(spec, inputs, parameters)
    return tuple(length(dimension, sizes) for dimension in core)


def shaped(due: tuple[int, ...], value: Value) -> Value:
    """A result in the shape that is due: one number may stand for a whole vector of it."""
    if not isinstance(value, list):
        return filled(due, value)
    if not due:
        raise DefinitionError("a definition gave a list where one number is due")
    if len(value) != due[0]:
        raise DefinitionError(f"a definition gave {len(value)} components; {due[0]} are due")
    return [shaped(due[1:], item) for item in value]


def _text(spec: Spec, quantity: Quantity, wrt: str | None, known: Mapping[str, Any]) -> str:
    """What gives a quantity here: the first limit clause for it that holds, or the definition."""
    for clause in spec.data.get("limits", []):
        text = clause.get(quantity) if wrt is None else clause.get(quantity, {}).get(wrt)
        if text is not None and definition.holds(clause["at"], known):
            return str(text)
    return definition_text(spec, quantity, wrt)


def _sizes(spec: Spec, inputs: Inputs, parameters: Parameters | None) -> dict[str, int]:
    """The length of every core dimension."""
    sizes = {of: int((parameters or {})[name]) for name, of in spec.sizes.items()}
    for name, core in zip(spec.inputs, spec.signature.inputs, strict=True):
        level = inputs[name]
        for dimension in core:
            measure(dimension, len(level), sizes)
            level = level[0]
    return sizes


def _label(token: str) -> int | float:
    number = formats.parse(token)
    return int(number) if number.is_integer() else number


def parameter(tokens: Any) -> Any:
    """A parameter's value: a number, a switch, none, or a list of numbers."""
    if tokens == "none":
        return None
    return tokens == "true" if tokens in ("true", "false") else mapped(tokens, formats.parse)
