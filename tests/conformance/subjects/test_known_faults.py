"""What is publicly known to be wrong, or otherwise, in other libraries is found by the suite."""

from __future__ import annotations

from typing import Any

import pytest

from lossapi.conformance.finding import find, implementation
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings
from lossapi.conformance.runner import load_checks, run
from lossapi.conformance.subject import Subject

MODULES = {
    "torch.nn.functional": "torch",
    "keras-torch": "keras",
    "optax": "optax",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
}


def judged(subject: Subject | str, loss: str, check: str, dtype: str) -> dict[str, Result]:
    """The results of one check by the names of their cases."""
    if isinstance(subject, str):
        pytest.importorskip(MODULES[subject], reason=f"{MODULES[subject]} is not installed")
        subject = implementation(subject)
    settings = Settings(examples=1, seed=0)
    checks = load_checks([check])
    report = run([subject], [load_spec(loss)], checks, [dtype], settings, known={subject.name: ()})
    return {result.case: result for result in report.results}


def failed(results: dict[str, Result]) -> set[str]:
    return {case for case, result in results.items() if result.outcome == "fail"}


def number(result: Result) -> float:
    return float(result.got)


@pytest.fixture(scope="module")
def keras_on_numpy() -> Any:
    """Keras chooses its library once in a process, so this one has its own."""
    pytest.importorskip("keras", reason="Keras is not installed")
    return find("impl:keras-numpy")


def test_swapped_weights() -> None:
    results = judged("keras-torch", "tversky_loss", "value", "float32")
    assert {"recall/value", "precision/value"} <= failed(results)
    assert results["four-pixels/value"].outcome == "pass"  # of equal weights


def test_a_saturating_focal_loss() -> None:
    results = judged("keras-torch", "sigmoid_focal_loss", "value", "float32")
    assert number(results["very-far-wrong/value"]) < 17  # -log(1e-7) is 16.1
    assert float(results["very-far-wrong/value"].expected) > 500


def test_wrapped_labels() -> None:
    results = judged("optax", "sparse_softmax_cross_entropy", "errors", "float64")
    assert results["labels=-1/value"].outcome == "fail"
    assert "where NaN is due" in results["labels=-1/value"].message
    assert results["labels=3/value"].outcome == "pass"  # NaN
    torch = judged("torch.nn.functional", "sparse_softmax_cross_entropy", "errors", "float64")
    assert torch["labels=-1/value"].outcome == "pass"  # refused


def test_nan_at_masked_inputs() -> None:
    results = judged("torch.nn.functional", "squared_error", "reduction", "float64")
    assert results["masked-weight-zero/mean"].got == "nan"
    assert results["empty/mean"].got == "nan"


def test_nan_of_a_class_that_is_ruled_out() -> None:
    results = judged("torch.nn.functional", "softmax_cross_entropy", "value", "float64")
    assert results["masked/value"].got == "nan"


def test_two_meanings_of_the_weighted_mean() -> None:
    results = judged("torch.nn.functional", "binary_cross_entropy", "reduction", "float64")
    wrong = results["weights/mean"]
    # Eight examples, whose weights sum to nine and a quarter.
    assert number(wrong) / float(wrong.expected) == pytest.approx(9.25 / 8)
    others = judged("torch.nn.functional", "squared_error", "reduction", "float64")
    assert others["weights/mean"].outcome == "pass"
    results = judged("keras-torch", "squared_error", "reduction", "float32")
    assert results["weights/mean"].outcome == "fail"


def test_log_cosh_that_cancels_to_nothing() -> None:
    results = judged("optax", "log_cosh", "value", "float32")
    assert number(results["small-exact/value"]) == 0.0
    assert float(results["small-exact/value"].expected) == pytest.approx(2.0**-29, rel=1e-6)


def test_a_backend_that_clips(keras_on_numpy: Subject) -> None:
    clipped = judged(keras_on_numpy, "sigmoid_binary_cross_entropy", "value", "float32")
    assert number(clipped["very-far-wrong/value"]) < 17
    other = judged("keras-torch", "sigmoid_binary_cross_entropy", "value", "float32")
    assert other["very-far-wrong/value"].outcome == "pass"


def test_probabilities_that_are_clipped() -> None:
    keras = judged("keras-torch", "binary_cross_entropy", "value", "float32")
    assert number(keras["certain-and-wrong/value"]) == pytest.approx(16.118, abs=0.2)
    torch = judged("torch.nn.functional", "binary_cross_entropy", "value", "float32")
    assert number(torch["certain-and-wrong/value"]) == 100.0


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "sparse_softmax_cross_entropy"])
def test_more_rows_than_float16_counts(loss: str) -> None:
    results = judged("torch.nn.functional", loss, "reduction", "float16")
    assert results["70000-rows/mean"].outcome == "fail"


def test_a_single_class_that_becomes_the_other() -> None:
    results = judged("scikit-learn", "hinge_loss", "value", "float64")
    assert number(results["within-margin/value"]) > float(results["within-margin/value"].expected)
