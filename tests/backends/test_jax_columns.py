"""Few classes on JAX are columns of many examples, which nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")

from lossapi.backends import jax_columns  # noqa: E402

RANDOM = np.random.default_rng(6)
P, Q = (jnp.asarray(RANDOM.dirichlet(np.ones(5), 8), jnp.float32) for _ in range(2))
LOGITS = jnp.log(P).at[1, 2].set(-jnp.inf).at[2, 3].set(jnp.inf).at[3, 0].set(jnp.nan)
LOGITS = LOGITS.at[4, :3].set(2.0).at[5].set(-jnp.inf).at[6, 1:3].set(jnp.inf)
LABELS = jnp.asarray([0, 2, 3, 1, 2, 0, 1, 4])
NONE: dict[str, Any] = {"reduction": "none"}

CALLS: dict[str, Callable[[], Any]] = {
    "a label": lambda: lossapi.sparse_softmax_cross_entropy(LOGITS, LABELS, **NONE),
    "a label that names no class": lambda: jax.jit(
        lambda z, y: lossapi.sparse_softmax_cross_entropy(z, y, **NONE)
    )(LOGITS, LABELS.at[4].set(7)),
    "a distribution": lambda: lossapi.softmax_cross_entropy(LOGITS, Q.at[0, 1].set(-1.0), **NONE),
    "a smooth label": lambda: lossapi.sparse_softmax_cross_entropy(
        LOGITS, LABELS, label_smoothing=0.1, class_where=jnp.arange(5) != 3, **NONE
    ),
    "probabilities": lambda: lossapi.categorical_cross_entropy(P.at[0, 0].set(0.0), Q, **NONE),
    "a mask": lambda: lossapi.sparse_softmax_cross_entropy(
        LOGITS, LABELS, where=jnp.asarray([1, 1, 1, 0, 1, 0, 0, 0], bool)
    ),
    "classes first": lambda: lossapi.softmax_cross_entropy(LOGITS.T, Q.T, axis=0, **NONE),
    "more axes": lambda: lossapi.sparse_softmax_cross_entropy(
        LOGITS.reshape(2, 4, 5), LABELS.reshape(2, 4), **NONE
    ),
    "one target for all": lambda: lossapi.softmax_cross_entropy(LOGITS, Q[0], **NONE),
    "a sum of exponentials": lambda: lossapi.logsumexp(LOGITS),
    "a map": lambda: jax.vmap(lossapi.sparse_softmax_cross_entropy)(
        LOGITS[:2].reshape(2, 1, 5), LABELS[:2].reshape(2, 1)
    ),
    "a gradient": lambda: jax.grad(lossapi.sparse_softmax_cross_entropy)(LOGITS[:3], LABELS[:3]),
}


@pytest.mark.parametrize("name", CALLS)
def test_few_classes_have_the_losses_that_they_have_in_their_shape(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for large in (1, 2**40):
        monkeypatch.setattr(jax_columns, "LARGE", large)
        jax.clear_caches()
        found[large] = jax.tree.leaves(CALLS[name]())
    jax.clear_caches()
    for by_column, due in zip(found[1], found[2**40], strict=True):
        np.testing.assert_allclose(by_column, due, rtol=2e-6, atol=1e-7)


def _recorded(function: Callable[..., Any], *arrays: Any) -> Any:
    return jax.make_jaxpr(lambda *given: jax_columns.by_columns(function, given))(*arrays)


def _softmax_loss(x: Any, labels: Any) -> Any:
    odds = jnp.exp(x - jnp.max(x, axis=-1, keepdims=True))
    own = jnp.take_along_axis(odds, labels[:, None], axis=-1)[:, 0]
    return jnp.log(jnp.sum(odds, axis=-1)) - jnp.log(own)


def test_a_loss_is_made_of_vectors_over_the_examples_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jax_columns, "LARGE", 1)
    jaxpr = _recorded(_softmax_loss, P, LABELS)
    seen = [equation.primitive.name for equation in jaxpr.eqns]
    assert seen.count("exp") == 5
    assert not {"reduce_sum", "reduce_max", "gather"} & set(seen)


def test_what_has_no_columns_gets_the_whole_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_columns, "LARGE", 1)

    def function(x: Any) -> Any:
        return jnp.sum(jnp.where(x > 0.1, jnp.exp(jnp.cumsum(2.0 * x, axis=-1)), x), axis=-1)

    jaxpr = _recorded(function, P)
    assert [e.invars[0].aval.shape for e in jaxpr.eqns if e.primitive.name == "cumsum"] == [(8, 5)]
    assert [e.invars[0].aval.shape for e in jaxpr.eqns if e.primitive.name == "exp"] == [(8,)] * 5
    found = jax_columns.by_columns(function, (P,))
    np.testing.assert_allclose(found, function(P), rtol=1e-6)


def test_a_label_that_names_no_class_is_nan_as_in_jax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_columns, "LARGE", 1)
    labels = jnp.asarray([0, -1, 5, 4, -5, -6, 1, 2])
    found = jax_columns.by_columns(_softmax_loss, (P, labels))
    np.testing.assert_allclose(found, _softmax_loss(P, labels), rtol=1e-6)


def test_results_for_each_class_and_many_classes_are_left_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jax_columns, "LARGE", 1)
    for function, x in (
        (lambda x: x / jnp.sum(x, axis=-1, keepdims=True), P),
        (lambda x: jnp.sum(x, axis=-1), jnp.ones((4, jax_columns.FEW + 1))),
    ):
        jaxpr = _recorded(function, x)
        assert [e.primitive.name for e in jaxpr.eqns].count("reduce_sum") == 1


def test_kernels_with_much_to_do_for_each_class_are_left_whole() -> None:
    labels = jnp.arange(40) % 5
    x = jnp.ones((40, 5)) / 5

    def suits(loss: Any, *arrays: Any) -> bool:
        return jax_columns.suits(loss, arrays)

    assert suits(lossapi.sparse_softmax_cross_entropy, x, labels)
    assert suits(lossapi.softmax_cross_entropy, x, x)
    assert suits(lossapi.categorical_cross_entropy, x, x)
    assert not suits(lossapi.kl_divergence, x, x)
    assert not suits(lambda x: jax.lax.map(jnp.sum, x), x)
