"""Extreme inputs: the numbers at which floating-point formulas break, in all combinations."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from lossapi.domain import LABELS, Domain

from ..oracle import exact as oracle
from ..oracle import formats
from ..oracle.formats import FORMATS, Format
from ..oracle.specfile import Spec
from ..oracle.trees import flat
from .cases import (
    Case,
    Value,
    computing,
    core_shape,
    core_sizes,
    fitted,
    labelled,
    labels_of,
    nested,
    shape_of,
    smallest_normal,
)

CLASSES = 3
VECTORS = 96
COMBINATIONS = 1200
"""As many are looked at where there are more: three inputs have some 20 000."""


def numbers(form: Format) -> list[float]:
    """The numbers of a format at which formulas break, of both signs."""
    eps = math.ldexp(1.0, 1 - form.precision)
    tiny, normal = math.ldexp(1.0, form.bottom), smallest_normal(form)
    one = (1.0 - eps / 2, 1.0, 1.0 + eps)
    root = math.ldexp(1.0, form.top // 2)  # its square overflows, half of that does not
    large = (20.0, 100.0, 1000.0, root, float(form.largest), math.inf)
    positive = [tiny, normal, eps, 0.5, *one, *large]
    return [0.0, -0.0, *positive, *(-x for x in positive), math.nan]


def parameter_sets(
    spec: Spec, form: Format, *, vectors: bool = False
) -> list[dict[str, float | None]]:
    """The default parameters, and the first others among the points that this format can hold."""
    defaults = oracle.defaults(spec)
    found: list[dict[str, float | None]] = [defaults]
    for point in spec.points if spec.parameters else ():
        given = oracle.settings(spec, point).items()
        other = defaults | {name: value for name, value in given if name not in spec.sizes}
        if any(isinstance(x, list) for x in other.values()) and not vectors:
            continue
        if other not in found and _held(other, form):
            found.append(other)
    return found if _held(defaults, form) else found[1:]


def _held(parameters: dict[str, Any], form: Format) -> bool:
    """Whether the format that is computed in holds every number, and all are finite."""
    numbers = [x for value in parameters.values() for x in flat(value) if x is not None]
    return all(math.isfinite(x) and formats.is_representable(x, computing(form)) for x in numbers)


def grid(spec: Spec, dtype: str) -> list[Case]:
    """The combinations for elementwise functions; a fixed choice of vectors for classes."""
    form = FORMATS[dtype]
    # Halves are computed in float32, where other parameters are looked at too.
    sets = parameter_sets(spec, form, vectors=True)[: 1 if form.precision < 24 else 2]
    make = _elementwise if spec.signature.elementwise else _vectors
    return [
        Case(_name(inputs), inputs, fitted(spec, parameters, sizes), cotangent, flags=("grid",))
        for parameters in sets
        for inputs, cotangent, sizes in make(spec, form, parameters)
    ]


Parameters = Mapping[str, Any]
Drawn = tuple[dict[str, Any], Any, dict[str, int]]


def _elementwise(spec: Spec, form: Format, parameters: Parameters) -> Iterator[Drawn]:
    choices = [_of_domain(form, spec.domain(name, parameters)) for name in spec.inputs]
    combinations: Iterable[tuple[float, ...]] = product(*choices)
    if math.prod(map(len, choices)) > COMBINATIONS:
        # The same for every subject and every run.
        draw = random.Random(f"{spec.name} {form.name}")
        combinations = [tuple(map(draw.choice, choices)) for _ in range(COMBINATIONS)]
    for chosen in combinations:
        yield dict(zip(spec.inputs, chosen, strict=True)), None, {}


def _of_domain(form: Format, domain: Domain) -> list[float]:
    """The numbers, with those that a finite domain consists of."""
    found = numbers(form)
    return found + [x for x in domain.values or () if x not in found]


def _vectors(spec: Spec, form: Format, parameters: Parameters) -> Iterator[Drawn]:
    # The same vectors for every subject and every run.
    draw = random.Random(f"{spec.name} {form.name}")
    for i in range(VECTORS):
        sizes = core_sizes(spec, CLASSES, equal=i % 4 == 0)
        inputs: dict[str, Any] = {}
        rows: list[list[float]] = []
        for name, entry in spec.inputs.items():
            domain = spec.domain(name, parameters)
            if entry["dtype"] == LABELS:
                drawn = entry["shape"] != "()" or name != labels_of(spec)
                inputs[name] = i % CLASSES
                if drawn:
                    inputs[name] = labelled(spec, name, sizes, lambda: draw.randrange(CLASSES))
            elif entry["shape"] == "()":
                inputs[name] = draw.choice(_of_domain(form, domain))
            else:
                shape = shape_of(spec, name, sizes)
                vector = _vector(draw, form, domain, i, math.prod(shape))
                if domain.is_increasing and not any(map(math.isnan, vector)):
                    vector.sort()  # some are alike, and lie outside
                inputs[name] = _some_alike(draw, nested(vector, shape), rows)
        cotangent = _cotangent(draw, spec, sizes) if spec.has_vector_output else None
        yield inputs, cotangent, sizes


def _some_alike(draw: random.Random, value: Value, rows: list[list[float]]) -> Value:
    """Of matrices some rows are the same as an earlier one, as points that coincide."""
    if not isinstance(value[0], list):
        return value
    found = []
    for row in value:
        alike = [other for other in rows if len(other) == len(row)]
        kept = draw.choice(alike) if alike and draw.random() < 0.25 else row
        rows.append(kept)
        found.append(kept)
    return found


def _vector(draw: random.Random, form: Format, domain: Domain, i: int, size: int) -> list[float]:
    """A vector mostly inside the domain: one-hot, constant, with one odd entry, or wild."""
    inside = [x for x in _of_domain(form, domain) if x in domain]
    ordinary = [x for x in (0.0, 0.25, 0.5, 1.0, -2.0) if x in domain]
    match i % 6:
        case 0:
            hot = draw.randrange(size)
            return [float(k == hot) for k in range(size)]
        case 1:
            return [draw.choice(inside)] * size
        case 2 | 3:
            vector = [draw.choice(ordinary) for _ in range(size)]
            vector[draw.randrange(size)] = draw.choice(inside)
            return vector
        case 4:
            vector = [draw.choice(ordinary) for _ in range(size)]
            vector[draw.randrange(size)] = draw.choice(numbers(form))
            return vector
    return [draw.choice(inside) for _ in range(size)]


def _cotangent(draw: random.Random, spec: Spec, sizes: dict[str, int]) -> Any:
    shape = core_shape(spec.signature.output, sizes)
    return nested([draw.choice((1.0, -1.0, 0.5, 2.0, 0.0)) for _ in range(math.prod(shape))], shape)


def _name(inputs: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in inputs.items())
