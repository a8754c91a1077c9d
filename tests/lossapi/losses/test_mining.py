"""Mining of triplets against loops over all of them, and class centres that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lossapi

N, D, MARGIN = 9, 3, 0.5


def batch(classes: int = 3, n: int = N) -> tuple[Any, Any]:
    random = np.random.default_rng(classes)
    return random.standard_normal((n, D)), random.integers(0, classes, n)


def pairs(x: Any, labels: Any) -> tuple[Any, Any]:
    return lossapi.pairwise_distance(x, x), labels[:, None] == labels[None, :]


def triplets(labels: Any) -> Iterator[tuple[int, int, int]]:
    n = len(labels)
    for i in range(n):
        for p in range(n):
            for j in range(n):
                if i != p and labels[i] == labels[p] and labels[i] != labels[j]:
                    yield i, p, j


def hardest(d: Any, labels: Any) -> Iterator[tuple[int, int, int]]:
    for i in range(len(labels)):
        positives = [p for p in range(len(labels)) if p != i and labels[p] == labels[i]]
        negatives = [n for n in range(len(labels)) if labels[n] != labels[i]]
        if positives and negatives:
            yield i, max(positives, key=lambda p: d[i, p]), min(negatives, key=lambda n: d[i, n])


def semi_hard(d: Any, labels: Any) -> Iterator[tuple[int, int, int]]:
    for i, p, n in triplets(labels):
        if d[i, p] < d[i, n] < d[i, p] + MARGIN:
            yield i, p, n


MINERS: dict[str, tuple[Callable[..., Any], dict[str, float], Callable[..., Any]]] = {
    "all": (lossapi.batch_all_triplets, {}, lambda d, labels: triplets(labels)),
    "hard": (lossapi.batch_hard_triplets, {}, hardest),
    "semi-hard": (lossapi.semi_hard_triplets, {"margin": MARGIN}, semi_hard),
}
each_miner = pytest.mark.parametrize(("mine", "options", "loop"), MINERS.values(), ids=MINERS)


def looped(loop: Callable[..., Any], d: Any, labels: Any) -> Any:
    mask = np.zeros((len(labels),) * 3)
    for place in loop(d, labels):
        mask[place] = 1.0
    return mask


@each_miner
@pytest.mark.parametrize("classes", [1, 2, 3, 100])
def test_the_mask_is_what_loops_find(mine: Any, options: Any, loop: Any, classes: int) -> None:
    x, labels = batch(classes)
    distances, same = pairs(x, labels)
    found = mine(distances, same, **options)
    np.testing.assert_array_equal(found, looped(loop, distances, labels))


@each_miner
def test_ties_go_to_the_lowest_index(mine: Any, options: Any, loop: Any) -> None:
    x = np.asarray([[0.0], [1.0], [-1.0], [2.0], [-2.0], [0.0], [0.25]])
    labels = np.asarray([7, 7, 7, 8, 8, 8, 8])
    distances, same = pairs(x, labels)
    found = mine(distances, same, **options)
    np.testing.assert_array_equal(found, looped(loop, distances, labels))


@each_miner
def test_a_batch_of_one_has_no_triplet(mine: Any, options: Any, loop: Any) -> None:
    np.testing.assert_array_equal(mine([[0.0]], [[True]], **options), [[[0.0]]])


def mined_loss(mine: Any, options: Any, x: Any, labels: Any) -> Any:
    """The mean loss of the triplets that count, over embeddings of any library."""
    mask = mine(*pairs(x, labels), **options)
    shape = (*mask.shape, x.shape[-1])
    namespace = x.__array_namespace__() if hasattr(x, "__array_namespace__") else None
    stretch = namespace.broadcast_to if namespace else lambda a, s: a.expand(s)
    sides = (x[:, None, None, :], x[None, :, None, :], x[None, None, :, :])
    a, p, n = (stretch(side, shape) for side in sides)
    return lossapi.triplet_margin_loss(a, p, n, margin=MARGIN, weights=mask)


@each_miner
def test_a_mask_weighs_the_losses_of_triplets(mine: Any, options: Any, loop: Any) -> None:
    x, labels = batch()
    distances, _ = pairs(x, labels)
    costs = [
        max(0.0, distances[i, p] - distances[i, n] + MARGIN) for i, p, n in loop(distances, labels)
    ]
    np.testing.assert_allclose(mined_loss(mine, options, x, labels), np.mean(costs), rtol=1e-13)


@each_miner
@pytest.mark.parametrize("classes", [1, 3])
def test_pytorch_learns_from_the_triplets_that_count(
    mine: Any, options: Any, loop: Any, classes: int
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, labels = batch(classes)
    leaf = torch.tensor(x, requires_grad=True)
    value = mined_loss(mine, options, leaf, torch.tensor(labels))
    value.backward()
    chosen = list(loop(pairs(x, labels)[0], labels))
    due = np.zeros_like(x)
    for place in chosen:
        wrt = ("anchor", "positive", "negative")
        rows = lossapi.triplet_margin_loss.grad(*x[list(place)], margin=MARGIN, wrt=wrt)
        for row, slope in zip(place, rows, strict=True):
            due[row] += slope / len(chosen)
    np.testing.assert_allclose(leaf.grad, due, rtol=1e-12, atol=1e-15)
    if classes == 1:
        assert value == 0.0


NOTHING_MOVES = {
    "one example": (np.ones((1, 3)), np.asarray([4])),
    "one class": (batch()[0], np.zeros(N, int)),
    "every example a class": (batch()[0], np.arange(N)),
    "identical embeddings": (np.ones((N, D)), batch()[1]),
}


@each_miner
@pytest.mark.parametrize(("x", "labels"), NOTHING_MOVES.values(), ids=NOTHING_MOVES)
def test_without_a_triplet_or_a_direction_nothing_moves(
    mine: Any, options: Any, loop: Any, x: Any, labels: Any
) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    leaf = torch.tensor(x, requires_grad=True)
    value = mined_loss(mine, options, leaf, torch.tensor(labels))
    value.backward()
    np.testing.assert_array_equal(leaf.grad, np.zeros(x.shape))
    # Triplets of embeddings that coincide cost the margin, unless semi-hard ones are asked for.
    chosen = list(loop(pairs(x, labels)[0], labels))
    assert value == (MARGIN if chosen else 0.0)


@each_miner
def test_it_runs_under_jit(mine: Any, options: Any, loop: Any) -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    x, labels = batch()
    mined = jax.jit(lambda x, labels: mine(*pairs(x, labels), **options))
    found = mined(jax.numpy.asarray(x), jax.numpy.asarray(labels))
    distances, _ = pairs(x.astype(np.float32), labels)
    np.testing.assert_array_equal(found, looped(loop, distances, labels))
    loss = jax.jit(jax.grad(lambda x, labels: mined_loss(mine, options, x, labels)))
    alone = loss(jax.numpy.asarray(x), jax.numpy.zeros(N, int))
    np.testing.assert_array_equal(alone, np.zeros((N, D)))


@pytest.mark.parametrize(("count", "share"), [(0, 0.0), (1, 1 / 2), (2, 1 / 3), (3, 1 / 4)])
def test_the_update_is_a_share_of_the_gradient_of_the_center_loss(count: int, share: float) -> None:
    features, _ = batch(n=3)
    labels = np.asarray([1] * count + [0] * (3 - count))
    centers = np.asarray([[1.0, 2.0, 3.0], [-0.5, 0.25, 4.0]])
    slope = lossapi.center_loss.grad(features, labels, centers, wrt="centers", reduction="sum")
    hot = lossapi.one_hot(labels, num_classes=2)
    moved = lossapi.center_update(features, hot, centers, alpha=1.0) - centers
    np.testing.assert_allclose(moved[1], -share * slope[1], rtol=1e-13, atol=1e-15)
