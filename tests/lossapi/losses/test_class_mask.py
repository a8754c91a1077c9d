"""Classes that are left out: shapes of the mask, every way to a derivative, what is refused."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

import lossapi

LOGITS = np.asarray([[0.5, math.nan, 2.0, -1.25], [math.inf, 1.5, 0.25, -0.75]])
KEPT = np.asarray([[True, False, True, True], [False, True, True, True]])
LABELS = np.asarray([2, 1])
TARGET = np.asarray([[0.25, math.nan, 0.75, 0.0], [-7.0, 0.5, 0.25, 0.25]])
FEWER = np.asarray([[0.5, 2.0, -1.25], [1.5, 0.25, -0.75]])
FEWER_LABELS, FEWER_TARGET = np.asarray([1, 0]), np.asarray([[0.25, 0.75, 0.0], [0.5, 0.25, 0.25]])


def widened(gradient: Any) -> np.ndarray[Any, Any]:
    """A gradient of the classes that are kept, with 0 for the others."""
    found = np.zeros(KEPT.shape)
    found[KEPT] = np.asarray(gradient).reshape(-1)
    return found


@pytest.mark.parametrize("smoothing", [0.0, 0.125, 1.0])
def test_the_others_alone_make_the_loss_and_its_gradient(smoothing: float) -> None:
    options = {"label_smoothing": smoothing, "class_weights": [1.0, 2.0, 0.5, 1.0]}
    for loss, second in (
        (lossapi.sparse_softmax_cross_entropy, LABELS),
        (lossapi.softmax_cross_entropy, np.where(KEPT, TARGET, 0.0)),
    ):
        value, gradient = loss.value_and_grad(
            np.where(KEPT, LOGITS, -math.inf), second, **{**options, "label_smoothing": 0.0}
        )
        masked = loss.value_and_grad(
            LOGITS, second, class_where=KEPT, **{**options, "label_smoothing": 0.0}
        )
        assert masked[0] == value
        np.testing.assert_array_equal(masked[1], gradient)
    value, gradient = lossapi.softmax_cross_entropy.value_and_grad(
        FEWER, FEWER_TARGET, label_smoothing=smoothing
    )
    masked = lossapi.softmax_cross_entropy.value_and_grad(
        LOGITS, TARGET, class_where=KEPT, label_smoothing=smoothing
    )
    np.testing.assert_allclose(masked[0], value, rtol=1e-15)
    np.testing.assert_allclose(masked[1], widened(gradient), rtol=1e-14)


def test_the_mask_follows_the_axis_of_the_classes_and_one_row_serves_all_examples() -> None:
    along_0 = lossapi.softmax(LOGITS.T, axis=0, where=KEPT.T)
    np.testing.assert_array_equal(along_0.T, lossapi.softmax(LOGITS, where=KEPT))
    row = KEPT[0]
    one_row = lossapi.softmax(LOGITS[0:1].T, axis=0, where=row)
    np.testing.assert_array_equal(one_row.T, lossapi.softmax(LOGITS[0:1], where=KEPT[:1]))
    listed = lossapi.logsumexp(LOGITS[0], where=[True, False, True, True])
    np.testing.assert_allclose(listed, lossapi.logsumexp(FEWER[0]), rtol=1e-15)


def test_nothing_is_left_of_no_class() -> None:
    none = np.zeros((1, 3), dtype=bool)
    logits = np.asarray([[1.0, math.nan, 3.0]])
    assert lossapi.softmax(logits, where=none).tolist() == [[0.0, 0.0, 0.0]]
    assert lossapi.log_softmax(logits, where=none).tolist() == [[-math.inf] * 3]
    assert lossapi.logsumexp(logits, where=none).tolist() == [-math.inf]
    assert lossapi.softmax_cross_entropy(logits, np.ones((1, 3)), class_where=none) == 0.0
    for smoothing, due in ((0.0, math.inf), (0.5, math.inf), (1.0, 0.0)):
        value, gradient = lossapi.sparse_softmax_cross_entropy.value_and_grad(
            logits, np.asarray([0]), class_where=none, label_smoothing=smoothing
        )
        assert value == due
        assert gradient.tolist() == [[0.0, 0.0, 0.0]]
    for function in (lossapi.softmax, lossapi.log_softmax, lossapi.logsumexp):
        assert function.grad(logits, where=none).tolist() == [[0.0, 0.0, 0.0]]


def test_a_label_that_is_left_out_costs_infinity_and_pulls_at_nothing() -> None:
    value, gradient = lossapi.sparse_softmax_cross_entropy.value_and_grad(
        np.asarray([0.0, 5.0, 0.0]), 1, class_where=[True, False, True]
    )
    assert value == math.inf
    np.testing.assert_allclose(gradient, [0.5, 0.0, 0.5])


def test_an_example_and_a_class_are_masked_apart() -> None:
    value = lossapi.sparse_softmax_cross_entropy(
        LOGITS, np.asarray([2, -1]), class_where=KEPT, where=[True, False]
    )
    np.testing.assert_allclose(value, lossapi.sparse_softmax_cross_entropy(FEWER[0], 1), rtol=1e-15)


def test_garbage_of_an_absent_class_is_no_domain_error_and_other_garbage_is() -> None:
    with lossapi.errors_on_invalid():
        lossapi.softmax_cross_entropy(LOGITS, TARGET, class_where=KEPT)
        lossapi.softmax_cross_entropy(LOGITS.T, TARGET.T, class_where=KEPT.T, axis=0)
        with pytest.raises(lossapi.DomainError, match=r"target\[0, 2\]"):
            lossapi.softmax_cross_entropy(
                LOGITS, np.where(KEPT, -1.0, TARGET) * [0, 0, 1, 0], class_where=KEPT
            )


def wanted() -> tuple[Any, Any]:
    return lossapi.sparse_softmax_cross_entropy.value_and_grad(
        LOGITS, LABELS, class_where=KEPT, label_smoothing=0.25
    )


def test_torch_finds_the_same_by_every_way() -> None:
    labels, kept = torch.asarray(LABELS), torch.asarray(KEPT)

    def loss(logits: Any) -> Any:
        return lossapi.sparse_softmax_cross_entropy(
            logits, labels, class_where=kept, label_smoothing=0.25
        )

    logits = torch.asarray(LOGITS).requires_grad_()
    value = loss(logits)
    value.backward()
    due = wanted()
    np.testing.assert_allclose(value.item(), due[0], rtol=1e-14)
    np.testing.assert_allclose(logits.grad, due[1], rtol=1e-14)
    plain = torch.asarray(LOGITS)
    np.testing.assert_allclose(torch.func.grad(loss)(plain), due[1], rtol=1e-14)
    np.testing.assert_allclose(torch.compile(loss, fullgraph=True)(plain), due[0], rtol=1e-14)
    moving = torch.where(kept, 0.0, 1.0).to(plain.dtype)
    assert torch.func.jvp(loss, (plain,), (moving,))[1] == 0.0
    each = torch.func.vmap(
        lambda z, y, m: lossapi.sparse_softmax_cross_entropy(
            z, y, class_where=m, label_smoothing=0.25
        )
    )(plain, labels, kept)
    np.testing.assert_allclose(each.mean(), due[0], rtol=1e-14)
    hessian = torch.func.hessian(loss)(plain)
    assert torch.isfinite(hessian).all()
    assert (hessian[~kept] == 0).all()


def test_jax_finds_the_same_by_every_way() -> None:
    with jax.enable_x64(True):
        labels, kept, logits = (jnp.asarray(a) for a in (LABELS, KEPT, LOGITS))

        def loss(logits: Any, kept: Any) -> Any:
            return lossapi.sparse_softmax_cross_entropy(
                logits, labels, class_where=kept, label_smoothing=0.25
            )

        due = wanted()
        value, gradient = jax.jit(jax.value_and_grad(loss))(logits, kept)
        np.testing.assert_allclose(value, due[0], rtol=1e-14)
        np.testing.assert_allclose(gradient, due[1], rtol=1e-14)
        moving = jnp.where(kept, 0.0, 1.0)
        assert jax.jvp(lambda z: loss(z, kept), (logits,), (moving,))[1] == 0.0
        hessian = jax.hessian(loss)(logits, kept)
        assert jnp.isfinite(hessian).all()
        assert (hessian[~kept] == 0).all()


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_autodiff_sees_no_cotangent_of_an_absent_class(name: str) -> None:
    function = getattr(lossapi, name)
    cotangent = np.asarray([[1.0, 9.0, -0.5, 2.0], [9.0, 0.25, 1.0, -1.0]])
    due = function.grad(LOGITS, where=KEPT, cotangent=cotangent)
    assert np.isfinite(due).all()
    logits = torch.asarray(LOGITS).requires_grad_()
    output = function(logits, where=torch.asarray(KEPT))
    output.backward(torch.asarray(cotangent))
    np.testing.assert_allclose(logits.grad, due, rtol=1e-13)
    with jax.enable_x64(True):
        _, pull = jax.vjp(lambda z: function(z, where=jnp.asarray(KEPT)), jnp.asarray(LOGITS))
        np.testing.assert_allclose(pull(jnp.asarray(cotangent))[0], due, rtol=1e-13)


def test_a_mask_that_does_not_fit_is_refused() -> None:
    with pytest.raises(lossapi.ShapeError, match=r"where has shape \(3,\).*\(4,\).*\(2, 4\)"):
        lossapi.softmax(LOGITS, where=[True, False, True])
    with pytest.raises(lossapi.ShapeError, match=r"class_where has shape \(1, 4\)"):
        lossapi.sparse_softmax_cross_entropy(LOGITS, LABELS, class_where=KEPT[:1])
    with pytest.raises(lossapi.DTypeError, match="class_where has dtype float64; accepted is bool"):
        lossapi.sparse_softmax_cross_entropy(LOGITS, LABELS, class_where=KEPT * 1.0)
    with pytest.raises(lossapi.ParameterError, match="no argument 'class_where'"):
        lossapi.huber_loss(1.0, 2.0, class_where=[True])
