"""Box losses where even single terms of their slopes are beyond the largest number."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi


@pytest.mark.parametrize("name", ["generalized", "distance", "complete"])
def test_terms_that_overflow_with_both_signs_leave_a_slope(name: str) -> None:
    loss = getattr(lossapi, f"{name}_box_iou_loss")
    prediction = np.asarray([1.5e-323, -2.5710966321639717, 4.25e-322, -0.0688905296556186])
    target = np.asarray([2.5e-323, -2.5710966321639703, 4.25e-322, -0.06888212016713524])
    slopes = loss.grad(prediction, target, wrt=("prediction", "target"))
    # The right edges coincide: out and back slopes have both signs.
    assert [slope[2] for slope in slopes] == [0.0, 0.0]
    assert [slope[0] for slope in slopes] == [-np.inf, np.inf]
    assert np.isfinite([slope[[1, 3]] for slope in slopes]).all()
