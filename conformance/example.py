"""An example call of a function, made from its ordinary test points and their golden results."""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from lossapi.domain import LABELS
from lossapi.errors import SpecError

from .face import face
from .specfile import Spec

_MOST = 3
_DIGITS = 4


def lines(spec: Spec, golden: Mapping[str, Any]) -> list[str]:
    """The example as a Python session; what it prints is computed from the golden results."""
    points = _points(spec)
    known = {entry["id"]: entry for entry in golden["points"]}
    missing = [point["id"] for point in points if point["id"] not in known]
    if missing:
        raise SpecError(
            f"{spec.name}: the golden file lacks {', '.join(missing)}; "
            f"run `lossapi spec build {spec.name}`"
        )
    entries = [known[point["id"]] for point in points]
    session = [">>> import lossapi"]
    for name, entry in spec.inputs.items():
        column = [_source(point["inputs"][name], entry["dtype"]) for point in points]
        session.append(f">>> {name} = [{', '.join(column)}]")
    arguments, called = ", ".join(spec.inputs), face(spec)
    if called.reduces:
        mean = sum(Fraction(e["value"]["exact"]) for e in entries) / len(entries)
        session.append(f">>> float(lossapi.{spec.name}({arguments}).round({_DIGITS}))")
        session.append(_rounded(float(mean)))
        arguments += ', reduction="none"'
    session.append(f">>> lossapi.{spec.name}({arguments}).round({_DIGITS}).tolist()")
    session.append(_rounded([entry["value"]["float64"] for entry in entries]))
    first = called.differentiable[0] if called.differentiable else ""
    if first and not called.has_vector_output:
        session.append(f">>> lossapi.{spec.name}.grad({arguments}).round({_DIGITS}).tolist()")
        slopes = [entry["gradient"][first]["float64"] for entry in entries]
        session.append(_rounded(slopes))
    return session


def _points(spec: Spec) -> list[dict[str, Any]]:
    """Ordinary points with default parameters and core axes of one length, the shortest there is."""
    ordinary = [p for p in spec.points if "typical" in p["flags"] and "parameters" not in p]
    if not ordinary:
        raise SpecError(
            f"{spec.origin}: points: none is typical and has the default parameters; the example "
            "of the reference page needs one"
        )
    shape = min((_shape(point) for point in ordinary), key=_size)
    return [point for point in ordinary if _shape(point) == shape][:_MOST]


def _shape(point: Mapping[str, Any]) -> list[tuple[int, ...]]:
    return [np.shape(value) for value in point["inputs"].values()]


def _size(shape: list[tuple[int, ...]]) -> int:
    return sum(math.prod(core) for core in shape)


def _source(tokens: Any, dtype: str) -> str:
    if isinstance(tokens, list):
        return f"[{', '.join(_source(token, dtype) for token in tokens)}]"
    return str(int(tokens)) if dtype == LABELS else repr(float(tokens))


def _rounded(tokens: Any) -> str:
    return repr(np.asarray(tokens, dtype=np.float64).round(_DIGITS).tolist())
