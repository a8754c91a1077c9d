"""PyTorch as it is written by hand where ``torch.nn.functional`` has no such loss."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional


def half_squared_error(prediction: Any, target: Any) -> Any:
    return 0.5 * functional.mse_loss(prediction, target)


def log_cosh(prediction: Any, target: Any) -> Any:
    residual = prediction - target
    return (residual + functional.softplus(-2 * residual) - math.log(2)).mean()


def quantile_loss(prediction: Any, target: Any, *, quantile: float) -> Any:
    residual = target - prediction
    return torch.maximum(quantile * residual, (quantile - 1) * residual).mean()


def squared_hinge_loss(logits: Any, target: Any) -> Any:
    return torch.relu(1 - target * logits).square().mean()


def sigmoid_focal_loss(logits: Any, target: Any, *, gamma: float) -> Any:
    """As torchvision writes it."""
    p = torch.sigmoid(logits)
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    right = p * target + (1 - p) * (1 - target)
    return ((1 - right) ** gamma * entropy).mean()


def categorical_cross_entropy(probabilities: Any, target: Any) -> Any:
    return -(target * torch.log(probabilities)).sum(-1).mean()


def linear_cross_entropy(features: Any, weight: Any, labels: Any, bias: Any) -> Any:
    """In blocks, as PyTorch does where it is asked to."""
    blocks = torch.nn.LinearCrossEntropyOptions()
    return functional.linear_cross_entropy(
        features, weight, labels, linear_bias=bias, options=blocks
    )
