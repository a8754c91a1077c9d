"""Losses over few classes: leaders told by a sign, labels by their places, faults by one look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.backend import Backend, get
from lossapi.backends.blockwise.few_classes import apart


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_of_the_largest_entries_of_an_example_one_has_no_sign(dtype: str) -> None:
    logits = np.random.default_rng(0).integers(-2, 2, (4, 300)).astype(dtype)
    logits[:, 0], logits[:, 1] = 0, [0, -0.0, -0.0, 0]
    gaps = logits - np.max(logits, axis=0)
    marked = gaps.copy()
    apart(marked)
    assert np.all(np.sum(~np.signbit(marked), axis=0) == 1)
    np.testing.assert_array_equal(marked, gaps)


def _results(tied: bool, classes: int) -> list[Any]:
    random = np.random.default_rng(1)
    logits = random.standard_normal((500, classes)).astype(np.float32)
    logits = np.round(logits) if tied else logits
    labels = random.integers(0, classes, 500)
    target = np.eye(classes, dtype=np.float32)[labels]
    log_probabilities = np.minimum(logits, 0)
    return [
        *lossapi.softmax_cross_entropy.value_and_grad(logits, target),
        *lossapi.sparse_softmax_cross_entropy.value_and_grad(logits, labels),
        *lossapi.nll.value_and_grad(log_probabilities, labels),
        *lossapi.softmax_focal_loss.value_and_grad(logits, labels),
    ]


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("classes", [2, 10, 60])
def test_short_programs_give_what_whole_arrays_give(
    tied: bool, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _results(tied, classes)
    monkeypatch.setattr(type(get("numpy")), "execute", Backend.execute)
    for x, y in zip(found, _results(tied, classes), strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-9)


def test_a_fault_is_one_of_its_example_alone() -> None:
    jnp = pytest.importorskip("jax.numpy")
    random = np.random.default_rng(2)
    q = random.dirichlet(np.ones(10), 600).astype(np.float32)
    t, labels = q[::-1].copy(), random.integers(0, 10, 600)
    q[17, 3], q[400, 9], t[50, 2] = np.nan, 1.5, -1
    log_q = np.log(q, where=q > 0, out=np.full_like(q, -np.inf))
    for function, arrays, faulty in (
        (lossapi.categorical_cross_entropy, (q, t), {17, 50, 400}),
        (lossapi.kl_divergence, (q, t), {17, 50, 400}),
        (lossapi.nll, (np.where(np.isnan(q), q, log_q), labels), {17, 400}),
    ):
        for convert in (np.asarray, jnp.asarray):
            given = [convert(x) for x in arrays]
            losses, slopes = function.value_and_grad(*given, reduction="none")
            rows = np.isnan(np.asarray(slopes)).all(axis=-1)
            assert set(np.flatnonzero(np.isnan(np.asarray(losses)))) == faulty
            assert set(np.flatnonzero(rows)) == faulty
            assert np.isnan(np.asarray(slopes)).sum() == 10 * len(faulty)
