"""What a loss file claims at infinite inputs, against huge finite ones."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

from . import calculus, formats, sites
from .arithmetic import Mpf, arithmetic
from .oracle import Quantity
from .sites import Site
from .trees import Path, flat, get, paths, replaced


def problems(site: Site) -> Iterator[str]:
    """Everything claimed where an input is infinite is the limit along every way there."""
    values = site.exact("value")
    where = list(paths(values))
    for path in where:
        yield from _limit(site, "value", None, path, get(values, path))
    if any(formats.isnan(get(values, path)) for path in where):
        return
    for quantity in ("gradient", "hessian_diag"):
        for name in site.spec.data.get(quantity, {}):
            claims = site.exact(quantity, name)
            for path in sites.sampled(claims):
                yield from _limit(site, quantity, name, path, get(claims, path))


def _limit(
    site: Site, quantity: Quantity, wrt: str | None, path: Path, claim: Mpf
) -> Iterator[str]:
    what = quantity if wrt is None else f"{quantity} of {sites.label(wrt, path)}"
    ways = [
        [get(site.evaluate(quantity, wrt, names, n), path) for names, n in way]
        for way in _ways(site)
    ]
    if formats.isnan(claim):
        ends = [calculus.tends_to(way) for way in ways]
        first = ends[0]
        if first is not None and all(
            end is not None and (calculus.same(end, first) or abs(end - first) < 1e-6)
            for end in ends
        ):
            yield f"{site.where}: {what} is NaN, yet every way there leads to {sites.show(first)}"
        return
    for way in ways:
        if not calculus.goes_to(way, claim):
            shown = ", ".join(sites.show(x) for x in way)
            yield f"{site.where}: {what} is {sites.show(claim)}, yet one way there gives {shown}"
            return


def _ways(site: Site) -> Iterator[list[tuple[dict[str, Any], int]]]:
    """Ways to the infinities of a point: in step, and some of them faster than others."""
    infinite = [
        (name, path)
        for name, value in site.inputs.items()
        for path in paths(value)
        if formats.isinf(get(value, path))
    ]
    count = len(infinite)
    if count <= 3:
        orders = list(permutations(range(count)))
    else:
        ascending = tuple(range(count))
        orders = [ascending, ascending[::-1], ascending[count // 2 :] + ascending[: count // 2]]
    orders.append((0,) * count)
    finite = [abs(x) for v in site.inputs.values() for x in flat(v) if formats.isfinite(x)]
    start = 140 + max(0, formats.ulp_exponent(max(finite, default=0.0), formats.BINARY64) + 53)
    for order in dict.fromkeys(orders):
        way = []
        for bits in (start, 2 * start, 4 * start):
            digits = int(4 * bits * 0.31) + 80
            names = dict(site.names)
            for (name, path), rank in zip(infinite, order, strict=True):
                size = arithmetic(digits).number(1 << (bits + bits * rank // count))
                sign = 1 if get(site.inputs[name], path) > 0 else -1
                names[name] = replaced(names[name], path, sign * size)
            way.append((names, digits))
        yield way
