"""The losses of Keras, on each of the array libraries that it runs on.

They are used as Keras has them used: a class for each loss, made for a reduction and the dtype of
its inputs. Keras chooses its array library when it is imported, once in a process.

They are judged in float32, Keras' default: a class that is made for float64 returns that dtype, but
most compute in float32 inside, on every library.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import kept_first, port, with_one_blank

_VARIABLE = "KERAS_BACKEND"
_REDUCTIONS = {"none": None, "sum": "sum", "mean": "sum_over_batch_size"}
"""What Keras calls them; its mean, the default, divides by the number of examples."""


def on_numpy() -> FunctionSubject:
    """Keras on NumPy, which has values and no gradients."""
    return _on("numpy")


def on_jax() -> FunctionSubject:
    """Keras on JAX, differentiated by ``jax.grad``."""
    return _on("jax")


def on_torch() -> FunctionSubject:
    """Keras on PyTorch, differentiated by autograd."""
    return _on("torch")


def _on(backend: str) -> FunctionSubject:
    _import(backend)
    return port(
        f"keras-{backend}",
        sys.modules[__name__],
        "keras",
        package="keras",
        prefix="keras.",
        backend=backend,
        dtypes=("float32",),
        setup=f"import os; os.environ[{_VARIABLE!r}] = {backend!r}",
    )


def _import(backend: str) -> None:
    """Import Keras on an array library; `ImportError` where it runs on another one already."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = backend
    try:
        found = importlib.import_module("keras").backend.backend()
    finally:
        del os.environ[_VARIABLE]
        if before is not None:
            os.environ[_VARIABLE] = before
    if found != backend:
        raise ImportError(
            f"Keras runs on {found} in this process, and cannot change to {backend}; "
            f"judge keras-{backend} in a process of its own"
        )


def _loss(
    name: str, prediction: Any, target: Any, weights: Any, reduction: str, **given: Any
) -> Any:
    """Call a loss that looks at vectors."""
    keras = importlib.import_module("keras")
    if reduction not in _REDUCTIONS:
        raise ValueError(f"reduction: got {reduction!r}; accepted are {', '.join(_REDUCTIONS)}")
    loss = getattr(keras.losses, name)(
        reduction=_REDUCTIONS[reduction],
        dtype=keras.backend.standardize_dtype(prediction.dtype),
        **given,
    )
    with _quiet():
        return loss(target, prediction, sample_weight=weights)


def _single(
    name: str, prediction: Any, target: Any, weights: Any, reduction: str, **given: Any
) -> Any:
    """Call a loss that takes the mean along the last axis, which here has one entry."""
    return _loss(name, prediction[:, None], target[:, None], weights, reduction, **given)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings that one class or one entry is probably a mistake."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="keras")
        warnings.filterwarnings("ignore", "You are using a softmax over")
        yield


def _ops() -> Any:
    return importlib.import_module("keras").ops


def absolute_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _single("MeanAbsoluteError", prediction, target, weights, reduction)


def binary_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _single("BinaryCrossentropy", probabilities, target, weights, reduction)


def categorical_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _loss("CategoricalCrossentropy", probabilities, target, weights, reduction)


def complete_box_iou_loss(prediction: Any, target: Any) -> Any:
    boxes = importlib.import_module("keras").utils.bounding_boxes
    return 1 - boxes.compute_ciou(prediction, target, "xyxy")


def ctc_loss(logits: Any, labels: Any, mask: Any, label_mask: Any, blank: Any) -> Any:
    inputs = logits, labels, mask, label_mask
    return with_one_blank(_ctc, _ops().concatenate, *inputs, blank=blank)


def _ctc(logits: Any, labels: Any, mask: Any, label_mask: Any, *, blank: int) -> Any:
    ops = _ops()
    length, frames = (ops.cast(ops.sum(m, -1), "int32") for m in (label_mask, mask))
    labels, logits = labels[kept_first(label_mask)], logits[kept_first(mask)]
    return _compiled_ctc_loss()(labels, logits, length, frames, mask_index=blank)


@cache
def _compiled_ctc_loss() -> Any:
    """On JAX a program, as its loop would be compiled anew at every call that is not inside one."""
    function = _ops().ctc_loss
    if importlib.import_module("keras").backend.backend() != "jax":
        return function
    return importlib.import_module("jax").jit(function, static_argnames="mask_index")


def dice_loss(
    probabilities: Any,
    target: Any,
    *,
    smooth_numerator: float = 1.0,
    smooth_denominator: float = 1.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    if smooth_numerator or smooth_denominator:
        raise Unsupported("dice_loss: the function has nothing to smooth with")
    return _loss("Dice", probabilities, target, weights, reduction, axis=-1)


def generalized_cross_entropy(
    logits: Any, labels: Any, *, q: float = 0.7, weights: Any = None, reduction: str = "mean"
) -> Any:
    probabilities = softmax(logits)
    name = "CategoricalGeneralizedCrossEntropy"
    return _loss(name, probabilities, labels, weights, reduction, q=q)


def hinge_loss(logits: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    return _single("Hinge", logits, target, weights, reduction)


def huber_loss(
    prediction: Any,
    target: Any,
    *,
    delta: float = 1.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return _single("Huber", prediction, target, weights, reduction, delta=delta)


def kl_divergence(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _loss("KLDivergence", prediction, target, weights, reduction)


def log_cosh(prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    return _single("LogCosh", prediction, target, weights, reduction)


def log_softmax(logits: Any) -> Any:
    return _ops().log_softmax(logits, axis=-1)


def logsumexp(logits: Any) -> Any:
    return _ops().logsumexp(logits, axis=-1)


def one_hot(labels: Any, *, num_classes: int, dtype: str = "float32") -> Any:
    return _ops().one_hot(labels, num_classes, dtype=dtype)


def poisson_nll(
    prediction: Any,
    target: Any,
    *,
    log_input: bool = True,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    if log_input:
        raise Unsupported("poisson_nll: the function takes rates, and not their logarithms")
    return _single("Poisson", prediction, target, weights, reduction)


def sigmoid_binary_cross_entropy(
    logits: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _single("BinaryCrossentropy", logits, target, weights, reduction, from_logits=True)


def sigmoid_focal_loss(
    logits: Any,
    target: Any,
    *,
    alpha: float | None = None,
    gamma: float = 2.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    balance = {} if alpha is None else {"apply_class_balancing": True, "alpha": alpha}
    name = "BinaryFocalCrossentropy"
    return _single(
        name, logits, target, weights, reduction, gamma=gamma, from_logits=True, **balance
    )


def softmax(logits: Any, *, temperature: float = 1.0) -> Any:
    with _quiet():
        return _ops().softmax(logits / temperature, axis=-1)


def softmax_cross_entropy(
    logits: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return _loss(
        "CategoricalCrossentropy",
        logits,
        target,
        weights,
        reduction,
        from_logits=True,
        label_smoothing=label_smoothing,
    )


def softmax_focal_loss(
    logits: Any,
    labels: Any,
    *,
    gamma: float = 2.0,
    alpha: Any = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    dtype = str(logits.dtype).rpartition(".")[2]
    return _loss(
        "CategoricalFocalCrossentropy",
        logits,
        _ops().one_hot(labels, logits.shape[-1], dtype=dtype),
        weights,
        reduction,
        from_logits=True,
        gamma=gamma,
        alpha=1.0 if alpha is None else alpha,
    )


def sparse_softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    ignore_index: int | None = None,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return _loss(
        "SparseCategoricalCrossentropy",
        logits,
        labels,
        weights,
        reduction,
        from_logits=True,
        ignore_class=ignore_index,
    )


def squared_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _single("MeanSquaredError", prediction, target, weights, reduction)


def squared_hinge_loss(
    logits: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _single("SquaredHinge", logits, target, weights, reduction)


def tversky_loss(
    probabilities: Any,
    target: Any,
    *,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    # By its documentation alpha is "the weight for false positives", beta that of false negatives.
    return _loss(
        "Tversky",
        probabilities,
        target,
        weights,
        reduction,
        alpha=false_positive_weight,
        beta=false_negative_weight,
        axis=-1,
    )
