import math
from pathlib import Path

import pytest
import yaml
from mpmath import mpf

from lossapi.conformance.oracle import definition, golden, precision, specfile, yamlfile
from lossapi.conformance.oracle import exact as oracle
from lossapi.conformance.oracle.arithmetic import arithmetic
from lossapi.conformance.oracle.definition import DefinitionError
from lossapi.conformance.oracle.precision import PrecisionError
from lossapi.errors import SpecError

INF, NAN = math.inf, math.nan
HUBER = specfile.load_spec("huber_loss")


def scalar(formula, slope="0", domain="[-inf, inf]", tokens=("1",), **extra):
    """A loss of one input x, of the least that a file needs."""
    data = {
        "name": "made_up",
        "title": "Made up",
        "family": "regression",
        "since": "0.1.0",
        "summary": "Made up.",
        "references": [],
        "signature": "()->()",
        "inputs": {
            "x": {
                "shape": "()",
                "domain": domain,
                "dtype": "floating",
                "differentiable": True,
                "meaning": "X.",
            }
        },
        "output": {"shape": "()", "range": "[-inf, inf]"},
        "formula": {"latex": "f", "definition": formula},
        "gradient": {"x": {"latex": "g", "definition": slope}},
        "outside": "NaN.",
        "properties": {},
        "accuracy": {"value": {"ulp": "4"}, "gradient": {"x": {"ulp": "4"}}},
        "hazards": [],
        "equivalents": [],
        "use_when": [],
        "notes": [],
        "points": [
            {"id": f"at-{i}", "flags": ["typical"], "note": "N.", "inputs": {"x": x}}
            for i, x in enumerate(tokens)
        ],
    } | extra
    return specfile.parse_spec(yaml.safe_dump(data, sort_keys=False), "made_up.yaml")


def entries(spec):
    return yamlfile.read(golden.render(spec), "golden")["points"]


def value(spec, x, **options):
    return oracle.exact(spec, "value", {"x": x}, **options)


def test_an_entry_has_the_exact_result_and_its_rounding_to_each_format():
    (entry,) = entries(scalar("x / 3", "1 / 3"))
    assert entry == {
        "id": "at-0",
        "dtypes": ["bfloat16", "float16", "float32", "float64"],
        "value": {
            "exact": "0.3333333333333333333333333333333333333333",
            "bfloat16": "0.334",
            "float16": "0.3333",
            "float32": "0.33333334",
            "float64": "0.3333333333333333",
        },
        "gradient": {
            "x": {
                "exact": "0.3333333333333333333333333333333333333333",
                "bfloat16": "0.334",
                "float16": "0.3333",
                "float32": "0.33333334",
                "float64": "0.3333333333333333",
            }
        },
    }


def test_a_token_is_the_binary64_it_denotes():
    (entry,) = entries(scalar("x", "1", tokens=["0.1"]))
    assert entry["value"]["exact"] == "0.1000000000000000055511151231257827021182"


@pytest.mark.parametrize(
    ("token", "formats"),
    [
        ("1", ["bfloat16", "float16", "float32", "float64"]),
        ("0.1", ["float64"]),
        ("257", ["float16", "float32", "float64"]),
        ("65536", ["bfloat16", "float32", "float64"]),
        ("16777217", ["float64"]),
        ("1e300", ["float64"]),
        ("-Infinity", ["bfloat16", "float16", "float32", "float64"]),
        ("NaN", ["bfloat16", "float16", "float32", "float64"]),
    ],
)
def test_dtypes_are_those_that_hold_the_input(token, formats):
    (entry,) = entries(scalar("x", "1", tokens=[token]))
    assert entry["dtypes"] == formats
    assert set(entry["value"]) == {"exact", *formats}


@pytest.mark.parametrize(
    ("default", "formats"),
    [
        ("0.1", ["float64"]),
        ("257", ["bfloat16", "float16", "float32", "float64"]),
        ("none", ["bfloat16", "float16", "float32", "float64"]),
    ],
)
def test_a_parameter_must_fit_the_computing_format(default, formats):
    parameters = {"c": {"default": default, "domain": "[0, inf)", "meaning": "C."}}
    (entry,) = entries(scalar("x", "1", parameters=parameters))
    assert entry["dtypes"] == formats


def test_an_overflow_and_an_underflow_are_rounded_as_results_are():
    first, second = entries(scalar("exp(x)", "exp(x)", tokens=["100", "-100"]))
    assert first["value"]["float16"] == "Infinity"
    assert first["value"]["exact"].startswith("2.688117141816135448412625551580013587361e43")
    assert second["value"]["float16"] == "0"


def test_nan_gives_nan_everywhere_and_so_does_what_is_outside_the_domain():
    for token in ("NaN", "1.5", "-Infinity"):
        (entry,) = entries(scalar("1", "0", domain="[0, 1]", tokens=[token]))
        assert entry["value"]["exact"] == entry["gradient"]["x"]["float64"] == "NaN"


def test_where_the_value_is_nan_every_derivative_is():
    both = {"prediction": INF, "target": INF}
    assert all(
        math.isnan(oracle.exact(HUBER, quantity, both, {}, wrt))
        for quantity, wrt in (("value", None), ("gradient", "target"), ("hessian_diag", "target"))
    )


def test_a_limit_clause_takes_the_place_of_the_definition():
    clauses = [
        {"at": "x == inf", "value": "7"},
        {"at": "isinf(x)", "value": "8", "gradient": {"x": "9"}},
    ]
    spec = scalar("x - x", "0", limits=clauses)
    assert value(spec, INF) == 7
    assert value(spec, -INF) == 8
    assert value(spec, 1.0) == 0
    assert oracle.exact(spec, "gradient", {"x": INF}, wrt="x") == 9


def test_cancellation_is_met_with_more_digits():
    spec = scalar("1 - tanh(x)")
    tiny = value(spec, 300.0)
    assert math.isclose(float(tiny), 2 * math.exp(-600), rel_tol=1e-12)
    assert value(spec, 300.0, fast=True) == pytest.approx(tiny, rel=1e-20)
    assert math.isclose(float(value(scalar("exp(x) - 1 - x"), 1e-200)), 0.0, abs_tol=1e-300)


def test_a_branch_that_few_digits_cannot_tell_is_told():
    spec = scalar("1 if x + 1 > 1 else 0")
    assert value(spec, 1e-300) == 1
    assert value(spec, -1e-300) == 0


def test_results_that_agree_by_accident_are_found_out():
    assert precision.settle(lambda digits: arithmetic(digits).number(int(digits > 1000))) == 1


def test_noise_that_shrinks_with_the_digits_is_zero():
    noise = precision.settle(lambda digits: [arithmetic(digits).decimal(f"1e-{digits}")])
    assert noise == [0]


def test_what_never_settles_is_an_error_that_names_loss_and_point(monkeypatch):
    with pytest.raises(PrecisionError, match="up to"):
        precision.settle(lambda digits: arithmetic(digits).number(digits))
    monkeypatch.setattr(definition, "evaluate", lambda text, names, digits: mpf(digits))
    spec = scalar("x", tokens=["3"])
    with pytest.raises(SpecError, match=r"made_up\.yaml: point at-0: made_up: value at .*no two"):
        golden.render(spec)


def test_a_definition_of_the_wrong_shape_is_an_error():
    with pytest.raises(DefinitionError, match="gave a list where one number is due"):
        value(scalar("[x]"), 1.0)


def test_fast_and_slow_agree():
    for x in (-700.0, -1e-9, 0.0, 0.5, 40.0, 1e5):
        spec = scalar("log1p(exp(x))")
        assert float(value(spec, x, fast=True)) == float(value(spec, x))


def test_scale_is_none_where_the_file_gives_none_and_zero_where_it_has_no_value():
    strict = scalar("x")
    assert oracle.scale(strict, "value", None, {"x": 1.0}) is None
    accuracy = {
        "value": {"ulp": "4", "scale": "abs(x) + 1"},
        "gradient": {"x": {"ulp": "4", "scale": "abs(x) / x"}},
    }
    loose = scalar("x - 1", "1", accuracy=accuracy)
    assert oracle.scale(loose, "value", None, {"x": -2.0}) == 3
    assert oracle.scale(loose, "value", None, {"x": INF}) == 0
    assert oracle.scale(loose, "value", None, {"x": NAN}) == 0
    assert oracle.scale(loose, "gradient", "x", {"x": 0.0}) == 0


POINT = {"logits": ["1", "2"], "labels": "0"}


def test_labels_beyond_the_classes_give_nan():
    vector = {"domain": "[-inf, inf]", "shape": "(k)", "dtype": "floating", "meaning": "Z."}
    label = {"domain": "labels", "shape": "()", "dtype": "labels", "meaning": "L."}
    inputs = {
        "logits": vector | {"differentiable": True},
        "labels": label | {"differentiable": False},
    }
    spec = scalar(
        "log(sum(exp(z) for z in logits)) - logits[labels]",
        signature="(k),()->()",
        inputs=inputs,
        gradient={"logits": {"latex": "g", "definition": "0"}},
        accuracy={"value": {"ulp": "4"}, "gradient": {"logits": {"ulp": "4"}}},
        points=[{"id": "a", "flags": ["typical"], "note": "N.", "inputs": POINT}],
    )
    good = oracle.exact(spec, "value", {"logits": [0.0, 0.0], "labels": 1})
    assert float(good) == math.log(2)
    for label in (2, -1):
        inputs = {"logits": [0.0, 0.0], "labels": label}
        assert math.isnan(oracle.exact(spec, "value", inputs))
        gradient = oracle.exact(spec, "gradient", inputs, wrt="logits")
        assert [math.isnan(g) for g in gradient] == [True, True]


def test_a_vector_output_takes_a_cotangent_of_ones_by_default():
    spec = specfile.load_spec("softmax")
    inputs = {"logits": [0.0, math.log(3.0)]}
    assert [round(float(p), 12) for p in oracle.exact(spec, "value", inputs)] == [0.25, 0.75]
    flat = oracle.exact(spec, "gradient", inputs, wrt="logits")
    assert flat == pytest.approx([0, 0], abs=1e-30)
    first = oracle.exact(spec, "gradient", inputs, None, "logits", [1.0, 0.0])
    assert [round(float(g), 12) for g in first] == [0.1875, -0.1875]


def test_the_bytes_are_the_same_every_time():
    assert golden.render(HUBER) == golden.render(specfile.load_file(Path(_path(HUBER))))


def test_a_file_that_was_edited_is_stale(tmp_path, monkeypatch):
    path = tmp_path / "golden.yaml"
    monkeypatch.setattr(golden, "_path", lambda spec: path)
    assert "is missing; run `lossapi spec build huber_loss`" in golden.verify(["huber_loss"])[0]
    assert golden.build(["huber_loss"]) == [path]
    assert golden.verify(["huber_loss"]) == []
    path.write_text(path.read_text().replace("0.03125", "0.03126", 1))
    (problem,) = golden.verify(["huber_loss"])
    assert "never edit it" in problem


def test_golden_entries_are_read_by_name():
    data = golden.load_golden("huber_loss")
    assert data["loss"] == "huber_loss"
    assert [entry["id"] for entry in data["points"]] == [point["id"] for point in HUBER.points]


def _path(spec):
    return Path(specfile.__file__).parents[2] / spec.origin
