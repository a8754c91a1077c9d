"""Labels as vectors, a primitive that the engine does not run."""

from __future__ import annotations

import math
from typing import Any

from . import backend as backends
from . import reference, values
from .binding import as_integer, bind, is_number
from .call import as_array
from .class_axis import is_label
from .domain import LABELS
from .errors import ArgumentError, DTypeError, ParameterError, ShapeError
from .loss import Primitive, registered
from .validation import is_integer


class OneHot(Primitive):
    """A primitive of labels alone: it has no gradient, and no input to take a dtype from.

    So the engine, which goes by the floating inputs, is left out.
    """

    __doc__ = reference.Documentation(__doc__)

    def __init__(self, kernel: Any, signature: str, domains: dict[str, str]) -> None:
        super().__init__(kernel, signature, domains)
        self.options += ("dtype", "ignore_index")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The vectors, along a new axis: NaN for a label that names no class and is not seen."""
        name = self.__name__
        num_classes, dtype = kwargs.pop("num_classes", ...), kwargs.pop("dtype", None)
        bound = bind(self, "value", args, kwargs)
        labels, ignored = bound.inputs["labels"], bound.ignore_index
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
        place, form = _place(name, bound.axis, labels.ndim + 1), _floating(name, backend, dtype)
        values.check_labels(name, backend, "labels", labels, count, ignored)

        xp = backend.xp
        index = xp.astype(labels, backend.index_dtype)[..., None]
        known = (index >= 0) & (index < count)
        hot = self.kernel(xp, index[..., 0], num_classes=count)
        if ignored is not None:
            hot, known = hot & (index != ignored), known | (index == ignored)
        vectors = xp.where(known, xp.astype(hot, backend.dtypes[form]), math.nan)
        return xp.moveaxis(vectors, -1, place)


def _kernel(xp: Any, labels: Any, *, num_classes: int) -> Any:
    """Labels as one-hot vectors: 1 for the class that is the label, 0 for the others."""
    vectors = xp.broadcast_to(labels[..., None], (*labels.shape, num_classes))
    return is_label(xp, vectors, labels)


_kernel.__name__ = "one_hot"
one_hot = registered(OneHot(_kernel, "()->(k)", {"labels": LABELS, "num_classes": "{1, 2, ...}"}))


def _count(name: str, num_classes: Any) -> int:
    if num_classes is ...:
        raise ArgumentError(f"{name}: num_classes is missing; it is an integer, 1 or more.")
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
