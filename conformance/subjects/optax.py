"""The losses of optax."""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import kept_first, port, with_one_blank


def subject() -> FunctionSubject:
    """Optax's losses on JAX's arrays, differentiated by ``jax.grad``."""
    return port(
        "optax",
        sys.modules[__name__],
        "optax",
        package="optax",
        prefix="optax.",
        backend="jax",
    )


_compiled_ctc_loss = jax.jit(optax.ctc_loss, static_argnames="blank_id")
"""As its loop over the steps would be compiled anew at every call, that is not inside a program."""


def ctc_loss(logits: Any, labels: Any, mask: Any, label_mask: Any, blank: Any) -> Any:
    return with_one_blank(_ctc, jnp.concatenate, logits, labels, mask, label_mask, blank=blank)


def _ctc(logits: Any, labels: Any, mask: Any, label_mask: Any, *, blank: int) -> Any:
    steps, places = kept_first(mask), kept_first(label_mask)
    beyond, rest = (1 - m.astype(logits.dtype) for m in (mask[steps], label_mask[places]))
    return _compiled_ctc_loss(logits[steps], beyond, labels[places], rest, blank_id=blank)


def dice_loss(
    probabilities: Any,
    target: Any,
    *,
    smooth_numerator: float = 1.0,
    smooth_denominator: float = 1.0,
) -> Any:
    if smooth_numerator != smooth_denominator:
        raise Unsupported("dice_loss: the function has one number to smooth with")
    return _overlap(probabilities, target, smooth=smooth_numerator / 2)


def jaccard_loss(probabilities: Any, target: Any, *, smooth: float = 0.0) -> Any:
    return _overlap(probabilities, target, smooth=smooth, alpha=1.0, beta=1.0)


def kl_divergence(
    prediction: Any, target: Any, *, log_prediction: bool = False, log_target: bool = False
) -> Any:
    logarithm = prediction if log_prediction else jnp.log(prediction)
    if log_target:
        return optax.losses.kl_divergence_with_log_targets(logarithm, target)
    return optax.kl_divergence(logarithm, target)


def softmax_cross_entropy(logits: Any, target: Any, *, label_smoothing: float = 0.0) -> Any:
    return optax.softmax_cross_entropy(logits, _smoothed(target, label_smoothing))


def sparse_softmax_cross_entropy(logits: Any, labels: Any, *, label_smoothing: float = 0.0) -> Any:
    if not label_smoothing:
        return optax.softmax_cross_entropy_with_integer_labels(logits, labels)
    target = jax.nn.one_hot(labels, logits.shape[-1], dtype=logits.dtype)
    return optax.softmax_cross_entropy(logits, _smoothed(target, label_smoothing))


def triplet_margin_loss(
    anchor: Any, positive: Any, negative: Any, *, margin: float = 1.0, p: float = 2.0
) -> Any:
    return optax.losses.triplet_margin_loss(
        anchor, positive, negative, norm_degree=p, margin=margin, eps=0.0
    )


def tversky_loss(
    probabilities: Any,
    target: Any,
    *,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
    smooth: float = 0.0,
) -> Any:
    return _overlap(
        probabilities,
        target,
        smooth=smooth,
        alpha=false_positive_weight,
        beta=false_negative_weight,
    )


def _overlap(probabilities: Any, target: Any, **given: float) -> Any:
    """The loss of the foreground; probabilities come with those of the background beside them."""
    both = jnp.stack([1 - probabilities, probabilities], -1)
    given_both = jnp.stack([1 - target, target], -1)
    try:
        each = optax.losses.dice_loss(
            both, given_both, apply_softmax=False, reduction="none", **given
        )
    except TypeError as problem:
        # While JAX differentiates, its error on shares that do not sum to 1 cannot be written.
        raise ValueError(f"the probabilities are refused, and then: {problem}") from None
    return each[..., 1]


def _smoothed(target: Any, share: float) -> Any:
    return optax.smooth_labels(target, share) if share else target
