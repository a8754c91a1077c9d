"""torchmetrics' functional metrics that are losses."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import torch
import torchmetrics.functional
import torchmetrics.functional.regression

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import port

functional: Any = torchmetrics.functional  # typed for literals
regression: Any = torchmetrics.functional.regression


def subject() -> FunctionSubject:
    """Metrics on tensors, differentiated by autograd; most of them give a mean and nothing else."""
    return port(
        "torchmetrics",
        sys.modules[__name__],
        "torchmetrics",
        package="torchmetrics",
        prefix="torchmetrics.functional.",
        backend="torch",
    )


def absolute_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _mean(functional.mean_absolute_error, reduction, prediction, target)


def cosine_distance(u: Any, v: Any) -> Any:
    return 1 - functional.cosine_similarity(u, v, reduction="none")


def hinge_loss(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    def hinge(preds: Any, signs: Any) -> Any:
        return functional.hinge_loss(preds, (signs > 0).long(), task="binary")

    return _mean(hinge, reduction, logits, target)


def js_divergence(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return regression.jensen_shannon_divergence(target, prediction, reduction=reduction)


def kl_divergence(
    prediction: Any,
    target: Any,
    *,
    log_prediction: bool = False,
    log_target: bool = False,
    reduction: str = "mean",
) -> Any:
    # One switch says whether both hold logarithms.
    return functional.kl_divergence(
        torch.log(target) if log_prediction and not log_target else target,
        torch.log(prediction) if log_target and not log_prediction else prediction,
        log_prob=log_prediction or log_target,
        reduction=reduction,
    )


def log_cosh(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _mean(functional.log_cosh_error, reduction, prediction, target)


def pairwise_distance(a: Any, b: Any) -> Any:
    return _stack(functional.pairwise_euclidean_distance, a, b)


def squared_error(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _mean(functional.mean_squared_error, reduction, prediction, target)


def squared_hinge_loss(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    def hinge(preds: Any, signs: Any) -> Any:
        return functional.hinge_loss(preds, (signs > 0).long(), task="binary", squared=True)

    return _mean(hinge, reduction, logits, target)


def _mean(metric: Callable[..., Any], reduction: str, *arrays: Any) -> Any:
    """The mean that a metric gives; for the loss of each example, the mean of it alone."""
    if reduction == "sum":
        raise Unsupported("the metric has no sum")
    if reduction == "mean":
        return metric(*arrays)
    return _stack(metric, *(array[:, None] for array in arrays))


def _stack(function: Callable[..., Any], *arrays: Any) -> Any:
    """What a function makes of each example, if there are any."""
    if not len(arrays[0]):
        return arrays[0].sum(-1) if arrays[0].ndim == 2 else arrays[0] @ arrays[1].mT
    return torch.stack([function(*example) for example in zip(*arrays, strict=True)])
