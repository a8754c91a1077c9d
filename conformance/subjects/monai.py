"""MONAI's ``monai.losses``."""

from __future__ import annotations

import sys
from typing import Any

import monai.losses
import torch

from ..function_subject import FunctionSubject
from .port import port

losses: Any = monai.losses  # which does not export its classes by name


def subject() -> FunctionSubject:
    """MONAI's losses of masks on tensors, a mask being one channel, differentiated by autograd."""
    return port(
        "monai",
        sys.modules[__name__],
        "monai",
        package="monai",
        prefix="monai.losses.",
        backend="torch",
    )


def dice_loss(
    probabilities: Any,
    target: Any,
    *,
    smooth_numerator: float = 1.0,
    smooth_denominator: float = 1.0,
    squared: bool = False,
    reduction: str = "mean",
) -> Any:
    loss = losses.DiceLoss(
        squared_pred=squared,
        smooth_nr=smooth_numerator,
        smooth_dr=smooth_denominator,
        reduction=reduction,
    )
    return _of_masks(loss, reduction, probabilities, target)


def dice_cross_entropy_loss(
    logits: Any,
    target: Any,
    *,
    dice_weight: float = 1.0,
    cross_entropy_weight: float = 1.0,
    smooth: float = 1.0,
    reduction: str = "mean",
) -> Any:
    loss = losses.DiceCELoss(
        sigmoid=True,
        smooth_nr=smooth,
        smooth_dr=smooth,
        lambda_dice=dice_weight,
        lambda_ce=cross_entropy_weight,
        reduction="mean" if reduction == "none" else reduction,
    )
    if reduction != "none":
        return loss(logits[:, None], target[:, None])
    # There is no loss of each example: each is asked for alone.
    rows = zip(logits, target, strict=True)
    each = [loss(z[None, None], y[None, None]) for z, y in rows]
    return torch.stack(each) if each else logits.sum(-1)


def generalized_box_iou_loss(prediction: Any, target: Any, *, reduction: str = "mean") -> Any:
    return losses.BoxGIoULoss(reduction)(prediction, target)


def jaccard_loss(
    probabilities: Any, target: Any, *, smooth: float = 0.0, reduction: str = "mean"
) -> Any:
    # Its smoothing stands beside twice the shared pixels.
    loss = losses.DiceLoss(
        jaccard=True, smooth_nr=2 * smooth, smooth_dr=2 * smooth, reduction=reduction
    )
    return _of_masks(loss, reduction, probabilities, target)


def sigmoid_focal_loss(
    logits: Any,
    target: Any,
    *,
    alpha: float | None = None,
    gamma: float = 2.0,
    reduction: str = "mean",
) -> Any:
    loss = losses.FocalLoss(gamma=gamma, alpha=alpha, reduction=reduction)
    result = loss(logits[:, None], target[:, None])
    return result[:, 0] if reduction == "none" else result


def softmax_focal_loss(
    logits: Any,
    labels: Any,
    *,
    gamma: float = 2.0,
    alpha: Any = None,
    reduction: str = "mean",
) -> Any:
    loss = losses.FocalLoss(
        to_onehot_y=True, use_softmax=True, gamma=gamma, alpha=alpha, reduction=reduction
    )
    result = loss(logits, labels[:, None])
    return result.sum(-1) if reduction == "none" else result


def tversky_loss(
    probabilities: Any,
    target: Any,
    *,
    false_positive_weight: float = 0.5,
    false_negative_weight: float = 0.5,
    smooth: float = 0.0,
    reduction: str = "mean",
) -> Any:
    loss = losses.TverskyLoss(
        alpha=false_positive_weight,
        beta=false_negative_weight,
        smooth_nr=smooth,
        smooth_dr=smooth,
        reduction=reduction,
    )
    return _of_masks(loss, reduction, probabilities, target)


def _of_masks(loss: Any, reduction: str, probabilities: Any, target: Any) -> Any:
    """A loss of masks in one channel."""
    result = loss(probabilities[:, None], target[:, None])
    return result.reshape(len(probabilities)) if reduction == "none" else result
