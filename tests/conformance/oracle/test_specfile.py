import json
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from lossapi.conformance.oracle import specfile
from lossapi.errors import SpecError

GOOD = """
name: tilted_error
title: Tilted error
family: regression
since: "0.1.0"
summary: A residual, tilted.
references: []
signature: "(),()->()"
inputs:
  prediction:
    shape: "()"
    domain: "[-inf, inf]"
    dtype: floating
    differentiable: true
    meaning: The predicted value.
  target:
    shape: "()"
    domain: "[-inf, inf]"
    dtype: target
    differentiable: false
    meaning: The observed value.
parameters:
  tilt:
    default: "0.5"
    domain: "(0, 1)"
    meaning: The slope above.
output: {shape: "()", range: "[0, inf]"}
formula:
  latex: 'r'
  definition: |
    r = prediction - target
    tilt * r if r > 0 else (tilt - 1) * r
gradient:
  prediction:
    latex: 'g'
    definition: |
      r = prediction - target
      tilt if r > 0 else tilt - 1 if r < 0 else 0
hessian_diag:
  prediction: {latex: '0', definition: "0"}
kinks:
  - at: prediction == target
    order: "1"
    interval: {prediction: ["tilt - 1", "tilt"]}
    chosen: {prediction: "0"}
    note: The corner.
limits:
  - at: isinf(prediction - target)
    value: inf
outside: NaN for two infinities of one sign.
properties:
  smoothness: C0
  convex_in: [prediction]
  lipschitz: {prediction: "max(tilt, 1 - tilt)"}
  minimum: {at: prediction == target, value: "0"}
accuracy:
  value: {ulp: "4"}
  gradient: {prediction: {ulp: "0"}}
  hessian_diag: {prediction: {ulp: "0"}}
hazards: [kink]
equivalents:
  - library: numpy
    call: "numpy.maximum(tilt * (prediction - target), (tilt - 1) * (prediction - target))"
    relation: same
use_when: []
notes: []
points:
  - id: above
    flags: [typical]
    note: Above.
    inputs: {prediction: "0.5", target: "0.25"}
  - id: corner
    flags: [kink]
    note: At the corner.
    inputs: {prediction: "1", target: "1"}
    parameters: {tilt: "0.25"}
"""

CLASSES = """
name: chosen_score
title: Chosen score
family: multiclass
since: "0.1.0"
summary: The score of the label.
references: []
signature: "(k),()->()"
inputs:
  logits: {shape: "(k)", domain: "[-inf, inf]", dtype: floating, differentiable: true, meaning: S.}
  labels: {shape: "()", domain: labels, dtype: labels, differentiable: false, meaning: L.}
output: {shape: "()", range: "[-inf, inf]"}
formula: {latex: 's', definition: "logits[labels]"}
gradient:
  logits: {latex: 'e', definition: "[1 if i == labels else 0 for i in range(len(logits))]"}
outside: NaN.
properties: {smoothness: Cinf}
accuracy: {value: {ulp: "0"}, gradient: {logits: {ulp: "0"}}}
hazards: []
equivalents: []
use_when: []
notes: []
points:
  - id: two
    flags: [typical]
    note: Two classes.
    inputs: {logits: ["1", "2"], labels: "1"}
"""


def refusal(text):
    with pytest.raises(SpecError) as caught:
        specfile.parse_spec(text, "here.yaml")
    message = str(caught.value)
    assert message.startswith("here.yaml")
    assert "\n" not in message
    return message


def test_a_good_file_is_read():
    spec = specfile.parse_spec(GOOD, "here.yaml")
    assert (spec.name, spec.family) == ("tilted_error", "regression")
    assert list(spec.inputs) == ["prediction", "target"]
    assert spec.parameters["tilt"]["default"] == "0.5"
    assert [point["id"] for point in spec.points] == ["above", "corner"]
    assert spec.differentiable == ("prediction",)
    assert spec.data["formula"]["latex"] == "r"
    assert specfile.parse_spec(CLASSES, "here.yaml").signature.inputs == (("k",), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('default: "0.5"', "default: 0.5", "here.yaml:24: '0.5' is an unquoted number"),
        ("note: Above.", "note: 2020-01-01", "unquoted date"),
        ("note: Above.", "note: ", "unquoted null"),
        ("note: Above.", "note: 1e-5x\n    note: Twice.", "'note' stands here twice"),
        ("meaning: The slope above.", "meaning: yes", "'yes' is a truth value to some"),
        ("differentiable: false", "differentiable: off", "'off' is a truth value"),
        ("title: Tilted error", "title: [", "not YAML"),
        ("title:", "titel:", "unknown key titel; the keys here are accuracy"),
        ("title: Tilted error\n", "", "missing title"),
        ('order: "1"', 'order: "3"', r"kinks[0].order: got '3'; accepted are 0, 1, 2"),
        ("use_when: []", 'use_when: "often"', "use_when: got 'often'; accepted is a list"),
        ("name: tilted_error", "name: Tilted", "name: got 'Tilted'"),
        ('signature: "(),()->()"', 'signature: "()->()"', "inputs: got shapes"),
        ('signature: "(),()->()"', 'signature: "(),()->(k)"', "output.shape: got ()"),
        ('domain: "(0, 1)"', 'domain: "0 to 1"', "parameters.tilt.domain: '0 to 1' is no domain"),
        ('range: "[0, inf]"', 'range: "positive"', "output.range"),
        ('domain: "[-inf, inf]"', "domain: increasing", "inputs.prediction.domain: got increasing"),
        ('domain: "(0, 1)"', "domain: increasing", "parameters.tilt.domain: got increasing"),
        ('domain: "[-inf, inf]"', "domain: mask", "inputs.prediction.domain: got mask; only an in"),
        (
            'domain: "[-inf, inf]"',
            'domain: "[0, 1] if tilt else [-inf, inf]"',
            "inputs.prediction.domain: got [0, 1] if tilt else [-inf, inf]; a switch among",
        ),
        ('default: "0.5"', 'default: "2"', "parameters.tilt.default: got 2; the domain is (0, 1)"),
        ("dtype: target", "dtype: labels", "dtype labels and domain labels go together"),
        ("differentiable: false", "differentiable: true", "gradient: got prediction;"),
        (
            "gradient: {prediction: {ulp:",
            "gradient: {target: {ulp:",
            "got target; gradient has",
        ),
        ("interval: {prediction:", "interval: {target:", "kinks[0].interval: got target"),
        ("chosen: {prediction:", "chosen: {target:", "kinks[0].chosen: got target"),
        ("    value: inf\n", "    note: No claim.\n", "limits[0]: has no value"),
        ("tilt * r if", "tild * r if", "formula.definition: definition 'tild * r if"),
        ("tilt if r > 0", "tilt of r", "gradient.prediction.definition"),
        ('["tilt - 1",', '["tilt -",', "kinks[0].interval.prediction[0]"),
        ("at: isinf(prediction - target)", "at: isinf(cotangent)", "limits[0].at"),
        ('"max(tilt, 1 - tilt)"', "prediction", "properties.lipschitz.prediction"),
        ('"max(tilt, 1 - tilt)"', "sqrt(len(prediction))", None),
        ("convex_in: [prediction]", "convex_in: [logits]", "properties.convex_in: got logits"),
        ("convex_in: [prediction]", "convex: [prediction]", "properties: unknown key convex"),
        (
            "convex_in: [prediction]",
            'wrong_minimisers: [{truth: "0.7", prediction: "1", parameters: {lean: "0.5"}}]',
            "properties.wrong_minimisers[0].parameters: got lean; the parameters are tilt",
        ),
        ("id: corner", "id: above", "the id above stands there twice"),
        ("flags: [typical]", "flags: [nice]", "flags: got nice; the flags in flags.yaml are"),
        ("hazards: [kink]", "hazards: [tie]", "hazards: tie has no point"),
        ("hazards: [kink]", "hazards: [rain]", "hazards: got rain"),
        ('prediction: "0.5"', 'prediction: "0.50"', "'0.50' is not a number token; write 0.5"),
        ('prediction: "0.5"', 'prediction: "5e-1"', None),
        ('prediction: "0.5"', 'prediction: "0.10000000000000000555"', "write 0.1"),
        ('prediction: "0.5"', 'prediction: ["0.5"]', "got a list; one number is due"),
        ('prediction: "0.5", ', "", "inputs: got target; the inputs are prediction, target"),
        ('{tilt: "0.25"}', '{tilt: "1"}', "parameters.tilt: got 1; the domain is (0, 1)"),
        ('{tilt: "0.25"}', '{tilt: "none"}', "parameters.tilt: got none"),
        ('{tilt: "0.25"}', '{lean: "0.25"}', "parameters: got lean"),
        ("note: At the corner.", 'cotangent: "1"\n    note: N.', "only vector outputs take"),
        ("relation: same", "relation: differs", "missing because"),
        ("relation: same", "relation: differs\n    because: B.", "missing at"),
        ("relation: same", "relation: same\n    at: [nowhere]", "equivalents[0].at: got nowhere"),
        ("relation: same", "relation: same\n    because: B.", "leave it out"),
        ("library: numpy", "library: matlab", "accepted are jax, keras, numpy"),
    ],
)
def test_a_fault_is_named_with_its_place_and_what_is_accepted(old, new, message):
    assert GOOD.count(old) >= 1
    text = GOOD.replace(old, new, 1)
    if message is None:
        specfile.parse_spec(text, "here.yaml")
    else:
        assert message in refusal(text)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('["1", "2"]', '"1"', "got one number; the shape is (k)"),
        ('["1", "2"]', '["1", ["2"]]', "got a list; one number is due"),
        ('labels: "1"}', 'labels: "0.5"}', "a label is an integer"),
        (
            "domain: labels, dtype: labels, differentiable: false",
            "domain: labels, dtype: labels, differentiable: true",
            "labels have no gradient",
        ),
    ],
)
def test_a_fault_in_a_class_loss_is_named(old, new, message):
    assert message in refusal(CLASSES.replace(old, new, 1))


def test_vectors_of_one_dimension_have_one_length():
    both = CLASSES.replace('"(k),()->()"', '"(k),(k)->()"').replace(
        'labels: {shape: "()", domain: labels, dtype: labels',
        'labels: {shape: "(k)", domain: "[0, 1]", dtype: target',
    )
    both = both.replace("logits[labels]", "logits[0]").replace("i == labels", "i == 0")
    specfile.parse_spec(both.replace('labels: "1"', 'labels: ["0", "1"]'), "here.yaml")
    assert "elsewhere k is 2" in refusal(both.replace('labels: "1"', 'labels: ["1"]'))


def test_an_empty_file_is_refused():
    assert "the file is empty" in refusal("")


def test_a_loss_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(SpecError, match=r"no_such_loss: no such loss; the losses are .*huber_loss"):
        specfile.load_spec("no_such_loss")


def test_a_file_anywhere_can_be_read(tmp_path):
    path = tmp_path / "loss.yaml"
    path.write_text(GOOD)
    assert specfile.load_file(path).name == "tilted_error"
    with pytest.raises(SpecError, match=r"gone\.yaml: cannot be read"):
        specfile.load_file(tmp_path / "gone.yaml")


def test_every_file_below_losses_is_found():
    root = Path(str(resources.files("lossapi.spec")))
    files = {path.stem for path in root.glob("losses/*/*.yaml")}
    assert set(specfile.spec_names()) == files
    assert files


def test_the_schema_is_closed_everywhere():
    schema = json.loads(resources.files("lossapi.spec").joinpath("schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)

    def walk(node, place):
        if isinstance(node, dict):
            if node.get("type") == "object":
                assert "additionalProperties" in node, place
            assert node.get("type") not in ("number", "integer"), place
            for key, item in node.items():
                walk(item, f"{place}/{key}")
        elif isinstance(node, list):
            for item in node:
                walk(item, place)

    walk(schema, "")


def test_every_flag_has_a_meaning_and_an_effect():
    for flag, entry in specfile.flags().items():
        assert set(entry) == {"meaning", "effect"}, flag
        assert all(text.endswith(".") for text in entry.values()), flag


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('num_classes: "4"', 'num_classes: "0"', "num_classes: got 0; the domain is {1, 2, ...}"),
        ('num_classes: "4"', 'num_classes: "2.5"', "got 2.5; the domain is {1, 2, ...}"),
        ('num_classes: "4"', "num_classes: none", "got none; accepted is a number"),
        ('domain: "{1, 2, ...}"', 'domain: "[0, 9]"', "got [0, 9]; a size is in {1, 2, ...}"),
        ("size: k", "size: m", "sizes are m; due are the output's that no input has"),
        ("size: k", 'size: k\n    default: "3"', "has either a default, or a size"),
        ("    size: k\n", "", "sizes are none; due are the output's that no input has"),
    ],
)
def test_a_size_that_is_no_size_is_refused(old, new, message):
    root = Path(str(resources.files("lossapi.spec")))
    text = (root / "losses" / "primitive" / "one_hot.yaml").read_text("utf-8")
    assert old in text
    with pytest.raises(SpecError) as caught:
        specfile.parse_spec(text.replace(old, new, 1), "here.yaml")
    assert message in str(caught.value)
