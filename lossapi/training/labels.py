"""Labels made soft."""

from __future__ import annotations

from typing import Any

from .. import backend as backends
from .. import values
from ..backend import Backend
from ..binding import as_integer, is_number
from ..call import as_array
from ..errors import ArgumentError, DTypeError, LabelError, ParameterError, ShapeError
from ..labels import one_hot
from ..validation import is_integer
from .arguments import beside, found, number, widened


def smooth_labels(
    target: Any,
    alpha: Any,
    *,
    num_classes: int | None = None,
    binary: bool = False,
    distribution: Any = None,
    axis: int = -1,
) -> Any:
    """The target mixed with the uniform distribution, (1 - alpha) y + alpha / K.

    ``target`` holds probabilities of K classes along ``axis``, such as one-hot vectors. Integer
    labels become vectors first, along a new axis, if ``num_classes`` says how many classes there
    are. With ``binary=True`` each entry is a target of its own from 0 to 1, and K is 2.
    ``alpha`` lies in [0, 1]. ``distribution``, K probabilities, takes the place of the uniform
    one. Vectors that sum to 1 still do.

    The softmax cross-entropies have a parameter ``label_smoothing`` that does the same and never
    forms the vectors.

    C. Szegedy et al., Rethinking the Inception architecture for computer vision, 2016,
    arXiv:1512.00567.

    >>> import numpy as np
    >>> from lossapi.training import smooth_labels
    >>> smooth_labels(np.array([2, 0]), 0.25, num_classes=4).tolist()
    [[0.0625, 0.0625, 0.8125, 0.0625], [0.8125, 0.0625, 0.0625, 0.0625]]
    >>> smooth_labels(np.array([1.0, 0.0]), 0.25, binary=True).tolist()
    [0.875, 0.125]
    """
    name = "smooth_labels"
    alpha = number(name, "alpha", alpha, "[0, 1]")
    backend, target = found(name, "target", target)
    kind = backend.dtype_name(target)
    if binary and (num_classes is not None or distribution is not None):
        raise ArgumentError(
            f"{name}: binary is True and num_classes or distribution is given; accepted is one of "
            f"them. A binary target is mixed with one half."
        )
    if is_integer(kind):
        target = _floating(name, backend, target, num_classes, binary, axis)
    elif kind not in backends.FLOATING:
        raise DTypeError(
            f"{name}: target has dtype {kind}; accepted are integer, bool and floating dtypes."
        )
    elif num_classes is not None:
        raise ArgumentError(
            f"{name}: num_classes is given and target has dtype {kind}; accepted are integer "
            f"labels with num_classes, or vectors without."
        )
    xp, wide = backend.xp, widened(backend, target)
    if binary:
        uniform: Any = beside(backend, 0.5, wide)
    else:
        if not wide.ndim:
            raise ShapeError(
                f"{name}: target has shape (); accepted are vectors along an axis of classes. For "
                f"a target from 0 to 1 give binary=True."
            )
        place = as_integer(name, "axis", axis)
        if not -wide.ndim <= place < wide.ndim:
            raise ShapeError(
                f"{name}: axis is {place}, but target has shape {tuple(wide.shape)}; accepted is "
                f"an axis from {-wide.ndim} to {wide.ndim - 1}."
            )
        uniform = _prior(name, backend, distribution, wide, place)
    share = beside(backend, alpha, wide)
    return xp.astype((1 - share) * wide + share * uniform, target.dtype)


def _floating(
    name: str, backend: Backend, target: Any, num_classes: int | None, binary: bool, axis: int
) -> Any:
    """Integer labels as vectors, or as the targets of a binary loss."""
    if binary:
        values.check_labels(name, backend, "target", target, 2, None)
        return backend.xp.astype(target, backend.asarray(0.0).dtype)
    if num_classes is None:
        raise ArgumentError(
            f"{name}: target has dtype {backend.dtype_name(target)}, and num_classes is missing; "
            f"accepted are labels with num_classes=, 0 and 1 with binary=True, or vectors of a "
            f"floating dtype."
        )
    try:
        return one_hot(target, num_classes=num_classes, axis=axis)
    except (LabelError, ParameterError, ShapeError) as problem:
        told = str(problem).removeprefix("one_hot: ").replace("labels[", "target[")
        raise type(problem)(f"{name}: {told}") from None


def _prior(name: str, backend: Backend, distribution: Any, wide: Any, place: int) -> Any:
    """The distribution that a target is mixed with, along its axis."""
    count = wide.shape[place]
    if distribution is None:
        return 1 / count if count else 0.0
    if is_number(distribution) or isinstance(distribution, list | tuple):
        kind = backend.dtype_name(wide)
        distribution = as_array(name, backend, "distribution", distribution, kind, wide)
    backends.find(name, [("target", wide), ("distribution", distribution)])
    if tuple(distribution.shape) != (count,):
        raise ShapeError(
            f"{name}: distribution has shape {tuple(distribution.shape)}; accepted is one "
            f"probability for each class, {(count,)}."
        )
    shape = [1] * wide.ndim
    shape[place] = count
    return backend.xp.reshape(backend.xp.astype(distribution, wide.dtype), tuple(shape))
