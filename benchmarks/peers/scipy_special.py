"""The functions of ``scipy.special`` that losses are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import special

Results = Iterator[Any]


def huber_loss(prediction: Any, target: Any, *, delta: float) -> Results:
    residual = prediction - target
    yield np.mean(special.huber(delta, residual))
    yield np.clip(residual, -delta, delta) / residual.size


def logistic_loss(logits: Any, target: Any) -> Results:
    margin = target * logits
    yield -np.mean(special.log_expit(margin))
    yield -target * special.expit(-margin) / margin.size


def binary_cross_entropy(probabilities: Any, target: Any) -> Results:
    p = probabilities
    yield -np.mean(special.xlogy(target, p) + special.xlog1py(1 - target, -p))
    yield (p - target) / (p * (1 - p)) / p.size


def sigmoid_binary_cross_entropy(logits: Any, target: Any) -> Results:
    yield -np.mean(special.log_expit(logits) - (1 - target) * logits)
    yield (special.expit(logits) - target) / logits.size


def sigmoid_focal_loss(logits: Any, target: Any, *, gamma: float) -> Results:
    sign = 1 - 2 * target
    wrong = special.expit(sign * logits)
    entropy = -special.log_expit(-sign * logits)
    yield np.mean(wrong**gamma * entropy)
    yield sign * wrong**gamma * (gamma * (1 - wrong) * entropy + wrong) / logits.size


def kl_divergence(prediction: Any, target: Any) -> Results:
    yield np.mean(np.sum(special.rel_entr(target, prediction), axis=-1))
    yield -target / prediction / len(target)


def categorical_cross_entropy(probabilities: Any, target: Any) -> Results:
    yield -np.mean(np.sum(special.xlogy(target, probabilities), axis=-1))
    yield -target / probabilities / len(target)


def softmax_cross_entropy(logits: Any, target: Any) -> Results:
    logs = special.log_softmax(logits, axis=-1)
    yield -np.mean(np.sum(target * logs, axis=-1))
    yield (np.exp(logs) - target) / len(target)


def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Results:
    rows = np.arange(len(labels))
    logs = special.log_softmax(logits, axis=-1)
    yield -np.mean(logs[rows, labels])
    gradient = np.exp(logs)
    gradient[rows, labels] -= 1
    yield gradient / len(labels)
