"""How a function is called, read from its specification alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lossapi.domain import LABELS
from lossapi.reference import DEFAULTS

from ..oracle import formats
from ..oracle.exact import parameter
from ..oracle.specfile import Spec


@dataclass(frozen=True)
class Face:
    """The call of a function: inputs by position, parameters and options by keyword."""

    name: str
    inputs: tuple[str, ...]
    defaults: dict[str, float]
    """The inputs that may be left out."""
    parameters: dict[str, Any]
    """Each with its default; `...` for one that has to be given."""
    vectors: tuple[str, ...]
    options: dict[str, object]
    differentiable: tuple[str, ...]
    curved: tuple[str, ...]
    reduces: bool
    elementwise: bool
    new_axis: bool
    """Whether the axis of the classes is one that the result has and no input."""
    has_vector_output: bool

    @property
    def keywords(self) -> dict[str, object]:
        """Parameters and options with their defaults."""
        return {**self.parameters, **self.options}

    @property
    def call(self) -> str:
        """The call with all its defaults."""
        shown = [
            f"{name}={spelled(self.defaults[name])}" if name in self.defaults else name
            for name in self.inputs
        ]
        shown += [*(["*"] if self.keywords else [])]
        shown += [
            name if value is ... else f"{name}={spelled(value)}"
            for name, value in self.keywords.items()
        ]
        return f"lossapi.{self.name}({', '.join(shown)})"


def face(spec: Spec) -> Face:
    """The call that a specification describes."""
    reduces = spec.family != "primitive"
    offered = {
        "axis": spec.signature.has_axis,
        "class_weights": reduces and spec.over_classes,
        "class_where": reduces and spec.class_mask != "",
        "dtype": spec.chooses_dtype,
        "ignore_index": any(i["dtype"] == LABELS for i in spec.inputs.values()),
        "reduction": reduces,
        "weights": reduces,
        "where": reduces or spec.class_mask != "",
    }
    return Face(
        name=spec.name,
        inputs=tuple(spec.inputs),
        defaults={
            name: (int if entry["dtype"] == LABELS else float)(formats.parse(entry["default"]))
            for name, entry in spec.inputs.items()
            if "default" in entry
        },
        parameters={
            name: parameter(entry["default"]) if "default" in entry else ...
            for name, entry in spec.parameters.items()
        },
        vectors=tuple(name for name, entry in spec.parameters.items() if "shape" in entry),
        options={name: DEFAULTS[name] for name in DEFAULTS if offered[name]},
        differentiable=spec.differentiable,
        curved=tuple(spec.data.get("hessian_diag", {})),
        reduces=reduces,
        elementwise=spec.signature.elementwise,
        new_axis=not any(spec.signature.inputs),
        has_vector_output=spec.has_vector_output,
    )


def spelled(value: object) -> str:
    """A default as Python source."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
