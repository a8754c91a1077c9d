"""Each test plants one fault in a sound file and sees it found."""

import pytest
import yaml

from lossapi.conformance.oracle import specfile, verification

ABSOLUTE = """
name: absolute
title: Absolute
family: regression
since: "0.1.0"
summary: Absolute.
references: []
signature: "()->()"
inputs:
  x: {shape: "()", domain: "[-inf, inf]", dtype: floating, differentiable: true, meaning: X.}
output: {shape: "()", range: "[0, inf]"}
formula: {latex: 'f', definition: "abs(x) + x**2"}
gradient:
  x: {latex: 'g', definition: "sign(x) + 2 * x"}
hessian_diag:
  x: {latex: 'h', definition: "2"}
kinks:
  - at: x == 0
    order: "1"
    interval: {x: ["-1", "1"]}
    chosen: {x: "0"}
    note: The corner.
outside: Nothing.
properties: {}
accuracy:
  value: {ulp: "4"}
  gradient: {x: {ulp: "4"}}
  hessian_diag: {x: {ulp: "4"}}
hazards: []
equivalents: []
use_when: []
notes: []
points: []
"""
TOKENS = ("0", "1", "-1", "0.5", "-0.5", "1e300", "-1e-300", "5e-324", "3", "1e-5", "Infinity")


def problems(text, tokens=TOKENS, flags=("typical",)):
    data = yaml.safe_load(text)
    data["points"] = [
        {"id": f"at-{i}", "flags": list(flags), "note": "N.", "inputs": _inputs(data, token)}
        for i, token in enumerate(tokens)
    ]
    spec = specfile.parse_spec(yaml.safe_dump(data, sort_keys=False), "here.yaml")
    return [p for p in verification.problems(spec) if "points; at least" not in p]


def _inputs(data, token):
    return dict(zip(data["inputs"], token if isinstance(token, tuple) else (token,), strict=True))


def planted(old, new, tokens=TOKENS, text=ABSOLUTE):
    assert text.count(old) >= 1
    return problems(text.replace(old, new, 1), tokens)


def test_a_sound_file_has_no_problems():
    assert problems(ABSOLUTE) == []


@pytest.mark.parametrize(
    ("wrong", "token"),
    [
        ("sign(x) + 3 * x", "1"),
        ("-sign(x) + 2 * x", "5e-324"),
        ("sign(x)", "0.5"),
        ("sign(x) + 2 * x + 1 / 10**15", "1"),
        ("1 + 2 * x", "-0.5"),
    ],
)
def test_a_wrong_gradient_is_found(wrong, token):
    (first, *_) = planted("sign(x) + 2 * x", wrong, ["0", token])
    assert first.startswith("absolute: point at-")
    assert "gradient of x" in first


def test_a_wrong_curvature_is_found():
    (found,) = planted('"2"}', '"3"}', ["0", "1"])
    assert "hessian_diag of x: the definition gives 3, the numerical derivative" in found
    (found,) = planted('"2"}', '"2 if x != 0 else 3"}', ["0", "1"])
    assert "hessian_diag of x: the definition gives 3 where the gradient jumps" in found


def test_a_kink_that_is_not_declared_is_found():
    text = ABSOLUTE.replace("at: x == 0", "at: x == 3")
    assert any("gradient of x: the definition gives 0" in p for p in problems(text, ["0"]))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["-1", "1"]', '["-1", "2"]', "the one-sided derivatives are -1 from the left, 1 from"),
        ('["-1", "1"]', '["1", "-1"]', "is upside down"),
        ('["-1", "1"]', '["1", "2"]', "chosen 0 is outside [1, 2]"),
        ('chosen: {x: "0"}', 'chosen: {x: "1"}', "chosen is 1, of least norm is 0"),
        ('chosen: {x: "0"}', 'chosen: {x: "1"}', "the definition gives 0, chosen is 1"),
        ("at: x == 0", "at: x == 7", "kinks[0] (x == 7): no point lies on it"),
    ],
)
def test_a_wrong_kink_is_found(old, new, message):
    assert any(message in p for p in planted(old, new))


def test_a_point_that_calls_itself_a_kink_lies_on_one():
    found = problems(ABSOLUTE, ["0", "1"], flags=("typical", "kink"))
    assert found == ["absolute: point at-1: has the flag kink; no clause of kinks holds here"]


CURVED = (
    ABSOLUTE.replace("abs(x) + x**2", "x**2 / 2 if x > 0 else 0")
    .replace("sign(x) + 2 * x", "x if x > 0 else 0")
    .replace('definition: "2"', 'definition: "1 if x > 0 else 0"')
    .replace('order: "1"', 'order: "2"')
    .replace('["-1", "1"]', '["0", "1"]')
)


def test_a_jump_of_the_curvature_is_held_against_the_gradient():
    assert problems(CURVED) == []
    assert planted('["0", "1"]', '["0", "2"]', text=CURVED)
    assert planted('chosen: {x: "0"}', 'chosen: {x: "1"}', text=CURVED)
    assert planted("1 if x > 0", "1 if x >= 0", text=CURVED)


def test_an_end_of_the_domain_is_approached_from_inside():
    root = (
        ABSOLUTE.replace("[-inf, inf]", "[0, inf]", 1)
        .replace("abs(x) + x**2", "x * sqrt(x)")
        .replace("sign(x) + 2 * x", "1.5 * sqrt(x)")
        .replace('definition: "2"', 'definition: "0.75 / sqrt(x)"')
        .replace("at: x == 0", "at: x == -1")
    )
    kinkless = root[: root.index("kinks:")] + root[root.index("outside:") :]
    assert problems(kinkless, ["0", "1", "2"]) == []
    assert planted("0.75 / sqrt(x)", "0.75 / sqrt(x) if x > 0 else 0", ["0"], kinkless)
    assert planted("1.5 * sqrt(x)", "1.5 * sqrt(x) if x > 0 else 1", ["0"], kinkless)


def test_where_the_value_is_infinite_the_gradient_is_its_limit():
    logarithm = (
        ABSOLUTE.replace("[-inf, inf]", "[0, 1]", 1)
        .replace("abs(x) + x**2", "-log(x)")
        .replace("sign(x) + 2 * x", "-1 / x")
        .replace('definition: "2"', 'definition: "1 / x**2"')
    )
    kinkless = logarithm[: logarithm.index("kinks:")] + logarithm[logarithm.index("outside:") :]
    assert problems(kinkless, ["0", "0.5", "1"]) == []
    (wrong,) = planted("-1 / x", "1 / x if x == 0 else -1 / x", ["0"], kinkless)[:1]
    assert "the definition gives Infinity, near by it" in wrong


def test_a_value_outside_the_range_is_found():
    assert "lies outside output.range [1, inf]" in planted("[0, inf]", "[1, inf]")[0]


def test_a_value_that_is_nan_inside_the_domain_is_found():
    assert "the value is NaN inside" in planted("abs(x) + x**2", "sqrt(x)", ["-1"])[0]


DIFFERENCE = (
    ABSOLUTE.replace('"()->()"', '"(),()->()"')
    .replace(
        "output:",
        '  z: {shape: "()", domain: "[-inf, inf]", dtype: target, differentiable: false, '
        "meaning: Z.}\noutput:",
    )
    .replace("abs(x) + x**2", "abs(x - z)")
    .replace("sign(x) + 2 * x", "sign(x - z)")
    .replace('definition: "2"', 'definition: "0"')
    .replace("at: x == 0", "at: x == z")
    .replace("  x:", "  x:", 1)
)
BOTH = [("1", "1"), ("Infinity", "1"), ("1", "-Infinity"), ("Infinity", "-Infinity")]


def test_limits_hold_along_every_way():
    assert problems(DIFFERENCE, [*BOTH, ("Infinity", "Infinity")]) == []


@pytest.mark.parametrize(
    ("clause", "message"),
    [
        ('value: "1"', "value is 1, yet one way there gives"),
        ("value: nan", "value is NaN, yet every way there leads to Infinity"),
        ('gradient: {x: "0"}', "gradient of x is 0, yet one way there gives"),
        ('gradient: {x: "-sign(x - z)"}', "gradient of x is"),
        ('hessian_diag: {x: "1"}', "hessian_diag of x is 1, yet one way there gives 0, 0, 0"),
    ],
)
def test_a_wrong_limit_is_found(clause, message):
    limits = f"limits:\n  - at: isinf(x - z)\n    {clause}\noutside:"
    found = problems(DIFFERENCE.replace("outside:", limits), BOTH)
    assert found
    assert all(message in p for p in found)


def test_a_limit_where_the_ways_disagree_is_found():
    limits = 'limits:\n  - at: x == inf\n    value: "0"\noutside:'
    text = DIFFERENCE.replace("outside:", limits)
    found = problems(text, [("1", "1"), ("Infinity", "Infinity")])
    assert any("value is 0, yet one way there gives" in p for p in found)


def test_a_limit_may_depend_on_which_square_is_more():
    """One side must outgrow the square of the other before the ways part."""
    ratio = DIFFERENCE.replace("abs(x - z)", "x**2 / (x**2 + abs(z))")
    text = ratio[: ratio.index("kinks:")] + ratio[ratio.index("outside:") :]
    assert problems(text, [("Infinity", "Infinity")]) == []


CHOSEN = (
    DIFFERENCE.replace("abs(x - z)", "0 if x == 0 else x * abs(z)")
    .replace("sign(x - z)", "0 if x == 0 and isinf(z) else abs(z)")
    .replace("at: x == z", "at: x == 0 and isinf(z)")
    .replace('["-1", "1"]', '["-inf", "inf"]')
)


def test_what_is_chosen_at_a_kink_need_not_be_a_limit():
    found = problems(CHOSEN, [("1", "1"), ("0", "Infinity")])
    assert all("no point lies on it" in p for p in found)
    sure = CHOSEN.replace('["-inf", "inf"]', '["0", "0"]')
    found = problems(sure, [("0", "Infinity")])
    assert any("gradient of x is 0, yet one way there gives" in p for p in found)


def test_a_limit_that_the_definition_misses_is_found():
    softplus = (
        ABSOLUTE.replace("abs(x) + x**2", "log(exp(-x) + 1) + x")
        .replace("sign(x) + 2 * x", "1 / (1 + exp(-x))")
        .replace('definition: "2"', 'definition: "exp(-x) / (1 + exp(-x))**2"')
    )
    kinkless = softplus[: softplus.index("kinks:")] + softplus[softplus.index("outside:") :]
    assert problems(kinkless, ["0", "1", "-40", "800", "Infinity"]) == []
    found = problems(kinkless, ["-Infinity"])
    assert found == ["absolute: point at-0: value is NaN, yet every way there leads to 0"]


LARGEST = (
    ABSOLUTE.replace('"()->()"', '"(k)->()"')
    .replace('shape: "()", domain: "[-inf, inf]"', 'shape: "(k)", domain: "[-inf, inf]"')
    .replace('range: "[0, inf]"', 'range: "[-inf, inf]"')
    .replace("abs(x) + x**2", "max(x)")
    .replace(
        "sign(x) + 2 * x",
        "[(1 if v == max(x) else 0) / sum(1 for w in x if w == max(x)) for v in x]",
    )
    .replace("at: x == 0", "at: sum(1 for w in x if w == max(x)) > 1")
    .replace('["-1", "1"]', '["0", "[1 if v == max(x) else 0 for v in x]"]')
    .replace(
        'chosen: {x: "0"}',
        'chosen: {x: "[(1 if v == max(x) else 0) / sum(1 for w in x if w == max(x)) for v in x]"}',
    )
    .replace("properties: {}", "properties: {convex_in: [x]}")
    .replace("hessian_diag:\n  x: {latex: 'h', definition: \"2\"}\n", "")
    .replace('  hessian_diag: {x: {ulp: "4"}}\n', "")
)
VECTORS = [(["1", "1"],), (["1", "2", "2"],), (["3", "0.5", "1"],), (["-1", "-1", "-1", "-2"],)]


def test_a_shared_maximum_is_the_subgradient_of_least_norm():
    assert problems(LARGEST, VECTORS) == []


def test_a_maximum_that_one_of_the_tied_gets_whole_is_found():
    first = "[1 if v == max(x) and all(x[j] < v for j in range(i)) else 0 for i, v in enumerate(x)]"
    shared = "[(1 if v == max(x) else 0) / sum(1 for w in x if w == max(x)) for v in x]"
    found = problems(LARGEST.replace(shared, first), VECTORS)
    assert any("is not the subgradient of least norm" in p for p in found)


def test_a_choice_that_is_no_subgradient_is_found():
    shared = "[(1 if v == max(x) else 0) / sum(1 for w in x if w == max(x)) for v in x]"
    found = problems(LARGEST.replace(shared, "0"), VECTORS[:1])
    assert any("the choice is no subgradient" in p for p in found)


def test_the_least_of_several_is_of_least_norm_too():
    least = LARGEST.replace("max(x)", "min(x)").replace("convex_in: [x]", "")
    assert problems(least, VECTORS) == []


HEAVISIDE = (
    ABSOLUTE.replace("abs(x) + x**2", "sign(x)")
    .replace("sign(x) + 2 * x", "0")
    .replace('definition: "2"', 'definition: "0"')
    .replace('range: "[0, inf]"', 'range: "[-1, 1]"')
    .replace('order: "1"', 'order: "0"')
    .replace('["-1", "1"]', '["0", "0"]')
)


def test_a_jump_of_the_function_has_the_gradient_that_is_chosen():
    assert problems(HEAVISIDE) == []
    assert any("does not jump" in p for p in planted("sign(x)", "0 * x", text=HEAVISIDE))
    assert any("wider" in p for p in planted('["0", "0"]', '["0", "1"]', text=HEAVISIDE))
    assert any("chosen is 1" in p for p in planted('{x: "0"}', '{x: "1"}', text=HEAVISIDE))
    assert any("numerical" in p for p in planted("at: x == 0", "at: x == 1", text=HEAVISIDE))


DISTANCES = (
    ABSOLUTE.replace('"()->()"', '"(),(k)->(k)"')
    .replace(
        'output: {shape: "()"',
        '  to: {shape: "(k)", domain: "[-inf, inf]", dtype: target, differentiable: false, '
        'meaning: To.}\noutput: {shape: "(k)"',
    )
    .replace("abs(x) + x**2", "[abs(x - v) for v in to]")
    .replace("sign(x) + 2 * x", "sum(c * sign(x - v) for c, v in zip(cotangent, to))")
    .replace("at: x == 0", "at: any(x == v for v in to)")
    .replace(
        '["-1", "1"]',
        '["sum(c * (-1 if x == v else sign(x - v)) for c, v in zip(cotangent, to))", '
        '"sum(c * (1 if x == v else sign(x - v)) for c, v in zip(cotangent, to))"]',
    )
    .replace(
        'chosen: {x: "0"}', 'chosen: {x: "sum(c * sign(x - v) for c, v in zip(cotangent, to))"}'
    )
    .replace("hessian_diag:\n  x: {latex: 'h', definition: \"2\"}\n", "")
    .replace('  hessian_diag: {x: {ulp: "4"}}\n', "")
)


def test_each_output_has_a_choice_of_its_own():
    # The slopes of both distances together are from 0 to 2, and 0 is nearest to 0; but of the
    # distance that is 0 the choice is 0, and of the other it is 1.
    at = [("1", ["1", "0"])]
    assert problems(DISTANCES, at) == []
    chosen = "sum(c * sign(x - v) for c, v in zip(cotangent, to))"
    found = problems(DISTANCES.replace(chosen, "0"), at)
    assert any("output[1]" in p and "of least norm is 1" in p for p in found)


def test_a_jump_of_one_output_among_many_is_seen():
    slope = "sum(c * (SIGN if x == v else sign(x - v)) for c, v in zip(cotangent, to))"
    steps = (
        DISTANCES.replace("[abs(x - v) for v in to]", "[1 if x > v else 0 for v in to]")
        .replace("sum(c * sign(x - v) for c, v in zip(cotangent, to))", "0")
        .replace(slope.replace("SIGN", "-1"), "0")
        .replace(slope.replace("SIGN", "1"), "0")
        .replace('order: "1"', 'order: "0"')
    )
    assert problems(steps, [("1", ["9", "8", "1", "7", "0", "5", "4", "3"])]) == []


def test_a_slope_that_falls_as_the_reciprocal_of_a_logarithm_is_seen_to_fall():
    slow = (
        ABSOLUTE.replace("abs(x) + x**2", "0 if x == 0 else -x / log(x)")
        .replace("sign(x) + 2 * x", "0 if x == 0 else (1 - log(x)) / log(x)**2")
        .replace(
            'definition: "2"', 'definition: "inf if x == 0 else (log(x) - 2) / (x * log(x)**3)"'
        )
        .replace('domain: "[-inf, inf]"', 'domain: "[0, 1)"')
    )
    kinkless = slow[: slow.index("kinks:")] + slow[slow.index("outside:") :]
    assert problems(kinkless, ["0", "0.5", "1e-300"]) == []
    wrong = kinkless.replace('"0 if x == 0 else (1', '"-1 if x == 0 else (1')
    assert any("the definition gives -1" in p for p in problems(wrong, ["0"]))
