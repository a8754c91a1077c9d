"""The linear program of exact transport: its value, its plan, and its slopes by the masses.

Solved in whole numbers, which numbers of any float format are up to a power of two: a solver with
tolerances finds the plan of another problem where costs or masses differ by many orders.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy as np

    Array = np.ndarray[Any, Any]

Flow = dict[tuple[int, int], int]
Matrix = list[list[int]]


class Solution(NamedTuple):
    """What solves each problem: NaN where it is none."""

    value: Array
    by_first: Array
    by_second: Array
    plan: Array


def solved(a: Array, b: Array, cost: Array) -> Solution:
    """The solutions of problems with masses (..., n) and (..., m) and costs (..., n, m)."""
    import numpy as np

    loop = np.broadcast_shapes(a.shape[:-1], b.shape[:-1], cost.shape[:-2])
    whole = [
        np.broadcast_to(x, (*loop, *x.shape[x.ndim - core :]))
        for x, core in ((a, 1), (b, 1), (cost, 2))
    ]
    found = _kept(*(x.astype(np.float64).tobytes() for x in whole), whole[2].shape)
    return Solution(*(x.astype(cost.dtype) for x in found))


@lru_cache(maxsize=2)
def _kept(a: bytes, b: bytes, cost: bytes, shape: tuple[int, ...]) -> Solution:
    """The solutions, which are asked for a second time by whoever wants value and gradient."""
    import numpy as np

    *loop, n, m = shape
    count = math.prod(loop)
    first, second, costs = (
        np.frombuffer(given).reshape((count, *core)).tolist()
        for given, core in ((a, (n,)), (b, (m,)), (cost, (n, m)))
    )
    found = [_one(*problem) for problem in zip(first, second, costs, strict=True)]
    cores = ((), (n,), (m,), (n, m))
    return Solution(
        *(
            np.asarray([solution[part] for solution in found], dtype=np.float64).reshape(
                (*loop, *core)
            )
            for part, core in enumerate(cores)
        )
    )


def _one(a: list[float], b: list[float], cost: list[list[float]]) -> tuple[Any, ...]:
    """Value, slopes and plan of one problem."""
    n, m = len(a), len(b)
    numbers = [*a, *b, *(x for row in cost for x in row)]
    if not (all(map(math.isfinite, numbers)) and any(a) and any(b)):
        nothing = [math.nan] * m
        return math.nan, [math.nan] * n, nothing, [nothing] * n
    (first, unit), (second, other) = _whole(a), _whole(b)
    flat, scale = _whole(x for row in cost for x in row)
    costs = [flat[i * m : (i + 1) * m] for i in range(n)]
    rows, columns = ([i for i, x in enumerate(given) if x] for given in (a, b))
    total = sum(first) * sum(second)
    flow, low, high = _optimal(
        [first[i] * sum(second) for i in rows],
        [second[j] * sum(first) for j in columns],
        [[costs[i][j] for j in columns] for i in rows],
    )
    plan = [[0.0] * m for _ in range(n)]
    for (i, j), amount in flow.items():
        plan[rows[i]][columns[j]] = amount / total
    spent = sum(x * costs[rows[i]][columns[j]] for (i, j), x in flow.items())
    # The price of a place without mass is the one at which mass there would begin to pay.
    sold = [min(costs[i][j] - high[k] for k, j in enumerate(columns)) for i in range(n)]
    bought = [min(costs[i][j] - low[k] for k, i in enumerate(rows)) for j in range(m)]
    by_first, by_second = _slopes(first, unit, sold, scale), _slopes(second, other, bought, scale)
    return _quotient(spent, total * scale), by_first, by_second, plan


def _whole(numbers: Iterable[float]) -> tuple[list[int], int]:
    """Whole numbers over one denominator that are these numbers."""
    ratios = [x.as_integer_ratio() for x in numbers]
    unit = max(below for _, below in ratios)
    return [above * (unit // below) for above, below in ratios], unit


def _slopes(masses: list[int], unit: int, prices: list[int], scale: int) -> list[float]:
    """The gradient by masses that are divided by their sum: (price - mean price) / sum."""
    total = sum(masses)
    spent = sum(x * y for x, y in zip(masses, prices, strict=True))
    return [_quotient((y * total - spent) * unit, total * total * scale) for y in prices]


def _quotient(x: int, y: int) -> float:
    try:
        return x / y
    except OverflowError:
        return math.inf if x > 0 else -math.inf


def _optimal(supply: list[int], demand: list[int], cost: Matrix) -> tuple[Flow, Any, Any]:
    """The optimal flow and the prices at both ends, by the simplex method on spanning trees."""
    n = len(supply)
    # A little more comes from everywhere, and all of it goes to one place, so that no tree has a
    # flow of 0: each step lowers the cost. Rounding takes that away again.
    parts = 2 * n + 1
    supply = [parts * x + 1 for x in supply]
    demand = [*(parts * x for x in demand[:-1]), parts * demand[-1] + n]
    flow, start = _cheapest_first(supply, demand, cost), 0
    while True:
        prices, above, depth = _rooted(flow, cost, n)
        low, high = prices[:n], prices[n:]
        for step in range(n):
            i = (start + step) % n
            rest = [x - y for x, y in zip(cost[i], high, strict=True)]
            least = min(rest)
            if least < low[i]:
                break
        else:
            return {cell: (x + n) // parts for cell, x in flow.items()}, low, high
        start = i
        _enter(flow, (i, rest.index(least)), above, depth, n)


def _cheapest_first(supply: list[int], demand: list[int], cost: Matrix) -> Flow:
    """A flow on a spanning tree that is none too dear: as much as fits, cheapest cells first."""
    left, wanted, flow = list(supply), list(demand), {}
    low = [min(row) for row in cost]
    reduced = [[x - low[i] for x in row] for i, row in enumerate(cost)]
    least = [min(column) for column in zip(*reduced, strict=True)]
    cells = [(x - least[j], i, j) for i, row in enumerate(reduced) for j, x in enumerate(row)]
    for _, i, j in sorted(cells):
        if left[i] and wanted[j]:
            flow[i, j] = amount = min(left[i], wanted[j])
            left[i] -= amount
            wanted[j] -= amount
    return flow


def _rooted(flow: Flow, cost: Matrix, n: int) -> tuple[list[int], list[int], list[int]]:
    """The price of each place, the next one towards the root of the tree, and the way there."""
    beside: list[list[int]] = [[] for _ in range(n + len(cost[0]))]
    for i, j in flow:
        beside[i].append(n + j)
        beside[n + j].append(i)
    prices, above, depth = ([0] * len(beside) for _ in range(3))
    above[0], reached = -1, [0]
    for place in reached:
        for other in beside[place]:
            if other != above[place]:
                i, j = min(place, other), max(place, other) - n
                prices[other] = cost[i][j] - prices[place]
                above[other], depth[other] = place, depth[place] + 1
                reached.append(other)
    return prices, above, depth


def _enter(
    flow: Flow, entering: tuple[int, int], above: list[int], depth: list[int], n: int
) -> None:
    """Move as much as fits around the cycle that a cell closes; the cell that is emptied goes."""
    circle = list(_between(n + entering[1], entering[0], above, depth))
    cells = [(min(x, y), max(x, y) - n) for x, y in circle]
    amount, leaving = min((flow[cell], cell) for cell in cells[::2])
    for k, cell in enumerate(cells):
        flow[cell] += amount if k % 2 else -amount
    del flow[leaving]
    flow[entering] = amount


def _between(
    first: int, last: int, above: list[int], depth: list[int]
) -> Iterator[tuple[int, int]]:
    """The edges of the tree on the way from one place to another."""
    back = []
    while first != last:
        if depth[first] >= depth[last]:
            yield first, above[first]
            first = above[first]
        else:
            back.append((last, above[last]))
            last = above[last]
    yield from reversed(back)
