"""Models trained with the same code on NumPy, PyTorch and JAX go down the same curve.

Every model is linear in its features, so that NumPy needs no autodiff: the gradient by the outputs
is lossapi's, that by the weights is one product more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import pytest
from array_api_compat import array_namespace

import lossapi

Array = Any
STEPS = 60


class Task(NamedTuple):
    """What is learnt: a loss of the model's outputs, and on NumPy its gradient by them."""

    features: Array
    target: Array
    outputs: int
    loss: Callable[[Array, Array], Array]
    value_and_grad: Callable[[Array, Array], tuple[Array, Array]]
    rate: float


def on_numpy(task: Task) -> tuple[list[float], Array]:
    weights = np.zeros((task.features.shape[-1], task.outputs))
    flat = task.features.reshape(-1, task.features.shape[-1])
    curve = []
    for _ in range(STEPS):
        value, slope = task.value_and_grad(task.features @ weights, task.target)
        weights = weights - task.rate * (flat.T @ slope.reshape(-1, task.outputs))
        curve.append(float(value))
    return curve, weights


def on_torch(task: Task) -> tuple[list[float], Array]:
    torch = pytest.importorskip("torch")
    features, target = torch.asarray(task.features), torch.asarray(task.target)
    weights = torch.zeros(
        task.features.shape[-1], task.outputs, dtype=torch.float64, requires_grad=True
    )
    optimizer = torch.optim.SGD([weights], lr=task.rate)
    curve = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = task.loss(features @ weights, target)
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    return curve, weights.detach().numpy()


def on_jax(task: Task) -> tuple[list[float], Array]:
    jax = pytest.importorskip("jax")
    with jax.enable_x64(True):
        features, target = jax.numpy.asarray(task.features), jax.numpy.asarray(task.target)
        weights = jax.numpy.zeros((task.features.shape[-1], task.outputs))
        step = jax.jit(jax.value_and_grad(lambda w: task.loss(features @ w, target)))
        curve = []
        for _ in range(STEPS):
            value, slope = step(weights)
            weights = weights - task.rate * slope
            curve.append(float(value))
        return curve, np.asarray(weights)


LIBRARIES = {"numpy": on_numpy, "torch": on_torch, "jax": on_jax}


@contextmanager
def placed(library: str, *arrays: Array) -> Iterator[list[Array]]:
    """The arrays in a library, in double precision."""
    if library == "numpy":
        yield list(arrays)
    elif library == "torch":
        torch = pytest.importorskip("torch")
        yield [torch.asarray(array) for array in arrays]
    else:
        jax = pytest.importorskip("jax")
        with jax.enable_x64(True):
            yield [jax.numpy.asarray(array) for array in arrays]


# --- three tasks, each from a seed


def with_bias(features: Array) -> Array:
    return np.concatenate([features, np.ones((*features.shape[:-1], 1))], axis=-1)


def three_blobs(seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, 120)
    centres = np.asarray([[0.0, 1.5], [1.5, -1.0], [-1.5, -1.0]])
    return with_bias(centres[labels] + random.normal(0.0, 0.8, (120, 2))), labels


def classifier() -> Task:
    features, labels = three_blobs(1)

    def loss(logits: Array, target: Array) -> Array:
        return lossapi.softmax_cross_entropy(logits, target, label_smoothing=0.1)

    def value_and_grad(logits: Array, target: Array) -> tuple[Array, Array]:
        found: tuple[Array, Array] = lossapi.softmax_cross_entropy.value_and_grad(
            logits, target, label_smoothing=0.1
        )
        return found

    return Task(features, np.eye(3)[labels], 3, loss, value_and_grad, 0.5)


def regressor() -> Task:
    """A line whose noise grows along it; the outputs are the mean and the log-variance."""
    random = np.random.default_rng(2)
    x = random.uniform(-1.0, 1.0, (200, 1))
    y = 2.0 * x[:, 0] - 0.5 + np.exp(x[:, 0] - 1.0) * random.normal(0.0, 1.0, 200)

    def loss(outputs: Array, target: Array) -> Array:
        return lossapi.heteroscedastic_gaussian_nll(outputs[:, 0], outputs[:, 1], target)

    def value_and_grad(outputs: Array, target: Array) -> tuple[Array, Array]:
        value, slopes = lossapi.heteroscedastic_gaussian_nll.value_and_grad(
            outputs[:, 0], outputs[:, 1], target, wrt=("prediction", "log_variance")
        )
        return value, np.stack(slopes, axis=-1)

    return Task(with_bias(x), y, 2, loss, value_and_grad, 0.1)


def segmenter() -> Task:
    """Discs in noise: Dice and cross-entropy, over both axes of each image."""
    random = np.random.default_rng(3)
    centres = random.uniform(3.0, 9.0, (8, 2, 1, 1))
    rows, columns = np.mgrid[:12, :12]
    away = np.hypot(rows - centres[:, 0], columns - centres[:, 1])
    masks = (away < 3.0).astype(float)
    features = np.stack([masks + random.normal(0.0, 0.5, masks.shape), away / 6.0], axis=-1)

    def loss(outputs: Array, target: Array) -> Array:
        return lossapi.dice_cross_entropy_loss(outputs[..., 0], target, axis=(1, 2))

    def value_and_grad(outputs: Array, target: Array) -> tuple[Array, Array]:
        value, slope = lossapi.dice_cross_entropy_loss.value_and_grad(
            outputs[..., 0], target, axis=(1, 2)
        )
        return value, slope[..., None]

    return Task(with_bias(features), masks, 1, loss, value_and_grad, 1.0)


@pytest.mark.parametrize("make", [classifier, regressor, segmenter])
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_a_model_goes_down_the_curve_that_it_goes_down_on_numpy(
    make: Callable[[], Task], library: str
) -> None:
    task = make()
    expected, weights = on_numpy(task)
    curve, others = LIBRARIES[library](task)
    assert expected[-1] < 0.8 * expected[0]
    np.testing.assert_allclose(curve, expected, rtol=1e-11)
    np.testing.assert_allclose(others, weights, rtol=1e-9)


@pytest.mark.parametrize("library", list(LIBRARIES))
def test_a_classifier_is_calibrated_by_a_temperature(library: str) -> None:
    """On other data: the temperature at which the loss has no slope."""
    _, weights = on_numpy(classifier())
    features, labels = three_blobs(4)
    with placed(library, 3.0 * features @ weights, labels) as (logits, target):
        xp = array_namespace(logits)

        def loss_and_slope(temperature: float) -> tuple[float, float]:
            value, slope = lossapi.temperature_softmax_cross_entropy.value_and_grad(
                logits, target, xp.asarray(temperature, dtype=logits.dtype), wrt="temperature"
            )
            return float(value), float(slope)

        below, above = 1.0, 100.0  # the tripled logits are too sure of themselves
        before, steep = loss_and_slope(below)
        assert steep < 0 < loss_and_slope(above)[1]
        while above - below > 1e-12 * above:
            middle = (below + above) / 2
            below, above = (middle, above) if loss_and_slope(middle)[1] < 0 else (below, middle)
        after, flat = loss_and_slope(below)
        assert after < before
        assert abs(flat) < 1e-12
