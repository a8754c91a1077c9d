"""PyTorch Metric Learning's losses, of the pairs and triplets that it is told of."""

from __future__ import annotations

import sys
from typing import Any

import torch
from pytorch_metric_learning import distances, losses, reducers

from ..function_subject import FunctionSubject
from ..subject import Unsupported
from .port import port

_MOST = 2**12
"""The triplets that are given at once: it compares all their embeddings with all of them."""


def subject() -> FunctionSubject:
    """Its losses on tensors, differentiated by autograd."""
    return port(
        "pytorch-metric-learning",
        sys.modules[__name__],
        "pytorch_metric_learning",
        package="pytorch-metric-learning",
        prefix="pytorch_metric_learning.",
        backend="torch",
    )


def info_nce_loss(
    query: Any, key: Any, *, temperature: float = 0.07, normalize: bool = True
) -> Any:
    similarity = distances.CosineSimilarity()
    if not normalize:
        similarity = distances.DotProductSimilarity(normalize_embeddings=False)
    loss = losses.NTXentLoss(
        temperature=temperature, distance=similarity, reducer=reducers.MeanReducer()
    )
    each = [_of_pairs(loss, q, k) for q, k in zip(query, key, strict=True)]
    return torch.stack(each) if each else query.sum((-1, -2))


def pairwise_distance(a: Any, b: Any, *, p: float = 2.0, squared: bool = False) -> Any:
    distance = distances.LpDistance(normalize_embeddings=False, p=p, power=2 if squared else 1)
    each = [distance(x, y) for x, y in zip(a, b, strict=True)]
    return torch.stack(each) if each else a @ b.mT


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    margin: float = 1.0,
    p: float = 2.0,
    squared: bool = False,
    swap: bool = False,
    soft: bool = False,
    reduction: str = "mean",
) -> Any:
    reducer = {
        "none": reducers.DoNothingReducer(),
        "mean": reducers.MeanReducer(),
        "sum": reducers.SumReducer(),
    }[reduction]
    loss = losses.TripletMarginLoss(
        margin=margin,
        swap=swap,
        smooth_loss=soft,
        distance=distances.LpDistance(normalize_embeddings=False, p=p, power=2 if squared else 1),
        reducer=reducer,
    )
    count = len(anchor)
    if count > _MOST and reduction != "none":
        raise Unsupported(
            f"triplet_margin_loss: all embeddings are compared with all, which takes "
            f"{(3 * count) ** 2} distances of {count} triplets"
        )
    if reduction != "none":
        return _of_triplets(loss, anchor, positive, negative)
    alone = zip(*(array.split(1) for array in (anchor, positive, negative)), strict=True)
    each = [_of_triplets(loss, *triplet)["loss"]["losses"] for triplet in alone if count]
    return torch.cat(each) if each else anchor.sum(-1)


def _of_triplets(loss: Any, anchor: Any, positive: Any, negative: Any) -> Any:
    first = torch.arange(len(anchor))
    triplets = (first, first + len(first), first + 2 * len(first))
    return loss(torch.cat([anchor, positive, negative]), indices_tuple=triplets)


def _of_pairs(loss: Any, query: Any, key: Any) -> Any:
    """Each query is to find the key at its place among all of them."""
    places = torch.arange(len(query))
    # Labels that are one and the same object would say that so are the embeddings.
    return loss(query, places, ref_emb=key, ref_labels=places.clone())
