"""Holds the formulas of a loss file against each other: derivatives, kinks and limits.

Everything here follows from ``formula.definition`` alone, by numerical differentiation and by
substituting huge numbers for infinities, so a wrong gradient cannot confirm itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from lossapi.domain import Domain

from . import derivatives, formats, limits, sites
from . import exact as oracle
from .sites import Site
from .specfile import Spec
from .trees import flat

LEAST_POINTS = 12


def problems(spec: Spec) -> Iterator[str]:
    """What does not hold, one line each."""
    if len(spec.points) < LEAST_POINTS:
        yield f"{spec.name}: {len(spec.points)} points; at least {LEAST_POINTS} are due"
    if not any("typical" in point["flags"] for point in spec.points):
        yield f"{spec.name}: no point has the flag typical"
    touched: set[int] = set()
    for point in spec.points:
        inputs, parameters, _ = oracle.read_point(spec, point)
        if not oracle.in_domain(spec, inputs, parameters):
            continue
        site = sites.site_at(spec, point)
        try:
            yield from _in_range(site)
            here = sites.kinks_here(site)
            touched |= {i for i, _ in here}
            counted = oracle.kept(spec, site.inputs)
            if any(formats.isinf(x) for value in counted.values() for x in flat(value)):
                yield from limits.problems(site)
                continue
            if "kink" in point["flags"] and not here:
                yield f"{site.where}: has the flag kink; no clause of kinks holds here"
            yield from derivatives.problems(site, [kink for _, kink in here])
        except (ValueError, ArithmeticError) as problem:
            yield f"{site.where}: {problem}"
    for i, kink in enumerate(spec.data.get("kinks", [])):
        if i not in touched:
            yield f"{spec.name}: kinks[{i}] ({kink['at']}): no point lies on it"


def _in_range(site: Site) -> Iterator[str]:
    written = site.spec.data["output"]["range"]
    allowed = Domain(written)
    for x in flat(site.exact("value")):
        if not formats.isnan(x) and x not in allowed:
            yield f"{site.where}: the value {sites.show(x)} lies outside output.range {written}"
