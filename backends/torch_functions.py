"""Functions of the standard's namespace in the form that PyTorch compiles, maps and rounds well."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

# As comparisons: of PyTorch's own functions its compiler makes a call for each number.


def isnan(x: Any) -> Any:
    """Where numbers are missing."""
    return x != x  # noqa: PLR0124


def isinf(x: Any) -> Any:
    """Where numbers are infinite."""
    return abs(x) == math.inf


def isfinite(x: Any) -> Any:
    """Where numbers are neither missing nor infinite."""
    return abs(x) < math.inf


def cumulative_sum(x: Any, /, *, axis: int) -> Any:
    """The sums of all entries up to each along an axis."""
    return torch.cumsum(x, dim=axis)


def tensordot(a: Any, b: Any, /, *, axes: Any) -> Any:
    """A product summed over axes."""
    return torch.tensordot(a, b, dims=axes)


def in_full(product: Callable[..., Any]) -> Callable[..., Any]:
    """A product of matrices that autocast leaves alone."""

    def in_full(*arrays: Any, **options: Any) -> Any:
        kind = arrays[0].device.type
        if not torch.is_autocast_enabled(kind):
            return product(*arrays, **options)
        with torch.autocast(kind, enabled=False):
            return product(*arrays, **options)

    return in_full
