"""PyTorch Metric Learning's losses, of the pairs and triplets that it is told of."""

from __future__ import annotations

import sys
from typing import Any

import torch
from pytorch_metric_learning import distances, losses, reducers

from ..function_subject import FunctionSubject
from .port import port


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
        margin=0 if soft else margin,
        swap=swap,
        smooth_loss=soft,
        distance=distances.LpDistance(normalize_embeddings=False, p=p, power=2 if squared else 1),
        reducer=reducer,
    )
    count = len(anchor)
    first = torch.arange(count)
    triplets = (first, first + count, first + 2 * count)
    result = loss(torch.cat([anchor, positive, negative]), indices_tuple=triplets)
    if reduction != "none":
        return result
    each = result["loss"]["losses"]
    return each if count else anchor.sum(-1)  # no triplets have the loss 0


def _of_pairs(loss: Any, query: Any, key: Any) -> Any:
    """Each query is to find the key at its place among all of them."""
    places = torch.arange(len(query))
    # Labels that are one and the same object would say that so are the embeddings.
    return loss(query, places, ref_emb=key, ref_labels=places.clone())
