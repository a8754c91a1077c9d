"""Many short vectors on JAX are one long one to what treats entries alone, which nobody sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")

from lossapi.backends import jax_flat  # noqa: E402

RANDOM = np.random.default_rng(5)
P, Q = (jnp.asarray(RANDOM.dirichlet(np.ones(5), 8), jnp.float32) for _ in range(2))
LOGITS = jnp.log(P).at[1, 2].set(-jnp.inf).at[2, 3].set(jnp.inf).at[3, 0].set(jnp.nan)
LABELS = jnp.arange(8) % 5

CALLS: dict[str, Callable[[], Any]] = {
    "distributions": lambda: lossapi.kl_divergence.value_and_grad(
        P.at[0, 0].set(0.0), Q.at[1, 1].set(2.0), reduction="none", wrt=("prediction", "target")
    ),
    "logits": lambda: lossapi.softmax_cross_entropy.value_and_grad(LOGITS, Q, reduction="none"),
    "labels": lambda: lossapi.softmax_focal_loss.value_and_grad(
        LOGITS, LABELS, alpha=jnp.arange(5.0), reduction="none"
    ),
    "a gradient of a gradient": lambda: jax.jit(
        jax.grad(lambda p: jax.grad(lossapi.js_divergence)(p, Q).sum())
    )(P),
    "a map": lambda: jax.vmap(lossapi.kl_divergence)(jnp.stack([P, Q]), jnp.stack([Q, P])),
    "more axes": lambda: lossapi.kl_divergence(P.reshape(2, 4, 5), Q.reshape(2, 4, 5)),
}


@pytest.mark.parametrize("name", CALLS)
def test_short_vectors_have_the_losses_that_they_have_in_their_shape(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for large in (1, 2**40):
        monkeypatch.setattr(jax_flat, "LARGE", large)
        jax.clear_caches()
        found[large] = jax.tree.leaves(CALLS[name]())
    jax.clear_caches()
    for flat, due in zip(found[1], found[2**40], strict=True):
        np.testing.assert_allclose(flat, due, rtol=2e-6, atol=1e-7)


def test_only_what_treats_entries_alone_sees_one_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_flat, "LARGE", 1)

    @jax.jit
    def function(x: Any, y: Any) -> Any:
        return jnp.sum(jnp.where(x > 0, jnp.exp(x) * y, jnp.cumsum(x, axis=-1)), axis=-1)

    jaxpr = jax.make_jaxpr(lambda *given: jax_flat.flat(function, given))(P, Q)
    seen = {equation.primitive.name: equation.invars[-1].aval.shape for equation in jaxpr.eqns}
    assert seen["exp"] == seen["mul"] == seen["select_n"] == (40,)
    assert seen["cumsum"] == seen["reduce_sum"] == (8, 5)


def test_a_loop_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_flat, "LARGE", 1)

    def function(x: Any) -> Any:
        return jax.lax.map(jnp.sum, x + 1.0)

    jaxpr = jax.make_jaxpr(lambda *given: jax_flat.flat(function, given))(P)
    assert not any(equation.primitive.name == "reshape" for equation in jaxpr.eqns)
    np.testing.assert_allclose(jax_flat.flat(function, (P,)), 6.0, rtol=1e-6)
