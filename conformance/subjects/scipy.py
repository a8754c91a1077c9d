"""The losses among SciPy's special functions, distributions and distances."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from scipy import special, stats
from scipy.spatial import distance

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import port


def subject() -> FunctionSubject:
    """SciPy's functions on NumPy arrays, which have no gradients."""
    return port(
        "scipy",
        sys.modules[__name__],
        "scipy",
        package="scipy",
        prefix="scipy.",
        backend="numpy",
    )


def cosine_distance(u: Any, v: Any) -> Any:
    each = [distance.cosine(x, y) for x, y in zip(u, v, strict=True)]
    return np.asarray(each, u.dtype)


def gaussian_nll(prediction: Any, variance: Any, target: Any) -> Any:
    return -stats.norm.logpdf(target, prediction, np.sqrt(variance))


def general_robust_loss(prediction: Any, target: Any, *, scale: float = 1.0) -> Any:
    return special.pseudo_huber(1.0, (prediction - target) / scale)


def huber_loss(prediction: Any, target: Any, *, delta: float = 1.0) -> Any:
    return special.huber(delta, prediction - target)


def js_divergence(prediction: Any, target: Any, *, base: float | None = None) -> Any:
    return distance.jensenshannon(target, prediction, base=base, axis=-1) ** 2


def kl_divergence(prediction: Any, target: Any) -> Any:
    return np.sum(special.rel_entr(target, prediction), axis=-1)


def laplace_nll(prediction: Any, scale: Any, target: Any) -> Any:
    return -stats.laplace.logpdf(target, prediction, scale)


def log_softmax(logits: Any) -> Any:
    return special.log_softmax(logits, axis=-1)


def logsumexp(logits: Any) -> Any:
    return special.logsumexp(logits, axis=-1)


def pairwise_distance(a: Any, b: Any, *, p: float = 2.0, squared: bool = False) -> Any:
    if squared and p != 2:
        raise Unsupported("pairwise_distance: only the Euclidean distance can be squared")
    metric = {"metric": "sqeuclidean"} if squared else {"metric": "minkowski", "p": p}
    each = [distance.cdist(x, y, **metric) for x, y in zip(a, b, strict=True)]
    return np.asarray(each, a.dtype)


def poisson_nll(prediction: Any, target: Any, *, log_input: bool = True, full: bool = False) -> Any:
    if not full:
        raise Unsupported("poisson_nll: the function gives the whole logarithm")
    return -stats.poisson.logpmf(target, np.exp(prediction) if log_input else prediction)


def softmax(logits: Any, *, temperature: float = 1.0) -> Any:
    return special.softmax(logits / temperature, axis=-1)


def student_t_nll(prediction: Any, scale: Any, degrees_of_freedom: Any, target: Any) -> Any:
    return -stats.t.logpdf(target, degrees_of_freedom, prediction, scale)


def wasserstein_distance_1d(
    prediction: Any, target: Any, *, prediction_weights: Any = None, target_weights: Any = None
) -> Any:
    each = [
        stats.wasserstein_distance(x, y, prediction_weights, target_weights)
        for x, y in zip(prediction, target, strict=True)
    ]
    return np.asarray(each, prediction.dtype)
