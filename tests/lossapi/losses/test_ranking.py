"""Losses of scores in order: against counts by loops, and what a list leaves out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

SCORES = np.asarray([0.5, 1.25, -0.75, 2.0, 0.0])
RELEVANCE = np.asarray([2.0, 0.0, 1.0, 1.0, 3.0])
KEPT = np.asarray([True, True, False, True, True])


def looped(scores: Any, relevance: Any, margin: float) -> float:
    """The mean over all pairs in order."""
    terms = [
        max(0.0, margin - (s - t))
        for s, a in zip(scores, relevance, strict=True)
        for t, b in zip(scores, relevance, strict=True)
        if a > b
    ]
    return sum(terms) / len(terms)


@pytest.mark.parametrize("margin", [0.25, 1.0, 3.0])
def test_the_pairs_of_a_list_are_those_of_two_loops(margin: float) -> None:
    found = lossapi.pairwise_hinge_loss(SCORES, RELEVANCE, margin=margin)
    assert found == pytest.approx(looped(SCORES, RELEVANCE, margin), rel=1e-15)


@pytest.mark.parametrize("name", ["pairwise_hinge_loss", "listnet_loss"])
def test_an_entry_that_is_left_out_might_as_well_not_be_there(name: str) -> None:
    loss = getattr(lossapi, name)
    garbage = np.where(KEPT, SCORES, np.nan)
    value, slope = loss.value_and_grad(garbage, RELEVANCE, class_where=KEPT)
    due, short = loss.value_and_grad(SCORES[KEPT], RELEVANCE[KEPT])
    assert value == pytest.approx(due, rel=1e-15)
    assert slope[~KEPT].tolist() == [0.0]
    np.testing.assert_allclose(slope[KEPT], short, rtol=1e-14)


@pytest.mark.parametrize("name", ["pairwise_hinge_loss", "listnet_loss"])
def test_a_list_of_which_nothing_is_left_costs_nothing(name: str) -> None:
    loss = getattr(lossapi, name)
    value, slope = loss.value_and_grad(SCORES, RELEVANCE, class_where=KEPT & False)
    assert value == 0.0
    assert not np.any(slope)


def test_each_list_weighs_alike_however_many_pairs_it_has() -> None:
    scores = np.stack([SCORES, SCORES])
    relevance = np.stack([RELEVANCE, [1.0, 0.0, 0.0, 0.0, 0.0]])
    each = lossapi.pairwise_hinge_loss(scores, relevance, reduction="none")
    assert lossapi.pairwise_hinge_loss(scores, relevance) == each.mean()


def test_the_scores_that_listnet_likes_best_are_the_relevance_over_the_temperature() -> None:
    for temperature in (0.5, 1.0, 4.0):
        best = RELEVANCE / temperature + 7.0
        slope = lossapi.listnet_loss.grad(best, RELEVANCE, temperature=temperature)
        np.testing.assert_allclose(slope, 0.0, atol=1e-15)
        least = lossapi.listnet_loss(best, RELEVANCE, temperature=temperature)
        assert least == pytest.approx(lossapi.softmax_entropy(RELEVANCE / temperature))


def test_the_weight_of_a_rank_is_a_harmonic_number() -> None:
    for rank, weight in ((1, 1.0), (2, 1.5), (3, 11 / 6), (4, 25 / 12)):
        others = np.asarray([1.0] * rank + [-9.0] * (4 - rank))
        value, slope = lossapi.warp_loss.value_and_grad(0.0, others)
        assert value == pytest.approx(2 * weight, rel=1e-15)
        assert slope == pytest.approx(-weight, rel=1e-15)


def test_the_mean_over_draws_until_one_is_within_the_margin_is_the_exact_loss() -> None:
    # Weston et al. draw an item within the margin, and weigh it by the rank.
    random = np.random.default_rng(3)
    others = random.normal(size=20)
    within = others[others > 0.3 - 1.0]
    weight = sum(1 / i for i in range(1, len(within) + 1))
    drawn = weight * np.mean(1.0 - 0.3 + within)
    assert lossapi.warp_loss(0.3, others) == pytest.approx(drawn, rel=1e-14)


def test_two_scores_of_bpr_are_a_softmax_of_two_classes() -> None:
    for positive, negative in ((2.0, -1.0), (0.0, 0.0), (-30.0, 50.0)):
        due = lossapi.sparse_softmax_cross_entropy([positive, negative], 0)
        assert lossapi.bpr_loss(positive, negative) == pytest.approx(due, rel=1e-15)


def test_the_weight_of_a_rank_may_be_its_logarithm_and_be_cut_off() -> None:
    for rank in (1, 2, 5, 40):
        others = np.asarray([1.0] * rank + [-9.0])
        found = lossapi.warp_loss(0.0, others, logarithmic=True)
        assert found == pytest.approx(2 * np.log(rank), rel=1e-15)
        options = {"logarithmic": True, "max_weight": 1.5}
        value, slope = lossapi.warp_loss.value_and_grad(0.0, others, **options)
        assert slope == pytest.approx(-min(1.5, np.log(rank)), rel=1e-15)
        assert value == pytest.approx(-2 * slope, rel=1e-15)
