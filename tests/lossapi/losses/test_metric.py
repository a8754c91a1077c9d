"""Losses of embeddings: worked values, identities, and what other libraries make of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.losses import center


def test_pairs_of_embeddings_are_pulled_together_and_pushed_apart() -> None:
    a = np.asarray([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    b = np.asarray([[3.0, 4.0], [3.0, 4.5], [0.0, 0.0]])
    distance = lossapi.pairwise_distance(a[:, None, :], b[:, None, :])[:, 0, 0]
    np.testing.assert_array_equal(distance, [5.0, 0.5, 0.0])
    found = lossapi.contrastive_loss(distance, [1, 0, 0], reduction="none")
    np.testing.assert_array_equal(found, [12.5, 0.125, 0.5])


def test_the_contrastive_gradient_reaches_embeddings_and_is_0_where_they_coincide() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    a = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]], requires_grad=True)
    b = torch.tensor([[3.0, 4.0], [3.0, 4.5], [0.0, 0.0]])
    distance = lossapi.pairwise_distance(a[:, None, :], b[:, None, :])[:, 0, 0]
    target = torch.tensor([1, 0, 0])
    lossapi.contrastive_loss(distance, target, reduction="sum").backward()
    np.testing.assert_allclose(a.grad, [[-3.0, -4.0], [0.0, 0.5], [0.0, 0.0]], rtol=1e-6)


def test_the_cosine_distance_of_nearly_parallel_vectors_is_half_the_squared_angle() -> None:
    angle = 1e-9
    u, v = np.asarray([3.0, 0.0]), np.asarray([2.0, 2e-9])
    np.testing.assert_allclose(lossapi.cosine_distance(u, v), 0.5 * angle**2, rtol=1e-15)
    slope = lossapi.cosine_distance.grad(u, v)
    np.testing.assert_allclose(slope, [0.0, -angle / 3.0], rtol=1e-15, atol=1e-25)
    assert 1.0 - np.dot(u, v) / (np.linalg.norm(u) * np.linalg.norm(v)) == 0.0


@pytest.mark.parametrize("squared", [False, True])
def test_a_positive_on_its_anchor_leaves_the_slope_of_the_negative(*, squared: bool) -> None:
    loss, wrt = lossapi.triplet_margin_loss, ("anchor", "positive", "negative")
    same, other = [0.0, 0.0], [0.0, 0.5]
    value, slopes = loss.value_and_grad(same, same, other, wrt=wrt, squared=squared)
    assert value == (0.75 if squared else 0.5)
    away = [0.0, 1.0]
    np.testing.assert_array_equal(slopes, [away, same, [0.0, -1.0]])
    _, slopes = loss.value_and_grad(same, same, same, wrt=wrt, squared=squared)
    np.testing.assert_array_equal(slopes, np.zeros((3, 2)))


def test_the_soft_margin_of_the_paper_has_no_other() -> None:
    a, p, n = np.random.default_rng(3).standard_normal((3, 7, 4))
    gap = np.linalg.norm(a - p, axis=-1) - np.linalg.norm(a - n, axis=-1)
    found = lossapi.triplet_margin_loss(a, p, n, margin=0.0, soft=True, reduction="none")
    np.testing.assert_allclose(found, np.log1p(np.exp(gap)), rtol=1e-14)


def centers_problem() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(5)
    return (
        random.standard_normal((23, 3)),
        random.integers(0, 4, 23),
        random.standard_normal((4, 3)),
    )


def test_the_gradient_of_shared_centres_is_a_sum_over_the_examples_of_each_class(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    features, labels, centers = centers_problem()
    due = np.stack([(c - features[labels == k]).sum(0) for k, c in enumerate(centers)])
    for block in (2**18, 12):  # all at once, and three examples at a time
        monkeypatch.setattr(center, "_BLOCK", block)
        options = {"wrt": "centers", "reduction": "sum"}
        found = lossapi.center_loss.grad(features, labels, centers, **options)
        np.testing.assert_allclose(found, due, rtol=1e-13)


def test_a_centre_without_examples_stays_where_it_is() -> None:
    features, _, centers = centers_problem()
    slopes = lossapi.center_loss.grad(features, np.ones(23, int), centers, wrt="centers")
    np.testing.assert_allclose(slopes[1], centers[1] - features.mean(0), rtol=1e-13)
    np.testing.assert_array_equal(slopes[[0, 2, 3]], np.zeros((3, 3)))


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_centres_learn_on_libraries_that_differentiate(library: str) -> None:
    module = pytest.importorskip(library, reason=f"{library} is not installed")
    features, labels, centers = centers_problem()
    due = lossapi.center_loss.grad(features, labels, centers, wrt="centers")
    if library == "torch":
        leaf = module.tensor(centers, requires_grad=True)
        lossapi.center_loss(module.tensor(features), module.tensor(labels), leaf).backward()
        np.testing.assert_allclose(leaf.grad, due, rtol=1e-13)
        return
    features, labels, centers = map(module.numpy.asarray, (features, labels, centers))
    loss = module.jit(module.grad(lambda c: lossapi.center_loss(features, labels, c)))
    np.testing.assert_allclose(loss(centers), due, rtol=2e-5, atol=1e-6)


def test_info_nce_is_the_cross_entropy_of_the_diagonal_both_ways() -> None:
    query, key = np.random.default_rng(9).standard_normal((2, 6, 5))
    cosines = lossapi.l2_normalize(query) @ lossapi.l2_normalize(key).T
    ce, place = lossapi.sparse_softmax_cross_entropy, np.arange(6)
    ways = [ce(s / 0.07, place) for s in (cosines, cosines.T)]
    np.testing.assert_allclose(lossapi.info_nce_loss(query, key), ways[0], rtol=1e-13)
    both = lossapi.info_nce_loss(query, key, symmetric=True)
    np.testing.assert_allclose(both, np.mean(ways), rtol=1e-13)


def test_a_temperature_may_be_learned() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    query, key = torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(1)).double()
    scale = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    options = {"normalize": False, "temperature": 1.0}
    scaled = lossapi.l2_normalize(query) * scale.exp()
    lossapi.info_nce_loss(scaled, lossapi.l2_normalize(key), **options).backward()

    def fixed(log_scale: float) -> Any:
        return lossapi.info_nce_loss(query, key, temperature=float(np.exp(-log_scale)))

    numerically = (fixed(2.0 + 1e-6) - fixed(2.0 - 1e-6)) / 2e-6
    np.testing.assert_allclose(scale.grad, numerically, rtol=1e-6)


def test_one_pair_has_nothing_to_find() -> None:
    value, slope = lossapi.info_nce_loss.value_and_grad([[1.0, 2.0]], [[3.0, -1.0]])
    assert value == 0.0
    np.testing.assert_array_equal(slope, [[0.0, 0.0]])


@pytest.mark.parametrize("margin", [-1.0, -0.25, 0.0, 0.5, 1.0])
def test_a_dissimilar_pair_pays_for_its_cosine_above_the_margin(margin: float) -> None:
    angles = np.linspace(0.0, np.pi, 13)
    u, v = np.asarray([2.0, 0.0]), 3.0 * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    u, target = np.broadcast_to(u, v.shape), np.full(13, -1)
    found = lossapi.cosine_embedding_loss(u, v, target, margin=margin, reduction="none")
    due = np.maximum(0.0, np.cos(angles) - margin)
    np.testing.assert_allclose(found, due, rtol=1e-14, atol=3e-16)


def test_nearly_opposite_vectors_have_a_gradient_at_a_margin_of_minus_one() -> None:
    slope = lossapi.cosine_embedding_loss.grad([1.0, 0.0], [-1.0, 1e-170], -1, margin=-1.0)
    np.testing.assert_allclose(slope, [0.0, 1e-170], rtol=1e-15)


def test_a_cosine_that_underflows_is_on_the_side_of_its_products() -> None:
    u, v = np.asarray([-2.5e163, 0.125, 2.24e-321]), np.asarray([0.0, 0.0, 1.0])
    slopes = lossapi.cosine_embedding_loss.grad(u, v, -1.0, wrt=("u", "v"))
    assert slopes[1][0] == -1.0
    assert slopes[0][2] == pytest.approx(1 / 2.5e163)
    turned = lossapi.cosine_embedding_loss.grad(u, -v, -1.0, wrt=("u", "v"))
    assert not np.any(turned)


def test_the_contrastive_loss_of_embeddings_is_that_of_their_distances() -> None:
    u, v = np.random.default_rng(4).standard_normal((2, 9, 3))
    target = np.arange(9) % 2
    distance = np.linalg.norm(u - v, axis=-1)
    found, slopes = lossapi.contrastive_embedding_loss.value_and_grad(
        u, v, target, margin=3.0, reduction="none", wrt=("u", "v")
    )
    due, by_distance = lossapi.contrastive_loss.value_and_grad(
        distance, target, margin=3.0, reduction="none"
    )
    np.testing.assert_allclose(found, due, rtol=1e-14)
    along = by_distance[:, None] * (u - v) / distance[:, None]
    np.testing.assert_allclose(slopes, [along, -along], rtol=1e-14, atol=1e-15)


def test_triplets_and_pairs_of_a_batch_can_be_had_from_distances_and_similarities() -> None:
    x = np.random.default_rng(6).standard_normal((7, 3))
    labels = np.asarray([0, 1, 0, 2, 1, 0, 2])
    distances = lossapi.pairwise_distance(x, x)
    same = (labels[:, None] == labels).astype(float)
    mask = lossapi.batch_all_triplets(distances, same)
    near = np.broadcast_to(distances[:, :, None], mask.shape)
    far = np.broadcast_to(distances[:, None, :], mask.shape)
    a, p, n = (x[i] for i in np.nonzero(mask))
    found = lossapi.margin_ranking_loss(far, near, np.ones(mask.shape), margin=0.5, weights=mask)
    np.testing.assert_allclose(found, lossapi.triplet_margin_loss(a, p, n, margin=0.5), rtol=1e-14)
    found = lossapi.bpr_loss(far, near + 0.5, weights=mask)
    due = lossapi.triplet_margin_loss(a, p, n, margin=0.5, soft=True)
    np.testing.assert_allclose(found, due, rtol=1e-14)


def test_dissimilar_embeddings_cost_the_most_where_they_meet() -> None:
    v = np.asarray([0.5, 0.25])
    here, beside, between = (
        lossapi.contrastive_embedding_loss(v + x, v, 0.0) for x in (-0.5, 0.5, 0.0)
    )
    assert between == 0.5
    assert between > (here + beside) / 2
    slopes = lossapi.contrastive_embedding_loss.grad(v, v, 0.0, wrt=("u", "v"))
    assert not np.any(slopes)


@pytest.mark.parametrize("name", ["triplet_margin_loss", "contrastive_embedding_loss"])
def test_second_derivatives_know_that_a_direction_turns(name: str) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    u = torch.tensor([0.5, 0.0], dtype=torch.float64, requires_grad=True)
    v = torch.zeros(2, dtype=torch.float64)
    if name == "triplet_margin_loss":  # |u| and less the distance to where u is far away
        value = lossapi.triplet_margin_loss(u, v, v + torch.tensor([1e9, 0.0]), margin=2e9)
        due = [[0.0, 0.0], [0.0, 2.0]]
    else:  # (1 - |u|)^2 / 2
        value = lossapi.contrastive_embedding_loss(u, v, torch.tensor(0.0))
        due = [[1.0, 0.0], [0.0, -1.0]]
    (slope,) = torch.autograd.grad(value, u, create_graph=True)
    rows = [torch.autograd.grad(slope[i], u, retain_graph=True)[0] for i in range(2)]
    np.testing.assert_allclose(torch.stack(rows), due, atol=1e-8)
