"""Rax's losses of lists, on JAX."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import rax

from ..function_subject import FunctionSubject
from .port import port

REDUCTIONS = {"none": None, "mean": jnp.mean, "sum": jnp.sum}


def subject() -> FunctionSubject:
    """Rax's losses on JAX's arrays, differentiated by ``jax.grad``."""
    return port("rax", sys.modules[__name__], "rax", package="rax", prefix="rax.", backend="jax")


def listnet_loss(
    scores: Any, relevance: Any, *, temperature: float = 1.0, reduction: str = "mean"
) -> Any:
    chances = jax.nn.softmax(relevance / temperature)
    return rax.softmax_loss(scores, chances, reduce_fn=REDUCTIONS[reduction])


def pairwise_hinge_loss(scores: Any, relevance: Any, *, reduction: str = "mean") -> Any:
    if reduction == "none":  # the mean over the pairs of each list
        return jax.vmap(rax.pairwise_hinge_loss)(scores, relevance)
    return rax.pairwise_hinge_loss(scores, relevance, reduce_fn=REDUCTIONS[reduction])


def sigmoid_binary_cross_entropy(
    logits: Any,
    target: Any,
    *,
    weights: Any = None,
    where: Any = None,
    reduction: str = "mean",
) -> Any:
    return rax.pointwise_sigmoid_loss(
        logits, target, weights=weights, where=where, reduce_fn=REDUCTIONS[reduction]
    )


def softmax_cross_entropy(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    return rax.softmax_loss(logits, target, reduce_fn=REDUCTIONS[reduction])


def squared_error(
    prediction: Any,
    target: Any,
    *,
    weights: Any = None,
    where: Any = None,
    reduction: str = "mean",
) -> Any:
    return rax.pointwise_mse_loss(
        prediction, target, weights=weights, where=where, reduce_fn=REDUCTIONS[reduction]
    )
