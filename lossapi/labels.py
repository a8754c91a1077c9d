"""Plain functions of labels: they have no derivative, and are neither losses nor primitives."""

from __future__ import annotations

import math
from typing import Any

from . import backend as backends
from . import values
from .binding import as_integer, is_number
from .call import as_array
from .errors import DTypeError, ParameterError, ShapeError
from .validation import is_integer

__all__ = ["one_hot"]


def one_hot(
    labels: Any,
    *,
    num_classes: int,
    axis: int = -1,
    dtype: Any = None,
    ignore_index: int | None = None,
) -> Any:
    """Labels as one-hot vectors: 1 for the class that is the label, 0 for the others.

        lossapi.one_hot(labels, *, num_classes, axis=-1, dtype=None, ignore_index=None)

    ## Example

        >>> import lossapi
        >>> lossapi.one_hot([2, 0], num_classes=3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]

    ## Formula

        $$ e_k = [k = y] $$

        [1 if k == labels else 0 for k in range(num_classes)]

    ## Inputs

    - `labels`: The index of the class of each example, from 0 to K - 1. Shape (...); any integer
      dtype, or bool for two classes; a number, a list, or an array of any library.

    ## Parameters

    - `num_classes`: K, 1 or more. It is not read off the labels, of which a batch may lack some.
    - `axis` (default -1): Where the axis of the classes is in the result.
    - `dtype` (default: the floating dtype in which the library makes numbers): bfloat16, float16,
      float32 or float64, by name or as the library's own.
    - `ignore_index` (default None): A label that stands for none; its vector is all 0.

    ## Returns

    An array of the library of the labels, with one axis more, of length K.

    It has no gradient: labels do not move by little. As a target of `softmax_cross_entropy` it
    gives what the labels themselves give `sparse_softmax_cross_entropy`, which needs no table.

    ## Outside the domain

    A label that names no class is a LabelError where labels can be seen. Where they can't (under
    tracing, or where looking would wait for a device) its vector is NaN in every class, and so is
    whatever is computed from it. It never wraps around and is never the vector of zeros, which
    peers give without a word and which ends as a loss of 0.

    ## Errors

    - ParameterError: num_classes, axis or ignore_index is no integer, or num_classes is below 1.
    - ShapeError: there is no such axis in the result.
    - DTypeError: the labels are no integers, or dtype is no floating dtype of the library.
    - LabelError: a label is outside 0 … K-1 and is not ignore_index.
    - BackendError: the labels are an object that is no array.

    ## Equivalents

    - torch: `torch.nn.functional.one_hot(labels, num_classes)` — the same in int64, with
      the classes in the last axis.
    - jax: `jax.nn.one_hot(labels, num_classes)` — differs: A label that names no class has the
      vector of zeros.

    ## When to use it

    - A loss of vectors is given labels, such as `brier_score` of several classes.
    - Classes are a mask per class, as segmentation has it: axis=1 gives [N, K, H, W].
    """
    name = "one_hot"
    backend = backends.find(name, [("labels", labels)])
    if is_number(labels) or isinstance(labels, list | tuple):
        labels = as_array(name, backend, "labels", labels)
    kind = backend.dtype_name(labels)
    if not is_integer(kind):
        raise DTypeError(
            f"{name}: labels has dtype {kind}; accepted are integer or bool dtypes. "
            f"Convert it first."
        )
    count = _count(name, num_classes)
    ignored = None if ignore_index is None else as_integer(name, "ignore_index", ignore_index)
    place, form = _place(name, axis, labels.ndim + 1), _floating(name, backend, dtype)
    values.check_labels(name, backend, "labels", labels, count, ignored)

    xp = backend.xp
    index = xp.astype(labels, backend.index_dtype)[..., None]
    classes = backend.class_index(xp.broadcast_to(index, (*labels.shape, count)))
    hot, known = index == classes, (index >= 0) & (index < count)
    if ignored is not None:
        hot, known = hot & (index != ignored), known | (index == ignored)
    vectors = xp.where(known, xp.astype(hot, backend.dtypes[form]), math.nan)
    return xp.moveaxis(vectors, -1, place)


def _count(name: str, num_classes: Any) -> int:
    count = as_integer(name, "num_classes", num_classes)
    if count < 1 or isinstance(num_classes, bool):
        raise ParameterError(
            f"{name}: num_classes is {num_classes!r}; accepted is an integer, 1 or more."
        )
    return count


def _place(name: str, axis: Any, dimensions: int) -> int:
    place = as_integer(name, "axis", axis)
    if not -dimensions <= place < dimensions:
        raise ShapeError(
            f"{name}: axis is {place}, but the result has {dimensions} dimensions; accepted is an "
            f"axis from {-dimensions} to {dimensions - 1}."
        )
    return place


def _floating(name: str, backend: backends.Backend, dtype: Any) -> str:
    """The name of the dtype of the result."""
    if dtype is None:
        return backend.dtype_name(backend.asarray(0.0))
    for known, own in backend.dtypes.items():
        if dtype == known if isinstance(dtype, str) else own == dtype:
            return known
    raise DTypeError(
        f"{name}: dtype is {dtype!r}; accepted are {', '.join(backend.dtypes)}. "
        f"Convert the result where it is to hold integers."
    )
