"""Values that may not move far from what they were, against the formula with two squares."""

from __future__ import annotations

import numpy as np

import lossapi

GRID = np.linspace(-4.0, 4.0, 33)
VALUES, OLD, RETURNS = (x.reshape(-1) for x in np.meshgrid(GRID, GRID[::4], GRID[2::5]))


def test_a_value_pays_for_the_larger_of_two_squares() -> None:
    near = OLD + np.clip(VALUES - OLD, -0.75, 0.75)
    due = np.maximum((VALUES - RETURNS) ** 2, (near - RETURNS) ** 2)
    found = lossapi.clipped_value_loss(VALUES, OLD, RETURNS, clip=0.75, reduction="none")
    np.testing.assert_allclose(found, due, rtol=1e-15)


def test_its_slope_is_that_between_neighbours_and_the_least_where_these_differ() -> None:
    options = {"clip": 0.75, "reduction": "none"}
    h = 2.0**-20
    after, here, before = (
        lossapi.clipped_value_loss(VALUES + s, OLD, RETURNS, **options) for s in (h, 0.0, -h)
    )
    left, right = (here - before) / h, (after - here) / h
    slope = lossapi.clipped_value_loss.grad(VALUES, OLD, RETURNS, **options)
    assert np.all(right >= left - 1e-9)  # it is convex
    kinked = right - left > 0.01
    assert kinked.any()
    np.testing.assert_array_equal(slope[kinked], 0.0)
    np.testing.assert_allclose(slope[~kinked], left[~kinked], atol=1e-5)


def test_a_step_that_leaves_the_interval_towards_the_return_gains_nothing() -> None:
    slopes = lossapi.clipped_value_loss.grad([1.0, 0.1, -1.0], [0.0] * 3, [2.0] * 3)
    np.testing.assert_allclose(slopes * 3, [0.0, -3.8, -6.0], rtol=1e-15)
