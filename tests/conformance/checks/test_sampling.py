from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from lossapi.conformance.checks.cases import Case, core_sizes, fitted
from lossapi.conformance.checks.hazards import grid, parameter_sets
from lossapi.conformance.checks.sampling import bytes_needed, drawn_cases
from lossapi.conformance.oracle import exact as oracle
from lossapi.conformance.oracle import formats
from lossapi.conformance.oracle.formats import FORMATS
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.domain import LABELS

LOSSES = (
    "huber_loss",
    "binary_cross_entropy",
    "sparse_softmax_cross_entropy",
    "kl_divergence",
    "nll",
    "cumulative_link_loss",
)


def drawn(loss: str, dtype: str, count: int = 400) -> list[Case]:
    spec = load_spec(loss)
    sizes = core_sizes(spec, 3)
    data = random.Random(3).randbytes(bytes_needed(spec, count, sizes))
    parameters = parameter_sets(spec, FORMATS[dtype])[0]
    return drawn_cases(spec, dtype, parameters, data, sizes)


def floats(loss: str, cases: list[Case]) -> list[float]:
    spec = load_spec(loss)
    names = [name for name, entry in spec.inputs.items() if entry["dtype"] != LABELS]
    picked = [Case("", {name: case.inputs[name] for name in names}) for case in cases]
    return [x for case in picked for x in case.numbers]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float32", "float64"])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_number_is_one_of_the_format(loss: str, dtype: str) -> None:
    for cases in (drawn(loss, dtype), grid(load_spec(loss), dtype)):
        assert all(formats.is_representable(x, FORMATS[dtype]) for x in floats(loss, cases))


@pytest.mark.parametrize("loss", LOSSES)
def test_most_examples_lie_inside_the_domain_and_some_outside(loss: str) -> None:
    cases = drawn(loss, "float64")
    inside = sum(oracle.in_domain(load_spec(loss), case.inputs) for case in cases)
    assert 0.8 * len(cases) < inside < len(cases)


def test_vectors_that_increase_are_drawn_wide_apart_and_as_neighbours() -> None:
    cases = drawn("cumulative_link_loss", "float64")
    rows = [case.inputs["thresholds"] for case in cases]
    ordinary = [(a, b) for a, b in rows if 1e-3 < abs(a) < 1e3 and math.isfinite(b)]
    assert any(0 < b - a < 1e-9 * abs(a) for a, b in ordinary)
    assert any(b - a > 1.0 for a, b in ordinary)
    assert any(a == b for a, b in ordinary)


def test_draws_reach_both_ends_of_the_range_and_infinity() -> None:
    numbers = floats("huber_loss", drawn("huber_loss", "float64"))
    sizes = [abs(x) for x in numbers if not math.isnan(x)]
    assert min(x for x in sizes if x) < 1e-300
    assert max(x for x in sizes if x < math.inf) > 1e300
    assert math.inf in sizes


def test_draws_come_close_to_each_other_and_to_kinks() -> None:
    cases = drawn("huber_loss", "float64")
    pairs = [(c.inputs["prediction"], c.inputs["target"]) for c in cases]
    ordinary = [(p, t) for p, t in pairs if 1e-3 < abs(t) < 1e3 and math.isfinite(p)]
    assert any(0 < abs(p - t) < 1e-9 * abs(t) for p, t in ordinary)
    assert any(0 < abs(abs(p - t) - 1) < 1e-9 for p, t in ordinary)


def test_the_numbers_of_a_vector_parameter_are_distances_to_kinks() -> None:
    spec = load_spec("huber_loss")
    data = random.Random(3).randbytes(bytes_needed(spec, 400, {}))
    cases = drawn_cases(spec, "float64", {"delta": [0.25, 3.0]}, data, {})
    gaps = [abs(c.inputs["prediction"] - c.inputs["target"]) for c in cases]
    assert any(abs(gap - 0.25) < 1e-9 for gap in gaps)
    assert any(abs(gap - 3.0) < 1e-9 for gap in gaps)


def test_the_same_bytes_draw_the_same_cases() -> None:
    first, second = drawn("kl_divergence", "float32"), drawn("kl_divergence", "float32")
    assert [case.key for case in first] == [case.key for case in second]


def test_the_grid_pairs_every_hazard_with_every_other() -> None:
    pairs = {
        (repr(case.inputs["prediction"]), repr(case.inputs["target"]))
        for case in grid(load_spec("squared_error"), "float64")
    }
    hazards = ("0.0", "-0.0", "5e-324", "1.0", "-1000.0", "inf", "-inf", "nan")
    assert {(a, b) for a in hazards for b in hazards} <= pairs


def test_core_dimensions_of_several_names_have_several_sizes() -> None:
    spec = replace(load_spec("kl_divergence"), data={**load_spec("kl_divergence").data})
    spec.data["signature"] = "(n,d),(m)->(n,m)"
    assert core_sizes(spec, 3) == {"n": 3, "d": 2, "m": 4}
    assert core_sizes(spec, 1) == {"n": 1, "d": 1, "m": 2}
    assert core_sizes(spec, 3, equal=True) == {"n": 3, "d": 3, "m": 3}
    sizes = core_sizes(spec, 3)
    data = random.Random(3).randbytes(bytes_needed(spec, 20, sizes))
    for case in [*drawn_cases(spec, "float32", {}, data, sizes), *grid(spec, "float32")]:
        shapes = [np.shape(value) for value in (*case.inputs.values(), case.cotangent)]
        assert shapes[0][0] == shapes[2][0]
        assert shapes[1][0] == shapes[2][1]
        assert len(shapes[0]) == len(shapes[2]) == 2
    assert len(drawn_cases(spec, "float32", {}, data, sizes)) == 20


def test_a_vector_of_parameters_fits_every_size() -> None:
    spec = replace(load_spec("kl_divergence"), data={**load_spec("kl_divergence").data})
    spec.data["parameters"] = {"prior": {"shape": "(k)"}, "power": {}}
    given = {"prior": [0.5, 0.25], "power": 2.0}
    assert fitted(spec, given, {"k": 3}) == {"prior": [0.5, 0.25, 0.5], "power": 2.0}
    assert fitted(spec, given, {"k": 1}) == {"prior": [0.5], "power": 2.0}
