"""An example call of a function, made from its ordinary test points and their golden results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from lossapi.domain import LABELS
from lossapi.errors import SpecError

from ..oracle.specfile import Spec
from .face import face

_MOST = 3
_DIGITS = 4


def lines(spec: Spec, golden: Mapping[str, Any]) -> list[str]:
    """The example as typed into Python; what it prints is computed from the golden results."""
    called = face(spec)
    first = "" if called.has_vector_output else next(iter(called.differentiable), "")
    pairs = _alike(_with_slopes(_pairs(spec, golden), first))
    entries = [entry for _, entry in pairs]
    typed = [">>> import lossapi"]
    for name, entry in spec.inputs.items():
        column = [_source(point["inputs"][name], entry["dtype"]) for point, _ in pairs]
        typed.append(f">>> {name} = [{', '.join(column)}]")
    sizes = pairs[0][0].get("parameters", {})
    arguments = ", ".join([*spec.inputs, *(f"{name}={size}" for name, size in sizes.items())])
    if called.reduces:
        mean = sum(Fraction(e["value"]["exact"]) for e in entries) / len(entries)
        typed.append(f">>> float(lossapi.{spec.name}({arguments}).round({_DIGITS}))")
        typed.append(_spelled(float(mean)))
        arguments += ', reduction="none"'
    typed.append(f">>> lossapi.{spec.name}({arguments}).round({_DIGITS}).tolist()")
    typed.append(_spelled([entry["value"]["float64"] for entry in entries]))
    if first and all(_has_slope(entry, first) for entry in entries):
        typed.append(f">>> lossapi.{spec.name}.grad({arguments}).round({_DIGITS}).tolist()")
        typed.append(_spelled([entry["gradient"][first]["float64"] for entry in entries]))
    return typed


Pair = tuple[dict[str, Any], dict[str, Any]]


def _pairs(spec: Spec, golden: Mapping[str, Any]) -> list[Pair]:
    """The ordinary points of default parameters, and their results."""
    known = {entry["id"]: entry for entry in golden["points"]}
    ordinary = [
        point
        for point in spec.points
        if "typical" in point["flags"] and set(point.get("parameters", {})) <= set(spec.sizes)
    ]
    if not ordinary:
        raise SpecError(
            f"{spec.origin}: points: none is typical and has the default parameters; the example "
            "of the reference page needs one"
        )
    missing = [point["id"] for point in ordinary if point["id"] not in known]
    if missing:
        raise SpecError(
            f"{spec.name}: the golden file lacks {', '.join(missing)}; "
            f"run `lossapi spec build {spec.name}`"
        )
    return [(point, known[point["id"]]) for point in ordinary]


def _with_slopes(pairs: list[Pair], name: str) -> list[Pair]:
    """The points with a gradient that can be shown, if there are any."""
    return [pair for pair in pairs if _has_slope(pair[1], name)] or pairs


def _has_slope(entry: Mapping[str, Any], name: str) -> bool:
    """Whether no component is shown as 0: that has two signs, of which golden files know one."""
    return bool(name) and bool(np.all(_rounded(entry["gradient"][name]["float64"]) != 0))


def _alike(pairs: list[Pair]) -> list[Pair]:
    """A few points of one shape, the smallest there is."""
    shape = min((_shape(point) for point, _ in pairs), key=_size)
    return [pair for pair in pairs if _shape(pair[0]) == shape][:_MOST]


def _shape(point: Mapping[str, Any]) -> list[tuple[int, ...]]:
    sizes = point.get("parameters", {}).values()
    return [*(np.shape(value) for value in point["inputs"].values()), *((int(n),) for n in sizes)]


def _size(shape: list[tuple[int, ...]]) -> int:
    return sum(math.prod(core) for core in shape)


def _source(tokens: Any, dtype: str) -> str:
    if isinstance(tokens, list):
        return f"[{', '.join(_source(token, dtype) for token in tokens)}]"
    return str(int(tokens)) if dtype == LABELS else repr(float(tokens))


def _rounded(tokens: Any) -> Any:
    return np.asarray(tokens, dtype=np.float64).round(_DIGITS)


def _spelled(tokens: Any) -> str:
    return repr(_rounded(tokens).tolist())
