"""A large call on JAX runs in blocks of examples, which nobody can see but in its time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.backend import get

jax = pytest.importorskip("jax", reason="jax is not installed")
jnp = pytest.importorskip("jax.numpy", reason="jax is not installed")

from lossapi.backends import jax_blocks  # noqa: E402

ROWS = 47
"""A prime, so that a rest is left over."""


def numbers(*shape: int, seed: int = 1) -> Any:
    return jnp.asarray(np.random.default_rng(seed).standard_normal(shape), jnp.float32)


X, Y = 2 * numbers(ROWS), numbers(ROWS, seed=2)
SHARE = jax.nn.sigmoid(Y)
WEIGHTS = jnp.where(jnp.arange(ROWS) % 5 == 0, 0.0, SHARE)
MASK = jnp.arange(ROWS) % 3 != 0
LOGITS = 3 * numbers(ROWS, 6)
LABELS = jnp.asarray(np.arange(ROWS) % 6)
WIDE = 3 * numbers(ROWS, 20)

CALLS: dict[str, Callable[[Any], Any]] = {
    "mean": lambda x: lossapi.huber_loss(x, Y, delta=0.5),
    "sum": lambda x: lossapi.log_cosh(x, Y, reduction="sum"),
    "a number as the target": lambda x: lossapi.squared_error(x, 0.5),
    "weights": lambda x: lossapi.sigmoid_binary_cross_entropy(x, SHARE, weights=WEIGHTS),
    "a mask": lambda x: lossapi.sigmoid_focal_loss(x, SHARE, where=MASK, alpha=0.25),
    "nothing left": lambda x: lossapi.huber_loss(x, Y, where=jnp.zeros(ROWS, bool)),
    "two axes": lambda x: lossapi.absolute_error(
        jnp.stack([x, 2 * x]), jnp.stack([Y, Y]), weights=jnp.stack([WEIGHTS, SHARE])
    ),
    "a parameter for each": lambda x: lossapi.huber_loss(x, Y, delta=SHARE),
    "classes": lambda x: lossapi.softmax_cross_entropy(
        LOGITS * x[:, None], jax.nn.softmax(LOGITS), class_weights=jnp.arange(6.0)
    ),
    "labels": lambda x: lossapi.sparse_softmax_cross_entropy(
        LOGITS * x[:, None], LABELS, ignore_index=2
    ),
    "more classes than a block has entries": lambda x: lossapi.softmax_cross_entropy(
        WIDE * x[:, None], jax.nn.softmax(WIDE), label_smoothing=0.1
    ),
    "another axis of classes": lambda x: lossapi.sparse_softmax_cross_entropy(
        (LOGITS * x[:, None]).T, LABELS, axis=0
    ),
    "distributions": lambda x: lossapi.kl_divergence(
        jax.nn.softmax(LOGITS * x[:, None]), jax.nn.softmax(LOGITS)
    ),
    "value and gradient": lambda x: sum(
        map(jnp.sum, jax.tree.leaves(lossapi.log_cosh.value_and_grad(x, Y, weights=WEIGHTS)))
    ),
}


@pytest.fixture
def in_blocks(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call that turns blocks of few entries on, and one that turns all off."""

    def turn(few: bool) -> list[int]:
        made: list[int] = []
        make = jax_blocks.Blocks.__init__
        jax.clear_caches()
        monkeypatch.setattr(jax_blocks, "ENTRIES", 12 if few else 2**40)
        monkeypatch.setattr(jax_blocks, "FEWEST", 2)
        monkeypatch.setattr(jax_blocks, "_threads", lambda: 1)
        if few:

            def noted(self: Any, backend: Any, plan: Any, layout: Any, rows: int) -> None:
                made.append(rows)
                make(self, backend, plan, layout, rows)

            monkeypatch.setattr(jax_blocks.Blocks, "__init__", noted)
        return made

    yield turn
    jax.clear_caches()


def derivatives(call: Callable[[Any], Any]) -> dict[str, Callable[[Any], Any]]:
    """What JAX may ask of a call, each from its input to an array."""
    return {
        "value": call,
        "jitted gradient": jax.jit(jax.grad(call)),
        "forward": lambda x: jax.jvp(call, (x,), (Y,))[1],
        "second": lambda x: jax.jvp(jax.grad(call), (x,), (Y,))[1],
        "gradient of a slope": jax.grad(lambda x: jax.jvp(call, (x,), (Y,))[1]),
        "mapped gradient": lambda x: jax.vmap(jax.grad(call))(jnp.stack([x, 2 * x])),
    }


@pytest.mark.parametrize("name", CALLS)
def test_blocks_change_no_result(name: str, in_blocks: Any) -> None:
    in_blocks(False)
    due = {kind: ask(X) for kind, ask in derivatives(CALLS[name]).items()}
    made = in_blocks(True)
    for kind, ask in derivatives(CALLS[name]).items():
        np.testing.assert_allclose(ask(X), due[kind], rtol=2e-5, atol=2e-6, err_msg=kind)
    assert made


def test_what_varies_beside_the_inputs_is_differentiated_too(in_blocks: Any) -> None:
    def by_weight(weights: Any) -> Any:
        return lossapi.huber_loss(X, Y, weights=weights)

    def by_delta(delta: Any) -> Any:
        return lossapi.huber_loss(X, Y, delta=delta)

    in_blocks(False)
    due = jax.grad(by_weight)(SHARE), jax.grad(by_delta)(jnp.asarray(0.5))
    made = in_blocks(True)
    np.testing.assert_allclose(jax.grad(by_weight)(SHARE), due[0], rtol=1e-5)
    np.testing.assert_allclose(jax.grad(by_delta)(jnp.asarray(0.5)), due[1], rtol=1e-5)
    assert made


def test_a_masked_nan_stays_where_it_is_and_an_invalid_example_is_nan(in_blocks: Any) -> None:
    in_blocks(True)
    x = X.at[3].set(jnp.nan)
    gradient = jax.grad(lambda x: lossapi.huber_loss(x, Y, where=jnp.isfinite(x)))(x)
    assert jnp.isfinite(gradient).all()
    assert gradient[3] == 0.0
    p = SHARE.at[7].set(1.5)
    value, gradient = jax.value_and_grad(lossapi.brier_score)(p, SHARE)
    assert jnp.isnan(value)
    assert np.flatnonzero(np.isnan(gradient)).tolist() == [7]
    labels = LABELS.at[5].set(6)
    loss = jax.jit(jax.value_and_grad(lossapi.sparse_softmax_cross_entropy))
    value, gradient = loss(LOGITS, labels)
    assert jnp.isnan(value)
    assert np.unique(np.argwhere(np.isnan(gradient))[:, 0]).tolist() == [5]


def test_halves_and_calls_without_a_reduction_are_left_as_they_are(in_blocks: Any) -> None:
    made = in_blocks(True)
    lossapi.huber_loss(X, Y, reduction="none")
    lossapi.huber_loss.grad(X, Y)
    lossapi.huber_loss(X.astype(jnp.bfloat16), Y.astype(jnp.bfloat16))
    assert not made


def test_double_precision_is_kept(in_blocks: Any) -> None:
    with jax.enable_x64(True):
        in_blocks(True)
        x = jnp.asarray(np.random.default_rng(3).standard_normal(ROWS))
        value, gradient = jax.value_and_grad(lossapi.log_cosh)(x, jnp.zeros(ROWS))
        assert value.dtype == gradient.dtype == jnp.float64
        np.testing.assert_allclose(value, np.mean(np.log(np.cosh(x))), rtol=1e-14)
        np.testing.assert_allclose(gradient, np.tanh(x) / ROWS, rtol=1e-14)


def test_no_block_is_left_over_where_that_can_be() -> None:
    assert jax_blocks._even(10**7, 2**16) == 62500
    assert jax_blocks._even(64, 16) == 16
    assert jax_blocks._even(47, 12) == 12


def test_a_row_of_ties_or_infinities_has_one_leading_class() -> None:
    rows = jnp.asarray([[1.0, 2.0, 2.0], [jnp.inf, 0.0, 1.0], [3.0, 3.0, 3.0]])
    loss = lossapi.sparse_softmax_cross_entropy
    values = loss(rows, jnp.asarray([2, 0, 1]), reduction="none")
    np.testing.assert_allclose(values, [np.log(2 + np.exp(-1.0)), 0.0, np.log(3.0)], rtol=1e-6)
    gradient = loss.grad(rows, jnp.asarray([2, 0, 1]), reduction="sum")
    np.testing.assert_allclose(gradient[2], [1 / 3, -2 / 3, 1 / 3], rtol=1e-6)
    assert jnp.isnan(loss(rows.at[0, 0].set(jnp.nan), jnp.asarray([2, 0, 1])))


INF, NAN = np.inf, np.nan
ROWS_OF_FOUR = [
    [1.0, 2.0, 2.0, -5.0],
    [3.0, 3.0, 3.0, 3.0],
    [40.0, 0.0, 1.0, 2.0],
    [1e-30, 0.0, -1e-30, 0.0],
    [1.0, 1.0 - 2.0**-24, 0.0, -INF],
    [-INF, -3.0, -INF, -INF],
    [INF, 0.0, 1.0, 3e38],
    [INF, INF, 0.0, 0.0],
    [-INF, -INF, -INF, -INF],
    [NAN, 0.0, 1.0, 2.0],
    [-INF, NAN, -INF, -INF],
    [3e38, -3e38, 0.0, 0.0],
]
PLACES = np.arange(len(ROWS_OF_FOUR)) % 4
TARGETS = np.asarray([[0.1, 0.0, 0.9, 0.0]], np.float32)
OF_CLASSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "labels": lambda z, y, _: lossapi.sparse_softmax_cross_entropy.value_and_grad(
        z, y, reduction="none"
    ),
    "targets": lambda z, _, w: lossapi.softmax_cross_entropy.value_and_grad(z, w, reduction="none"),
    "focal": lambda z, y, _: lossapi.softmax_focal_loss.value_and_grad(z, y, reduction="none"),
    "entropy": lambda z, y, _: lossapi.softmax_entropy.value_and_grad(z, reduction="none"),
    "logarithms": lambda z, y, _: (lossapi.log_softmax(z),),
    "curvature": lambda z, _, w: lossapi.softmax_cross_entropy.hessian_diag(z, w, reduction="none"),
}
"""What is made of a softmax, of logits, labels and targets."""


@pytest.mark.parametrize("name", OF_CLASSES)
@pytest.mark.parametrize("times", [1, 400])
def test_leading_classes_found_by_mask_are_those_found_by_place(name: str, times: int) -> None:
    logits = np.tile(np.asarray(ROWS_OF_FOUR, np.float32), (times, 1))
    labels = np.tile(PLACES, times)
    targets = np.broadcast_to(TARGETS, logits.shape).copy()
    due = OF_CLASSES[name](logits, labels, targets)
    found = OF_CLASSES[name](*map(jnp.asarray, (logits, labels, targets)))
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(due), strict=True):
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=1e-37)


@pytest.mark.parametrize("count", [3, 4096])
def test_any_and_all_look_at_every_entry(count: int) -> None:
    xp = get("jax").xp
    none = jnp.zeros((count, 7), bool)
    one = none.at[1, 6].set(True)
    assert not xp.any(none, axis=-1).any()
    assert np.flatnonzero(xp.any(one, axis=-1)).tolist() == [1]
    assert np.flatnonzero(~xp.all(~one, axis=-1, keepdims=True)).tolist() == [1]
    assert bool(xp.any(one))
    assert not bool(xp.all(one))
