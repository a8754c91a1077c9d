"""What the literature says of losses for ordered classes, by hand."""

import math

import numpy as np
import pytest

import lossapi
from lossapi import DomainError, LabelError


def test_a_label_is_as_many_ones_as_thresholds_it_has_passed():
    logits = np.asarray([0.4, -1.3, 0.9])
    for label in range(4):
        target = np.asarray([label > k for k in range(3)])
        due = lossapi.sigmoid_binary_cross_entropy(logits, target, reduction="sum")
        assert lossapi.ordinal_binary_cross_entropy(logits, label) == pytest.approx(due, rel=1e-15)


def test_the_answers_may_contradict_each_other_and_are_no_distribution():
    total = sum(
        math.exp(-lossapi.ordinal_binary_cross_entropy(np.asarray([0.0, 0.0]), k)) for k in range(3)
    )
    assert total == pytest.approx(0.75)


def test_there_are_as_many_classes_as_logits_and_one_more():
    logits = np.zeros((2, 3))
    lossapi.ordinal_binary_cross_entropy(logits, np.asarray([0, 3]))
    with pytest.raises(LabelError, match="accepted are labels from 0 to 3"):
        lossapi.ordinal_binary_cross_entropy(logits, np.asarray([0, 4]))
    given = {"ignore_index": -1, "reduction": "none"}
    found = lossapi.ordinal_binary_cross_entropy(logits, np.asarray([-1, 1]), **given)
    assert found.tolist() == pytest.approx([0.0, 3 * math.log(2)])


def test_a_single_class_leaves_nothing_to_ask():
    value, slope = lossapi.ordinal_binary_cross_entropy.value_and_grad(
        np.zeros((2, 0)), np.zeros(2, dtype=int)
    )
    assert value == 0
    assert slope.shape == (2, 0)


# --- one score between thresholds


def test_the_probabilities_are_shares_of_the_logistic_distribution():
    # Proportional odds of 1/3 and 3: the logits of 1/4 and 3/4.
    thresholds = np.asarray([-math.log(3), math.log(3)])
    labels = np.arange(3)
    loss = lossapi.cumulative_link_loss(np.zeros(3), thresholds, labels, reduction="none")
    assert np.exp(-loss).tolist() == pytest.approx([0.25, 0.5, 0.25], rel=1e-15)


def test_the_odds_are_proportional():
    # The ratio of the odds of Y <= y for two scores is one and the same for every y.
    thresholds = np.asarray([-2.0, 0.25, 0.75, 3.0])
    labels = np.arange(5)
    below = [
        np.exp(-lossapi.cumulative_link_loss(score, thresholds, labels, reduction="none")).cumsum()
        for score in (0.5, 1.25)
    ]
    odds = [chances[:-1] / (1 - chances[:-1]) for chances in below]
    np.testing.assert_allclose(odds[0] / odds[1], math.exp(0.75), rtol=1e-13)


def test_far_from_two_close_thresholds_the_loss_is_the_distance_minus_the_logarithm_of_the_width():
    thresholds = np.asarray([700.0, 700.0 + 2.0**-40])
    value, slope = lossapi.cumulative_link_loss.value_and_grad(0.0, thresholds, 1)
    assert value == pytest.approx(700.0 + 40 * math.log(2), rel=1e-15)
    assert slope == -1.0


def test_one_row_of_thresholds_serves_all_examples_and_its_gradient_is_their_sum():
    score, labels = np.asarray([0.5, -1.0, 2.0, 0.0]), np.asarray([0, 1, 2, 1])
    thresholds = np.asarray([-0.5, 1.0])
    given = {"wrt": "thresholds", "reduction": "sum"}
    shared = lossapi.cumulative_link_loss.grad(score, thresholds, labels, **given)
    rows = np.broadcast_to(thresholds, (4, 2))
    each = lossapi.cumulative_link_loss.grad(score, rows, labels, **given)
    assert shared.shape == (2,)
    np.testing.assert_allclose(shared, each.sum(axis=0), rtol=1e-15)


def test_a_masked_example_may_have_thresholds_in_any_order():
    thresholds = np.asarray([[0.0, 1.0], [1.0, 0.0], [math.nan, 2.0]])
    where = np.asarray([True, False, False])
    value, slopes = lossapi.cumulative_link_loss.value_and_grad(
        np.zeros(3), thresholds, np.asarray([1, 1, 7]), where=where, wrt=("score", "thresholds")
    )
    alone = lossapi.cumulative_link_loss(np.zeros(1), thresholds[:1], np.asarray([1]))
    assert value == alone
    assert not np.any(slopes[0][1:])
    assert not np.any(slopes[1][1:])
    with lossapi.errors_on_invalid():
        lossapi.cumulative_link_loss(np.zeros(3), thresholds, np.asarray([1, 1, 7]), where=where)


@pytest.mark.parametrize("axis", [-1, 0, (0, 2)])
def test_thresholds_that_do_not_increase_are_shown_where_that_is_asked_for(axis):
    good = np.asarray([[0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 1.0, 3.0]])
    thresholds = {-1: good, 0: good.T, (0, 2): good.reshape(2, 2, 2).transpose(1, 0, 2)}[axis]
    given = {"axis": axis, "reduction": "none"}
    loss = lossapi.cumulative_link_loss(np.zeros(2), thresholds, 0, **given)
    assert np.isnan(loss).tolist() == [False, True]
    place = {-1: "[1, 2]", 0: "[2, 1]", (0, 2): "[1, 1, 0]"}[axis]
    with lossapi.errors_on_invalid(), pytest.raises(DomainError) as caught:
        lossapi.cumulative_link_loss(np.zeros(2), thresholds, 0, **given)
    assert f"thresholds{place} is 1.0; accepted are numbers each of which is above" in str(
        caught.value
    )


def test_a_single_class_has_no_threshold_and_no_loss():
    score = np.asarray([0.5, math.nan])
    given = {"reduction": "none"}
    value, slopes = lossapi.cumulative_link_loss.value_and_grad(
        score, np.zeros((2, 0)), np.zeros(2, dtype=int), wrt=("score", "thresholds"), **given
    )
    assert value[0] == 0
    assert np.isnan(value[1])
    assert slopes[0][0] == 0
    assert slopes[1].shape == (2, 0)
