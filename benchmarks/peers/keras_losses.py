"""Keras on its NumPy backend, which has values and no gradients."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "numpy")  # read when Keras is imported

import keras
import numpy as np
from keras import losses

from ..contender import Contender

if keras.backend.backend() != "numpy":
    raise ImportError(f"Keras is running on {keras.backend.backend()}, not on NumPy")


def _mean_of(function: Callable[..., Any], **renamed: str) -> Contender:
    """The mean of a Keras loss over the examples; ``theirs="ours"`` renames parameters."""

    def value(prediction: Any, target: Any, **parameters: float) -> Any:
        given = {theirs: parameters[ours] for theirs, ours in renamed.items()}
        return np.mean(function(target, prediction, **given))

    return Contender(value, None)


def _from_logits(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(target: Any, logits: Any, **given: Any) -> Any:
        return function(target, logits, from_logits=True, **given)

    return called


squared_error = _mean_of(losses.mean_squared_error)
absolute_error = _mean_of(losses.mean_absolute_error)
huber_loss = _mean_of(losses.huber, delta="delta")
log_cosh = _mean_of(losses.log_cosh)
hinge_loss = _mean_of(losses.hinge)
squared_hinge_loss = _mean_of(losses.squared_hinge)
binary_cross_entropy = _mean_of(losses.binary_crossentropy)
sigmoid_binary_cross_entropy = _mean_of(_from_logits(losses.binary_crossentropy))
sigmoid_focal_loss = _mean_of(_from_logits(losses.binary_focal_crossentropy), gamma="gamma")
kl_divergence = _mean_of(losses.kl_divergence)
categorical_cross_entropy = _mean_of(losses.categorical_crossentropy)
softmax_cross_entropy = _mean_of(_from_logits(losses.categorical_crossentropy))
sparse_softmax_cross_entropy = _mean_of(_from_logits(losses.sparse_categorical_crossentropy))
