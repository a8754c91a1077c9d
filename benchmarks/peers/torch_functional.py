"""PyTorch's own losses."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional

squared_error = functional.mse_loss
absolute_error = functional.l1_loss
huber_loss = functional.huber_loss
smooth_l1_loss = functional.smooth_l1_loss
logistic_loss = functional.soft_margin_loss
binary_cross_entropy = functional.binary_cross_entropy
sigmoid_binary_cross_entropy = functional.binary_cross_entropy_with_logits
nll = functional.nll_loss
softmax_cross_entropy = sparse_softmax_cross_entropy = functional.cross_entropy


def gaussian_nll(prediction: Any, variance: Any, target: Any) -> Any:
    return functional.gaussian_nll_loss(prediction, target, variance, full=True)


def poisson_nll(prediction: Any, target: Any) -> Any:
    return functional.poisson_nll_loss(prediction, target)


def hinge_loss(logits: Any, target: Any) -> Any:
    return functional.margin_ranking_loss(logits, torch.zeros_like(logits), target, margin=1.0)


def kl_divergence(prediction: Any, target: Any) -> Any:
    return functional.kl_div(torch.log(prediction), target, reduction="batchmean")


def linear_cross_entropy(features: Any, weight: Any, labels: Any, bias: Any) -> Any:
    return functional.linear_cross_entropy(features, weight, labels, linear_bias=bias)
