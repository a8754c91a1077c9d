"""The loss functions of machine learning, on any array library.

Every loss is one callable with the same call on NumPy, CuPy, PyTorch, JAX and any other library
that follows the Array API standard::

    import lossapi
    lossapi.huber_loss(prediction, target, delta=2.0)
    value, gradient = lossapi.huber_loss.value_and_grad(prediction, target)

``dir(lossapi)`` names them all; ``help(lossapi.huber_loss)`` is its reference page. What stands
around a loss in training is in ``lossapi.training``, and what shows it in ``lossapi.diagnostics``.
"""

from __future__ import annotations

from typing import Any

from . import losses as _losses
from .bleu import bleu_score
from .call import errors_on_invalid
from .decoding import linear_chain_crf_decode
from .errors import (
    ArgumentError,
    BackendError,
    DomainError,
    DTypeError,
    LabelError,
    LossError,
    MissingExtraError,
    ParameterError,
    ShapeError,
    SpecError,
)
from .labels import one_hot as _one_hot  # noqa: F401 (to declare it)
from .loss import Loss, Primitive
from .selection import Recommendation, recommend
from .threads import get_threads, set_threads

__version__ = "0.1.0"

__all__ = [  # noqa: PLE0604 (the losses are named by their registry, not a second time here)
    "ArgumentError",
    "BackendError",
    "DTypeError",
    "DomainError",
    "LabelError",
    "Loss",
    "LossError",
    "MissingExtraError",
    "ParameterError",
    "Primitive",
    "Recommendation",
    "ShapeError",
    "SpecError",
    "bleu_score",
    "errors_on_invalid",
    "get_threads",
    "linear_chain_crf_decode",
    "recommend",
    "set_threads",
    *_losses.registry,
]


_ROOMS = ("diagnostics", "training")
"""Subpackages that are imported when they are asked for."""


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        from importlib import import_module

        return import_module(f"lossapi.{name}")
    try:
        return _losses.registry[name]
    except KeyError:
        raise AttributeError(f"module 'lossapi' has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS, "__version__"]
