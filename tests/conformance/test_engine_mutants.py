"""The engine broken on purpose: each mistake is caught by the check that is named beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import lossapi.call
import lossapi.plan
import lossapi.signature
import lossapi.validation
import lossapi.values
from lossapi.backend import get
from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.result import Result


def forget() -> None:
    """Have no call go by a plan or a program that another engine made."""
    lossapi.call.forget()
    get("numpy").forget()


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    forget()


def mean_over_count(patch: pytest.MonkeyPatch) -> None:
    def reduce(self: Any, losses: Any) -> Any:
        total = self.total(losses)
        return total / losses.size if self.plan.reduction == "mean" else total

    patch.setattr(lossapi.plan.Examples, "reduce", reduce)


def mask_by_multiplying(patch: pytest.MonkeyPatch) -> None:
    original = lossapi.plan.Examples._mask

    def mask(self: Any, *arguments: Any) -> None:
        self.kept = original(self, *arguments)

    def weights(self: Any, given: Any) -> Any:
        if self.kept is None:
            return given
        kept = self.kept.astype(self.plan.compute)
        return kept if given is None else kept * given

    patch.setattr(lossapi.plan.Examples, "_mask", mask)
    patch.setattr(lossapi.plan.Examples, "mask", None, raising=False)
    patch.setattr(lossapi.plan.Examples, "_masked_weights", weights)


def mask_only_the_loss(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.plan.Examples, "_harmless", lambda self, name, array: array)


def compute_outside_the_domain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.plan.Examples, "_poisoned", lambda self, inputs: inputs)


def labels_that_wrap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.values, "check_labels", lambda *arguments: None)
    patch.setattr(lossapi.plan.Examples, "_poisoned", lambda self, inputs: inputs)


def negative_weights_welcome(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.values, "_check_weights", lambda *arguments: None)


def accumulate_in_half(patch: pytest.MonkeyPatch) -> None:
    original = lossapi.plan.Plan.__init__

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        original(self, *arguments, **options)
        self.compute = self.result

    patch.setattr(lossapi.plan.Plan, "__init__", init)


def accumulate_one_by_one(patch: pytest.MonkeyPatch) -> None:
    def total(self: Any, losses: Any) -> Any:
        losses = np.broadcast_to(self._weighted(losses), self.plan.loop)
        return np.cumsum(losses.reshape(-1), dtype=losses.dtype)[-1]

    patch.setattr(lossapi.plan.Examples, "total", total)


def results_in_the_computing_dtype(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.plan.Plan, "_cast", lambda self, backend, array: array)


def an_epsilon_in_the_denominator(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.plan.Examples, "_divisor", lambda self: self.weight() + 1e-8)


def unguarded_denominator(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.plan.Examples, "_divisor", lambda self: self.weight())


def every_pair_of_examples(patch: pytest.MonkeyPatch) -> None:
    def loop_shape(*arguments: Any) -> tuple[tuple[int, ...], dict[str, int]]:
        shapes = [shape for shape in arguments[-1] if shape]
        return tuple(np.broadcast_shapes(*shapes)), {}

    patch.setattr(lossapi.signature, "loop_shape", loop_shape)


def class_axis_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lossapi.validation, "core_last", lambda shape, core, axis: shape)
    patch.setattr(lossapi.plan, "core_last", lambda xp, array, axis: array)
    patch.setattr(lossapi.plan, "core_back", lambda xp, array, axis, shape: array)


ENGINES = [
    (mean_over_count, "squared_error", "reduction", "weights/mean", "float64", "numpy"),
    (unguarded_denominator, "log_cosh", "reduction", "all-masked/mean", "float64", "numpy"),
    (an_epsilon_in_the_denominator, "huber_loss", "reduction", "where/mean", "float64", "numpy"),
    (mask_by_multiplying, "hinge_loss", "reduction", "masked-where/mean", "float64", "numpy"),
    (
        mask_only_the_loss,
        "log_cosh",
        "transforms",
        "func.grad-masked/gradient/prediction/masked-entries",
        "float64",
        "torch",
    ),
    (compute_outside_the_domain, "brier_score", "stability", "grid/value", "float64", "numpy"),
    (
        labels_that_wrap,
        "sparse_softmax_cross_entropy",
        "errors",
        "labels=-1/value",
        "float64",
        "numpy",
    ),
    (negative_weights_welcome, "log_cosh", "errors", "negative-weight", "float64", "numpy"),
    (accumulate_in_half, "brier_score", "reduction", "70000-rows/mean", "float16", "numpy"),
    (
        accumulate_in_half,
        "squared_error",
        "dtype",
        "weights-beyond-float16/mean",
        "float16",
        "numpy",
    ),
    (
        accumulate_one_by_one,
        "log_cosh",
        "reduction",
        "1048576-terms/sum",
        "float32",
        "numpy",
    ),
    (results_in_the_computing_dtype, "huber_loss", "dtype", "kept/value", "float16", "numpy"),
    (every_pair_of_examples, "huber_loss", "shape", "refused/N-against-Nx1", "float64", "numpy"),
    (class_axis_ignored, "softmax_cross_entropy", "shape", "axis=0/value", "float64", "numpy"),
]


@pytest.mark.parametrize(
    ("break_it", "loss", "check", "case", "dtype", "backend"),
    ENGINES,
    ids=[f"{row[0].__name__} in {row[1]}" for row in ENGINES],
)
def test_a_wrong_engine_is_caught_by_name(
    break_it: Callable[[pytest.MonkeyPatch], None],
    loss: str,
    check: str,
    case: str,
    dtype: str,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    failures: Callable[..., dict[str, Result]],
    healthy: Callable[..., list[str]],
) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    assert healthy(check, backend, loss, dtype) == []
    break_it(monkeypatch)
    forget()
    found = failures(check, BackendSubject(backend), loss, dtype)
    assert case in found, f"{break_it.__name__} went unnoticed: {sorted(found)}"
