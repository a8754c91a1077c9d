"""The exact Wasserstein distance: against enumeration in rational numbers, its dual, and a line."""

from __future__ import annotations

import builtins
import doctest
import itertools
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi import exact_transport, wasserstein_distance

pytest.importorskip("scipy", reason="scipy is not installed")


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
        off = abs(Fraction(float(wasserstein_distance(a, b, cost))) - due)
        assert off <= Fraction(8 * float(np.finfo(float).eps) * float(np.abs(cost).max()))
        # To the digits of the differences, where the costs are nearly alike.
        spread = float(np.ptp(cost / 2)) * 2e-3 + 4 * float(np.spacing(np.abs(cost).max()))
        assert off <= Fraction(spread)


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
        np.testing.assert_allclose(plan.sum(axis=1), a / a.sum(), rtol=0, atol=1e-15)
        np.testing.assert_allclose(plan.sum(axis=0), b / b.sum(), rtol=0, atol=1e-15)
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
    assert wasserstein_distance([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4], cost) == 0.0
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
    value, plan = wasserstein_distance.value_and_grad(a, [1, 1], cost)
    assert (value.dtype, plan.dtype) == (np.float32, np.float32)
    assert wasserstein_distance([1, 1], [1, 1], [[0, 1], [1, 0]]).dtype == np.float64


@pytest.mark.parametrize(
    ("a", "b", "cost", "kind", "words"),
    [
        ([1.0], [1.0, 1.0], [[0.0], [1.0]], lossapi.ShapeError, r"cost has shape \(2, 1\).*\(1, 2"),
        ([[1.0]], [1.0], [[0.0]], lossapi.ShapeError, "a has shape"),
        ([1.0, -1.0], [1.0], [[0.0], [1.0]], lossapi.DomainError, r"a\[1\] is -1"),
        ([1.0], [0.0], [[0.0]], lossapi.DomainError, "masses b sum to 0"),
        ([1.0], [1.0], [[np.nan]], lossapi.DomainError, r"cost\[0, 0\] is nan"),
        ([1.0], [1.0], [[np.inf]], lossapi.DomainError, "finite"),
        ([1.0], [1.0], [[1j]], lossapi.DTypeError, "cost has dtype complex"),
        ([1.0], ["1"], [[1.0]], lossapi.DTypeError, "b has dtype"),
        ([1.0, [2.0]], [1.0], [[1.0]], lossapi.ArgumentError, "a is no array"),
    ],
)
def test_what_is_no_problem_is_refused(a: Any, b: Any, cost: Any, kind: Any, words: str) -> None:
    with pytest.raises(kind, match=words):
        wasserstein_distance(a, b, cost)


def test_a_wrong_wrt_is_refused() -> None:
    for wrong in ("plan", (), ("a", "x")):
        with pytest.raises(lossapi.ParameterError, match="wrt is"):
            wasserstein_distance.grad([1.0], [1.0], [[1.0]], wrt=wrong)


def test_a_tensor_of_another_library_is_refused_and_told_what_to_do() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(lossapi.BackendError, match=r"cost is a torch.Tensor.*numpy.asarray"):
        wasserstein_distance([1.0], [1.0], torch.ones(1, 1))


def test_without_scipy_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("scipy"):
            raise ImportError(name)
        return kept(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(lossapi.MissingExtraError, match=r"pip install 'lossapi\[transport\]'"):
        wasserstein_distance([1.0], [1.0], [[1.0]])


def test_its_documentation_runs_and_it_can_be_pickled() -> None:
    found = doctest.testmod(exact_transport)
    assert (found.failed, found.attempted) == (0, 5)
    assert pickle.loads(pickle.dumps(wasserstein_distance)) is wasserstein_distance
