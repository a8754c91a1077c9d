"""JAX users get what they expect of a loss beyond numbers: every transform, in any order."""

from __future__ import annotations

import numpy as np
import pytest

import lossapi
from lossapi.backend import get

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")

LOGITS = [[1.0, 2.0, 3.0], [2.0, 2.0, -np.inf]]


def test_the_gradient_of_a_masked_nan_is_zero_in_both_modes() -> None:
    mask = jnp.asarray([True, False])

    def loss(x: jax.Array) -> jax.Array:
        return lossapi.huber_loss(x, 0.0, where=mask)

    x = jnp.asarray([0.5, jnp.nan])
    assert jax.grad(loss)(x).tolist() == [0.5, 0.0]
    assert jax.jacfwd(loss)(x).tolist() == [0.5, 0.0]


def test_an_input_that_does_not_vary_cannot_spoil_a_directional_derivative() -> None:
    # The target's gradient is infinite here; a tangent of zero must not turn it into NaN.
    p, y = jnp.asarray([1.0]), jnp.asarray([1.0])
    derivative = jax.jvp(lambda p: lossapi.binary_cross_entropy(p, y), (p,), (jnp.asarray([1.0]),))[
        1
    ]
    assert float(derivative) == -1.0


@pytest.mark.parametrize("count", [1, 3, 512])
def test_an_exponential_does_not_lose_nan_between_two_selections(count: int) -> None:
    exp = get("jax").xp.exp

    def selected(x: jax.Array) -> jax.Array:
        return jnp.where(x < 0, 0.0, exp(-jnp.where(x > -jnp.inf, x, jnp.nan)))

    x = jnp.full(count, jnp.nan)
    assert jnp.isnan(jax.jit(selected)(x)).all()
    assert jnp.isnan(jax.jit(jax.grad(lambda x: exp(x).sum()))(x)).all()
    ends = jnp.asarray([-jnp.inf, 0.0, jnp.inf])
    for slope in (jax.grad(exp), jax.grad(jax.grad(exp))):
        assert jax.vmap(slope)(ends).tolist() == [0.0, 1.0, jnp.inf]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("log1p_of_share", 0.0, 1.0), ("log1p_of_shares", 0.0, 1e6), ("sinh_of_share", -1.0, 1.0)],
)
def test_a_series_for_shares_is_right_to_its_last_digits(
    name: str, least: float, most: float, dtype: str
) -> None:
    backend = get("jax")
    powers = np.geomspace(1e-30, most, 4000)
    shares = [np.linspace(least, 1, 4001), np.arange(1.0 + most), powers]
    x = np.concatenate([*shares, -powers if least else [0.0]]).astype(dtype)
    with backend.dtype_context(dtype):
        series = getattr(backend.alone, name)
        found = np.asarray(jax.jit(series)(jnp.asarray(x)), np.longdouble)
    due = getattr(np, name.partition("_")[0])(x.astype(np.longdouble))
    assert (np.abs(found - due) <= 1.5 * np.spacing(np.abs(due).astype(dtype))).all()


def test_transforms_compose() -> None:
    logits, labels = jnp.asarray(LOGITS), jnp.asarray([2, 1])

    def loss(z: jax.Array, label: jax.Array) -> jax.Array:
        return lossapi.sparse_softmax_cross_entropy(z, label)

    batched = jax.jit(jax.vmap(jax.grad(loss)))(logits, labels)
    single = jnp.stack([jax.grad(loss)(z, y) for z, y in zip(logits, labels, strict=True)])
    np.testing.assert_allclose(batched, single, rtol=1e-6)
    hessians = jax.vmap(jax.hessian(loss))(logits, labels)
    p = jax.nn.softmax(logits)
    expected = jax.vmap(jnp.diag)(p) - p[:, :, None] * p[:, None, :]
    np.testing.assert_allclose(hessians, expected, atol=1e-6)


def test_a_label_out_of_range_is_nan_under_jit() -> None:
    loss = jax.jit(lambda z, y: lossapi.sparse_softmax_cross_entropy(z, y, reduction="none"))
    losses = loss(jnp.asarray(LOGITS), jnp.asarray([3, 0]))
    assert np.isnan(losses).tolist() == [True, False]
    gradient = jax.grad(lambda z: loss(z, jnp.asarray([-1, 0])).sum())(jnp.asarray(LOGITS))
    assert np.isnan(gradient).tolist() == [[True] * 3, [False] * 3]


def test_a_repeated_eager_call_is_compiled_once() -> None:
    backend = get("jax")
    x = jnp.ones(7)
    lossapi.huber_loss(x, 0.0, delta=3.0)
    compiled = backend._compiled._cache_size()
    for _ in range(3):
        lossapi.huber_loss(x + 1.0, 0.0, delta=3.0)
    assert backend._compiled._cache_size() == compiled


def test_an_array_parameter_changes_without_compiling_again() -> None:
    backend = get("jax")
    x, y = jnp.ones(7), jnp.ones(7)
    lossapi.sigmoid_binary_cross_entropy(x, y, pos_weight=jnp.asarray(2.0))
    compiled = backend._compiled._cache_size()
    lossapi.sigmoid_binary_cross_entropy(x, y, pos_weight=jnp.asarray(3.0))
    assert backend._compiled._cache_size() == compiled


@pytest.mark.parametrize("x64", [False, True])
def test_results_have_the_dtype_of_the_prediction_with_and_without_x64(x64: bool) -> None:
    with jax.enable_x64(x64):
        for dtype in ("bfloat16", "float16", "float32", *(["float64"] if x64 else [])):
            x = jnp.asarray([0.5, -2.0], dtype=dtype)
            value, gradient = lossapi.log_cosh.value_and_grad(x, jnp.zeros(2))
            assert value.dtype == gradient.dtype == x.dtype


def test_a_million_equal_terms_keep_their_mean_along_any_axis() -> None:
    x = jnp.full((2**22, 1), 0.1, dtype=jnp.float32)
    assert float(lossapi.absolute_error(x, 0.0)) == pytest.approx(np.float32(0.1), rel=1e-6)
