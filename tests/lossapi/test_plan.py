"""What the plan promises beyond single examples: sums that keep their digits."""

import numpy as np
import pytest

import lossapi


@pytest.mark.parametrize("loop", [(3,), (2, 3), (0,), (1,), (7, 1)])
def test_the_gradient_of_one_row_of_logits_is_the_sum_over_the_examples(loop) -> None:
    logits = np.array([0.5, -1.0, 2.0])
    labels = np.arange(np.prod(loop)).reshape(loop) % 3
    shared = lossapi.sparse_softmax_cross_entropy.grad(logits, labels, reduction="sum")
    rows = np.broadcast_to(logits, (*loop, 3))
    each = lossapi.sparse_softmax_cross_entropy.grad(rows, labels, reduction="sum")
    assert shared.shape == logits.shape
    np.testing.assert_allclose(shared, each.reshape(-1, 3).sum(axis=0), rtol=1e-14)


def test_the_gradient_of_a_shared_value_does_not_lose_digits_with_the_number_of_examples() -> None:
    count = 2**22 + 1
    target = np.full((count, 1), 0.1, dtype=np.float32)
    scalar = lossapi.half_squared_error.grad(np.float32(0.0), target, reduction="sum")
    assert scalar == pytest.approx(-count * float(np.float32(0.1)), rel=1e-6)
    logits = np.zeros(2, dtype=np.float32)
    row = lossapi.sparse_softmax_cross_entropy.grad(
        logits,
        np.zeros(2**20 + 1, dtype=np.int64),
        class_weights=np.float32([0.1, 1.0]),
        reduction="sum",
    )
    assert row[1] == pytest.approx((2**20 + 1) * float(np.float32(0.1)) / 2, rel=1e-6)
