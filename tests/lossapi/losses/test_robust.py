"""The adaptive loss: alpha and scale are learnt, and the libraries' own derivatives are exact."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.conformance.oracle import definition, exact
from lossapi.conformance.oracle.arithmetic import arithmetic
from lossapi.conformance.oracle.specfile import load_spec

ALPHAS = (1.0, 0.0, 1e-8, -1e-8, 0.3, 1.9, math.nextafter(2.0, 0.0), math.nextafter(2.0, 3.0))
FAR_ALPHAS = (2.5, 4.0, 30.0, 1e6, -2.0, -40.0, -1e6)
INFINITE_ALPHAS = (math.inf, -math.inf)
RESIDUALS = (-8.0, -2.0, 0.5, 0.01, 0.0)
CASES = list(product(RESIDUALS, (*ALPHAS, *FAR_ALPHAS, *INFINITE_ALPHAS), (1.0, 0.75)))
EPSILON = float(np.finfo(np.float64).eps)
DIGITS = 200


def _torch_gradients(residual: Any, alpha: Any, scale: Any) -> list[Any]:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    leaves = [torch.tensor(x, requires_grad=True) for x in (residual, alpha, scale)]
    prediction, shape, width = leaves
    lossapi.general_robust_loss(
        prediction, 0.0, alpha=shape, scale=width, reduction="sum"
    ).backward()
    return [leaf.grad.numpy() for leaf in leaves]


def _jax_gradients(residual: Any, alpha: Any, scale: Any) -> list[Any]:
    jax = pytest.importorskip("jax", reason="jax is not installed")

    def loss(prediction: Any, alpha: Any, scale: Any) -> Any:
        return lossapi.general_robust_loss(
            prediction, 0.0, alpha=alpha, scale=scale, reduction="sum"
        )

    with jax.enable_x64(True):
        arrays = [jax.numpy.asarray(x) for x in (residual, alpha, scale)]
        return [np.asarray(x) for x in jax.grad(loss, argnums=(0, 1, 2))(*arrays)]


GRADIENTS = {"torch": _torch_gradients, "jax": _jax_gradients}


def _due(name: str, residual: float, alpha: float, scale: float) -> tuple[float, float]:
    """The value, and its derivative by one argument, from the definition at high precision."""
    spec = load_spec("general_robust_loss")
    text = exact.definition_text(spec, "value", None)
    names = {"prediction": residual, "target": 0.0, "alpha": alpha, "scale": scale}
    value = float(definition.evaluate(text, names, DIGITS))
    if name == "alpha" and math.isinf(alpha):
        return value, 0.0
    real = arithmetic(DIGITS)
    step = real.decimal("1e-50")
    high, low = (
        definition.evaluate(text, names | {name: real.number(names[name]) + h}, DIGITS)
        for h in (step, -step)
    )
    return value, float((high - low) / (2 * step))


@pytest.mark.parametrize("library", GRADIENTS)
def test_alpha_and_scale_are_differentiated_without_loss_of_digits(library: str) -> None:
    residual, alpha, scale = (np.array(x) for x in zip(*CASES, strict=True))
    gradients = GRADIENTS[library](residual, alpha, scale)
    for name, gradient in zip(("prediction", "alpha", "scale"), gradients, strict=True):
        for case, got in zip(CASES, gradient, strict=True):
            value, due = _due(name, *case)
            # By alpha terms of the size of the loss cancel, as small a part of it as is left.
            assert abs(got - due) <= EPSILON * (64 * abs(due) + 8 * value), (name, case, got, due)


@pytest.mark.parametrize("library", GRADIENTS)
def test_the_derivative_by_alpha_is_infinite_at_the_parabola(library: str) -> None:
    residual, alpha, scale = np.array([0.5, 0.0, -3.0]), np.full(3, 2.0), np.ones(3)
    by_prediction, by_alpha, by_scale = GRADIENTS[library](residual, alpha, scale)
    assert by_prediction.tolist() == [0.5, 0.0, -3.0]
    assert by_alpha.tolist() == [math.inf, 0.0, math.inf]
    assert by_scale.tolist() == [-0.25, 0.0, -9.0]


@pytest.mark.parametrize("library", GRADIENTS)
def test_one_alpha_for_all_examples_gets_the_sum_of_their_derivatives(library: str) -> None:
    residual = np.array([0.5, -3.0, 7.0])
    _, each, _ = GRADIENTS[library](residual, np.full(3, 0.5), np.ones(3))
    _, shared, _ = GRADIENTS[library](residual, np.array(0.5), np.array(1.0))
    assert float(shared) == pytest.approx(float(each.sum()), rel=1e-14)


def test_second_derivatives_by_prediction_alpha_and_scale_are_right() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    alphas = [1.0, 0.0, 0.5, -2.0, 3.0, 1.9]
    leaves = [
        torch.tensor(x, dtype=torch.float64, requires_grad=True)
        for x in ([0.5, -3.0, 7.0, 0.25, 1.5, -2.0], alphas, [1.0, 0.75, 2.0, 1.0, 1.5, 1.0])
    ]

    def loss(prediction: Any, alpha: Any, scale: Any) -> Any:
        return lossapi.general_robust_loss(prediction, 0.0, alpha=alpha, scale=scale)

    assert torch.autograd.gradgradcheck(loss, leaves)
