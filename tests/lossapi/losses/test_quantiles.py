"""Several quantiles at once: each column of the prediction has its own."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi

LEVELS = [0.25, 0.5, 0.75]
PREDICTION = np.asarray([[1.0, 2.0, 3.0], [0.0, 0.5, 4.0]])
TARGET = np.asarray([1.5, 1.0])


def test_each_column_is_the_loss_of_its_quantile() -> None:
    losses = lossapi.quantile_loss(PREDICTION, TARGET, quantile=LEVELS, reduction="none")
    assert losses.tolist() == [[0.125, 0.25, 0.375], [0.25, 0.25, 0.75]]


def test_the_gradient_by_a_target_is_the_sum_over_its_quantiles() -> None:
    slopes = lossapi.quantile_loss.grad(
        PREDICTION, TARGET, quantile=LEVELS, wrt=("prediction", "target"), reduction="sum"
    )
    assert slopes[0].tolist() == [[-0.25, 0.5, 0.25], [-0.25, -0.5, 0.25]]
    assert slopes[1].tolist() == [-0.5, 0.5]


def test_a_target_for_each_quantile_is_accepted_too() -> None:
    table = np.repeat(TARGET[:, None], 3, axis=1)
    once = lossapi.quantile_loss(PREDICTION, TARGET, quantile=LEVELS)
    assert lossapi.quantile_loss(PREDICTION, table, quantile=LEVELS) == once


def test_the_numbers_of_predictions_and_quantiles_must_agree() -> None:
    with pytest.raises(lossapi.ShapeError, match="quantile"):
        lossapi.quantile_loss(PREDICTION[:, 0], TARGET, quantile=LEVELS)
