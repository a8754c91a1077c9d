"""Other libraries' functions under our names: which are taken, and how they are called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.conformance import FunctionSubject, check, expectations
from lossapi.conformance.expectations import Expectation
from lossapi.conformance.finding import NotFoundError, implementation, implementations
from lossapi.conformance.oracle.specfile import load_spec, spec_names
from lossapi.conformance.result import KINDS
from lossapi.conformance.subject import Request, Unsupported
from lossapi.conformance.subjects.port import Rename, renames, with_one_blank


def theirs(
    actual: Any, guess: Any, *, threshold: float, sample_weight: Any, mask: Any, reduce: str
) -> Any:
    """Ours, as a stranger would name and order it."""
    return lossapi.huber_loss(
        guess, actual, delta=threshold, weights=sample_weight, where=mask, reduction=reduce
    )


def huber_loss(
    prediction: Any,
    target: Any,
    *,
    delta: float = 1.0,
    weights: Any = None,
    where: Any = None,
    reduction: str = "mean",
) -> Any:
    return theirs(
        target, prediction, threshold=delta, sample_weight=weights, mask=where, reduce=reduction
    )


def test_a_correct_function_that_only_names_things_differently_passes() -> None:
    subject = FunctionSubject("theirs", {"huber_loss": huber_loss})
    check("huber_loss", subject, examples=40, seed=1)


def test_a_call_that_is_only_renamed_is_taken_from_the_specification() -> None:
    pytest.importorskip("optax", reason="optax is not installed")
    found = {rename.loss: rename.__name__ for rename in renames("optax", "optax.")}
    assert found["huber_loss"] == "optax.huber_loss(prediction, target, delta=delta)"
    assert "asymmetric_loss" not in found  # the same under other parameters than its own alone
    assert "token_cross_entropy" not in found  # a mean of a call
    assert "squared_hinge_loss" not in found  # a power of a call


@pytest.mark.parametrize(
    ("call", "simple"),
    [
        ("optax.huber_loss(prediction, target, delta=delta)", True),
        ("optax.huber_loss(prediction, target, delta=-1.0)", True),
        ("optax.huber_loss(prediction - target)", False),
        ("optax.huber_loss(prediction, target).mean()", False),
        ("2 * optax.huber_loss(prediction, target)", False),
    ],
)
def test_a_renamed_call_has_inputs_parameters_and_constants(call: str, simple: bool) -> None:
    assert Rename(load_spec("huber_loss"), call).is_simple is simple


def test_examples_of_several_blanks_are_asked_for_with_those_of_the_same() -> None:
    asked = []

    def losses(labels: Any, *, blank: int) -> Any:
        asked.append((blank, labels[:, 0].tolist()))
        return labels.sum(-1) + 10 * blank

    labels = np.array([[1], [2], [3]])
    alike = with_one_blank(losses, np.concatenate, labels, blank=np.array([2, 2, 2]))
    assert alike.tolist() == [21, 22, 23]
    unlike = with_one_blank(losses, np.concatenate, labels, blank=np.array([0, 1, 0]))
    assert unlike.tolist() == [1, 12, 3]
    assert asked[1:] == [(0, [1, 3, 1]), (1, [2, 2, 2])]
    with pytest.raises(Unsupported, match="names the blank of all"):
        with_one_blank(losses, np.concatenate, labels, blank=np.array([0, 1, 0]), reduction="mean")


def test_keras_on_another_library_says_what_to_do() -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    assert implementation("keras-torch").name == "keras-torch"  # as tests/conftest.py has it
    with pytest.raises(NotFoundError, match=r"ImportError: Keras runs on torch in this process"):
        implementation("keras-numpy")


def test_a_keras_call_is_repeated_on_the_same_library() -> None:
    pytest.importorskip("keras", reason="Keras is not installed")
    subject = implementation("keras-torch")
    inputs = {"prediction": np.array([1.0]), "target": np.array([3.0])}
    line = subject.reproduce(Request("squared_error", inputs, "float32"))
    assert line.startswith("import os; os.environ['KERAS_BACKEND'] = 'torch'; import torch")


def test_a_renamed_call_is_shown_without_what_it_does_not_take() -> None:
    pytest.importorskip("optax", reason="optax is not installed")
    inputs = {"prediction": np.array([1.0]), "target": np.array([3.0])}
    request = Request("log_cosh", inputs, "float32", options={"reduction": "none"})
    line = implementation("optax").reproduce(request)
    assert "reduction" not in line
    assert line.endswith("print(optax.log_cosh(prediction, target))")


@pytest.mark.parametrize("name", implementations())
def test_every_expectation_speaks_of_what_there_is_and_why(name: str) -> None:
    for entry in expectations.load(name):
        assert isinstance(entry, Expectation)
        assert entry.loss in spec_names(), entry.what
        assert entry.check in KINDS, entry.what
        assert entry.kind, entry.what
        assert entry.reason.endswith("."), entry.what
