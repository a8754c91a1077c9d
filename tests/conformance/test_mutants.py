"""Broken on purpose: each plausible mistake is caught by the check that is named beside it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

import lossapi.plan
import lossapi.signature
import lossapi.validation
import lossapi.values
from lossapi import primitives as p
from lossapi.conformance.backend_subject import BackendSubject
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.conformance.result import Result, Settings
from lossapi.loss import Function
from lossapi.losses import registry

Kernel = Callable[..., Any]


@dataclass(frozen=True)
class Mutant:
    """A mistake, and the check and case that must notice it."""

    mistake: str
    loss: str
    check: str
    case: str
    kernel: Kernel | None = None
    gradient: tuple[tuple[str, ...], Kernel] | None = None
    curvature: tuple[tuple[str, ...], Kernel] | None = None
    dtype: str = "float64"
    backend: str = "numpy"


def mutated(mutant: Mutant) -> Function:
    """The loss with the mistake in it, known to nobody else."""
    original = registry[mutant.loss]
    kernel = mutant.kernel or original.kernel
    kernel.__name__ = mutant.loss
    domains = original.domains | original.parameter_domains
    texts = {name: domain.text for name, domain in domains.items()}
    copy = type(original)(kernel, original.signature.text, texts)
    copy.gradients.update(original.gradients)
    copy.curvatures.update(original.curvatures)
    copy.vjps.update(original.vjps)
    for table, change in ((copy.gradients, mutant.gradient), (copy.curvatures, mutant.curvature)):
        if change is not None:
            names, function = change
            table.update(dict.fromkeys(names, (names, function)))
    return copy


def failures(check: str, subject: BackendSubject, loss: str, dtype: str) -> dict[str, Result]:
    """The cases of one check that a subject does not pass."""
    module = importlib.import_module(f"lossapi.conformance.checks.{check}")
    results: Iterator[Result] = module.run(subject, load_spec(loss), dtype, Settings(128, 7))
    return {result.case: result for result in results if result.bad}


@cache
def healthy(check: str, backend: str, loss: str, dtype: str) -> list[str]:
    """The cases that the unbroken loss does not pass: none."""
    return sorted(failures(check, BackendSubject(backend), loss, dtype))


# --- wrong kernels


def magnitude(xp, x):
    return xp.where(x < 0, -x, x)


def slope_of_magnitude(xp, x):
    return xp.where(x > 0, 1.0, xp.where(x < 0, -1.0, 0.0 * x))


def softplus_overflowing(xp, x):
    return xp.log(1.0 + xp.exp(x))


def softplus_with_log(xp, x):
    return xp.where(x > 0, x, 0.0) + xp.log(1.0 + xp.exp(xp.where(x > 0, -x, x)))


def log_cosh_cancelling(xp, prediction, target):
    size = magnitude(xp, prediction - target)
    return size + xp.log1p(xp.exp(-2.0 * size)) - np.log(2.0)


def softmax_cross_entropy_multiplying(xp, logits, target, *, label_smoothing=0.0):
    return 0.0 - xp.sum(target * p.log_softmax(xp, logits), axis=-1)


def binary_cross_entropy_clamped(xp, probabilities, target, *, epsilon=0.0):
    q = xp.where(
        probabilities < 1e-7, 1e-7, xp.where(probabilities > 1 - 1e-7, 1 - 1e-7, probabilities)
    )
    return 0.0 - (target * xp.log(q) + (1.0 - target) * xp.log(1.0 - q))


def sigmoid_overflowing(xp, x):
    return xp.exp(x) / (1.0 + xp.exp(x))


def hinge_swallowing_nan(xp, logits, target, *, margin=1.0):
    shortfall = margin - target * logits
    return xp.where(shortfall > 0, shortfall, 0.0)


def quantile_swapped(xp, prediction, target, *, quantile=0.5):
    residual = target - prediction
    return xp.where(residual >= 0, (1.0 - quantile) * residual, -quantile * residual)


def smooth_l1_unscaled(xp, prediction, target, *, beta=1.0):
    size = magnitude(xp, prediction - target)
    return xp.where(size < beta, 0.5 * size * size, size - 0.5 * beta)


def squared_hinge_margin_one(xp, logits, target, *, margin=1.0):
    shortfall = 1.0 - target * logits
    short = xp.where(shortfall <= 0, 0.0, shortfall)
    return short * short


def half_squared_overflowing(xp, prediction, target):
    residual = prediction - target
    return 0.5 * (residual * residual)


def kl_by_logarithms(xp, prediction, target):
    return xp.sum(p.xlogy(xp, target, target) - p.xlogy(xp, target, prediction), axis=-1)


def absolute_by_root(xp, prediction, target):
    residual = prediction - target
    return xp.sqrt(residual * residual)


def absolute_slope_without_zero(xp, prediction, target):
    slope = xp.where(prediction - target >= 0, 1.0, -1.0) + 0.0 * (prediction - target)
    return slope, -slope


def absolute_slope_of_nowhere(xp, prediction, target):
    slope = xp.where(prediction == target, 2.0, slope_of_magnitude(xp, prediction - target))
    return slope, -slope


def hinge_slope_at_margin(xp, logits, target, *, margin):
    shortfall = margin - target * logits
    return xp.where(shortfall >= 0, -target, 0.0 * shortfall)


def huber_bend_closed(xp, prediction, target, *, delta):
    size = magnitude(xp, prediction - target)
    bend = xp.where(size <= delta, 1.0, 0.0 * size)
    return bend, bend


def sigmoid_bend_of_other_sign(xp, x):
    probability, complement = p.sigmoid_pair(xp, x)
    return probability * complement * xp.tanh(0.5 * x)


def sparse_slope_cancelling(xp, logits, labels, *, label_smoothing):
    right = xp.class_index(logits) == xp.expand_dims(labels, axis=-1)
    return p.softmax(xp, logits) - xp.astype(right, logits.dtype)


def focal_balance_swapped(xp, logits, target, *, alpha=None, gamma=2.0):
    swapped = None if alpha is None else 1.0 - alpha
    original = registry["sigmoid_focal_loss"].kernel
    return original(xp, logits, target, alpha=swapped, gamma=gamma)


def tversky_weights_swapped(
    xp,
    probabilities,
    target,
    *,
    false_positive_weight=0.5,
    false_negative_weight=0.5,
    smooth=0.0,
    gamma=1.0,
):
    return registry["tversky_loss"].kernel(
        xp,
        probabilities,
        target,
        false_positive_weight=false_negative_weight,
        false_negative_weight=false_positive_weight,
        smooth=smooth,
        gamma=gamma,
    )


_BOTH = ("prediction", "target")
MUTANTS = [
    Mutant(
        "log(1 + exp(x)) overflows",
        "softplus",
        "stability",
        "grid/value",
        kernel=softplus_overflowing,
    ),
    Mutant(
        "log in place of log1p",
        "softplus",
        "stability",
        "grid/value",
        kernel=softplus_with_log,
    ),
    Mutant(
        "log cosh by a difference that cancels",
        "log_cosh",
        "properties",
        "drawn/value",
        kernel=log_cosh_cancelling,
    ),
    Mutant(
        "one-hot times -inf",
        "softmax_cross_entropy",
        "stability",
        "grid/value/label_smoothing=0.0",
        kernel=softmax_cross_entropy_multiplying,
    ),
    Mutant(
        "probabilities clamped to 1e-7",
        "binary_cross_entropy",
        "stability",
        "grid/value/epsilon=0.0",
        kernel=binary_cross_entropy_clamped,
    ),
    Mutant(
        "exp(x) / (1 + exp(x))", "sigmoid", "stability", "grid/value", kernel=sigmoid_overflowing
    ),
    Mutant(
        "a comparison that swallows NaN",
        "hinge_loss",
        "stability",
        "grid/value/margin=1.0",
        kernel=hinge_swallowing_nan,
    ),
    Mutant(
        "quantile and its complement swapped",
        "quantile_loss",
        "properties",
        "drawn/value/quantile=0.25",
        kernel=quantile_swapped,
    ),
    Mutant(
        "a parameter left out of one branch",
        "smooth_l1_loss",
        "properties",
        "drawn/value/beta=2.0",
        kernel=smooth_l1_unscaled,
    ),
    Mutant(
        "a parameter ignored",
        "squared_hinge_loss",
        "properties",
        "drawn/value/margin=2.0",
        kernel=squared_hinge_margin_one,
    ),
    Mutant(
        "the two weights of Tversky change places",
        "tversky_loss",
        "value",
        "recall/value",
        kernel=tversky_weights_swapped,
    ),
    Mutant(
        "focal alpha on the wrong side",
        "sigmoid_focal_loss",
        "properties",
        "drawn/value/alpha=0.25/gamma=2.0",
        kernel=focal_balance_swapped,
    ),
    Mutant(
        "a square that overflows before it is halved",
        "half_squared_error",
        "stability",
        "grid/value",
        kernel=half_squared_overflowing,
        dtype="float32",
    ),
    Mutant(
        "two entropies subtracted",
        "kl_divergence",
        "properties",
        "drawn/value",
        kernel=kl_by_logarithms,
    ),
    Mutant(
        "a norm by the root of a square",
        "absolute_error",
        "transforms",
        "func.grad-masked/gradient/prediction/kink",
        kernel=absolute_by_root,
        backend="torch",
    ),
    Mutant(
        "the gradient of abs at 0 as libraries give it",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction",
        gradient=(_BOTH, absolute_slope_without_zero),
    ),
    Mutant(
        "a gradient outside the subdifferential",
        "absolute_error",
        "gradient",
        "kink/gradient/prediction/permitted",
        gradient=(_BOTH, absolute_slope_of_nowhere),
    ),
    Mutant(
        "the hinge at its margin",
        "hinge_loss",
        "gradient",
        "kink-positive/gradient/logits",
        gradient=(("logits",), hinge_slope_at_margin),
    ),
    Mutant(
        "softmax minus one-hot",
        "sparse_softmax_cross_entropy",
        "properties",
        "drawn/gradient/logits/label_smoothing=0.0",
        gradient=(("logits",), sparse_slope_cancelling),
    ),
    Mutant(
        "the other curvature at the kink",
        "huber_loss",
        "curvature",
        "kink-above/hessian_diag/prediction",
        curvature=(_BOTH, huber_bend_closed),
    ),
    Mutant(
        "a curvature of the wrong sign",
        "sigmoid",
        "properties",
        "drawn/hessian_diag/x",
        curvature=(("x",), sigmoid_bend_of_other_sign),
    ),
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.mistake)
def test_a_wrong_kernel_is_caught_by_name(mutant: Mutant) -> None:
    if mutant.backend != "numpy":
        pytest.importorskip(mutant.backend)
    assert healthy(mutant.check, mutant.backend, mutant.loss, mutant.dtype) == []
    broken = BackendSubject(mutant.backend, losses={mutant.loss: mutated(mutant)})
    found = failures(mutant.check, broken, mutant.loss, mutant.dtype)
    assert mutant.case in found, f"{mutant.mistake} went unnoticed: {sorted(found)}"
    result = found[mutant.case]
    assert result.outcome == "fail", result.message
    assert result.message
    assert result.got
    assert mutant.loss in result.reproduce


# --- a wrong engine


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
    patch.setattr(lossapi.values, "_check_labels", lambda *arguments: None)
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
    patch.setattr(lossapi.plan, "_core_last", lambda xp, array, axis: array)
    patch.setattr(lossapi.plan, "_core_back", lambda xp, array, axis, shape: array)


ENGINES = [
    (mean_over_count, "squared_error", "reduction", "weights/mean", "float64", "numpy"),
    (unguarded_denominator, "log_cosh", "reduction", "all-masked/mean", "float64", "numpy"),
    (an_epsilon_in_the_denominator, "huber_loss", "reduction", "where/mean", "float64", "numpy"),
    (mask_by_multiplying, "hinge_loss", "reduction", "masked-where/mean", "float64", "numpy"),
    (mask_only_the_loss, "log_cosh", "reduction", "masked-where/backward", "float64", "torch"),
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
        "4194304-terms/sum",
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
) -> None:
    if backend != "numpy":
        pytest.importorskip(backend)
    assert healthy(check, backend, loss, dtype) == []
    break_it(monkeypatch)
    found = failures(check, BackendSubject(backend), loss, dtype)
    assert case in found, f"{break_it.__name__} went unnoticed: {sorted(found)}"
