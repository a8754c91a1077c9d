"""numexpr: the formula compiled to passes over blocks. Constants in the dtype of the arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numexpr
import numpy as np

Results = Iterator[Any]


def _run(expression: str, like: Any, **names: Any) -> Any:
    """An expression in which plain integers and the named numbers do not widen float32."""
    kind = like.dtype.type
    local = {n: kind(x) if isinstance(x, float) else x for n, x in names.items()}
    return numexpr.evaluate(expression, local_dict=local)


def squared_error(prediction: Any, target: Any) -> Results:
    names = {"p": prediction, "t": target, "n": float(prediction.size)}
    yield np.mean(_run("(p - t) ** 2", prediction, **names))
    yield _run("2 * (p - t) / n", prediction, **names)


def absolute_error(prediction: Any, target: Any) -> Results:
    names = {"p": prediction, "t": target, "up": 1.0 / prediction.size, "zero": 0.0}
    yield np.mean(_run("abs(p - t)", prediction, **names))
    yield _run("where(p > t, up, where(p < t, -up, zero))", prediction, **names)


def huber_loss(prediction: Any, target: Any, *, delta: float) -> Results:
    names = {"p": prediction, "t": target, "d": delta, "h": 0.5, "n": float(prediction.size)}
    losses = "where(abs(p - t) <= d, h * (p - t) ** 2, d * (abs(p - t) - h * d))"
    yield np.mean(_run(losses, prediction, **names))
    slope = "where(p - t > d, d, where(p - t < -d, -d, p - t)) / n"
    yield _run(slope, prediction, **names)


def smooth_l1_loss(prediction: Any, target: Any, *, beta: float) -> Results:
    names = {"p": prediction, "t": target, "b": beta, "h": 0.5, "n": float(prediction.size)}
    losses = "where(abs(p - t) < b, h * (p - t) ** 2 / b, abs(p - t) - h * b)"
    yield np.mean(_run(losses, prediction, **names))
    slope = "where(p - t > b, b, where(p - t < -b, -b, p - t)) / (b * n)"
    yield _run(slope, prediction, **names)


def log_cosh(prediction: Any, target: Any) -> Results:
    names = {"p": prediction, "t": target, "ln2": float(np.log(2)), "n": float(prediction.size)}
    losses = "abs(p - t) + log1p(exp(-2 * abs(p - t))) - ln2"
    yield np.mean(_run(losses, prediction, **names))
    yield _run("tanh(p - t) / n", prediction, **names)


def quantile_loss(prediction: Any, target: Any, *, quantile: float) -> Results:
    n = prediction.size
    names = {"p": prediction, "t": target, "q": quantile, "zero": 0.0}
    names |= {"below": -quantile / n, "above": (1 - quantile) / n}
    yield np.mean(_run("where(t > p, q * (t - p), (q - 1) * (t - p))", prediction, **names))
    yield _run("where(t > p, below, where(t < p, above, zero))", prediction, **names)


def gaussian_nll(prediction: Any, variance: Any, target: Any) -> Results:
    names = {"p": prediction, "v": variance, "t": target, "h": 0.5, "n": float(prediction.size)}
    names |= {"tau": float(2 * np.pi)}
    yield np.mean(_run("h * (log(tau * v) + (p - t) ** 2 / v)", prediction, **names))
    yield _run("(p - t) / (v * n)", prediction, **names)
    yield _run("h * (1 - (p - t) ** 2 / v) / (v * n)", prediction, **names)


def logistic_loss(logits: Any, target: Any) -> Results:
    names = {"z": logits, "t": target, "zero": 0.0, "n": float(logits.size)}
    losses = "where(t * z < 0, -t * z, zero) + log1p(exp(-abs(z)))"
    yield np.mean(_run(losses, logits, **names))
    yield _run("-t / (1 + exp(t * z)) / n", logits, **names)


def sigmoid_binary_cross_entropy(logits: Any, target: Any) -> Results:
    names = {"z": logits, "t": target, "zero": 0.0, "n": float(logits.size)}
    losses = "where(z > 0, z, zero) - z * t + log1p(exp(-abs(z)))"
    yield np.mean(_run(losses, logits, **names))
    yield _run("(1 / (1 + exp(-z)) - t) / n", logits, **names)


def sigmoid_focal_loss(logits: Any, target: Any, *, gamma: float) -> Results:
    names = {"z": logits, "t": target, "g": gamma, "zero": 0.0, "n": float(logits.size)}
    p = "(1 / (1 + exp(-z)))"
    entropy = "(where(z > 0, z, zero) - z * t + log1p(exp(-abs(z))))"
    right = f"({p} * t + (1 - {p}) * (1 - t))"
    yield np.mean(_run(f"(1 - {right}) ** g * {entropy}", logits, **names))
    slope = f"(1 - 2 * t) * (1 - {right}) ** g * (g * {right} * {entropy} + (1 - {right})) / n"
    yield _run(slope, logits, **names)


def kl_divergence(prediction: Any, target: Any) -> Results:
    names = {"q": prediction, "p": target, "n": float(len(target))}
    yield np.sum(_run("p * log(p / q)", prediction, **names)) / len(target)
    yield _run("-p / (q * n)", prediction, **names)
