"""MONAI's known faults are found, and what it computes as we do passes."""

import pytest


def test_the_sum_of_a_focal_loss_without_pixels_is_its_mean(judge):
    results = judge("monai", "softmax_focal_loss", "reduction")
    result = results["plain/sum"]
    assert result.outcome == "fail"
    assert float(result.got) * 24 == pytest.approx(float(result.expected), rel=1e-6)  # 8 x 3


def test_float64_logits_become_float32(judge):
    results = judge("monai", "sigmoid_focal_loss", "dtype")
    assert results["kept/value"].message == "the result is float32 where float64 is due"


def test_two_empty_masks_have_no_loss(judge):
    results = judge("monai", "dice_loss", "value")
    assert results["both-empty-plain/value"].message == "the value is nan where 0 is due"
    assert results["four-pixels/value"].outcome == "pass"
