"""Optimal transport as its definition has it: of all vertices the cheapest, in rational numbers.

The vertices of the polytope of plans are flows on spanning trees between sources and sinks, those
of its dual are prices that a spanning tree makes equal to the cost. All trees are looked at, which
a handful of places allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from typing import Any, NamedTuple

Row = Sequence[Fraction]
Edge = tuple[int, int]
"""A place and the next one towards the first source; sinks are counted after the sources."""


class Optima(NamedTuple):
    """All optimal vertices; none where a mass is negative, or there is none."""

    plans: list[list[list[Fraction]]]
    prices: list[tuple[list[Fraction], list[Fraction]]]
    """Those of the sources, of which the first is 0, and those of the sinks."""


def ratio(x: Any) -> Fraction:
    """The fraction that a finite mpmath number is."""
    sign, mantissa, exponent, _ = x._mpf_
    return (-1 if sign else 1) * int(mantissa) * Fraction(2) ** int(exponent)


@lru_cache(maxsize=4096)
def optima(a: tuple[Fraction, ...], b: tuple[Fraction, ...], cost: tuple[Row, ...]) -> Optima:
    """The optimal plans and prices between masses that are divided by their sums."""
    if min(*a, *b) < 0 or not sum(a) or not sum(b):
        return Optima([], [])
    first, second = [x / sum(a) for x in a], [x / sum(b) for x in b]
    n, m = len(a), len(b)
    plans, prices = [], []
    for tree in _trees(n, m):
        plan, left = [[Fraction(0)] * m for _ in a], [*first, *second]
        for place, towards in reversed(tree):  # from the leaves on
            plan[min(place, towards)][max(place, towards) - n] = left[place]
            left[towards] -= left[place]
        if all(x >= 0 for row in plan for x in row):
            spent = sum(plan[i][j] * cost[i][j] for i, j in product(range(n), range(m)))
            plans.append((spent, plan))
        price = [Fraction(0)] * (n + m)
        for place, towards in tree:
            price[place] = cost[min(place, towards)][max(place, towards) - n] - price[towards]
        if all(price[i] + price[n + j] <= cost[i][j] for i, j in product(range(n), range(m))):
            earned = sum(x * y for x, y in zip([*first, *second], price, strict=True))
            prices.append((earned, (price[:n], price[n:])))
    least = min(spent for spent, _ in plans)
    assert least == max(earned for earned, _ in prices)
    return Optima(
        _different(plan for spent, plan in plans if spent == least),
        _different(price for earned, price in prices if earned == least),
    )


def _different(found: Iterable[Any]) -> list[Any]:
    kept: list[Any] = []
    for item in found:
        if item not in kept:
            kept.append(item)
    return kept


@lru_cache(maxsize=32)
def _trees(n: int, m: int) -> list[list[Edge]]:
    """Every spanning tree between n sources and m sinks, from the first source outwards."""
    cells = list(product(range(n), range(n, n + m)))
    found = (_outwards(chosen) for chosen in combinations(cells, n + m - 1))
    return [tree for tree in found if len(tree) == n + m - 1]


def _outwards(cells: Sequence[Edge]) -> list[Edge]:
    """The edges that reach a place for the first time."""
    reached, tree = [0], []
    for place in reached:
        for cell in cells:
            if place in cell:
                other = sum(cell) - place
                if other not in reached:
                    reached.append(other)
                    tree.append((other, place))
    return tree
