"""PyTorch's ``torch.nn.functional``."""

from __future__ import annotations

import sys
from typing import Any

import torch

from ..function_subject import FunctionSubject
from .port import kept_first, port, with_one_blank

functional: Any = torch.nn.functional  # its stubs lack some of the arguments


def subject() -> FunctionSubject:
    """PyTorch's own losses on its own arrays, differentiated by autograd."""
    return port(
        "torch.nn.functional",
        sys.modules[__name__],
        "torch",
        package="torch",
        prefix="torch.nn.functional.",
        backend="torch",
        dtypes=("float64", "float32", "float16"),
    )


def absolute_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return functional.l1_loss(prediction, target, weight=weights, reduction=reduction)


def binary_cross_entropy(
    probabilities: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return functional.binary_cross_entropy(probabilities, target, weights, reduction=reduction)


def cosine_embedding_loss(
    u: Any, v: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    return functional.cosine_embedding_loss(u, v, target, margin=margin, reduction=reduction)


def cosine_distance(u: Any, v: Any) -> Any:
    return 1 - functional.cosine_similarity(u, v, dim=-1)


def ctc_loss(
    logits: Any,
    labels: Any,
    mask: Any,
    label_mask: Any,
    blank: Any,
    *,
    zero_infinity: bool = False,
    reduction: str = "mean",
) -> Any:
    given = {"reduction": reduction, "zero_infinity": zero_infinity}
    return with_one_blank(_ctc, torch.cat, logits, labels, mask, label_mask, blank=blank, **given)


def _ctc(logits: Any, labels: Any, mask: Any, label_mask: Any, **given: Any) -> Any:
    scores = functional.log_softmax(logits[kept_first(mask)], -1).transpose(0, 1)
    frames, length = mask.sum(-1).long(), label_mask.sum(-1).long()
    return functional.ctc_loss(scores, labels[kept_first(label_mask)], frames, length, **given)


def gaussian_nll(
    prediction: Any,
    variance: Any,
    target: Any,
    *,
    full: bool = True,
    minimum_variance: float = 0.0,
    reduction: str = "mean",
) -> Any:
    return functional.gaussian_nll_loss(
        prediction, target, variance, full=full, eps=minimum_variance, reduction=reduction
    )


def huber_loss(
    prediction: Any,
    target: Any,
    *,
    delta: float = 1.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return functional.huber_loss(
        prediction, target, delta=delta, weight=weights, reduction=reduction
    )


def kl_divergence(
    prediction: Any, target: Any, *, log_prediction: bool = False, log_target: bool = False
) -> Any:
    logarithm = prediction if log_prediction else torch.log(prediction)
    return functional.kl_div(logarithm, target, reduction="none", log_target=log_target).sum(-1)


def l2_normalize(x: Any, *, epsilon: float = 0.0) -> Any:
    return functional.normalize(x, dim=-1, eps=epsilon)


def linear_cross_entropy(
    features: Any, weight: Any, labels: Any, bias: Any, *, label_smoothing: float = 0.0
) -> Any:
    rows = zip(features, weight, labels, bias, strict=True)  # each with a weight of its own
    each = [
        functional.linear_cross_entropy(
            row[None],
            matrix,
            label[None],
            linear_bias=shift,
            reduction="none",
            label_smoothing=label_smoothing,
        )
        for row, matrix, label, shift in rows
    ]
    return torch.cat(each) if each else features.sum(-1)


def log_softmax(logits: Any) -> Any:
    return functional.log_softmax(logits, -1)


def logistic_loss(logits: Any, target: Any, *, reduction: str = "mean") -> Any:
    return functional.soft_margin_loss(logits, target, reduction=reduction)


def margin_ranking_loss(
    first: Any, second: Any, target: Any, *, margin: float = 0.0, reduction: str = "mean"
) -> Any:
    return functional.margin_ranking_loss(first, second, target, margin=margin, reduction=reduction)


def nll(
    log_probabilities: Any,
    labels: Any,
    *,
    class_weights: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    return functional.nll_loss(
        log_probabilities, labels, class_weights, ignore_index=ignore_index, reduction=reduction
    )


def poisson_nll(
    prediction: Any,
    target: Any,
    *,
    log_input: bool = True,
    full: bool = False,
    reduction: str = "mean",
) -> Any:
    return functional.poisson_nll_loss(
        prediction, target, log_input=log_input, full=full, eps=0, reduction=reduction
    )


def sigmoid_binary_cross_entropy(
    logits: Any,
    target: Any,
    *,
    pos_weight: float = 1.0,
    weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return functional.binary_cross_entropy_with_logits(
        logits,
        target,
        weights,
        reduction=reduction,
        pos_weight=torch.as_tensor(pos_weight, dtype=logits.dtype),
    )


def smooth_l1_loss(
    prediction: Any, target: Any, *, beta: float = 1.0, reduction: str = "mean"
) -> Any:
    return functional.smooth_l1_loss(prediction, target, beta=beta, reduction=reduction)


def softmax(logits: Any, *, temperature: float = 1.0) -> Any:
    return functional.softmax(logits / temperature, -1)


def softmax_cross_entropy(
    logits: Any,
    target: Any,
    *,
    label_smoothing: float = 0.0,
    class_weights: Any = None,
    reduction: str = "mean",
) -> Any:
    return functional.cross_entropy(
        logits, target, class_weights, reduction=reduction, label_smoothing=label_smoothing
    )


def sparse_softmax_cross_entropy(
    logits: Any,
    labels: Any,
    *,
    label_smoothing: float = 0.0,
    class_weights: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    return functional.cross_entropy(
        logits,
        labels,
        class_weights,
        ignore_index=ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )


def squared_error(
    prediction: Any, target: Any, *, weights: Any = None, reduction: str = "mean"
) -> Any:
    return functional.mse_loss(prediction, target, weight=weights, reduction=reduction)


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    return functional.triplet_margin_loss(
        anchor, positive, negative, margin=margin, p=p, eps=0.0, swap=swap, reduction=reduction
    )
