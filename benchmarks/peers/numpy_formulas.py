"""NumPy as it is written by hand: the textbook formula on whole arrays, common terms once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

Results = Iterator[Any]


def squared_error(prediction: Any, target: Any) -> Results:
    residual = prediction - target
    yield np.mean(residual**2)
    yield 2 * residual / residual.size


def half_squared_error(prediction: Any, target: Any) -> Results:
    residual = prediction - target
    yield np.mean(residual**2) / 2
    yield residual / residual.size


def absolute_error(prediction: Any, target: Any) -> Results:
    residual = prediction - target
    yield np.mean(np.abs(residual))
    yield np.sign(residual) / residual.size


def huber_loss(prediction: Any, target: Any, *, delta: float) -> Results:
    residual = prediction - target
    size = np.abs(residual)
    yield np.mean(np.where(size <= delta, 0.5 * residual**2, delta * (size - 0.5 * delta)))
    yield np.where(size <= delta, residual, delta * np.sign(residual)) / residual.size


def smooth_l1_loss(prediction: Any, target: Any, *, beta: float) -> Results:
    residual = prediction - target
    size = np.abs(residual)
    yield np.mean(np.where(size < beta, 0.5 * residual**2 / beta, size - 0.5 * beta))
    yield np.where(size < beta, residual / beta, np.sign(residual)) / residual.size


def log_cosh(prediction: Any, target: Any) -> Results:
    residual = prediction - target
    yield np.mean(np.logaddexp(residual, -residual) - np.log(2))
    yield np.tanh(residual) / residual.size


def quantile_loss(prediction: Any, target: Any, *, quantile: float) -> Results:
    residual = target - prediction
    yield np.mean(np.maximum(quantile * residual, (quantile - 1) * residual))
    slope = np.where(residual > 0, -quantile, np.where(residual < 0, 1 - quantile, 0))
    yield slope.astype(residual.dtype) / residual.size


def gaussian_nll(prediction: Any, variance: Any, target: Any) -> Results:
    residual = prediction - target
    yield np.mean(0.5 * (np.log(2 * np.pi * variance) + residual**2 / variance))
    yield residual / variance / residual.size
    yield 0.5 * (1 - residual**2 / variance) / variance / residual.size


def poisson_nll(prediction: Any, target: Any) -> Results:
    rate = np.exp(prediction)
    yield np.mean(rate - target * prediction)
    yield (rate - target) / rate.size


def hinge_loss(logits: Any, target: Any) -> Results:
    slack = 1 - target * logits
    yield np.mean(np.maximum(0, slack))
    yield np.where(slack > 0, -target, 0) / slack.size


def squared_hinge_loss(logits: Any, target: Any) -> Results:
    slack = np.maximum(0, 1 - target * logits)
    yield np.mean(slack**2)
    yield -2 * target * slack / slack.size


def logistic_loss(logits: Any, target: Any) -> Results:
    margin = target * logits
    yield np.mean(np.logaddexp(0, -margin))
    yield -target / (1 + np.exp(margin)) / margin.size


def binary_cross_entropy(probabilities: Any, target: Any) -> Results:
    p = probabilities
    yield -np.mean(target * np.log(p) + (1 - target) * np.log1p(-p))
    yield (p - target) / (p * (1 - p)) / p.size


def sigmoid_binary_cross_entropy(logits: Any, target: Any) -> Results:
    power = np.exp(-np.abs(logits))
    yield np.mean(np.maximum(logits, 0) - logits * target + np.log1p(power))
    yield (np.where(logits >= 0, 1, power) / (1 + power) - target) / logits.size


def sigmoid_focal_loss(logits: Any, target: Any, *, gamma: float) -> Results:
    p = 1 / (1 + np.exp(-logits))
    entropy = np.maximum(logits, 0) - logits * target + np.log1p(np.exp(-np.abs(logits)))
    right = p * target + (1 - p) * (1 - target)
    wrong = 1 - right
    yield np.mean(wrong**gamma * entropy)
    sign = 1 - 2 * target
    yield sign * wrong**gamma * (gamma * right * entropy + wrong) / logits.size


def kl_divergence(prediction: Any, target: Any) -> Results:
    yield np.mean(np.sum(target * np.log(target / prediction), axis=-1))
    yield -target / prediction / len(target)


def categorical_cross_entropy(probabilities: Any, target: Any) -> Results:
    yield -np.mean(np.sum(target * np.log(probabilities), axis=-1))
    yield -target / probabilities / len(target)


def nll(log_probabilities: Any, labels: Any) -> Results:
    rows = np.arange(len(labels))
    yield -np.mean(log_probabilities[rows, labels])
    gradient = np.zeros_like(log_probabilities)
    gradient[rows, labels] = -1 / len(labels)
    yield gradient


def softmax_cross_entropy(logits: Any, target: Any) -> Results:
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = np.sum(powers, axis=-1, keepdims=True)
    yield -np.mean(np.sum(target * (shifted - np.log(total)), axis=-1))
    yield (powers / total - target) / len(target)


def sparse_softmax_cross_entropy(logits: Any, labels: Any) -> Results:
    rows = np.arange(len(labels))
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    powers = np.exp(shifted)
    total = np.sum(powers, axis=-1, keepdims=True)
    yield np.mean(np.log(total[:, 0]) - shifted[rows, labels])
    gradient = powers / total
    gradient[rows, labels] -= 1
    yield gradient / len(labels)


def linear_cross_entropy(features: Any, weight: Any, labels: Any, bias: Any) -> Results:
    value, slopes = sparse_softmax_cross_entropy(features @ weight.T + bias, labels)
    yield value
    yield slopes @ weight
    yield slopes.T @ features
    yield slopes.sum(axis=0)
