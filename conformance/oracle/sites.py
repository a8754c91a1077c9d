"""A test point of a loss, made ready to differentiate and to take limits at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from . import definition, formats
from . import exact as oracle
from .arithmetic import Mpf, arithmetic
from .calculus import Curve
from .exact import Quantity
from .specfile import Spec
from .trees import Path, flat, get, paths, replaced

MOST_COMPONENTS = 5


class Site(NamedTuple):
    """One test point of a loss, ready to be computed with."""

    spec: Spec
    where: str
    inputs: dict[str, Any]
    parameters: dict[str, Any]
    cotangent: Any
    names: dict[str, Any]
    flags: tuple[str, ...] = ()

    def exact(self, quantity: Quantity, wrt: str | None = None) -> Any:
        """What the file claims here."""
        return oracle.exact(self.spec, quantity, self.inputs, self.parameters, wrt, self.cotangent)

    def evaluate(
        self,
        quantity: Quantity,
        wrt: str | None,
        names: dict[str, Any],
        n: int,
        *,
        held: bool = False,
    ) -> Any:
        """What the definition gives, limits left aside, in the shape that is due.

        With `held`, what stands inside ``stop`` stays what it is at the point.
        """
        text = oracle.definition_text(self.spec, quantity, wrt)
        shape = oracle.shape(self.spec, quantity, self.inputs, wrt, self.parameters)
        found = definition.evaluate(text, names, n, self.names if held else None)
        return oracle.shaped(shape, found)

    def value(self, names: dict[str, Any], n: int) -> Mpf:
        """The number that the gradient is the gradient of."""
        value = self.evaluate("value", None, names, n, held=True)
        if not self.spec.has_vector_output:
            return value
        real = arithmetic(n)
        weights = [real.number(x) for x in flat(names["cotangent"])]
        return sum((w * x for w, x in zip(weights, flat(value), strict=True)), real.zero)


def site_at(spec: Spec, point: Mapping[str, Any]) -> Site:
    """A point of a loss file."""
    inputs, parameters, cotangent = oracle.read_point(spec, point)
    names = oracle.names(spec, inputs, parameters, cotangent)
    where = f"{spec.name}: point {point['id']}"
    return Site(spec, where, inputs, parameters, cotangent, names, tuple(point["flags"]))


def kinks_here(site: Site) -> list[tuple[int, Mapping[str, Any]]]:
    """The kinks that the point lies on, with their place in the file."""
    return [
        (i, kink)
        for i, kink in enumerate(site.spec.data.get("kinks", []))
        if definition.holds(kink["at"], site.names)
    ]


def below(site: Site, quantity: Quantity, name: str, path: Path) -> Curve:
    """What a derivative is the derivative of, along one component of an input."""
    if quantity == "hessian_diag":
        return curve(site, "gradient", name, path, held=True)
    return _moved(site, name, path, site.value)


def curve(site: Site, quantity: Quantity, name: str, path: Path, *, held: bool = False) -> Curve:
    """One component of a derivative, along that component of the input."""

    def at(names: dict[str, Any], digits: int) -> Mpf:
        return get(site.evaluate(quantity, name, names, digits, held=held), path)

    return _moved(site, name, path, at)


def _moved(
    site: Site, name: str, path: Path, function: Callable[[dict[str, Any], int], Mpf]
) -> Curve:
    def curve(offset: Mpf, digits: int) -> Mpf:
        value = site.names[name]
        moved = arithmetic(digits).number(get(value, path)) + offset
        return function(site.names | {name: replaced(value, path, moved)}, digits)

    return curve


def sides(site: Site, name: str, path: Path) -> list[int]:
    """The sides on which the domain goes on: -1 for the left, 1 for the right."""
    domain = site.spec.domain(name, site.parameters)
    if domain.values is not None:
        return []
    x = get(site.inputs[name], path)
    going_on = [side for side, end in ((-1, domain.low), (1, domain.high)) if x != end]
    # Where a parameter decides how far the domain goes, the definition is NaN beyond its end.
    value, step = below(site, "gradient", name, path), arithmetic(60).decimal("1e-40")
    return [side for side in going_on if not formats.isnan(value(side * step, 160))] or going_on


def sampled(value: Any) -> list[Path]:
    """The components to look at: all of a few, some of many."""
    every = list(paths(value))
    if len(every) <= MOST_COMPONENTS:
        return every
    sized = sorted(every, key=lambda path: float(get(value, path)))
    chosen = {every[0], every[-1], sized[0], sized[-1], every[len(every) // 2]}
    return [path for path in every if path in chosen]


def expression(site: Site, name: str, path: Path, text: str) -> Mpf:
    """An end of an interval, or the choice in it, for one component of an input."""
    shape = oracle.shape(site.spec, "gradient", site.inputs, name)
    return get(oracle.shaped(shape, definition.evaluate(text, site.names, 120)), path)


def label(name: str, path: Path) -> str:
    """An input's component as a reader would write it."""
    return name + "".join(f"[{i}]" for i in path)


def show(x: Mpf) -> str:
    """A number as a message shows it."""
    return formats.decimal(x, 12)
