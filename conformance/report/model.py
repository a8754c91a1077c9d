"""What ``lossapi export`` writes: a function as an ONNX model, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lossapi.errors import ParameterError
from lossapi.losses import registry

from ..finding import unknown
from .files import put


def write(
    loss: str,
    place: Path,
    *,
    params: Sequence[str],
    sizes: Sequence[str],
    inputs: Sequence[str],
    wrt: Sequence[str],
    settings: dict[str, Any],
    dtype: str,
    opset: int | None,
) -> str:
    """Export a function, and tell what the model takes and gives."""
    from lossapi.backends.ndonnx_export import OPSET, onnx_model

    function = registry[loss]
    given = _named("--param", params, lambda name, text: _value(loss, name, text))
    model = onnx_model(
        function,
        dtype=dtype,
        sizes=_named("--size", sizes, _size),
        inputs=inputs,
        gradients=wrt,
        opset=OPSET if opset is None else opset,
        **{**given, **settings},
    )
    put(place, model.SerializeToString())
    ends = (", ".join(map(_shown, end)) for end in (model.graph.input, model.graph.output))
    return " -> ".join(ends)


def first_gradient(loss: str) -> tuple[str, ...]:
    """The input by which a function is differentiated if nobody says; an error if there is none."""
    if not registry[loss].differentiable:
        raise ParameterError(f"{loss} has no gradient; export it without one")
    return registry[loss].differentiable[:1]


def _named(option: str, given: Sequence[str], read: Callable[[str, str], Any]) -> dict[str, Any]:
    """Values from texts such as ``delta=2``."""
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise ParameterError(f"{option} is {text!r}; accepted is NAME=VALUE")
        if name in found:
            raise ParameterError(f"{option} {name} came twice; give it once")
        found[name] = read(name, value)
    return found


def _value(loss: str, name: str, text: str) -> Any:
    """A parameter's value: a number, true or false, or a list of numbers."""
    function = registry[loss]
    if name not in function.parameters:
        raise ParameterError(f"{loss}: {unknown('parameter', name, list(function.parameters))}")
    if function.parameter_domains[name].is_switch and text in ("true", "false"):
        return text == "true"
    numbers = [_number(loss, name, part) for part in text.split(",")]
    return numbers if name in function.parameter_cores or len(numbers) > 1 else numbers[0]


def _number(loss: str, name: str, text: str) -> float:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    domain = registry[loss].parameter_domains[name]
    accepted = "true or false" if domain.is_switch else f"a number in {domain.text}"
    raise ParameterError(f"{loss}: {name} is {text!r}; accepted is {accepted}")


def _size(name: str, text: str) -> int:
    if not text.isdigit():
        raise ParameterError(f"--size {name} is {text!r}; accepted is a whole number from 1 on")
    return int(text)


def _shown(value: Any) -> str:
    """An input or output of a model by name and shape."""
    axes = [str(axis.dim_param or axis.dim_value) for axis in value.type.tensor_type.shape.dim]
    return f"{value.name}[{', '.join(axes)}]"
