"""Single examples, from the specification's points or drawn, and their way into batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from lossapi.domain import LABELS
from lossapi.signature import length

from ..oracle import exact as oracle
from ..oracle import golden
from ..oracle.arithmetic import arithmetic
from ..oracle.formats import FORMATS, Format
from ..oracle.specfile import Spec
from ..oracle.trees import filled, flat, mapped

Array = np.ndarray[Any, Any]
Value = Any
"""A number, or a list of them for a vector."""


@dataclass(frozen=True, eq=False)
class Case:
    """One example: what a loss is asked at."""

    id: str
    inputs: Mapping[str, Value]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cotangent: Value | None = None
    flags: tuple[str, ...] = ()
    note: str = ""
    known: Mapping[tuple[str, str | None], Value] = field(default_factory=dict)
    """Exact results from the golden file, by quantity and input."""

    @cached_property
    def key(self) -> tuple[Any, ...]:
        """What makes two cases the same question."""
        return (
            tuple((name, _frozen(value)) for name, value in self.inputs.items()),
            self._settings,
            _frozen(self.cotangent),
        )

    @cached_property
    def group(self) -> tuple[Any, ...]:
        """What examples of one batch have in common: core sizes and parameters."""
        sizes = tuple(np.shape(value) for value in self.inputs.values())
        return sizes, self._settings, self.cotangent is None

    @property
    def _settings(self) -> tuple[Any, ...]:
        return tuple(sorted((name, _frozen(value)) for name, value in self.parameters.items()))

    @property
    def numbers(self) -> list[float]:
        """Every number among the inputs."""
        return [x for value in self.inputs.values() for x in flat(value)]


def golden_cases(spec: Spec, dtype: str) -> list[Case]:
    """The specification's points that this dtype holds exactly, with their golden results."""
    entries = {entry["id"]: entry for entry in golden.load_golden(spec.name)["points"]}
    cases = []
    for point in spec.points:
        entry = entries.get(point["id"])
        if entry is None or dtype not in entry["dtypes"]:
            continue
        inputs, parameters, cotangent = oracle.read_point(spec, point)
        known: dict[tuple[str, str | None], Value] = {
            ("value", None): _exact(entry["value"]["exact"])
        }
        for kind in ("gradient", "hessian_diag"):
            for name, numbers in entry.get(kind, {}).items():
                known[kind, name] = _exact(numbers["exact"])
        if spec.declared:
            known = {}
        if spec.has_vector_output and cotangent is None:
            cotangent = filled(oracle.shape(spec, "value", inputs, None, parameters), 1.0)
        flags, note = tuple(point["flags"]), point["note"]
        cases.append(Case(point["id"], inputs, parameters, cotangent, flags, note, known))
    return cases


def grouped(cases: Iterable[Case]) -> list[list[Case]]:
    """The cases in batches of equal core sizes and parameters, in order."""
    groups: dict[tuple[Any, ...], list[Case]] = {}
    for case in cases:
        groups.setdefault(case.group, []).append(case)
    return list(groups.values())


def stacked(spec: Spec, cases: list[Case]) -> dict[str, Array]:
    """The inputs of the cases, with a leading axis for the examples."""
    return {
        name: np.asarray(
            [case.inputs[name] for case in cases],
            dtype=np.int64 if entry["dtype"] == LABELS else np.float64,
        )
        for name, entry in spec.inputs.items()
    }


def computing(form: Format) -> Format:
    """The format that a dtype is computed in: halves in float32."""
    return FORMATS["float64" if form.name == "float64" else "float32"]


def smallest_normal(form: Format) -> float:
    """The smallest positive number of full precision."""
    return math.ldexp(1.0, form.bottom + form.precision - 1)


def reduces(spec: Spec) -> bool:
    """Whether it is a loss, which reduces over examples, and not a building block of losses."""
    return spec.family != "primitive"


def labels_of(spec: Spec) -> str | None:
    """The input that holds class labels."""
    return next((name for name, entry in spec.inputs.items() if entry["dtype"] == LABELS), None)


def labelled(spec: Spec, name: str, sizes: Mapping[str, int], draw: Callable[[], int]) -> Value:
    """Labels in the shape that an input has, each of them drawn from all classes."""
    shape = shape_of(spec, name, sizes)
    return mapped(filled(shape, 0), lambda _: draw() % sizes["k"])


def unmasked(spec: Spec, case: Case) -> Case:
    """The case with nothing left out by an input that is a mask."""
    masks = {name: filled(np.shape(case.inputs[name]), 1.0) for name in spec.masks.values()}
    return replace(case, inputs={**case.inputs, **masks}, known={}) if masks else case


def relabelled(spec: Spec, case: Case, label: int) -> Case:
    """The case with another label, in the first place if there are several."""
    name = str(labels_of(spec))
    labels = case.inputs[name]
    changed = [label, *labels[1:]] if isinstance(labels, list) else label
    return replace(case, inputs={**case.inputs, name: changed}, known={})


def core_sizes(spec: Spec, size: int, *, equal: bool = False) -> dict[str, int]:
    """A size for each core dimension that has a name: for classes or the first, others beside it.

    Unlike sizes show where two dimensions are mixed up; `equal` makes all of them alike.
    """
    every = (*spec.signature.inputs, spec.signature.output)
    cores = [name for core in every for name in core if not name.isdigit()]
    names = dict.fromkeys(name.removesuffix("-1") for name in cores)
    names = dict.fromkeys(sorted(names, key=lambda name: name != "k"))
    steps = (0, 0, 0) if equal else (0, -1, 1)
    return {name: max(1, size + step) for name, step in zip(names, steps, strict=False)}


def core_shape(core: tuple[str, ...], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of core dimensions of these sizes."""
    return tuple(length(dimension, sizes) for dimension in core)


def shape_of(spec: Spec, name: str, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of one example's input where the core dimensions are of these sizes."""
    return core_shape(spec.signature.inputs[list(spec.inputs).index(name)], sizes)


def fitted(spec: Spec, parameters: Mapping[str, Any], sizes: Mapping[str, int]) -> dict[str, Any]:
    """The parameters with vectors of the length that the sizes want, repeated or cut.

    And with those that are a size themselves.
    """
    found = {
        name: np.resize(value, length(spec.parameters[name]["shape"].strip("()"), sizes)).tolist()
        if isinstance(value, list)
        else value
        for name, value in parameters.items()
    }
    return found | {name: sizes[of] for name, of in spec.sizes.items()}


def nested(numbers: list[float], shape: tuple[int, ...]) -> Value:
    """Numbers in nested lists of this shape; the one number itself for none."""
    array = np.asarray(numbers, dtype=np.float64).reshape(shape)
    found: Value = array.tolist()
    return found


def _frozen(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_frozen(item) for item in value)
    # One NaN object for all, so that equal questions are found equal.
    return math.nan if value is not None and math.isnan(value) else value


def _exact(tokens: Any) -> Value:
    """The golden result that tokens of 40 digits denote."""
    real = arithmetic(60)
    special = {"Infinity": real.inf, "-Infinity": -real.inf, "NaN": real.nan}
    return mapped(tokens, lambda token: special.get(token) or real.decimal(token))
