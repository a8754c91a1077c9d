import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossapi.conformance.oracle import definition
from lossapi.conformance.oracle.definition import DefinitionError

INF, NAN = math.inf, math.nan


def value(text, digits=60, **names):
    return definition.evaluate(text, names, digits)


def number(text, **names):
    return float(value(text, **names))


def test_a_definition_is_assignments_and_a_last_expression():
    text = "r = prediction - target\nhalf = r**2 / 2\nhalf if abs(r) <= delta else delta * abs(r)"
    assert number(text, prediction=0.5, target=0.25, delta=1.0) == 0.03125
    assert number(text, prediction=-5.0, target=0.0, delta=2.0) == 10.0


@pytest.mark.parametrize(
    ("text", "names", "due"),
    [
        ("x / 0", {"x": 2.0}, INF),
        ("x / 0", {"x": -2.0}, -INF),
        ("0 / x", {"x": 0.0}, NAN),
        ("1 / x", {"x": -INF}, 0.0),
        ("x - x", {"x": INF}, NAN),
        ("0 * x", {"x": INF}, NAN),
        ("log(x)", {"x": 0.0}, -INF),
        ("log(x)", {"x": -1.0}, NAN),
        ("log1p(x)", {"x": -1.0}, -INF),
        ("log1p(x)", {"x": -1.5}, NAN),
        ("log1p(x)", {"x": -INF}, NAN),
        ("log1p(x)", {"x": INF}, INF),
        ("expm1(x)", {"x": -INF}, -1.0),
        ("expm1(x)", {"x": INF}, INF),
        ("exp(x)", {"x": -INF}, 0.0),
        ("sqrt(x)", {"x": -1.0}, NAN),
        ("tanh(x)", {"x": -INF}, -1.0),
        ("cosh(x)", {"x": -INF}, INF),
        ("sinh(x)", {"x": -INF}, -INF),
        ("sign(x)", {"x": -0.0}, 0.0),
        ("sign(x)", {"x": -INF}, -1.0),
        ("sign(x)", {"x": NAN}, NAN),
        ("xlogy(x, x)", {"x": 0.0}, 0.0),
        ("xlog1py(x, -1)", {"x": 0.0}, 0.0),
        ("xlogy(x, y)", {"x": INF, "y": 1.0}, NAN),
        ("lgamma(x)", {"x": 0.0}, INF),
        ("lgamma(x)", {"x": -0.5}, NAN),
        ("lgamma(x)", {"x": INF}, INF),
        ("lgamma1p(x)", {"x": 0.0}, 0.0),
        ("lgamma1p(x)", {"x": -0.5}, NAN),
        ("lgamma1p(x)", {"x": INF}, INF),
        ("lgamma1p(x)", {"x": NAN}, NAN),
        ("max(x, 1)", {"x": NAN}, NAN),
        ("min([1, x])", {"x": NAN}, NAN),
        ("x ** 0", {"x": INF}, 1.0),
        ("x ** 0.5", {"x": -1.0}, NAN),
        ("x ** -1", {"x": 0.0}, INF),
        ("x ** 3", {"x": -INF}, -INF),
        ("x ** 2", {"x": -INF}, INF),
        ("x ** -3", {"x": -INF}, 0.0),
        ("0.5 ** x", {"x": INF}, 0.0),
        ("0.5 ** x", {"x": -INF}, INF),
        ("1 ** x", {"x": INF}, 1.0),
        ("abs(x)", {"x": -INF}, INF),
    ],
)
def test_infinities_and_nan_follow_ieee_754(text, names, due):
    got = number(text, **names)
    assert got == due or (math.isnan(got) and math.isnan(due))


@given(st.floats(-700, 700))
def test_functions_agree_with_the_mathematics_library(x):
    for name in ("exp", "expm1", "sinh", "cosh", "tanh"):
        due = getattr(math, name)(x)
        assert math.isclose(number(f"{name}(x)", x=x), due, rel_tol=4e-16, abs_tol=0.0), name
    for name in ("log", "log1p", "sqrt"):
        due = getattr(math, name)(abs(x)) if x else getattr(math, name)(1.0)
        got = number(f"{name}(x)", x=abs(x) or 1.0)
        assert math.isclose(got, due, rel_tol=4e-16, abs_tol=0.0), name


@pytest.mark.parametrize("x", [5e-324, -5e-324, 1e-300, -1e-300, 1e-40, -1e-40])
def test_log1p_and_expm1_keep_every_digit_of_tiny_arguments(x):
    """Against the series, whose third term is beyond the precision."""
    assert abs(value("(log1p(x) - (x - x**2 / 2)) / x", x=x)) < 1e-59
    assert abs(value("(expm1(x) - (x + x**2 / 2)) / x", x=x)) < 1e-59
    assert value("log1p(x) / x", digits=700, x=x) != 1
    assert value("expm1(x) / x", digits=700, x=x) != 1


@pytest.mark.parametrize("x", [5e-324, 1e-40, 0.3, 1.0, 7.5, 1e10])
def test_lgamma1p_is_the_logarithm_of_the_factorial_of_any_argument(x):
    """Against log Γ(x) + log(x), and with all digits of tiny arguments."""
    assert abs(value("lgamma1p(x) - (lgamma(x) + log(x))", x=x, digits=400)) < 1e-300
    assert abs(value("lgamma1p(x) / x", x=1e-100) + 0.5772156649015329) < 1e-15
    assert value("lgamma1p(x) / x", digits=700, x=1e-300) != value("lgamma1p(x) / x", x=1e-300)


@pytest.mark.parametrize("x", [0.75, -0.75, 30.0, 1e10])
def test_log1p_inverts_expm1(x):
    assert abs(value("log1p(expm1(x)) / x - 1", x=x)) < 1e-55


def test_arguments_near_the_largest_float_neither_fail_nor_lose_digits():
    assert value("log(exp(x)) - x", digits=400, x=1e308) == pytest.approx(0, abs=1e-80)
    assert value("log(cosh(x)) / x", x=-1.7e308) == -1
    assert value("tanh(x)", x=1e308) == 1
    assert 0 < value("exp(-x)", x=1e308) < 1e-300


def test_an_exponential_beyond_all_writing_is_infinite_or_zero():
    assert value("exp(exp(x))", x=1e308) == INF
    assert value("exp(-exp(x))", x=1e308) == 0
    assert value("x ** y", x=1e300, y=1e300) > 1e300


def test_a_decimal_means_that_decimal_and_an_input_means_its_binary64():
    assert value("0.1 - x", x=0.1) != 0
    assert abs(value("0.1 * 10 - 1")) < 1e-59


def test_sequences_are_all_in_order_and_one_of_none():
    assert value("sequences(2, 2)") == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert value("sequences(3, 0)") == [[]]
    assert value("len(sequences(len(x), 3))", x=[1.0, 2.0, 3.0]) == 27
    with pytest.raises(DefinitionError, match="sequences"):
        value("sequences(3, 40)")
    with pytest.raises(DefinitionError, match="two integers"):
        value("sequences(0.5, 1)")


def test_lines_that_formulas_share_are_read_once_and_for_the_same_names_only():
    for factor in (2, 3):
        for x in (1.0, 5.0):
            assert value(f"y = x + 1\n{factor} * y", x=x) == factor * (x + 1)
    assert value("y = 0.1\ny - x", x=0.0) != value(
        "y = 0.1000000000000000000000000001\ny - x", x=0.0
    )


def test_vectors_are_lists():
    assert value("[2 * z for z in x]", x=[1.0, 2.0]) == [2, 4]
    text = "top = max(x)\ntop + log(sum(exp(z - top) for z in x))"
    assert number(text, x=[0.0, 0.0]) == math.log(2)
    assert value("sum(a * b for a, b in zip(x, y))", x=[1.0, 2.0], y=[3.0, 4.0]) == 11
    assert value("[i * len(x) for i, z in enumerate(x) if z > 1]", x=[1.0, 2.0, 3.0]) == [3, 6]
    assert value("[x[j] for j in range(len(x)) if j != labels]", x=[5.0, 6.0], labels=1) == [5]
    assert value("sum(a * b for a in x for b in x if a != b)", x=[1.0, 2.0]) == 4
    assert value("[[a - b for b in x] for a in x]", x=[1.0, 2.0]) == [[0, -1], [1, 0]]


def test_conditions_are_truth_values():
    assert definition.holds("0 < x <= 1 and not x == 0.5", {"x": 1.0})
    assert not definition.holds("any(isinf(z) for z in x)", {"x": [1.0, 2.0]})
    assert definition.holds("all(isnan(z) for z in x) or x[0] < 0", {"x": [-1.0, 2.0]})
    assert definition.holds("weight == none", {"weight": None})
    assert definition.holds("weight != none", {"weight": [1.0, 2.0]})
    with pytest.raises(DefinitionError, match="is not a condition"):
        definition.holds("x", {"x": 1.0})


def test_a_condition_does_not_round_a_difference_of_floats():
    assert not definition.holds("x - y == 1", {"x": 1.0, "y": -1e-300})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x.real", "Attribute is not part of"),
        ("__import__('os')", "unknown function"),
        ("().__class__", "Attribute"),
        ("exp.__globals__", "Attribute"),
        ("[].append(x)", "unknown function"),
        ("lambda: x", "Lambda"),
        ("'text'", "'text' is not a number"),
        ("1j", "1j is not a number"),
        ("None", "None is not a number"),
        ("x[0:1]", "Slice|Subscript"),
        ("(y := x)", "NamedExpr"),
        ("x // 2", "FloorDiv"),
        ("x % 2", "Mod"),
        ("+x", "UAdd"),
        ("x is 1", "Is"),
        ("x in [1]", "In"),
        ("{1: x}", "Dict"),
        ("f'{x}'", "JoinedStr"),
        ("max(*x)", "plain arguments"),
        ("sum(x, start=1)", "plain arguments"),
        ("exp(x, x)", "takes 1 arguments, got 2"),
        ("exp", "exp is a function"),
        ("exp = 2\nexp", "has a meaning already"),
        ("for i in x: i", "only name = expression|last line"),
        ("import os\nx", "only name = expression"),
        ("x = 1", "last line must be an expression"),
        ("", "last line must be an expression"),
        ("x +", "is not an expression"),
        ("x\x00", "is not an expression"),
    ],
)
def test_what_is_not_in_the_language_is_refused_unread(text, problem):
    with pytest.raises(DefinitionError, match=problem):
        definition.parse(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x[0]", "only lists can be indexed"),
        ("[1, 2][2]", "index 2 is not an integer from 0 to 1"),
        ("[1, 2][-1]", "index -1"),
        ("sum(x)", "a number where a list is due"),
        ("[1] + 1", "a list where a number is due"),
        ("1 if x else 2", "a condition must be"),
        ("max([])", "of nothing"),
        ("[1] == [1]", "lists cannot be compared"),
        ("none < 1", "none has no order"),
        ("[1 for i in x]", "only lists can be looped over"),
        ("range(x)", "range takes integers"),
        ("zip([1], [1, 2])", "lists of one length"),
        ("any([1])", "lists of conditions"),
        ("z", "unknown name z"),
    ],
)
def test_what_makes_no_sense_says_what_and_where(text, problem):
    with pytest.raises(DefinitionError, match=problem):
        value(text, x=1.0)


def test_an_error_shows_the_line_and_the_column():
    with pytest.raises(DefinitionError, match=r"'1 \+ delta', line 2, column 5: unknown name"):
        definition.check("a = x\n1 + delta", ["x"])


def test_a_name_is_known_once_it_is_assigned_and_bound_only_inside_its_loop():
    definition.check("a = x\na + sum(b for b in [a])", ["x"])
    with pytest.raises(DefinitionError, match="unknown name b"):
        definition.check("sum(b for b in [x]) + b", ["x"])
    with pytest.raises(DefinitionError, match="unknown name a"):
        definition.check("b = a\na = x\na + b", ["x"])


@pytest.mark.parametrize("digits", [30, 60, 1400])
def test_a_root_has_all_the_digits(digits):
    twelve = value(
        "root(lambda x: x**3 - scale * 3, 0, 10 * scale) ** 3 / scale", digits, scale=4.0
    )
    assert abs(twelve - 3) < 10.0 ** -min(digits - 8, 300)
    assert number("root(lambda p: p - tiny, 0, 1)", tiny=1e-300) == 1e-300
    assert number("root(lambda p: p * p - 4, 2, 9)") == 2
    assert math.isnan(number("root(lambda p: p + 1, 0, 1)"))


@pytest.mark.parametrize(
    "text",
    [
        "lambda x: x",
        "root(lambda: 1, 0, 1)",
        "root(lambda x, y: x, 0, 1)",
        "root(lambda x=1: x, 0, 1)",
        "root(lambda *x: 1, 0, 1)",
        "root(1, 0, 1)",
        "root(lambda pi: pi, 0, 1)",
        "sum(lambda x: x)",
    ],
)
def test_a_lambda_is_the_function_of_a_root_and_nothing_else(text):
    with pytest.raises(DefinitionError):
        definition.parse(text)


def test_a_root_reads_the_names_around_it():
    assert number("a = 3\n[root(lambda x: x - a - b, 0, 9) for b in c][1]", c=[1.0, 2.0]) == 5
    definition.check("root(lambda x: x - y, 0, 1)", ["y"])
    with pytest.raises(DefinitionError, match="unknown name z"):
        definition.check("root(lambda x: x - z, 0, 1)", ["y"])


@pytest.mark.parametrize("x", [1e12, -1e12, 3e100, -1.7e308])
def test_the_exponential_of_a_huge_number_keeps_every_digit(x):
    """Its logarithm is the number, and its root the exponential of the half."""
    assert abs(value("log(exp(x)) / x - 1", x=x, digits=700)) * 10**690 < 1
    assert abs(value("exp(x / 2)**2 / exp(x) - 1", x=x, digits=700)) * 10**690 < 1
