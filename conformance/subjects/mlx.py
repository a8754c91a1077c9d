"""MLX's ``mlx.nn.losses``.

They are judged in float32: float64 is for CPUs only, and its ``exp`` has the digits of float32
(https://github.com/ml-explore/mlx/issues/3047).
"""

from __future__ import annotations

import sys
from typing import Any

import mlx.core as mx
from mlx import nn

from ..function_subject import FunctionSubject
from .port import port

losses: Any = nn.losses  # typed for literals, and p for whole numbers


def subject() -> FunctionSubject:
    """MLX's own losses on its own arrays, differentiated by ``mx.grad``."""
    return port(
        "mlx.nn.losses",
        sys.modules[__name__],
        "mlx",
        package="mlx",
        prefix="mlx.nn.losses.",
        backend="mlx",
        dtypes=("float32",),
    )


def absolute_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return losses.l1_loss(prediction, target, reduction=reduction)


def binary_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return losses.binary_cross_entropy(
        probabilities, target, weights, with_logits=False, reduction=reduction
    )


def cosine_distance(u: Any, v: Any) -> Any:
    return 1 - losses.cosine_similarity_loss(u, v, axis=-1, eps=0.0)


def gaussian_nll(
    prediction: Any,
    variance: Any,
    target: Any,
    *,
    full: bool = True,
    minimum_variance: float = 0.0,
    reduction: str = "mean",
) -> Any:
    return losses.gaussian_nll_loss(
        prediction, target, variance, full=full, eps=minimum_variance, reduction=reduction
    )


def hinge_loss(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    return losses.hinge_loss(logits, target, reduction=reduction)


def huber_loss(prediction: Any, target: Any, *, delta: float = 1.0, reduction: str = "mean") -> Any:
    return losses.huber_loss(prediction, target, delta=delta, reduction=reduction)


def kl_divergence(
    prediction: Any,
    target: Any,
    *,
    log_prediction: bool = False,
    log_target: bool = False,
    reduction: str = "mean",
) -> Any:
    return losses.kl_div_loss(
        prediction if log_prediction else mx.log(prediction),
        target if log_target else mx.log(target),
        reduction=reduction,
    )


def log_cosh(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return losses.log_cosh_loss(prediction, target, reduction=reduction)


def margin_ranking_loss(
    first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    return losses.margin_ranking_loss(first, second, target, margin=margin, reduction=reduction)


def nll(log_probabilities: Any, labels: Any, *, reduction: str = "mean") -> Any:
    return losses.nll_loss(log_probabilities, labels, reduction=reduction)


def sigmoid_binary_cross_entropy(
    logits: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return losses.binary_cross_entropy(logits, target, weights, reduction=reduction)


def smooth_l1_loss(
    prediction: Any, target: Any, *, beta: float = 1.0, reduction: str = "mean"
) -> Any:
    return losses.smooth_l1_loss(prediction, target, beta=beta, reduction=reduction)


def softmax_cross_entropy(
    logits: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return losses.cross_entropy(
        logits, target, weights, label_smoothing=label_smoothing, reduction=reduction
    )


def sparse_softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    label_smoothing: float = 0.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return losses.cross_entropy(
        logits, labels, weights, label_smoothing=label_smoothing, reduction=reduction
    )


def squared_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return losses.mse_loss(prediction, target, reduction=reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    reduction: str = "mean",
) -> Any:
    return losses.triplet_loss(
        anchor, positive, negative, margin=margin, p=p, eps=0.0, reduction=reduction
    )
