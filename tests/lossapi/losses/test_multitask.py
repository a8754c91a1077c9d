"""Several tasks: the weights that are learnt, and where their learning ends."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi

LOSSES = np.asarray([0.75, 12.5, 0.03125])


def test_a_step_of_gradnorm_brings_norms_to_what_is_wanted_and_pulls_what_lags_behind() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    # Norms of gradients are proportional to the weights of the tasks. With an alpha of 1, and no
    # other, the norms that are wanted have the sum of those that are there.
    plain = torch.tensor([4.0, 1.0, 1.0], dtype=torch.float64)
    ratios = torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64)
    weights = torch.ones(3, dtype=torch.float64, requires_grad=True)
    first = lossapi.gradnorm_loss(plain * weights, ratios, alpha=1.0).item()
    for size in [0.01] * 500 + [0.001] * 300:
        loss = lossapi.gradnorm_loss(plain * weights, ratios, alpha=1.0)
        (slope,) = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            stepped = weights - size * slope
            weights = (3 * stepped / stepped.sum()).requires_grad_()
    assert loss.item() < 0.01 * first
    norms = (plain * weights).detach()
    assert norms[2] > norms[1] > norms[0]
    wanted = norms.mean() * ratios / ratios.mean()
    np.testing.assert_allclose(norms, wanted, rtol=0.02)


def test_alpha_0_wants_equal_norms() -> None:
    norms = np.asarray([1.0, 2.0, 6.0])
    value, slope = lossapi.gradnorm_loss.value_and_grad(norms, LOSSES, alpha=0.0)
    assert value == 2 + 1 + 3
    assert slope.tolist() == [-1.0, -1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_only_ratios_of_ratios_count_down_to_the_smallest_numbers(dtype: type) -> None:
    norms, ratios = np.asarray([1, 0, 0.5], dtype=dtype), np.asarray([1, 3, 12], dtype=dtype)
    due = lossapi.gradnorm_loss(norms, ratios)
    # Their mean is no multiple of the smallest number.
    assert lossapi.gradnorm_loss(norms, ratios * np.finfo(dtype).smallest_subnormal) == due


def test_the_log_variance_that_is_learnt_is_that_of_the_loss() -> None:
    for scales in (None, [0.5, 1.0, 1.0]):
        twice = 2 * np.asarray(scales or [0.5, 0.5, 0.5])
        best = np.log(twice * LOSSES)
        options = {} if scales is None else {"task_scales": scales}
        slope = lossapi.uncertainty_weighted_loss.grad(LOSSES, best, wrt="log_variances", **options)
        np.testing.assert_allclose(slope, 0.0, atol=1e-15)
        value = lossapi.uncertainty_weighted_loss(LOSSES, best, **options)
        assert value == pytest.approx(np.sum(1 + best) / 2, rel=1e-14)


def test_weights_of_a_weighted_sum_fall_where_they_are_trained() -> None:
    slope = lossapi.weighted_sum_loss.grad(LOSSES, np.ones(3), wrt="task_weights")
    assert slope.tolist() == LOSSES.tolist()
