"""What is measured: the losses that a peer has, their parameters, and the numbers they get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape, Any], tuple[Any, ...]]

SIZES = (1, 10**3, 10**5, 10**7)
"""Numbers of examples of elementwise losses."""
ROWS_BY_CLASSES = ((65536, 10), (4096, 1000), (512, 32000), (128, 128256))
"""Shapes of predictions over classes."""
LAYERS = ((4096, 256, 1000), (2048, 512, 32000))
"""Rows, features and classes of a linear layer."""
FEW_CLASSES = 10
"""The number of classes of losses over distributions that are measured at numbers of entries."""


class Case(NamedTuple):
    """One loss as it is called: on what, with which parameters, differentiated by which inputs."""

    draw: Draw
    parameters: dict[str, float]
    wrt: tuple[str, ...]
    shapes: tuple[Shape, ...]


def _real(random: np.random.Generator, shape: Shape, dtype: Any) -> Any:
    return random.standard_normal(shape, dtype=dtype)


def _regression(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    return 2 * _real(random, shape, dtype), _real(random, shape, dtype)


def _gaussian(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    prediction, target = _regression(random, shape, dtype)
    return prediction, np.exp(_real(random, shape, dtype)), target


def _counts(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    return _real(random, shape, dtype), random.poisson(2.0, shape).astype(dtype)


def _binary(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    return 3 * _real(random, shape, dtype), random.integers(0, 2, shape).astype(dtype)


def _signs(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    logits, target = _binary(random, shape, dtype)
    return logits, 2 * target - 1


def _probabilities(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    logits, target = _binary(random, shape, dtype)
    return 1 / (1 + np.exp(-logits)), target


def _distribution(random: np.random.Generator, shape: Shape, dtype: Any) -> Any:
    powers = np.exp(_real(random, shape, dtype))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def _distributions(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    return _distribution(random, shape, dtype), _distribution(random, shape, dtype)


def _logits_and_distribution(
    random: np.random.Generator, shape: Shape, dtype: Any
) -> tuple[Any, ...]:
    return 3 * _real(random, shape, dtype), _distribution(random, shape, dtype)


def _logits_and_labels(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    return 3 * _real(random, shape, dtype), random.integers(0, shape[-1], shape[:-1])


def _layer(random: np.random.Generator, shape: Shape, dtype: Any) -> tuple[Any, ...]:
    rows, width, classes = shape
    features, weight = _real(random, (rows, width), dtype), _real(random, (classes, width), dtype)
    bias = _real(random, (classes,), dtype)
    return features, weight / width**0.5, random.integers(0, classes, rows), bias


def _log_probabilities_and_labels(
    random: np.random.Generator, shape: Shape, dtype: Any
) -> tuple[Any, ...]:
    labels = random.integers(0, shape[-1], shape[:-1])
    return np.log(_distribution(random, shape, dtype)), labels


_LONG = tuple((size,) for size in SIZES)
_ROWS = tuple((max(1, size // FEW_CLASSES), min(size, FEW_CLASSES)) for size in SIZES)


def _case(draw: Draw, *wrt: str, shapes: tuple[Shape, ...] = _LONG, **parameters: float) -> Case:
    return Case(draw, parameters, wrt, shapes)


CASES = {
    "squared_error": _case(_regression, "prediction"),
    "half_squared_error": _case(_regression, "prediction"),
    "absolute_error": _case(_regression, "prediction"),
    "huber_loss": _case(_regression, "prediction", delta=1.0),
    "smooth_l1_loss": _case(_regression, "prediction", beta=0.5),
    "log_cosh": _case(_regression, "prediction"),
    "quantile_loss": _case(_regression, "prediction", quantile=0.9),
    "gaussian_nll": _case(_gaussian, "prediction", "variance"),
    "poisson_nll": _case(_counts, "prediction"),
    "hinge_loss": _case(_signs, "logits"),
    "squared_hinge_loss": _case(_signs, "logits"),
    "logistic_loss": _case(_signs, "logits"),
    "binary_cross_entropy": _case(_probabilities, "probabilities"),
    "sigmoid_binary_cross_entropy": _case(_binary, "logits"),
    "sigmoid_focal_loss": _case(_binary, "logits", gamma=2.0),
    "kl_divergence": _case(_distributions, "prediction", shapes=_ROWS),
    "categorical_cross_entropy": _case(_distributions, "probabilities", shapes=_ROWS),
    "nll": _case(_log_probabilities_and_labels, "log_probabilities", shapes=_ROWS),
    "softmax_cross_entropy": _case(_logits_and_distribution, "logits", shapes=ROWS_BY_CLASSES),
    "sparse_softmax_cross_entropy": _case(_logits_and_labels, "logits", shapes=ROWS_BY_CLASSES),
    "linear_cross_entropy": _case(_layer, "features", "weight", "bias", shapes=LAYERS),
}
"""Every loss that a peer has, by name."""


def inputs(loss: str, shape: Shape, dtype: str) -> tuple[Any, ...]:
    """The same NumPy arrays whenever the same are asked for."""
    random = np.random.default_rng(20240229)
    drawn = CASES[loss].draw(random, shape, np.dtype(dtype).type)
    return tuple(np.asarray(array) for array in drawn)
