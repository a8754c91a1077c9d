"""The linear program of exact transport: its plan, its prices and the slopes by masses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import LossError, MissingExtraError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

NAME = "wasserstein_distance"
_TOLERANCE = 1e-10


class Solution(NamedTuple):
    """What solves one problem, in the shape of its inputs."""

    value: float
    plan: Array
    first: Array
    """The potential of each place of the first distribution: its price."""
    second: Array


def solved(a: Array, b: Array, cost: Array) -> Solution:
    """The plan and the potentials."""
    import numpy as np

    rows, columns = np.flatnonzero(a), np.flatnonzero(b)
    first, second = _shares(a), _shares(b)
    # A power of two keeps differences of costs from overflowing, and subnormal numbers at bay.
    _, exponent = np.frexp(np.abs(cost).max(initial=0.0))
    scaled = np.ldexp(cost, 1 - int(exponent))
    within = scaled[np.ix_(rows, columns)]
    plan = np.zeros_like(cost)
    flow, prices, others = _program(first[rows], second[columns], within)
    plan[np.ix_(rows, columns)] = flow
    # The price of a place without mass is the highest that leaves the plan optimal.
    lowest = (scaled[:, columns] - others).min(axis=1)
    lowest[rows] = prices
    highest = (scaled - lowest[:, None]).min(axis=0)
    highest[columns] = others
    value = np.ldexp(_cost(flow, within), int(exponent) - 1)
    with np.errstate(over="ignore"):  # prices may lie beyond all costs
        low, high = (np.ldexp(x, int(exponent) - 1) for x in (lowest, highest))
    return Solution(float(value), plan, low, high)


def _shares(masses: Array) -> Array:
    """The masses over their sum, which may overflow."""
    import numpy as np

    _, exponent = np.frexp(masses.max())
    masses = np.ldexp(masses, -int(exponent))
    shares: Array = masses / masses.sum()
    return shares


def _cost(plan: Array, cost: Array) -> float:
    from math import fsum

    return fsum((plan * cost).ravel().tolist())


def _program(a: Array, b: Array, cost: Array) -> tuple[Array, Array, Array]:
    """The optimal flow between places that have mass, and the prices of rows and columns."""
    try:
        from scipy.optimize import linprog
        from scipy.sparse import coo_array
    except ImportError:
        raise MissingExtraError(
            f"{NAME} needs SciPy; install it with: pip install 'lossapi[transport]'"
        ) from None
    import numpy as np

    # Costs less the least of their row and then of their column, in units of the largest that is
    # left: small differences beside large costs are in reach of the solver's tolerance.
    low = cost.min(axis=1)
    reduced = cost - low[:, None]
    left = reduced.min(axis=0)
    reduced = reduced - left
    unit = reduced.max() or 1.0
    n, m = cost.shape
    cell = np.arange(n * m)
    places = (np.concatenate([cell // m, n + cell % m]), np.concatenate([cell, cell]))
    constraints = coo_array((np.ones(2 * n * m), places), shape=(n + m, n * m)).tocsr()
    found = linprog(
        (reduced / unit).ravel(),
        A_eq=constraints,
        b_eq=np.concatenate([a, b]),
        method="highs-ds",
        options={
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
        },
    )
    if found.status != 0:
        raise LossError(f"{NAME}: the solver stopped without a plan ({found.message}).")
    prices = unit * found.eqlin.marginals
    flow = np.maximum(found.x, 0.0).reshape(n, m)
    return flow, low + prices[:n], left + prices[n:]


def by_mass(masses: Array, prices: Array) -> Array:
    """The gradient by masses that are divided by their sum."""
    import numpy as np

    shares = _shares(masses)
    mean = float((shares * prices).sum())
    # Apart from a power of two, as the sum may overflow.
    _, exponent = np.frexp(masses.max())
    total = float(np.ldexp(masses, -int(exponent)).sum())
    slope: Array = np.ldexp((prices - mean) / total, -int(exponent))
    return slope
