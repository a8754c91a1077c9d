"""What the literature says of losses for ordered classes, by hand."""

import math

import numpy as np
import pytest

import lossapi
from lossapi import LabelError


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
