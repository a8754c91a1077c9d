"""Gradients, curvatures and kinks of a loss file against numerical differentiation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from . import calculus, formats, sites
from .arithmetic import Mpf, arithmetic
from .calculus import Curve
from .exact import Quantity
from .sites import Site
from .trees import Path, flat, get, mapped, paths, replaced

_SIDES = {-1: "left", 1: "right"}
_SIGN = {False: -1, True: 1}


def problems(site: Site, kinks: list[Mapping[str, Any]]) -> Iterator[str]:
    """Gradient and curvature at a point where every input is finite."""
    if any(formats.isnan(x) for x in flat(site.exact("value"))):
        if "outside_domain" in site.flags:
            return  # outside by a condition in the definition, as where a parameter decides
        yield f"{site.where}: the value is NaN inside the domain"
        return
    for name in site.spec.differentiable:
        jumps, first, second = (
            [k for k in kinks if k["order"] == order and name in k["interval"]] for order in "012"
        )
        yield from _order(site, "gradient", name, first, smooth=not first and not jumps)
        for kink in jumps:
            yield from _jump(site, name, kink)
        for kink in (kink for kink in first if "free" not in kink):
            for output in _outputs(site):
                yield from _least_norm(output, name, kink)
        if name in site.spec.data.get("hessian_diag", {}):
            if (first or jumps) and not second:
                yield from _between_sides(site, name)
            else:
                yield from _order(site, "hessian_diag", name, second, smooth=not second)


def _order(
    site: Site, quantity: Quantity, name: str, kinks: list[Mapping[str, Any]], *, smooth: bool
) -> Iterator[str]:
    """One derivative with respect to one input, component by component."""
    claims = site.exact(quantity, name)
    for path in sites.sampled(site.inputs[name]):
        what = f"{quantity} of {sites.label(name, path)}"
        claim = get(claims, path)
        if formats.isnan(claim):
            yield f"{site.where}: {what}: the definition gives NaN inside the domain"
            continue
        sides = sites.sides(site, name, path)
        if smooth:
            denied = (_smooth(site, quantity, name, path, side, claim, what) for side in sides)
            yield from islice(filter(None, denied), 1)
        for kink in kinks:
            yield from _kink(site, quantity, name, path, kink, claim, what)


def _smooth(
    site: Site, quantity: Quantity, name: str, path: Path, side: int, claim: Mpf, what: str
) -> str | None:
    below = sites.below(site, quantity, name, path)
    if formats.isfinite(below(arithmetic(60).zero, 60)):
        right, found = calculus.derivative_is(below, side, claim)
        method = "the numerical derivative"
    else:
        # Where the function is infinite it has no difference quotient: the derivative near by
        # must go to the claim.
        right, found = calculus.limit_is(sites.curve(site, quantity, name, path), side, claim)
        method = "near by it"
    if right:
        return None
    return (
        f"{site.where}: {what}: the definition gives {sites.show(claim)}, {method} from the "
        f"{_SIDES[side]} is {sites.show(found)}"
    )


def _kink(
    site: Site,
    quantity: Quantity,
    name: str,
    path: Path,
    kink: Mapping[str, Any],
    claim: Mpf,
    what: str,
) -> Iterator[str]:
    """The ends of the interval are the one-sided derivatives; the choice is what is claimed."""
    low, high = (sites.expression(site, name, path, text) for text in kink["interval"][name])
    chosen = sites.expression(site, name, path, kink["chosen"][name])
    at = f"{site.where}: {what}: at the kink {kink['at']}"
    interval = f"[{sites.show(low)}, {sites.show(high)}]"
    if not low <= high:
        yield f"{at}: the interval {interval} is upside down"
        return
    if not low <= chosen <= high:
        yield f"{at}: chosen {sites.show(chosen)} is outside {interval}"
    if not calculus.same(claim, chosen):
        yield f"{at}: the definition gives {sites.show(claim)}, chosen is {sites.show(chosen)}"
    if quantity == "hessian_diag":
        yield from _nearest(at, low, high, chosen)
    below = sites.below(site, quantity, name, path)
    sides = sites.sides(site, name, path)
    # A jump has a lower and an upper side, and which is on the left depends on the function.
    orders = ((low, high), (high, low))
    verdicts = [
        [calculus.derivative_is(below, side, ends[side > 0]) for side in sides] for ends in orders
    ]
    if not any(all(right for right, _ in verdict) for verdict in verdicts):
        found = ", ".join(
            f"{sites.show(numeric)} from the {_SIDES[side]}"
            for side, (_, numeric) in zip(sides, verdicts[0], strict=True)
        )
        yield f"{at}: the interval is {interval}, the one-sided derivatives are {found}"


def _nearest(at: str, low: Mpf, high: Mpf, chosen: Mpf) -> Iterator[str]:
    nearest = min(max(arithmetic(30).zero, low), high)
    if not calculus.same(chosen, nearest):
        yield f"{at}: chosen is {sites.show(chosen)}, of least norm is {sites.show(nearest)}"


def _jump(site: Site, name: str, kink: Mapping[str, Any]) -> Iterator[str]:
    """Where the function itself jumps it has no derivative, and the choice is a convention."""
    at = f"{site.where}: gradient of {name}: at the jump {kink['at']}"
    for path in sites.sampled(site.inputs[name]):
        claim = get(site.exact("gradient", name), path)
        chosen = sites.expression(site, name, path, kink["chosen"][name])
        ends = [sites.expression(site, name, path, text) for text in kink["interval"][name]]
        if not all(calculus.same(end, chosen) for end in ends):
            yield f"{at}: the interval is wider than the choice; a jump leaves no others"
        if not calculus.same(claim, chosen):
            yield f"{at}: the definition gives {sites.show(claim)}, chosen is {sites.show(chosen)}"
    where = list(paths(site.inputs[name]))
    for output in _outputs(site, every=True):
        here = output.value(output.names, 160)
        for direction in _directions(len(where)):
            if not calculus.limit_is(_directional(output, name, where, direction), 1, here)[0]:
                return
    yield f"{at}: the value does not jump"


def _outputs(site: Site, *, every: bool = False) -> Iterator[Site]:
    """The site with some outputs, or every one, by itself: each has a subgradient of its own."""
    if not site.spec.has_vector_output:
        yield site
        return
    value = site.exact("value")
    for path in paths(value) if every else sites.sampled(value):
        cotangent = replaced(mapped(value, lambda _: 0.0), path, 1.0)
        names = site.names | {"cotangent": cotangent}
        where = f"{site.where}, output{sites.label('', path)}"
        yield site._replace(cotangent=cotangent, names=names, where=where)


def _least_norm(site: Site, name: str, kink: Mapping[str, Any]) -> Iterator[str]:
    """The choice is the number nearest 0; for a vector the shortest of the subdifferential.

    Of a vector it is asked along directions, since the subdifferential need not be a box. Where
    the function is not convex, the components may be chosen one by one, or the function (or its
    negative) be regular, as a maximum (or minimum) of smooth functions is.
    """
    at = f"{site.where}: gradient of {name}: at the kink {kink['at']}"
    if isinstance(site.inputs[name], list):
        problem = _denied(site, name, kink, 1)
        if problem is None:
            return
        if name in site.spec.data["properties"].get("convex_in", []):
            yield f"{at}: {problem}"
            return
        if _denied(site, name, kink, -1) is None:
            return
    for path in sites.sampled(site.inputs[name]):
        low, high = (sites.expression(site, name, path, text) for text in kink["interval"][name])
        chosen = sites.expression(site, name, path, kink["chosen"][name])
        what = f"{site.where}: gradient of {sites.label(name, path)}: at the kink {kink['at']}"
        yield from _nearest(what, low, high, chosen)


def _denied(site: Site, name: str, kink: Mapping[str, Any], sign: int) -> str | None:
    """Why the choice is not the subgradient of least norm of the function times a sign.

    The choice c belongs to the subdifferential if no directional derivative f'(x; d) is below
    c·d, and is its shortest element if f'(x; -c) = -|c|².
    """
    where = list(paths(site.inputs[name]))
    chosen = [sites.expression(site, name, path, kink["chosen"][name]) for path in where]
    zero = arithmetic(60).zero
    length = sum((c * c for c in chosen), zero)
    if length != 0:
        steepest = _directional(site, name, where, [-c * sign for c in chosen])
        if not calculus.derivative_is(steepest, 1, -length * sign)[0]:
            return "the choice is not the subgradient of least norm"
    going_on = [sites.sides(site, name, path) for path in where]
    for direction in _directions(len(where)):
        if any(d != 0 and _SIGN[d > 0] not in s for d, s in zip(direction, going_on, strict=True)):
            continue  # beyond an end of the domain, where the definition may say anything
        along = sum((c * d for c, d in zip(chosen, direction, strict=True)), zero)
        found = calculus.slope(_directional(site, name, where, direction), 1, 40, 800)
        if (found - along) * sign < -1e-20 * max(1, abs(along)):
            shown = ", ".join(sites.show(d) for d in direction)
            return f"the choice is no subgradient: the slope along ({shown}) is less"
    return None


def _directions(count: int) -> list[list[Mpf]]:
    """The axes, the diagonal, and a few directions across, each both ways; the same every time."""
    real = arithmetic(60)
    axes = [[int(i == j) for i in range(count)] for j in range(min(count, sites.MOST_COMPONENTS))]
    across = [
        [((i * step + shift) * 7919) % 11 - 5 for i in range(count)]
        for step, shift in ((1, 0), (3, 1), (5, 2), (7, 3))
    ]
    return [
        [real.number(sign * d) for d in direction]
        for direction in [*axes, [1] * count, *across]
        for sign in (1, -1)
    ]


def _directional(site: Site, name: str, where: list[Path], direction: list[Mpf]) -> Curve:
    def curve(offset: Mpf, digits: int) -> Mpf:
        real = arithmetic(digits)
        value = site.names[name]
        for path, d in zip(where, direction, strict=True):
            moved = real.number(get(value, path)) + real.number(d) * offset
            value = replaced(value, path, moved)
        return site.value(site.names | {name: value}, digits)

    return curve


def _between_sides(site: Site, name: str) -> Iterator[str]:
    """Where the gradient jumps the curvature is what it is on a side, or between both."""
    claims = site.exact("hessian_diag", name)
    for path in sites.sampled(site.inputs[name]):
        claim = get(claims, path)
        curve = sites.curve(site, "hessian_diag", name, path)
        h = arithmetic(1_600).decimal("1e-400")
        near = [curve(h * side, 1_600) for side in sites.sides(site, name, path)]
        tolerance = 1e-20 * max((abs(x) for x in near if formats.isfinite(x)), default=0)
        if near and not min(near) - tolerance <= claim <= max(near) + tolerance:
            found = " and ".join(sites.show(x) for x in near)
            yield (
                f"{site.where}: hessian_diag of {sites.label(name, path)}: the definition gives "
                f"{sites.show(claim)} where the gradient jumps; on its sides it is {found}"
            )
