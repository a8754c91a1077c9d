"""Optimal transport by enumeration: all vertices, and the definition that reads them."""

from fractions import Fraction

import pytest

from lossapi.conformance.oracle import definition, transport
from lossapi.conformance.oracle.grammar import DefinitionError


def fractions(*numbers):
    return tuple(map(Fraction, numbers))


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 3), (2, 2), (3, 2), (3, 3)])
def test_there_are_as_many_trees_as_cayleys_formula_for_two_kinds_says(n, m):
    trees = transport._trees(n, m)
    assert len(trees) == n ** (m - 1) * m ** (n - 1)
    assert len({frozenset(map(frozenset, tree)) for tree in trees}) == len(trees)


def test_where_one_plan_and_one_set_of_prices_are_best_there_is_one_of_each():
    cost = (fractions(0, 1), fractions(2, "1/2"))
    found = transport.optima(fractions(1, 1), fractions(1, 3), cost)
    assert found.plans == [[[Fraction(1, 4), Fraction(1, 4)], [Fraction(0), Fraction(1, 2)]]]
    assert found.prices == [([Fraction(0), Fraction(-1, 2)], [Fraction(0), Fraction(1)])]


def test_equal_masses_leave_prices_free_and_equal_costs_plans():
    cost = (fractions(0, 1), fractions(1, 0))
    assert len(transport.optima(fractions(1, 1), fractions(1, 1), cost).prices) == 2
    cost = (fractions(1, 2), fractions(2, 3))
    found = transport.optima(fractions(1, 1), fractions(1, 3), cost)
    assert (len(found.plans), len(found.prices)) == (2, 1)


@pytest.mark.parametrize("masses", [(0, 0), (1, -1), (2, -1)])
def test_what_is_no_distribution_has_no_plan(masses):
    cost = (fractions(1), fractions(2))
    assert transport.optima(fractions(*masses), fractions(1), cost) == ([], [])


def test_a_definition_reads_plans_and_prices():
    names = {"a": [0.1, 0.3], "b": [1.0], "cost": [[2.0], [4.0]]}
    plan = "transport(a, b, cost)[0][0][{}][0]"
    found = [definition.evaluate(plan.format(i), names, 50) for i in (0, 1)]
    assert float(found[0]) == 0.1 / 0.4
    assert abs(sum(found) - 1) < 1e-49
    assert [float(x) for x in definition.evaluate("transport(a, b, cost)[1][0][0]", names, 30)] == [
        0.0,
        2.0,
    ]


def test_infinite_costs_are_refused():
    names = {"a": [1.0], "b": [1.0], "cost": [[float("inf")]]}
    with pytest.raises(DefinitionError, match="finite"):
        definition.evaluate("transport(a, b, cost)", names, 30)
