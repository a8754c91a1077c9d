"""The losses among scikit-learn's metrics.

They give the mean over the examples, weighted by ``sample_weight``. The loss of each example is
the mean over that example alone.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import metrics

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import port


def subject() -> FunctionSubject:
    """Scikit-learn's metrics on NumPy arrays, which have no gradients."""
    return port(
        "scikit-learn",
        sys.modules[__name__],
        "sklearn",
        package="scikit-learn",
        prefix="sklearn.",
        backend="numpy",
    )


def _mean_of(
    metric: Callable[..., Any],
    prediction: Any,
    target: Any,
    weights: Any,
    reduction: str,
    **given: Any,
) -> Any:
    """The mean that a metric gives, or that of each example, in the dtype of the prediction."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of shares that do not sum to 1, and the like
        if reduction == "mean":
            found = metric(target, prediction, sample_weight=weights, **given)
        elif reduction == "none" and weights is None:
            rows = zip(target, prediction, strict=True)
            found = [metric(row[None], p[None], **given) for row, p in rows]
        else:
            raise Unsupported(f"{metric.__name__} gives weighted means only")
    return np.asarray(found, prediction.dtype)


def _mean_of_outputs(
    metric: Callable[..., Any],
    prediction: Any,
    target: Any,
    weights: Any,
    reduction: str,
    **given: Any,
) -> Any:
    """The same of a metric that takes several outputs: the examples, where each counts alone."""
    if reduction == "none" and weights is None:
        given["multioutput"] = "raw_values"
        target, prediction, reduction = target[None], prediction[None], "mean"
    return _mean_of(metric, prediction, target, weights, reduction, **given)


def absolute_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _mean_of_outputs(metrics.mean_absolute_error, prediction, target, weights, reduction)


def binary_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _mean_of(metrics.log_loss, probabilities, target, weights, reduction, labels=[0, 1])


def brier_score(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    given = {"labels": [0, 1], "pos_label": 1}
    return _mean_of(metrics.brier_score_loss, probabilities, target, weights, reduction, **given)


def categorical_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _mean_of(metrics.log_loss, probabilities, target, weights, reduction)


def hinge_loss(logits: Any, target: Any, *, weights: Any = None, reduction: str = "mean") -> Any:
    return _mean_of(metrics.hinge_loss, logits, target, weights, reduction, labels=[-1, 1])


def pairwise_distance(a: Any, b: Any, *, p: float = 2.0, squared: bool = False) -> Any:
    if p == 2:
        return np.stack(
            [metrics.euclidean_distances(x, y, squared=squared) for x, y in _pairs(a, b)]
        )
    if squared:
        raise Unsupported("pairwise_distance: only the Euclidean distance can be squared")
    given = {"metric": "minkowski", "p": p}
    return np.stack([metrics.pairwise_distances(x, y, **given) for x, y in _pairs(a, b)])


def quantile_loss(
    prediction: Any,
    target: Any,
    *,
    quantile: float = 0.5,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return _mean_of_outputs(
        metrics.mean_pinball_loss, prediction, target, weights, reduction, alpha=quantile
    )


def squared_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return _mean_of_outputs(metrics.mean_squared_error, prediction, target, weights, reduction)


def _pairs(a: Any, b: Any) -> Any:
    return zip(a, b, strict=True)
