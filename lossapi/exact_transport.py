"""The exact Wasserstein distance for any cost: a linear program, solved and not computed.

A solver looks at values and takes as many steps as it needs, so this is the one function that does
not run on every array library: it takes NumPy arrays, and needs SciPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import (
    ArgumentError,
    BackendError,
    DomainError,
    DTypeError,
    LossError,
    MissingExtraError,
    ParameterError,
    ShapeError,
)

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

_NAME = "wasserstein_distance"
_INPUTS = ("a", "b", "cost")
_TOLERANCE = 1e-10


class _Solution(NamedTuple):
    """What solves one problem, in the shape of its inputs."""

    value: float
    plan: Array
    first: Array
    """The potential of each place of the first distribution: its price."""
    second: Array


class ExactTransport:
    r"""The least cost of moving one distribution of masses to another, for any cost matrix.

    .. math::

        W = \min_{\gamma \ge 0} \sum_{ij} \gamma_{ij} C_{ij}, \qquad
        \sum_j \gamma_{ij} = \frac{a_i}{\sum a}, \quad \sum_i \gamma_{ij} = \frac{b_j}{\sum b}

    Call it as ``lossapi.wasserstein_distance(a, b, cost)``; ``value_and_grad`` and ``grad`` take
    ``wrt`` as those of the losses do, which is the cost if left out.

    a, b
        The masses of n and of m places, 0 or more, with a sum above 0, by which they are divided.
    cost
        The finite cost of moving a unit of mass from each place to each other, (n, m). With the
        p-th power of a distance as cost the result is :math:`W_p^p`.

    One problem a call, as NumPy arrays or lists (a tensor of another library is a
    ``BackendError``); needs SciPy (``pip install 'lossapi[transport]'``). The result is of the
    floating dtype that the inputs promote to, and is computed in float64.

    The gradient by the cost is the plan :math:`\gamma`. By the masses it is
    :math:`(f - \sum_i f_i a_i / \sum a) / \sum a` with the potentials f of the dual problem, which
    is exact for masses that need not sum to one, and 0 along the masses themselves. Where several
    plans or potentials are optimal each is a subgradient, and the one that the solver finds is
    returned. A place without mass has the price at which mass there would begin to pay.

    Masses below 1e-10 of their sum, and costs that differ by less than 1e-10 of their range after
    rows and columns are reduced by their least entries, are within the tolerance of the solver;
    otherwise the value is right to rounding. It takes some 0.3 s for 150 places against 120, and
    n m numbers are held at once: on a line, use ``wasserstein_distance_1d``, which runs on every
    library and takes (n + m) log(n + m) steps.

    Sources: G. Peyré, M. Cuturi, Computational optimal transport, 2019, chapter 3,
    doi:10.1561/2200000073; Q. Huangfu, J. A. J. Hall, Parallelizing the dual revised simplex
    method, 2018, doi:10.1007/s12532-017-0130-5.

    >>> import lossapi
    >>> lossapi.wasserstein_distance([0.5, 0.5], [0.25, 0.75], [[0.0, 1.0], [2.0, 1.0]])
    0.75
    """

    __name__ = __qualname__ = _NAME

    def __call__(self, a: Any, b: Any, cost: Any) -> Any:
        """The least cost, a number."""
        arrays, dtype = _checked(a, b, cost)
        return dtype.type(_solved(*arrays).value)

    def value_and_grad(
        self, a: Any, b: Any, cost: Any, *, wrt: str | tuple[str, ...] = "cost"
    ) -> tuple[Any, Any]:
        """The least cost, and its gradient by ``wrt`` (an input's name, or a tuple)."""
        names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        if not names or not set(names) <= set(_INPUTS):
            raise ParameterError(
                f"{_NAME}: wrt is {wrt!r}; accepted is an input's name or a tuple of names, out "
                f"of {', '.join(_INPUTS)}."
            )
        arrays, dtype = _checked(a, b, cost)
        found = _solved(*arrays)
        gradients = {
            "a": _by_mass(arrays[0], found.first),
            "b": _by_mass(arrays[1], found.second),
            "cost": found.plan,
        }
        results = tuple(gradients[name].astype(dtype) for name in names)
        return dtype.type(found.value), results[0] if isinstance(wrt, str) else results

    def grad(self, a: Any, b: Any, cost: Any, *, wrt: str | tuple[str, ...] = "cost") -> Any:
        """The gradient by ``wrt`` (an input's name, or a tuple)."""
        return self.value_and_grad(a, b, cost, wrt=wrt)[1]

    def __repr__(self) -> str:
        return f"<exact transport {_NAME!r} (n),(m),(n,m)->()>"

    def __reduce__(self) -> str:
        return _NAME


wasserstein_distance = ExactTransport()


# --- what is accepted


def _checked(a: Any, b: Any, cost: Any) -> tuple[tuple[Array, Array, Array], Any]:
    """The inputs in float64, and the dtype of the result."""
    import numpy as np

    given = dict(zip(_INPUTS, (a, b, cost), strict=True))
    arrays = {name: _array(name, value) for name, value in given.items()}
    kinds = [x.dtype for x in arrays.values() if x.dtype.kind == "f"]
    dtype = np.result_type(*kinds) if kinds else np.dtype(np.float64)
    for name, rank in zip(_INPUTS, (1, 1, 2), strict=True):
        if arrays[name].ndim != rank:
            raise ShapeError(
                f"{_NAME}: {name} has shape {arrays[name].shape}; accepted is one problem, of "
                f"masses (n) and (m) and a cost (n, m). Solve several in a loop."
            )
    due = (arrays["a"].size, arrays["b"].size)
    if arrays["cost"].shape != due:
        raise ShapeError(
            f"{_NAME}: cost has shape {arrays['cost'].shape}; by the masses it is to have {due}, "
            f"a row for each entry of a and a column for each of b."
        )
    for name, array in arrays.items():
        wrong = ~np.isfinite(array) if name == "cost" else ~(np.isfinite(array) & (array >= 0))
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            kind = "finite numbers" if name == "cost" else "finite masses that are 0 or more"
            raise DomainError(
                f"{_NAME}: {name}[{', '.join(map(str, place))}] is {array[place]}; accepted are "
                f"{kind}."
            )
        if name != "cost" and not array.any():
            raise DomainError(
                f"{_NAME}: the masses {name} sum to 0; accepted is a sum above 0, by which they "
                f"are divided."
            )
    wide = [array.astype(np.float64) for array in arrays.values()]
    return (wide[0], wide[1], wide[2]), dtype


def _array(name: str, value: Any) -> Any:
    import numpy as np

    if not isinstance(value, np.ndarray | np.generic | list | tuple | int | float):
        kind = type(value)
        raise BackendError(
            f"{_NAME}: {name} is a {kind.__module__}.{kind.__qualname__}; accepted are NumPy "
            f"arrays and lists, as a solver has to look at the values. Convert it, for example "
            f"with numpy.asarray, and give the gradient back by hand; on a line, "
            f"wasserstein_distance_1d runs on every library."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ArgumentError(f"{_NAME}: {name} is no array of numbers ({error}).") from None
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"{_NAME}: {name} has dtype {array.dtype}; accepted are floating, integer or bool "
            f"dtypes."
        )
    return array


# --- the linear program


def _solved(a: Array, b: Array, cost: Array) -> _Solution:
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
    return _Solution(float(value), plan, low, high)


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
            f"{_NAME} needs SciPy; install it with: pip install 'lossapi[transport]'"
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
        raise LossError(f"{_NAME}: the solver stopped without a plan ({found.message}).")
    prices = unit * found.eqlin.marginals
    flow = np.maximum(found.x, 0.0).reshape(n, m)
    return flow, low + prices[:n], left + prices[n:]


def _by_mass(masses: Array, prices: Array) -> Array:
    """The gradient by masses that are divided by their sum."""
    import numpy as np

    shares = _shares(masses)
    mean = float((shares * prices).sum())
    # Apart from a power of two, as the sum may overflow.
    _, exponent = np.frexp(masses.max())
    total = float(np.ldexp(masses, -int(exponent)).sum())
    slope: Array = np.ldexp((prices - mean) / total, -int(exponent))
    return slope
