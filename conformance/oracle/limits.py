"""What a loss file claims at infinite inputs, against huge finite ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from typing import Any

from . import calculus, formats, sites
from .arithmetic import Mpf, arithmetic
from .exact import Quantity
from .sites import Site
from .trees import Path, flat, get, paths, replaced

Way = list[tuple[dict[str, Any], int]]
"""Names with ever larger numbers for the infinities, and the digits to compute with."""


def problems(site: Site) -> Iterator[str]:
    """Everything claimed where an input is infinite is the limit along every way there."""
    ways = list(_ways(site))
    yield from _limits(site, "value", None, ways)
    if any(formats.isnan(x) for x in flat(site.exact("value"))):
        return
    for quantity in ("gradient", "hessian_diag"):
        order = "1" if quantity == "gradient" else "2"
        kinks = [kink for _, kink in sites.kinks_here(site) if kink["order"] == order]
        for name in site.spec.data.get(quantity, {}):
            yield from _limits(site, quantity, name, ways, kinks)


def _limits(
    site: Site,
    quantity: Quantity,
    wrt: str | None,
    ways: list[Way],
    kinks: Iterable[Mapping[str, Any]] = (),
) -> Iterator[str]:
    """One quantity, component by component; what is chosen at a kink is no limit."""
    claims = site.exact(quantity, wrt)
    results = _along(site, quantity, wrt, ways)
    for path in sites.sampled(claims):
        if any(_is_chosen(site, str(wrt), path, kink) for kink in kinks):
            continue
        what = quantity if wrt is None else f"{quantity} of {sites.label(wrt, path)}"
        claim = get(claims, path)
        problem = _denied(claim, [[get(result, path) for result in way] for way in results])
        if problem and formats.isnan(claim):
            # What these ways agree on may still depend on which square is larger.
            results += _along(site, quantity, wrt, _ways(site, steep=True))
            problem = _denied(claim, [[get(result, path) for result in way] for way in results])
        if problem:
            yield f"{site.where}: {what} is {problem}"


def _is_chosen(site: Site, name: str, path: Path, kink: Mapping[str, Any]) -> bool:
    """Whether a kink leaves a choice for this component."""
    if name not in kink["interval"]:
        return False
    low, high = (sites.expression(site, name, path, end) for end in kink["interval"][name])
    return bool(low != high)


def _along(site: Site, quantity: Quantity, wrt: str | None, ways: Iterable[Way]) -> list[Any]:
    """The quantity as defined, along each way."""
    return [[site.evaluate(quantity, wrt, names, digits) for names, digits in w] for w in ways]


def _denied(claim: Mpf, ways: list[list[Mpf]]) -> str | None:
    """Why the claim is not the limit of all these sequences, or, if NaN, why there is a limit."""
    if formats.isnan(claim):
        ends = [calculus.tends_to(way) for way in ways]
        first = ends[0]
        if first is not None and all(
            end is not None and (calculus.same(end, first) or abs(end - first) < 1e-6)
            for end in ends
        ):
            return f"NaN, yet every way there leads to {sites.show(first)}"
        return None
    for way in ways:
        if not calculus.goes_to(way, claim):
            shown = ", ".join(sites.show(x) for x in way)
            return f"{sites.show(claim)}, yet one way there gives {shown}"
    return None


def _ways(site: Site, *, steep: bool = False) -> Iterator[Way]:
    """Ways to the infinities of a point: in step, and some of them faster than others.

    The fastest is below the square of the slowest, or beyond if `steep`.
    """
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
    if not steep:
        orders.append((0,) * count)
    elif count == 1:
        orders = []
    finite = [abs(x) for v in site.inputs.values() for x in flat(v) if formats.isfinite(x)]
    start = 140 + max(0, formats.ulp_exponent(max(finite, default=0.0), formats.BINARY64) + 53)
    for order in dict.fromkeys(orders):
        way = []
        for bits in (start, 2 * start, 4 * start):
            digits = int(4 * bits * 0.31) * (3 if steep else 1) + 80
            names = dict(site.names)
            for (name, path), rank in zip(infinite, order, strict=True):
                more = 2 * bits * rank // (count - 1) if steep else bits * rank // count
                size = arithmetic(digits).number(1 << (bits + more))
                sign = 1 if get(site.inputs[name], path) > 0 else -1
                names[name] = replaced(names[name], path, sign * size)
            way.append((names, digits))
        yield way
