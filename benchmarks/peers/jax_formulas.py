"""``jax.numpy`` as it is written by hand where optax has no such loss."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp


def absolute_error(prediction: Any, target: Any) -> Any:
    return jnp.mean(jnp.abs(prediction - target))


def smooth_l1_loss(prediction: Any, target: Any, *, beta: float) -> Any:
    size = jnp.abs(prediction - target)
    return jnp.mean(jnp.where(size < beta, 0.5 * size**2 / beta, size - 0.5 * beta))


def quantile_loss(prediction: Any, target: Any, *, quantile: float) -> Any:
    residual = target - prediction
    return jnp.mean(jnp.maximum(quantile * residual, (quantile - 1) * residual))


def gaussian_nll(prediction: Any, variance: Any, target: Any) -> Any:
    square = (prediction - target) ** 2
    return jnp.mean(0.5 * (jnp.log(2 * jnp.pi * variance) + square / variance))


def poisson_nll(prediction: Any, target: Any) -> Any:
    return jnp.mean(jnp.exp(prediction) - target * prediction)


def binary_cross_entropy(probabilities: Any, target: Any) -> Any:
    p = probabilities
    return -jnp.mean(target * jnp.log(p) + (1 - target) * jnp.log1p(-p))


def categorical_cross_entropy(probabilities: Any, target: Any) -> Any:
    return -jnp.mean(jnp.sum(target * jnp.log(probabilities), axis=-1))


def nll(log_probabilities: Any, labels: Any) -> Any:
    return -jnp.mean(jnp.take_along_axis(log_probabilities, labels[:, None], axis=-1))
