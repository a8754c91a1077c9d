"""The exact Wasserstein distance for any cost: a linear program, solved and not computed.

A solver looks at values and takes as many steps as it needs, so this is the one function that does
not run on every array library: it takes NumPy arrays, and needs SciPy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    ArgumentError,
    BackendError,
    DomainError,
    DTypeError,
    ParameterError,
    ShapeError,
)
from .transport_program import NAME, by_mass, solved

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

_INPUTS = ("a", "b", "cost")


class ExactTransport:
    r"""The least cost of moving one distribution of masses to another, for any cost matrix.

        lossapi.wasserstein_distance(a, b, cost)

    ## Example

        >>> import lossapi
        >>> a, b, cost = [0.5, 0.5], [0.25, 0.75], [[0.0, 1.0], [2.0, 0.5]]
        >>> float(lossapi.wasserstein_distance(a, b, cost))
        0.5
        >>> lossapi.wasserstein_distance.grad(a, b, cost).tolist()
        [[0.25, 0.25], [0.0, 0.5]]
        >>> lossapi.wasserstein_distance.grad(a, b, cost, wrt="a").tolist()
        [0.25, -0.25]

    ## Formula

        $$ W = \min_{\gamma \ge 0} \sum_{ij} \gamma_{ij} C_{ij}, \qquad \sum_j \gamma_{ij} = \frac{a_i}{\sum a}, \quad \sum_i \gamma_{ij} = \frac{b_j}{\sum b} $$

        the least sum(plan[i, j] * cost[i, j]) of all plans with plan[i, j] >= 0,
        sum(plan[i, :]) == a[i] / sum(a) and sum(plan[:, j]) == b[j] / sum(b)

    ## Inputs

    - `a`: The masses of n places. Shape (n), domain [0, inf), differentiable; with a sum above 0,
      by which they are divided.
    - `b`: The masses of m other places. Shape (m), as those of `a`.
    - `cost`: The cost of moving a unit of mass from each place of a to each of b. Shape (n, m),
      domain (-inf, inf), differentiable. With the p-th power of a distance the result is W_p^p.

    One problem a call, as NumPy arrays or lists, of any floating dtype of NumPy's, integers or bool.

    ## Returns

    A number, in the floating dtype that the inputs promote to, float64 without any; it is computed
    in float64.

    - `wasserstein_distance.grad(a, b, cost, wrt="cost")`: the gradient by "a", "b" or "cost", or a
      tuple.
    - `wasserstein_distance.value_and_grad(a, b, cost, wrt="cost")`: both at once.

    ## Gradient

    By `cost`: the plan.

        $$ \gamma_{ij} $$

    By `a`, with the prices (dual potentials) f of its places; by `b` likewise with those of b.

        $$ \frac{1}{\sum a} \Bigl( f_i - \frac{\sum_k f_k a_k}{\sum a} \Bigr) $$

        (f[i] - sum(f * a) / sum(a)) / sum(a)

    It is exact for masses that need not sum to one, and 0 along the masses themselves.

    ## Kinks

    Where several plans or prices are optimal each is a subgradient, and the one that the solver
    finds is returned. A place without mass has the price at which mass there would begin to pay.

    ## Outside the domain

    It is a DomainError that names the position, never a NaN: a solver looks at all values anyway.

    ## Errors

    - ArgumentError: an input is no array of numbers.
    - ParameterError: wrt is no input's name.
    - ShapeError: the shapes do not fit the signature (n),(m),(n,m)->().
    - DTypeError: a dtype is not among those listed.
    - BackendError: an input is an array of another library.
    - DomainError: a mass is negative, masses sum to 0, or a number is infinite or NaN.
    - MissingExtraError: SciPy is not installed (`pip install 'lossapi[transport]'`).
    - LossError: the solver stopped without a plan.

    ## Accuracy

    Masses below 1e-10 of their sum, and costs that differ by less than 1e-10 of their range after
    rows and columns are reduced by their least entries, are within the tolerance of the solver;
    otherwise the value is right to rounding.

    ## When to use it

    - Two distributions over places are compared by a cost that is no distance on a line. On a line
      use wasserstein_distance_1d, which runs on every library and takes (n + m) log(n + m) steps.

    ## Notes

    - It takes some 0.3 s for 150 places against 120, and n m numbers are held at once.

    ## References

    - G. Peyré, M. Cuturi. Computational optimal transport (2019).
      https://doi.org/10.1561/2200000073 Chapter 3.
    - Q. Huangfu, J. A. J. Hall. Parallelizing the dual revised simplex method (2018).
      https://doi.org/10.1007/s12532-017-0130-5
    """  # noqa: E501 (a formula is one line)

    __name__ = __qualname__ = NAME

    def __call__(self, a: Any, b: Any, cost: Any) -> Any:
        """The least cost, a number."""
        arrays, dtype = _checked(a, b, cost)
        return dtype.type(solved(*arrays).value)

    def value_and_grad(
        self, a: Any, b: Any, cost: Any, *, wrt: str | tuple[str, ...] = "cost"
    ) -> tuple[Any, Any]:
        """The least cost, and its gradient by ``wrt`` (an input's name, or a tuple)."""
        names = (wrt,) if isinstance(wrt, str) else tuple(wrt)
        if not names or not set(names) <= set(_INPUTS):
            raise ParameterError(
                f"{NAME}: wrt is {wrt!r}; accepted is an input's name or a tuple of names, out "
                f"of {', '.join(_INPUTS)}."
            )
        arrays, dtype = _checked(a, b, cost)
        found = solved(*arrays)
        gradients = {
            "a": by_mass(arrays[0], found.first),
            "b": by_mass(arrays[1], found.second),
            "cost": found.plan,
        }
        results = tuple(gradients[name].astype(dtype) for name in names)
        return dtype.type(found.value), results[0] if isinstance(wrt, str) else results

    def grad(self, a: Any, b: Any, cost: Any, *, wrt: str | tuple[str, ...] = "cost") -> Any:
        """The gradient by ``wrt`` (an input's name, or a tuple)."""
        return self.value_and_grad(a, b, cost, wrt=wrt)[1]

    def __repr__(self) -> str:
        return f"<exact transport {NAME!r} (n),(m),(n,m)->()>"

    def __reduce__(self) -> str:
        return NAME


wasserstein_distance = ExactTransport()


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
                f"{NAME}: {name} has shape {arrays[name].shape}; accepted is one problem, of "
                f"masses (n) and (m) and a cost (n, m). Solve several in a loop."
            )
    due = (arrays["a"].size, arrays["b"].size)
    if arrays["cost"].shape != due:
        raise ShapeError(
            f"{NAME}: cost has shape {arrays['cost'].shape}; by the masses it is to have {due}, "
            f"a row for each entry of a and a column for each of b."
        )
    for name, array in arrays.items():
        wrong = ~np.isfinite(array) if name == "cost" else ~(np.isfinite(array) & (array >= 0))
        if wrong.any():
            place = tuple(int(i) for i in np.argwhere(wrong)[0])
            kind = "finite numbers" if name == "cost" else "finite masses that are 0 or more"
            raise DomainError(
                f"{NAME}: {name}[{', '.join(map(str, place))}] is {array[place]}; accepted are "
                f"{kind}."
            )
        if name != "cost" and not array.any():
            raise DomainError(
                f"{NAME}: the masses {name} sum to 0; accepted is a sum above 0, by which they "
                f"are divided."
            )
    wide = [array.astype(np.float64) for array in arrays.values()]
    return (wide[0], wide[1], wide[2]), dtype


def _array(name: str, value: Any) -> Any:
    import numpy as np

    if not isinstance(value, np.ndarray | np.generic | list | tuple | int | float):
        kind = type(value)
        raise BackendError(
            f"{NAME}: {name} is a {kind.__module__}.{kind.__qualname__}; accepted are NumPy "
            f"arrays and lists, as a solver has to look at the values. Convert it, for example "
            f"with numpy.asarray, and give the gradient back by hand; on a line, "
            f"wasserstein_distance_1d runs on every library."
        )
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ArgumentError(f"{NAME}: {name} is no array of numbers ({error}).") from None
    if array.dtype.kind not in "fiub":
        raise DTypeError(
            f"{NAME}: {name} has dtype {array.dtype}; accepted are floating, integer or bool "
            f"dtypes."
        )
    return array
