"""Fisher information, and the gradient in the metric that it makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..backend import Backend
from ..errors import BackendError, ShapeError
from .arguments import Arrays, beside, gathered, number, quiet, widened
from .trees import Tree, mapped

EPSILON = {"float32": 2.0**-23, "float64": 2.0**-52}


def fisher_information(scores: Any, *, weights: Any = None, damping: Any = 0.0) -> Any:
    """The mean of s sᵀ over samples of the score s, the gradient of a log-likelihood.

    ``scores`` has a row for each sample, (N, D); arrays of a tree have N as their first axis, and
    the rest of their axes, one array after the other, make up D. ``weights`` of shape (N,) make
    it a weighted mean, 0 for no samples. ``damping``, 0 or more, is added to the diagonal.
    Computed in float32 at least. Scores of labels drawn from the model give the Fisher
    information; scores of the observed labels give what is called the empirical one, which
    differs where the model is wrong.

    S. Amari, Natural gradient works efficiently in learning, 1998, doi:10.1162/089976698300017746.

    >>> import numpy as np
    >>> from lossapi.training import fisher_information
    >>> fisher_information(np.array([[1.0, 0.0], [1.0, 2.0]])).tolist()
    [[1.0, 1.0], [1.0, 2.0]]
    """
    name = "fisher_information"
    damping = number(name, "damping", damping, "[0, inf)")
    given = gathered(name, ("scores", scores), ("weights", weights))
    backend, xp = given.backend, given.backend.xp
    count = len(given.arrays) - (weights is not None)
    rows = given.arrays[0].shape[0] if count and given.arrays[0].ndim else 0
    for place, array in list(zip(given.places, given.arrays, strict=True))[:count]:
        if not array.ndim or array.shape[0] != rows:
            raise ShapeError(
                f"{name}: {place} has shape {tuple(array.shape)}; accepted is a first axis of one "
                f"entry for each sample, {rows} as in {given.places[0]}."
            )
    if not count:
        raise ShapeError(f"{name}: scores holds no array; accepted is one at least, (N, D).")
    parts = [_flat(xp, array, given.computing, 1) for array in given.arrays[:count]]
    matrix = xp.concat(parts, axis=1) if len(parts) > 1 else parts[0]
    with quiet(backend):
        if weights is None:
            share: Any = 1 / max(rows, 1)
        else:
            shape = tuple(given.arrays[-1].shape)
            if shape != (rows,):
                raise ShapeError(
                    f"{name}: weights has shape {shape}; accepted is one for each sample, "
                    f"{(rows,)}."
                )
            wide = xp.astype(given.arrays[-1], given.computing)
            total = xp.sum(wide)
            share = (wide / xp.where(total > 0, total, xp.ones_like(total)))[:, None]
        found = xp.matmul(xp.matrix_transpose(matrix), matrix * share)
        return found + _diagonal(backend, damping, found)


def softmax_fisher_information(probabilities: Any, *, damping: Any = 0.0) -> Any:
    """The Fisher information of the logits of a softmax, diag(p) - p pᵀ, of shape (…, K, K).

    It is the Hessian of the softmax cross-entropy too, whatever the label. It is singular, as
    adding a number to all logits changes nothing: `natural_gradient` takes the pseudo-inverse, or
    give a ``damping`` above 0, which is added to the diagonal. Computed in float32 at least.

    >>> import numpy as np
    >>> from lossapi.training import softmax_fisher_information
    >>> softmax_fisher_information(np.array([0.25, 0.75])).tolist()
    [[0.1875, -0.1875], [-0.1875, 0.1875]]
    """
    name = "softmax_fisher_information"
    damping = number(name, "damping", damping, "[0, inf)")
    given = gathered(name, ("probabilities", probabilities))
    if len(given.arrays) != 1 or not given.arrays[0].ndim:
        came = [tuple(array.shape) for array in given.arrays]
        raise ShapeError(
            f"{name}: probabilities has shape {came[0] if len(came) == 1 else came}; accepted is "
            f"one array of shape (…, K)."
        )
    backend, xp = given.backend, given.backend.xp
    p = widened(backend, given.arrays[0])
    column, row = p[..., :, None], p[..., None, :]
    own = _eye(backend, p)
    # p (1 - p) as a product keeps the digits that p - p² loses near 0 and 1.
    found = xp.where(own, column * (1 - row), -(column * row))
    return found + _diagonal(backend, damping, found)


def natural_gradient(gradient: Tree, fisher: Any, *, damping: Any = 0.0) -> Tree:
    """The gradient in the metric of the Fisher information, (F + damping · I)⁻¹ g.

    ``gradient`` is a vector (D,), or a tree whose arrays make up D entries one after the other;
    ``fisher`` is the matrix (D, D), in that order. Where F has no inverse the pseudo-inverse is
    taken: directions whose eigenvalue is below D times the rounding error of the largest one are
    left out, as nothing is known of them. Computed in float32 at least; the result has the dtypes
    of the gradient. NaN if an entry of F is infinite or NaN.

    S. Amari, Natural gradient works efficiently in learning, 1998, doi:10.1162/089976698300017746.

    >>> import numpy as np
    >>> from lossapi.training import natural_gradient
    >>> natural_gradient(np.array([1.0, 1.0]), np.array([[2.0, 0.0], [0.0, 0.5]])).tolist()
    [0.5, 2.0]
    """
    name = "natural_gradient"
    damping = number(name, "damping", damping, "[0, inf)")
    given = gathered(name, ("gradient", gradient), ("fisher", fisher))
    backend, xp = given.backend, given.backend.xp
    *arrays, matrix = given.arrays
    size = sum(_length(array) for array in arrays)
    if tuple(matrix.shape) != (size, size):
        raise ShapeError(
            f"{name}: fisher has shape {tuple(matrix.shape)}; accepted is a row and a column for "
            f"each of the {size} entries of the gradient, {(size, size)}."
        )
    linalg = _linalg(matrix)
    if not hasattr(linalg, "eigh"):
        raise BackendError(
            f"{name}: {backend.name} has no linalg.eigh; accepted are arrays of a library with "
            f"the linear algebra of the Array API standard. Convert them, for example with "
            f"numpy.asarray."
        )
    if not size:
        return gradient
    with quiet(backend):
        vector = xp.concat([_flat(xp, array, given.computing, 0) for array in arrays], axis=0)
        wide = xp.astype(matrix, given.computing)
        pieces = _pieces(given, _solved(backend, linalg, wide, vector, damping))
        return mapped(lambda leaf: next(pieces), gradient)


def _linalg(array: Any) -> Any:
    """The linear algebra of a library, which it may keep apart until it is asked for."""
    import array_api_compat

    return getattr(array_api_compat.array_namespace(array), "linalg", None)


def _solved(backend: Backend, linalg: Any, wide: Any, vector: Any, damping: Any) -> Any:
    xp = backend.xp
    fine = xp.all(xp.isfinite(wide))  # some libraries raise for others, some do not return
    wide = xp.where(fine, wide, xp.zeros_like(wide))
    values, vectors = linalg.eigh(wide)
    values = values + beside(backend, damping, values)
    largest = xp.max(xp.abs(values))
    bound = largest * (values.shape[0] * EPSILON[backend.dtype_name(values)])
    kept = values > bound
    inverse = xp.where(kept, 1 / xp.where(kept, values, xp.ones_like(values)), 0 * values)
    parts = xp.matmul(xp.matrix_transpose(vectors), vector) * inverse
    found = xp.matmul(vectors, parts)
    return xp.where(fine, found, xp.full_like(found, float("nan")))


def _pieces(given: Arrays, vector: Any) -> Iterator[Any]:
    """A vector cut into the shapes of the arrays of a gradient, in their dtypes."""
    xp, start = given.backend.xp, 0
    for array in given.arrays[:-1]:
        stop = start + _length(array)
        yield xp.astype(xp.reshape(vector[start:stop], tuple(array.shape)), array.dtype)
        start = stop


def _flat(xp: Any, array: Any, dtype: Any, axes: int) -> Any:
    """The array with all axes after the first ones as one."""
    front = tuple(array.shape[:axes])
    return xp.reshape(xp.astype(array, dtype), (*front, _length(array, axes)))


def _length(array: Any, axes: int = 0) -> int:
    length = 1
    for n in array.shape[axes:]:
        length *= n
    return length


def _eye(backend: Backend, vector: Any) -> Any:
    index = backend.class_index(vector)
    return index[:, None] == index[None, :]


def _diagonal(backend: Backend, damping: Any, matrix: Any) -> Any:
    """The damping on the diagonal of a matrix of this shape."""
    xp, value = backend.xp, beside(backend, damping, matrix)
    return xp.where(_eye(backend, matrix), value, xp.zeros_like(value))
