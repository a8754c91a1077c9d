"""The losses of optax."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax.numpy as jnp
import optax

Value = Callable[..., Any]


def _mean_of(function: Value) -> Value:
    return lambda *inputs, **parameters: jnp.mean(function(*inputs, **parameters))


squared_error = _mean_of(optax.squared_error)
half_squared_error = _mean_of(optax.l2_loss)
huber_loss = _mean_of(optax.huber_loss)
log_cosh = _mean_of(optax.log_cosh)
hinge_loss = _mean_of(optax.hinge_loss)
sigmoid_binary_cross_entropy = _mean_of(optax.sigmoid_binary_cross_entropy)
sigmoid_focal_loss = _mean_of(partial(optax.sigmoid_focal_loss, alpha=None))
softmax_cross_entropy = _mean_of(optax.softmax_cross_entropy)
sparse_softmax_cross_entropy = _mean_of(optax.softmax_cross_entropy_with_integer_labels)


def squared_hinge_loss(logits: Any, target: Any) -> Any:
    return jnp.mean(optax.hinge_loss(logits, target) ** 2)


def logistic_loss(logits: Any, target: Any) -> Any:
    return jnp.mean(optax.sigmoid_binary_cross_entropy(logits, (target + 1) / 2))


def kl_divergence(prediction: Any, target: Any) -> Any:
    return jnp.mean(optax.losses.kl_divergence(jnp.log(prediction), target))


def linear_cross_entropy(features: Any, weight: Any, labels: Any, bias: Any) -> Any:
    return sparse_softmax_cross_entropy(features @ weight.T + bias, labels)
