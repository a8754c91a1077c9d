"""Weights of classes and of examples, from how often each label comes."""

from __future__ import annotations

import math
from typing import Any

from .. import backend as backends
from .. import values
from ..backend import Backend
from ..binding import as_integer, is_number
from ..errors import ArgumentError, DTypeError, ParameterError, ShapeError
from ..validation import is_integer
from .arguments import beside, found, number, one_of, quiet

SCHEMES = ("balanced", "inverse", "effective_number")
ABSENT = ("raise", "zero")


def class_weights(
    labels: Any = None,
    *,
    counts: Any = None,
    num_classes: int | None = None,
    scheme: str = "balanced",
    beta: Any = 0.999,
    absent: str = "raise",
    ignore_index: int | None = None,
) -> Any:
    """A weight for each class that makes up for how rare it is, as an array of shape (K,).

    Give ``labels``, integers of any shape, with ``num_classes``, or the number of examples of
    each class as ``counts``. With n_k of n examples in class k, ``scheme`` is

    - "balanced": n / (K n_k), under which the mean weight of the examples is 1;
    - "inverse": n / n_k, one over the frequency, which is K times as much;
    - "effective_number": proportional to (1 - beta) / (1 - beta^n_k), with a mean of 1 over the
      classes: equal weights for a ``beta`` of 0, close to inverse for one near 1.

    A class without examples has no weight: ``absent`` is "raise", an error (NaN where values
    cannot be looked at), or "zero". Labels equal to ``ignore_index`` are not counted. The result
    goes to ``class_weights=`` of the losses over classes. Of two classes they are the negative and
    the positive weight of `weighted_sigmoid_binary_cross_entropy`.

    Y. Cui, M. Jia, T.-Y. Lin, Y. Song, S. Belongie, Class-balanced loss based on effective number
    of samples, 2019, arXiv:1901.05555.

    >>> import numpy as np
    >>> from lossapi.training import class_weights
    >>> class_weights(counts=np.array([95, 5]), scheme="inverse").round(4).tolist()
    [1.0526, 20.0]
    """
    name = "class_weights"
    scheme = one_of(name, "scheme", scheme, SCHEMES)
    absent = one_of(name, "absent", absent, ABSENT)
    beta = number(name, "beta", beta, "[0, 1)")
    if (labels is None) == (counts is None):
        came = "neither came" if labels is None else "both came"
        raise ArgumentError(
            f"{name}: of labels and counts {came}; accepted is one of them: labels with "
            f"num_classes=, or counts=."
        )
    if counts is None:
        backend, labels = _labels(name, labels)
        counts = _counted(name, backend, labels, num_classes, ignore_index)
    else:
        if num_classes is not None or ignore_index is not None:
            raise ArgumentError(
                f"{name}: counts came with num_classes or ignore_index; accepted are these "
                f"beside labels."
            )
        backend, counts = _counts(name, counts)
    xp = backend.xp
    _check_absent(name, backend, counts, absent)
    with quiet(backend):
        lost = xp.full_like(counts, 0.0 if absent == "zero" else math.nan)
        present = counts > 0
        count = xp.where(present, counts, xp.ones_like(counts))
        if scheme == "effective_number":
            raw = (1 - beta) / -xp.expm1(count * _log(backend, beta, count))
            raw = xp.where(present, raw, lost)
            total = xp.sum(raw)
            return raw * (counts.shape[0] / xp.where(total == 0, xp.ones_like(total), total))
        weights = xp.sum(counts) / count
        weights = weights / counts.shape[0] if scheme == "balanced" else weights
        return xp.where(present, weights, lost)


def sampling_weights(
    labels: Any, *, num_classes: int, power: Any = 1.0, ignore_index: int | None = None
) -> Any:
    """A probability for each example to be drawn, in proportion to n^-power of its class.

    n is the number of examples in the class of the example's label. With a ``power`` of 1 all
    classes that are there are drawn equally often, with 0 all examples. The result has the shape
    of ``labels`` and sums to 1; examples labelled ``ignore_index`` are never drawn. It is what
    ``numpy.random.Generator.choice`` takes as ``p``, and PyTorch's WeightedRandomSampler.

    >>> import numpy as np
    >>> from lossapi.training import sampling_weights
    >>> sampling_weights(np.array([0, 0, 0, 1]), num_classes=2).round(4).tolist()
    [0.1667, 0.1667, 0.1667, 0.5]
    """
    name = "sampling_weights"
    power = number(name, "power", power, "[0, inf)")
    backend, labels = _labels(name, labels)
    xp = backend.xp
    counts = _counted(name, backend, labels, num_classes, ignore_index)
    with quiet(backend):
        present = counts > 0
        # In units of the rarest class, so that a large power does not underflow everywhere.
        count = xp.where(present, counts, xp.full_like(counts, math.inf))
        ratio = xp.min(count) / count if counts.shape[0] else count
        share = xp.where(present, ratio ** beside(backend, power, ratio), xp.zeros_like(counts))
        index = xp.astype(labels, backend.index_dtype)
        known = (index >= 0) & (index < counts.shape[0])
        if ignore_index is not None:
            known = known & (index != ignore_index)
        place = xp.reshape(xp.where(known, index, xp.zeros_like(index)), (-1,))
        own = xp.reshape(xp.take(share, place, axis=0), tuple(index.shape))
        lost = xp.zeros_like(own)
        if ignore_index is None:
            lost = xp.full_like(own, math.nan)
        else:
            lost = xp.where(index == ignore_index, lost, xp.full_like(own, math.nan))
        own = xp.where(known, own, lost)
        total = backend.sum(own)
        return own / xp.where(total > 0, total, xp.ones_like(total))


def _labels(name: str, labels: Any) -> tuple[Backend, Any]:
    backend, labels = found(name, "labels", labels)
    kind = backend.dtype_name(labels)
    if not is_integer(kind):
        raise DTypeError(
            f"{name}: labels has dtype {kind}; accepted are integer or bool dtypes. Convert it "
            f"first."
        )
    return backend, labels


def _counts(name: str, counts: Any) -> tuple[Backend, Any]:
    """Numbers of examples as a floating vector."""
    backend, counts = found(name, "counts", counts)
    kind = backend.dtype_name(counts)
    if not (is_integer(kind) or kind in backends.FLOATING):
        raise DTypeError(f"{name}: counts has dtype {kind}; accepted are integers or floats.")
    if counts.ndim != 1:
        raise ShapeError(
            f"{name}: counts has shape {tuple(counts.shape)}; accepted is one number for each "
            f"class, (K,)."
        )
    if backend.is_visible(counts):
        seen = backend.to_numpy(counts)
        wrong = ~(seen >= 0)
        if wrong.any():
            place = int(wrong.argmax())
            raise ParameterError(
                f"{name}: counts[{place}] is {seen[place]}; accepted are numbers that are 0 or "
                f"more."
            )
    if is_integer(kind) or kind in ("float16", "bfloat16"):
        counts = backend.xp.astype(counts, backend.asarray(0.0).dtype)
    return backend, counts


def _counted(name: str, backend: Backend, labels: Any, num_classes: Any, ignore_index: Any) -> Any:
    """How many labels name each class, in the library's default floating dtype."""
    if num_classes is None:
        raise ArgumentError(
            f"{name}: num_classes is missing; it is an integer, 1 or more. Labels alone do not say "
            f"how many classes there are."
        )
    count = as_integer(name, "num_classes", num_classes)
    if count < 1 or isinstance(num_classes, bool):
        raise ParameterError(
            f"{name}: num_classes is {num_classes!r}; accepted is an integer, 1 or more."
        )
    if ignore_index is not None:
        ignore_index = as_integer(name, "ignore_index", ignore_index)
    values.check_labels(name, backend, "labels", labels, count, ignore_index)
    xp = backend.xp
    flat = xp.reshape(xp.astype(labels, backend.index_dtype), (-1,))
    classes = xp.arange(count, dtype=backend.index_dtype, device=backend.device(labels))
    if hasattr(xp, "sort") and hasattr(xp, "searchsorted"):
        order = xp.sort(flat)
        ends = [xp.searchsorted(order, classes, side=side) for side in ("right", "left")]
        counted = ends[0] - ends[1]
    else:
        counted = xp.sum(xp.astype(flat[:, None] == classes, backend.index_dtype), axis=0)
    if ignore_index is not None:
        counted = xp.where(classes == ignore_index, xp.zeros_like(counted), counted)
    return xp.astype(counted, backend.asarray(0.0).dtype)


def _check_absent(name: str, backend: Backend, counts: Any, absent: str) -> None:
    """Raise for a class without examples, where that is asked for and can be seen."""
    if absent == "zero" or not backend.is_visible(counts):
        return
    missing = [k for k, n in enumerate(backend.to_numpy(counts)) if n == 0]
    if missing:
        shown = ", ".join(map(str, missing[:5])) + ", …" * (len(missing) > 5)
        raise ParameterError(
            f"{name}: there is no example of class {shown}; accepted are classes that all have "
            f"one, or absent='zero', which gives the others the weight 0."
        )


def _log(backend: Backend, beta: Any, like: Any) -> Any:
    """The logarithm of beta, as a number where it is one."""
    if is_number(beta):
        return math.log(beta) if beta else -math.inf
    return backend.xp.log(beside(backend, beta, like))
