"""The losses of single examples, by group and by confidence."""

from __future__ import annotations

import math

import numpy as np
import pytest

import lossapi
from lossapi.diagnostics import loss_against_confidence, loss_distribution


def test_groups_share_the_bins(library):
    losses = library.asarray([0.0, 1.0, 2.0, 4.0])
    groups = library.asarray([0, 1, 0, 1], "int64")
    found = loss_distribution(losses, groups=groups, bins=4)
    assert found.groups == (0, 1)
    assert found.edges.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert found.counts.tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]]
    assert found.mean.tolist() == [1.0, 2.5]
    assert found.quantiles[:, 2].tolist() == [1.0, 2.5]


def test_what_is_not_finite_is_counted_apart():
    found = loss_distribution([1.0, math.inf, math.nan, 3.0], groups=["a", "a", "b", "b"], bins=2)
    assert found.nonfinite.tolist() == [1, 1]
    assert found.mean.tolist() == [1.0, 3.0]
    lost = loss_distribution([math.nan], bins=2)
    assert np.isnan(lost.mean).all()
    assert lost.counts.tolist() == [[0, 0]]
    assert loss_distribution([], bins=2).groups == ()


def test_every_example_is_counted_once():
    random = np.random.default_rng(1)
    losses, groups = random.exponential(size=1000), random.integers(0, 3, 1000)
    found = loss_distribution(losses, groups=groups)
    assert found.counts.sum(axis=1).tolist() == np.bincount(groups).tolist()


def test_bins_of_confidence_hold_what_lies_in_them(library):
    losses = library.asarray([0.1, 0.3, 2.0, 1.0])
    sure = library.asarray([1.0, 0.75, 0.25, 0.5])
    right = library.asarray([True, False, False, True], "bool")
    found = loss_against_confidence(losses, sure, correct=right, bins=4)
    assert found.edges.tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert found.count.tolist() == [0, 1, 1, 2]
    np.testing.assert_allclose(found.mean_loss, [math.nan, 2.0, 1.0, 0.2], rtol=1e-6)
    np.testing.assert_allclose(found.mean_confidence, [math.nan, 0.25, 0.5, 0.875])
    np.testing.assert_allclose(found.accuracy, [math.nan, 0.0, 1.0, 0.5])


def test_of_a_calibrated_model_the_accuracy_is_the_confidence():
    random = np.random.default_rng(2)
    sure = random.uniform(0.5, 1.0, 20000)
    right = random.random(20000) < sure
    losses = lossapi.binary_cross_entropy(sure, right, reduction="none")
    found = loss_against_confidence(losses, sure, correct=right)
    filled = found.count > 0
    assert abs(found.accuracy - found.mean_confidence)[filled].max() < 0.03


def test_an_infinite_loss_makes_its_bin_infinite():
    found = loss_against_confidence([math.inf, 1.0], [0.9, 0.1], bins=2)
    assert found.mean_loss.tolist() == [1.0, math.inf]


def test_they_are_drawn(axes):
    losses, sure = [0.1, 0.5, math.inf], [0.9, 0.6, 0.2]
    assert loss_distribution(losses, groups=["a", "b", "b"]).plot(axes) is axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    other = axes.figure.add_subplot()
    assert loss_against_confidence(losses, sure, correct=[True] * 3).plot(other) is other
    assert len(other.get_lines()) == 3


MISTAKES = [
    (loss_distribution, ([1.0, 2.0],), {"groups": ["a"]}, ("groups has 1", "2 losses")),
    (loss_distribution, ([1.0],), {"bins": 0}, ("bins is 0", "{1, 2, ...}")),
    (loss_against_confidence, ([1.0], [1.5]), {}, ("confidence[0] is 1.5", "[0, 1]", "softmax")),
    (loss_against_confidence, ([1.0], [0.5, 0.5]), {}, ("confidence has 2", "1 losses")),
    (loss_against_confidence, ([1.0], [0.5]), {"correct": [1]}, ("correct", "int64", "bool")),
]


@pytest.mark.parametrize(("call", "given", "options", "parts"), MISTAKES)
def test_a_mistake_is_told_with_what_is_accepted(call, given, options, parts):
    with pytest.raises(lossapi.LossError) as told:
        call(*given, **options)
    for part in (call.__name__, *parts):
        assert part in str(told.value)
