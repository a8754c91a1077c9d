"""What can go wrong in a call, each with the builtin error a Python user expects."""

from __future__ import annotations


class LossError(Exception):
    """Base of every error that lossapi raises."""


class ParameterError(LossError, ValueError):
    """A parameter or option is unknown, of the wrong kind, or outside its domain."""


class ArgumentError(LossError, TypeError):
    """An input is missing, given twice, or unknown."""


class BackendError(LossError, TypeError):
    """The arrays belong to no supported library, or to several libraries or devices."""


class ShapeError(LossError, ValueError):
    """The shapes do not fit the signature of the loss."""


class DTypeError(LossError, TypeError):
    """A dtype has no meaning for this input."""


class LabelError(LossError, IndexError):
    """A class label lies outside ``[0, K)`` and is not ``ignore_index``."""


class DomainError(LossError, ValueError):
    """An input lies outside its domain; raised only under ``errors_on_invalid``."""


class SpecError(LossError, ValueError):
    """A specification file is malformed, or cannot be read."""


class MissingExtraError(LossError, ImportError):
    """An optional dependency is not installed."""
