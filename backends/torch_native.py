"""PyTorch's own fused losses, where they compute what is specified, and sooner."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossapi.plan import Plan

# Each of these conforms where its result is finite: where it is not, as where a residual overflows
# or an infinity is subtracted from another, the specification may ask for something else.
# Entropies and likelihoods do not: they lose digits, or take what is out of their domain; and the
# second derivative of l1_loss is a tensor without memory.
_LOSSES: dict[str, Callable[..., Any]] = {
    "squared_error": functional.mse_loss,
    "huber_loss": functional.huber_loss,
    "smooth_l1_loss": functional.smooth_l1_loss,
}
LARGEST = 2**18
"""Up to how many numbers: each of its functions goes through memory again, and blocks do not."""


def native(plan: Plan, arrays: dict[str, Any]) -> Callable[..., Any] | None:
    """What gives the result from the tensors, if it is finite; None if nothing does."""
    function, first = plan.program.function, next(iter(arrays.values()))
    own = _LOSSES.get(function.__name__)
    if own is None or plan.mode != "value" or plan.reduction == "none":
        return None
    if tuple(arrays) != function.inputs or not 0 < first.numel() <= LARGEST:
        return None
    if first.dtype not in (torch.float32, torch.float64):
        return None
    beta = plan.program.parameters.get("beta")
    if beta is not None and beta < 0.25:
        return None  # it squares before it divides: what underflow took would be enlarged
    if any((x.shape, x.dtype) != (first.shape, first.dtype) for x in arrays.values()):
        return None
    return partial(own, reduction=plan.reduction, **plan.program.parameters)


def finite(own: Callable[..., Any] | None, tensors: tuple[Any, ...]) -> Any:
    """The result of what `native` gave; None if it gave nothing, or the result is not finite."""
    if own is None:
        return None
    result = own(*tensors)
    return result if isfinite(result.item()) else None
