"""The exact Wasserstein distance: against enumeration in rational numbers, its dual, and a line."""

from __future__ import annotations

import itertools
import time
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import wasserstein_distance


def spanning_trees(n: int, m: int) -> Any:
    """The sets of n + m - 1 cells that hold a vertex of the transport polytope: no cycle."""
    cells = list(itertools.product(range(n), range(m)))
    for chosen in itertools.combinations(cells, n + m - 1):
        parent = list(range(n + m))

        def root(i: int, parent: list[int] = parent) -> int:
            while parent[i] != i:
                i = parent[i]
            return i

        if all(_joined(parent, root(i), root(n + j)) for i, j in chosen):
            yield chosen


def _joined(parent: list[int], i: int, j: int) -> bool:
    parent[i] = j
    return i != j


def flow_on(tree: Any, a: list[Fraction], b: list[Fraction]) -> dict[Any, Fraction]:
    """The only flow with these margins on a tree, from its leaves."""
    left, flow = {("a", i): x for i, x in enumerate(a)} | {("b", j): x for j, x in enumerate(b)}, {}
    cells = set(tree)
    while cells:
        for cell in sorted(cells):
            ends = ("a", cell[0]), ("b", cell[1])
            degrees = [sum(c[k] == cell[k] for c in cells) for k in (0, 1)]
            if 1 in degrees:
                amount = left[ends[degrees.index(1)]]
                flow[cell] = amount
                for end in ends:
                    left[end] -= amount
                cells.remove(cell)
                break
    return flow


def exact(a: Any, b: Any, cost: Any) -> Fraction:
    """The least cost over all vertices, in rational numbers."""
    first, second = ([Fraction(float(x)) for x in masses] for masses in (a, b))
    first, second = ([x / sum(s) for x in s] for s in (first, second))
    costs = []
    for tree in spanning_trees(len(first), len(second)):
        flow = flow_on(tree, first, second)
        if all(x >= 0 for x in flow.values()):
            costs.append(sum(x * Fraction(float(cost[i][j])) for (i, j), x in flow.items()))
    return min(costs)


def problem(random: Any, n: int, m: int, kind: str) -> tuple[Any, Any, Any]:
    cost = {
        "any": random.normal(size=(n, m)),
        "whole": random.integers(0, 4, size=(n, m)).astype(float),
        "nearly alike": 1.0 + 1e-12 * random.integers(0, 9, size=(n, m)),
        "huge": 1e308 * random.normal(size=(n, m)).clip(-1.7, 1.7),
        "tiny": 1e-300 * random.normal(size=(n, m)),
    }[kind]
    return random.integers(1, 9, size=n) / 8, random.integers(1, 9, size=m) / 4, cost


SIZES = [(1, 1), (1, 3), (2, 2), (3, 2), (3, 3)]
KINDS = ("any", "whole", "nearly alike", "huge", "tiny")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "m"), SIZES)
def test_the_value_is_the_least_over_all_vertices(n: int, m: int, kind: str) -> None:
    random = np.random.default_rng(n * 10 + m)
    for _ in range(8):
        a, b, cost = problem(random, n, m, kind)
        due = exact(a, b, cost)
        assert float(wasserstein_distance(a, b, cost)) == float(due)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_are_the_plan_and_the_prices_of_a_dual_solution(kind: str) -> None:
    random = np.random.default_rng(7)
    for _ in range(20):
        a, b, cost = problem(random, 4, 3, kind)
        cost = cost / np.abs(cost).max()
        value, (by_a, by_b, plan) = wasserstein_distance.value_and_grad(
            a, b, cost, wrt=("a", "b", "cost")
        )
        assert np.all(plan >= 0)
        np.testing.assert_allclose(plan.sum(axis=1), a / a.sum(), rtol=0, atol=3e-16)
        np.testing.assert_allclose(plan.sum(axis=0), b / b.sum(), rtol=0, atol=3e-16)
        np.testing.assert_allclose((plan * cost).sum(), value, rtol=1e-14, atol=1e-15)
        # f_i + g_j <= C_ij with equality where mass moves: the dual value is the primal one.
        first, second = by_a * a.sum(), by_b * b.sum()
        slack = cost - value - first[:, None] - second[None, :]
        assert slack.min() >= -1e-13
        assert np.abs(slack[plan > 1e-14]).max() <= 1e-13
        # Only the ratios of masses matter.
        assert abs((by_a * a).sum()) <= 1e-15
        assert abs((by_b * b).sum()) <= 1e-15


def test_the_gradient_by_masses_is_a_difference_quotient_and_so_is_that_of_an_absent_one() -> None:
    random = np.random.default_rng(3)
    a, b, cost = np.array([0.5, 0.0, 1.25]), np.array([1.0, 0.0, 0.7, 2.0]), random.random((3, 4))
    by_a, by_b = wasserstein_distance.grad(a, b, cost, wrt=("a", "b"))
    here, h = wasserstein_distance(a, b, cost), 1e-6
    for i in range(3):
        there = wasserstein_distance(a + h * (np.arange(3) == i), b, cost)
        assert abs((there - here) / h - by_a[i]) < 1e-5
    for j in range(4):
        there = wasserstein_distance(a, b + h * (np.arange(4) == j), cost)
        assert abs((there - here) / h - by_b[j]) < 1e-5


@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
def test_on_a_line_it_is_the_power_of_the_distance_on_a_line(p: float) -> None:
    random = np.random.default_rng(11)
    x, y, a, b = (random.random(size) for size in (9, 6, 9, 6))
    cost = np.abs(x[:, None] - y) ** p
    options = {"p": p, "prediction_weights": a, "target_weights": b}
    line = lossapi.wasserstein_distance_1d(x, y, **options)
    np.testing.assert_allclose(wasserstein_distance(a, b, cost), line**p, rtol=1e-13)


def test_it_moves_nothing_between_equal_masses_and_is_the_best_assignment_of_single_ones() -> None:
    cost = lossapi.pairwise_distance(np.eye(4), np.eye(4))
    assert wasserstein_distance([1, 2, 3, 4], [0.25, 0.5, 0.75, 1], cost) == 0.0
    cost = np.random.default_rng(0).random((5, 5))
    least = min(
        sum(cost[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(5))
    )
    np.testing.assert_allclose(wasserstein_distance(np.ones(5), np.ones(5), cost), least / 5)


def test_masses_of_any_size_count_by_their_ratios() -> None:
    cost = np.array([[0.0, 1.0], [2.0, 2.0]])
    for unit in (1e-300, 1.0, 1e308):
        value, slope = wasserstein_distance.value_and_grad(
            [unit, unit], [0.25, 0.75], cost, wrt="a"
        )
        assert value == 1.25
        np.testing.assert_allclose(slope * unit, [-0.25, 0.25])


def test_the_result_has_the_floating_dtype_of_the_inputs() -> None:
    a, cost = np.ones(2, dtype=np.float32), np.eye(2, dtype=np.float32)
    value, plan = wasserstein_distance.value_and_grad(a, [1, 1], cost, wrt="cost")
    assert (value.dtype, plan.dtype) == (np.float32, np.float32)
    assert wasserstein_distance([1, 1], [1, 1], [[0, 1], [1, 0]]).dtype == np.float64


@pytest.mark.parametrize(
    ("a", "b", "cost", "kind", "words"),
    [
        ([1.0], [1.0, 1.0], [[0.0], [1.0]], lossapi.ShapeError, "cost has 2 entries"),
        (1.0, [1.0], [[0.0]], lossapi.ShapeError, "a has shape"),
        ([1.0], [1.0], np.asarray([[1j]]), lossapi.DTypeError, "cost has dtype complex"),
        ([1.0, [2.0]], [1.0], [[1.0]], lossapi.ShapeError, "a is"),
    ],
)
def test_what_is_no_problem_is_refused(a: Any, b: Any, cost: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        wasserstein_distance(a, b, cost)


@pytest.mark.parametrize(
    ("a", "b", "cost", "words"),
    [
        ([1.0, -1.0], [1.0], [[0.0], [1.0]], r"a\[1\] is -1"),
        ([1.0], [1.0], [[np.nan]], r"cost\[0, 0\] is nan"),
        ([1.0], [1.0], [[np.inf]], r"cost\[0, 0\] is inf"),
        ([1.0], [0.0], [[0.0]], ""),
    ],
)
def test_outside_the_domain_it_is_nan_or_an_error(a: Any, b: Any, cost: Any, words: str) -> None:
    value, slopes = wasserstein_distance.value_and_grad(a, b, cost, wrt=("a", "b", "cost"))
    assert all(np.isnan(x).all() for x in (value, *slopes))
    if words:
        with lossapi.errors_on_invalid(), pytest.raises(lossapi.DomainError, match=words):
            wasserstein_distance(a, b, cost)


def test_a_tensor_of_another_library_is_refused_and_told_what_to_do(library: Any) -> None:
    one = library.asarray([1.0])
    if library.name == "numpy":
        assert wasserstein_distance(one, one, library.asarray([[2.0]])) == 2.0
        return
    with pytest.raises(lossapi.BackendError, match=r"arrays of .*; accepted .* numpy.asarray"):
        wasserstein_distance(one, one, library.asarray([[2.0]]))


def test_costs_that_differ_by_less_than_any_solver_tolerates_decide() -> None:
    # Of linprog with a tolerance of 1e-10 the plan is the wrong one.
    a, b = [0.5, 0.5], [0.25, 0.75]
    for small in (1e-13, -1e-13):
        cost = [[1e3, 1.0], [0.0, -999.0 + small]]
        straight = wasserstein_distance.grad(a, b, cost, wrt="cost")[0, 0] > 0
        assert straight == (Fraction(cost[1][1]) < -999)


def test_two_places_without_mass_each_have_the_price_of_mass_at_this_one_alone() -> None:
    # From (1, 0) to (1, h): h goes from the first place to the second, at 5. Prices that hold for
    # mass at both places, 5 + 5 > 1, would make it -4.
    cost = [[0.0, 5.0], [5.0, 1.0]]
    by_a, by_b = wasserstein_distance.grad([1.0, 0.0], [1.0, 0.0], cost, wrt=("a", "b"))
    assert by_a.tolist() == by_b.tolist() == [0.0, 5.0]
    assert abs(wasserstein_distance([1.0, 0.0], [1.0, 1e-9], cost) / 1e-9 - 5.0) < 1e-6


def test_problems_come_one_by_one_or_many_at_a_time() -> None:
    random = np.random.default_rng(5)
    a, b, cost = random.random((2, 3, 4)), random.random(5), random.random((2, 3, 4, 5))
    value, slopes = wasserstein_distance.value_and_grad(
        a, b, cost, wrt=("a", "b", "cost"), reduction="sum"
    )
    each = [
        wasserstein_distance.value_and_grad(a[i, j], b, cost[i, j], wrt=("a", "b", "cost"))
        for i in range(2)
        for j in range(3)
    ]
    np.testing.assert_allclose(value, sum(one for one, _ in each), rtol=1e-14)
    np.testing.assert_array_equal(slopes[0].reshape(6, 4), [s[0] for _, s in each])
    np.testing.assert_allclose(slopes[1], sum(s[1] for _, s in each), rtol=1e-13)
    np.testing.assert_array_equal(slopes[2].reshape(6, 4, 5), [s[2] for _, s in each])


def test_a_hundred_places_take_a_moment() -> None:
    random = np.random.default_rng(9)
    a, b, cost = random.random(100), random.random(90), random.random((100, 90))
    started = time.monotonic()
    value, plan = wasserstein_distance.value_and_grad(a, b, cost, wrt="cost")
    assert time.monotonic() - started < 10.0
    assert np.count_nonzero(plan) == 189
    np.testing.assert_allclose((plan * cost).sum(), value, rtol=1e-13)
