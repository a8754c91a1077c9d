"""Kinks of the order that is stated, where they are stated, and nowhere else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Literal, NamedTuple

import numpy as np

from lossapi.domain import LABELS

from ..oracle.trees import flat
from ..result import Result
from . import expected
from .cases import Array, Case, nested, shape_of
from .expected import Quantity
from .probing import Probe, changed, described

Derivative = Literal["gradient", "hessian_diag"]
Parameters = dict[str, float | None]
_VECTORS = 64


class _Site(NamedTuple):
    """A place to look at, and a direction to cross it in."""

    centre: Case
    name: str
    component: int


def run(probe: Probe, stated: str) -> Iterator[Result]:
    """Cross many places in every direction, and compare the jumps with the kinks declared.

    A loss is as smooth as it is at its least smooth parameters.
    """
    first = second = 0
    problem, where = "", None
    for parameters in probe.ordinary_sets:
        found, problem, where = _jumps(probe, "gradient", parameters)
        first += found
        if not problem and stated != "C0":
            found, problem, where = _jumps(probe, "hessian_diag", parameters)
            second += found
        if problem:
            break
    if not problem and stated == "C0" and not first:
        problem = "is stated to be C0 and no jump of the gradient was found"
    if not problem and stated != "C0" and first:
        problem = f"is stated to be {stated} and the gradient jumps"
    if not problem and stated == "C1" and not second:
        problem = "is stated to be C1 and no jump of the curvature was found"
    if not problem and stated in ("C2", "Cinf") and second:
        problem = f"is stated to be {stated} and the curvature jumps"
    yield probe.verdict(f"smoothness/{stated}", problem, where)


def _jumps(probe: Probe, kind: Derivative, parameters: Parameters) -> tuple[int, str, Case | None]:
    """How many declared kinks jump, and the first place where kink and jump do not agree."""
    seen = 0
    for name in probe.spec.data.get(kind, {}):
        sites = _sites(probe, name, parameters)
        if not sites:
            continue
        quantity = Quantity(kind, name)
        for site, jumps, own, finite in zip(sites, *_found(probe, kind, sites), strict=True):
            if not finite:
                continue  # an infinite slope shows no jump
            if expected.discontinuous(probe.spec, site.centre, name):
                continue  # where the function itself jumps, slopes beside it have no common one
            interval = expected.permitted(probe.spec, site.centre, quantity)
            wide = [] if interval is None else _wide(interval)
            declared = bool(wide) and wide[site.component if len(wide) > 1 else 0]
            # On the way of one component the slope of another may jump, and its own not.
            if (own and not declared) or (jumps and interval is None):
                return seen, f"the {kind} by {name} is a kink that is not declared", site.centre
            if declared and not own:
                return seen, f"the {kind} by {name} declares a kink but has none", site.centre
            seen += declared
    return seen, "", None


def _wide(interval: expected.Interval) -> list[bool]:
    """The components in which a kink leaves a choice."""
    low, high = list(flat(interval.low)), list(flat(interval.high))
    size = max(len(low), len(high))  # one number stands for all
    return [a != b for a, b in zip(np.resize(low, size), np.resize(high, size), strict=True)]


def _found(probe: Probe, kind: Derivative, sites: list[_Site]) -> tuple[Array, Array, Array]:
    """Whether the derivative jumps at each site, by the component that moves, and is finite.

    A jump is what does not shrink with the distance; a root shrinks to 0.18 of it.
    """
    precision = probe.inquiry.form.precision
    wide = 2.0 ** -(precision // 3)
    narrow = wide / 32
    cases = [_moved(site, step) for step in (wide, -wide, narrow, -narrow) for site in sites]
    slopes = probe.derivative(cases, kind, sites[0].name).reshape(4, len(sites), -1)
    finite: Array = np.all(np.isfinite(slopes), axis=(0, 2))
    slopes = np.where(finite[:, None], slopes, 0.0)
    far, near = abs(slopes[0] - slopes[1]), abs(slopes[2] - slopes[3])
    noise = 2.0 ** -(2 * precision // 3) * (1.0 + abs(slopes).max(axis=(0, 2)))
    own = [site.component if slopes.shape[2] > 1 else 0 for site in sites]

    def jumps(far: Array, near: Array) -> Array:
        found: Array = finite & (near > far / 4) & (near > noise)
        return found

    rows = np.arange(len(sites))
    return jumps(far.max(axis=1), near.max(axis=1)), jumps(far[rows, own], near[rows, own]), finite


def _sites(probe: Probe, name: str, parameters: Parameters) -> list[_Site]:
    scales = [x for x in parameters.values() if x and not isinstance(x, bool)]
    special = [*(-x for x in scales), *scales, *(1 - x for x in scales)]
    numbers = list(dict.fromkeys([-2.0, -1.0, -0.5, 0.0, 0.25, 0.5, 1.0, 2.0, *special]))
    domain = probe.spec.domain(name, parameters)
    if domain.values is not None:
        return []
    sites = []
    for inputs in _choices(probe, numbers, parameters):
        values = np.ravel(np.asarray(inputs[name])).tolist()
        case = Case(described(inputs), inputs, parameters, probe.cases(1, parameters)[0].cotangent)
        sites += [
            _Site(case, name, i)
            for i, x in enumerate(values)
            if x - 0.01 in domain and x + 0.01 in domain
        ]
    return sites


def _choices(
    probe: Probe, numbers: list[float], parameters: Parameters
) -> Iterator[dict[str, object]]:
    """Every combination of the numbers, or as many random vectors of them."""
    spec = probe.spec
    inside = {
        name: [x for x in numbers if x in spec.domain(name, parameters)] for name in spec.inputs
    }
    if spec.signature.elementwise:
        for chosen in product(*inside.values()):
            yield dict(zip(inside, chosen, strict=True))
        return
    for _ in range(_VECTORS):
        inputs: dict[str, object] = {}
        for name, entry in spec.inputs.items():
            if entry["dtype"] == LABELS:
                inputs[name] = probe.value(name)
            elif entry["shape"] == "()":
                inputs[name] = probe.random.choice(inside[name])
            else:
                shape = shape_of(spec, name, probe.sizes)
                if spec.domain(name, parameters).is_increasing:
                    vector = sorted(probe.random.sample(inside[name], math.prod(shape)))
                else:
                    vector = [probe.random.choice(inside[name]) for _ in range(math.prod(shape))]
                inputs[name] = nested(vector, shape)
        yield inputs


def _moved(site: _Site, step: float) -> Case:
    value = np.array(site.centre.inputs[site.name], dtype=np.float64)
    value.flat[site.component] += step
    return changed(site.centre, **{site.name: value.tolist()})
