"""Cross-entropy of a linear layer: the dense form is due, and must not be held."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.losses import linear

loss, dense = lossapi.linear_cross_entropy, lossapi.sparse_softmax_cross_entropy
WRT = ("features", "weight", "bias")
N, D, K = 53, 6, 11


@pytest.fixture
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few rows, with some left over."""
    monkeypatch.setattr(linear, "_LEAST_BLOCK", 4 * K)
    monkeypatch.setattr(linear, "_LARGEST_BLOCK", 8 * K)


def problem(dtype: str = "float64", n: int = N, k: int = K) -> tuple[Any, ...]:
    random = np.random.default_rng(7)
    features, weight, bias = (random.standard_normal(s) for s in ((n, D), (k, D), (k,)))
    labels = random.integers(0, k, n)
    return *(x.astype(dtype) for x in (features, weight)), labels, bias.astype(dtype)


def densely(features: Any, weight: Any, labels: Any, bias: Any, **options: Any) -> Any:
    """Value and gradients of the same through the logits."""
    value, slopes = dense.value_and_grad(features @ weight.T + bias, labels, **options)
    return value, (slopes @ weight, slopes.T @ features, slopes.sum(0))


def assert_close(got: Any, due: Any, dtype: str = "float64", ulp: float = 64) -> None:
    """Equal to some units in the last place of the largest number."""
    for mine, theirs in zip((got[0], *got[1]), (due[0], *due[1]), strict=True):
        bound = ulp * np.finfo(dtype).eps * np.max(np.abs(theirs))
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=0, atol=bound)


OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "sum": {"reduction": "sum"},
    "none": {"reduction": "none"},
    "weights": {"weights": np.arange(N) % 4 / 2.0},
    "where": {"where": np.arange(N) % 3 > 0},
    "ignored": {"ignore_index": 5},
    "class-weights": {"class_weights": np.arange(K) / 4.0},
    "smoothed": {"label_smoothing": 0.125},
    "all-masked": {"where": np.zeros(N, dtype=bool)},
}


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_the_dense_form(options: dict[str, Any], dtype: str) -> None:
    inputs = problem(dtype)
    assert_close(
        loss.value_and_grad(*inputs, wrt=WRT, **options), densely(*inputs, **options), dtype
    )


def torch_gradients(inputs: Any, options: Any, record: Callable[..., Any]) -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    given = {k: torch.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    features, weight, labels, bias = map(torch.tensor, inputs)
    leaves = [x.requires_grad_() for x in (features, weight, bias)]
    return record(torch, leaves, lambda x, w, b: loss(x, w, labels, b, **given))


def backward(torch: Any, leaves: Any, function: Any) -> Any:
    value = function(*leaves)
    return value.detach(), torch.autograd.grad(value.sum(), leaves)


def functional(torch: Any, leaves: Any, function: Any) -> Any:
    plain = [x.detach() for x in leaves]
    slopes = torch.func.grad(lambda *a: function(*a).sum(), argnums=(0, 1, 2))(*plain)
    return function(*plain), slopes


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("record", [backward, functional])
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_the_dense_form_on_pytorch(options: dict[str, Any], record: Any) -> None:
    inputs = problem()
    assert_close(torch_gradients(inputs, options, record), densely(*inputs, **options))


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_it_is_the_dense_form_on_jax(options: dict[str, Any]) -> None:
    jax = pytest.importorskip("jax", reason="JAX is not installed")
    features, weight, labels, bias = inputs = problem()
    with jax.enable_x64(True):
        arrays = {
            k: jax.numpy.asarray(v) if isinstance(v, np.ndarray) else v for k, v in options.items()
        }

        def total(x: Any, w: Any, b: Any) -> Any:
            value = loss(x, w, jax.numpy.asarray(labels), b, **arrays)
            return value.sum(), value

        given = [jax.numpy.asarray(x) for x in (features, weight, bias)]
        (_, value), slopes = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)(*given)
        assert_close((value, slopes), densely(*inputs, **options))


@pytest.mark.usefixtures("blocks")
def test_pytorch_differentiates_it_twice_and_more_than_once() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    features, weight, labels, bias = map(torch.tensor, problem())
    weight.requires_grad_()

    def second(function: Any) -> Any:
        (slope,) = torch.autograd.grad(function(), weight, create_graph=True)
        return torch.autograd.grad(slope.square().sum(), weight)[0].numpy()

    mine = second(lambda: loss(features, weight, labels, bias))
    theirs = second(lambda: dense(features @ weight.T + bias, labels))
    np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-15)
    value = loss(features, weight, labels, bias)
    value.backward(retain_graph=True)
    once = weight.grad.clone()
    value.backward()
    assert torch.equal(weight.grad, 2 * once)


def test_a_scaled_loss_of_halves_keeps_gradients_that_a_half_would_lose() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    features, weight, labels, bias = map(torch.tensor, problem())
    half = (2.0**-18 * features).half(), weight.half().requires_grad_(), labels, bias.half()
    (slope,) = torch.autograd.grad(2.0**14 * loss(*half).float(), half[1])
    exact = loss.grad(
        *(x.detach().double() if x.is_floating_point() else x for x in half), wrt="weight"
    )
    assert torch.all(exact.abs() < 2.0**-20)
    np.testing.assert_allclose(slope.double(), 2.0**14 * exact, rtol=2.0**-9, atol=2.0**-20)


def test_autocast_leaves_the_products_alone() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    features, weight, labels, bias = map(torch.tensor, problem("float32"))
    due = loss(features, weight.requires_grad_(), labels, bias)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(features, weight, labels, bias) == due


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
def test_masked_rows_add_nothing_whatever_they_hold(library: str) -> None:
    module = pytest.importorskip(f"{library}.numpy" if library == "jax" else library)
    features, weight, labels, bias = problem("float32")
    where = np.arange(N) % 3 > 0
    due = loss.value_and_grad(features[where], weight, labels[where], bias, wrt=WRT)
    spoiled, wrong = features.copy(), labels.copy()
    spoiled[~where], wrong[~where] = np.nan, 10**6
    given = map(module.asarray, (spoiled, weight, wrong, bias))
    value, slopes = loss.value_and_grad(*given, where=module.asarray(where), wrt=WRT)
    by_features, *shared = map(np.asarray, slopes)
    assert np.all(by_features[~where] == 0)
    assert_close((value, (by_features[where], *shared)), due, "float32")


@pytest.mark.parametrize("n", [0, 1])
@pytest.mark.parametrize("k", [1, 2])
def test_few_examples_and_one_class(n: int, k: int) -> None:
    inputs = problem(n=n, k=k)
    value, (by_features, by_weight, by_bias) = loss.value_and_grad(*inputs, wrt=WRT)
    assert (by_features.shape, by_weight.shape, by_bias.shape) == ((n, D), (k, D), (k,))
    assert_close((value, (by_weight, by_bias)), (dense_value(inputs), densely(*inputs)[1][1:]))
    assert value == 0 or (n, k) == (1, 2)


def dense_value(inputs: Any) -> Any:
    return densely(*inputs)[0]


def test_a_layer_without_a_bias_and_examples_in_any_shape() -> None:
    features, weight, labels, _ = problem(n=12)
    due = dense(features @ weight.T, labels, reduction="none").reshape(3, 4)
    shaped = (features.reshape(3, 4, D), weight, labels.reshape(3, 4))
    for bias in ((), (None,), (0.0,), (np.zeros(K),)):
        got = loss(*shaped, *bias, reduction="none")
        np.testing.assert_allclose(got, due, rtol=1e-14)
    gradients = loss.grad(*shaped, wrt=WRT)
    assert [x.shape for x in gradients] == [(3, 4, D), (K, D), (K,)]
    total, weight_sum = loss.sum_and_weight(*shaped)
    assert total == pytest.approx(due.sum(), rel=1e-14)
    assert weight_sum == 12


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_halves_are_computed_in_single_precision(dtype: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    features, weight, labels, bias = map(torch.tensor, problem())
    half = [x.to(getattr(torch, dtype)) for x in (features, weight, bias)]
    wide = [x.float() for x in half]
    got = loss.value_and_grad(half[0], half[1], labels, half[2], wrt=WRT)
    due = loss.value_and_grad(wide[0], wide[1], labels, wide[2], wrt=WRT)
    assert got[0] == due[0].to(got[0].dtype)
    for mine, theirs in zip(got[1], due[1], strict=True):
        assert torch.equal(mine, theirs.to(mine.dtype))


def test_a_wrong_label_and_a_wrong_layer_are_named() -> None:
    features, weight, labels, bias = problem()
    with pytest.raises(lossapi.LabelError, match=r"labels\[3\] is 11"):
        loss(features, weight, np.where(np.arange(N) == 3, K, labels), bias)
    with pytest.raises(lossapi.ShapeError, match="weight has 5 entries"):
        loss(features, weight[:, :-1], labels, bias)
    with pytest.raises(lossapi.ShapeError, match="bias has 10 entries"):
        loss(features, weight, labels, bias[:-1])
    with pytest.raises(lossapi.ShapeError, match="class_weights"):
        loss(features, weight, labels, bias, class_weights=np.ones(D))


def peak(call: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_the_logits_are_never_held() -> None:
    random = np.random.default_rng(0)
    features, weight = (
        random.standard_normal(s, dtype=np.float32) for s in ((2048, 16), (8192, 16))
    )
    labels, bias = random.integers(0, 8192, 2048), np.zeros(8192, np.float32)
    given = (features, weight, labels, bias)
    assert peak(lambda: loss.value_and_grad(*given, wrt=WRT)) < peak(lambda: densely(*given)) / 3
    assert peak(lambda: loss(*given)) < peak(lambda: dense(features @ weight.T, labels)) / 3
