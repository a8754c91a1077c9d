"""A property that is stated and does not hold is noticed; those that hold pass."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.checks import expected, stated
from lossapi.conformance.checks.cases import Case
from lossapi.conformance.checks.inquiry import Inquiry
from lossapi.conformance.checks.probing import Probe, changed
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.result import Result, Settings


def judged(loss: str, properties: dict[str, Any] | None = None) -> list[Result]:
    spec = load_spec(loss)
    if properties is not None:
        spec = replace(spec, data={**spec.data, "properties": properties})
    inquiry = Inquiry(BackendSubject("numpy"), spec, "properties", "float64")
    return list(stated.run(inquiry, Settings(seed=5)))


@pytest.mark.parametrize("loss", spec_names())
def test_what_the_specifications_state_holds(loss: str) -> None:
    results = judged(loss)
    assert results
    assert [(r.case, r.message) for r in results if r.outcome != "pass"] == []


@pytest.mark.parametrize(("ulp", "outcome"), [(100, "pass"), (2000, "fail")])
def test_equal_values_are_judged_each_by_its_own_size(ulp: int, outcome: str) -> None:
    """A loss of small scores comes first, one of scores around 100 is off by some ULP."""
    spec = load_spec("linear_chain_crf_nll")
    probe = Probe(Inquiry(BackendSubject("numpy"), spec, "properties", "float64"), 0)
    one, *_ = probe.cases(1, probe.sets[0])
    sizes = {name: np.zeros(np.shape(one.inputs[name])) for name in ("start", "end", "transitions")}
    plain = {name: x.tolist() for name, x in sizes.items()} | {"mask": [1.0, 1.0], "tags": [0, 0]}
    cases = [
        changed(one, **plain, emissions=[[x, 0.0, 0.0], [0.0, 0.0, -x]]) for x in (0.25, 100.0)
    ]
    values = probe.values(cases)
    moved = values.copy()
    moved[1] += ulp * np.spacing(values[1])
    probe.values = lambda _: np.concatenate([values, moved])  # type: ignore[method-assign]
    (result,) = stated._equal(probe, "alike", cases, cases)
    assert result.outcome == outcome


WEIGHTED = {"truth": "0.7", "prediction": "0.978", "parameters": {"positive_weight": "19"}}
ONLY_LOCAL = {
    "truth": "0.05",
    "prediction": "0.3448275862068966",
    "parameters": {"false_negative": "1", "false_positive": "0.01", "correct": "0.1"},
}
FALSE = [
    ("absolute_error", "smoothness", "Cinf"),
    ("absolute_error", "smoothness", "C1"),
    ("squared_error", "smoothness", "C0"),
    ("huber_loss", "smoothness", "Cinf"),
    ("squared_error", "smoothness", "C1"),
    ("sigmoid", "convex_in", ["x"]),
    ("logit", "convex_in", ["probabilities"]),
    ("squared_error", "not_convex_in", ["prediction"]),
    ("softmax_cross_entropy", "not_convex_in", ["logits"]),
    ("quantile_loss", "symmetric", True),
    ("squared_error", "translation_invariant", ["prediction"]),
    ("logsumexp", "translation_invariant", ["logits"]),
    ("absolute_error", "lipschitz", {"prediction": "1 / 2"}),
    ("absolute_error", "lipschitz", {"prediction": "3"}),
    ("squared_error", "minimum", {"at": "prediction == target", "value": "1"}),
    ("squared_error", "minimum", {"at": "prediction == target + 1", "value": "1"}),
    ("sigmoid", "monotone", {"x": "decreasing"}),
    ("squared_error", "monotone", {"prediction": "increasing"}),
    ("brier_score", "proper", "no"),
    ("absolute_error", "elicits", "mean"),
    ("squared_error", "elicits", "median"),
    ("poisson_nll", "elicits", "median"),
    ("brier_score", "fisher", True),
    ("squared_error", "fisher", "poisson"),
    ("laplace_nll", "fisher", "gaussian"),
    ("brier_score", "wrong_minimisers", [{"truth": "0.25", "prediction": "0.5"}]),
    ("sigmoid_focal_loss", "wrong_minimisers", [{"truth": "0.7", "prediction": "0.57847"}]),
    ("weighted_sigmoid_binary_cross_entropy", "wrong_minimisers", [WEIGHTED]),
    ("outcome_weighted_sigmoid_binary_cross_entropy", "wrong_minimisers", [ONLY_LOCAL]),
    ("absolute_error", "wrong_minimisers", [{"truth": "0.5", "prediction": "0.5"}]),
    ("hinge_loss", "wrong_minimisers", [{"truth": "0.9", "prediction": "0.9"}]),
    (
        "huber_loss",
        "relations",
        ["huber_loss(prediction, target) == squared_error(prediction, target)"],
    ),
    ("huber_loss", "relations", ["huber_loss(prediction, target) <= 0"]),
    # Of classes of probability 0.
    (
        "entropy",
        "relations",
        ["entropy(probabilities) == -sum(probabilities * log(probabilities))"],
    ),
    ("kl_divergence", "relations", ["kl_divergence(prediction, target) <= 1000"]),
    ("mutual_information", "relations", ["sum(sum(abs(log(joint)))) <= 1000"]),
    (
        "squared_error",
        "relations",
        ["squared_error(prediction, target) >= absolute_error(0, target)"],
    ),
]


@pytest.mark.parametrize(("loss", "key", "claim"), FALSE)
def test_a_false_statement_is_noticed(loss: str, key: str, claim: Any) -> None:
    results = judged(loss, {key: claim})
    assert any(result.outcome == "fail" for result in results)
    assert all(result.message for result in results if result.outcome == "fail")


def test_a_score_that_is_not_proper_is_noticed() -> None:
    spec = load_spec("brier_score")
    absolute = {**spec.data, "name": "absolute_error", "properties": {"proper": "strictly"}}
    renamed = {
        new: spec.inputs[old]
        for old, new in (("probabilities", "prediction"), ("target", "target"))
    }
    improper = replace(spec, data={**absolute, "inputs": renamed, "parameters": {}})
    inquiry = Inquiry(BackendSubject("numpy"), improper, "properties", "float64")
    (result,) = stated.run(inquiry, Settings(seed=5))
    assert result.outcome == "fail"
    assert "the expected loss is least at" in result.message


def test_where_a_function_jumps_it_has_no_kink_to_be_found() -> None:
    spec = load_spec("complete_box_iou_loss")
    flat = Case("flat", {"prediction": [1.0, 2.0, 1.0, -2.0], "target": [-2.0, 0.0, -1.0, -1.0]})
    assert expected.discontinuous(spec, flat, "prediction")
    assert not expected.discontinuous(spec, flat, "target")
