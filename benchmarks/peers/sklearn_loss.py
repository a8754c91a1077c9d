"""The losses that scikit-learn's gradient boosting and linear models minimise (compiled loops)."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import numpy as np
from sklearn._loss import loss as losses

from ..contender import Contender


@cache
def _made(name: str, **parameters: float) -> Any:
    return getattr(losses, name)(**parameters)


def _mean_of(name: str, *keys: str, scale: float = 1.0) -> Contender:
    """The mean of a loss object's losses; its parameters are ours of the names given."""

    def value(raw: Any, target: Any, **parameters: float) -> Any:
        made = _made(name, **{key: parameters[key] for key in keys})
        return scale * np.mean(made.loss(target, raw, n_threads=_threads()))

    def value_and_grad(raw: Any, target: Any, **parameters: float) -> Any:
        made = _made(name, **{key: parameters[key] for key in keys})
        each, gradient = made.loss_gradient(target, raw, n_threads=_threads())
        gradient *= scale / len(each)
        return scale * np.mean(each), gradient

    return Contender(value, value_and_grad)


def _multinomial() -> Contender:
    def value(logits: Any, labels: Any) -> Any:
        made = _made("HalfMultinomialLoss", n_classes=logits.shape[-1])
        return np.mean(made.loss(labels.astype(logits.dtype), logits, n_threads=_threads()))

    def value_and_grad(logits: Any, labels: Any) -> Any:
        made = _made("HalfMultinomialLoss", n_classes=logits.shape[-1])
        target = labels.astype(logits.dtype)
        each, gradient = made.loss_gradient(target, logits, n_threads=_threads())
        gradient /= len(each)
        return np.mean(each), gradient

    return Contender(value, value_and_grad)


def _threads() -> int:
    return int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)


squared_error = _mean_of("HalfSquaredError", scale=2.0)
half_squared_error = _mean_of("HalfSquaredError")
absolute_error = _mean_of("AbsoluteError")
huber_loss = _mean_of("HuberLoss", "delta")
quantile_loss = _mean_of("PinballLoss", "quantile")
poisson_nll = _mean_of("HalfPoissonLoss")
sigmoid_binary_cross_entropy = _mean_of("HalfBinomialLoss")
sparse_softmax_cross_entropy = _multinomial()
