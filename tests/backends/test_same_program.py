"""One program text, every library: the same numbers and the same error classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lossapi
from lossapi.backend import get

RESIDUALS = [0.25, -3.0, 0.0, 7.5]
LOGITS = [[1.0, 2.0, 3.0], [0.5, -1.0, 4.0], [2.0, 2.0, -np.inf], [0.0, 0.0, 0.0]]
LABELS = [2, 0, 1, 1]
SOFT = [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [0.25, 0.25, 0.5]]
WEIGHTS = [1.0, 0.5, 2.0, 0.0]
MASK = [True, False, True, True]

PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "value": lambda a: lossapi.huber_loss(a(RESIDUALS), a([0.0] * 4), delta=2.0),
    "sum": lambda a: lossapi.log_cosh(a(RESIDUALS), a([0.0] * 4), reduction="sum"),
    "per example": lambda a: lossapi.smooth_l1_loss(a(RESIDUALS), a([0.0] * 4), reduction="none"),
    "weighted mean": lambda a: lossapi.squared_error(
        a(RESIDUALS), a([1.0] * 4), weights=a(WEIGHTS)
    ),
    "masked mean": lambda a: lossapi.absolute_error(
        a([*RESIDUALS[:1], np.nan, *RESIDUALS[2:]]), a([1.0] * 4), where=a(MASK, "bool")
    ),
    "gradient": lambda a: lossapi.quantile_loss.grad(a(RESIDUALS), a([0.5] * 4), quantile=0.25),
    "masked gradient": lambda a: lossapi.huber_loss.grad(
        a([*RESIDUALS[:1], np.nan, *RESIDUALS[2:]]), a([1.0] * 4), where=a(MASK, "bool")
    ),
    "several quantiles": lambda a: lossapi.quantile_loss.value_and_grad(
        a([RESIDUALS, [0.5, 0.5, 1.0, -2.0]]),
        a([0.5, -0.25]),
        quantile=[0.125, 0.25, 0.5, 0.875],
        wrt=("prediction", "target"),
        reduction="sum",
    ),
    "value and gradients": lambda a: lossapi.sigmoid_binary_cross_entropy.value_and_grad(
        a(RESIDUALS), a([0.0, 1.0, 0.5, 1.0]), pos_weight=2.0, wrt=("logits", "target")
    ),
    "curvature": lambda a: lossapi.log_cosh.hessian_diag(
        a(RESIDUALS), a([0.0] * 4), reduction="none"
    ),
    "sum and weight": lambda a: lossapi.brier_score.sum_and_weight(
        a([0.25, 0.5, 1.0, 0.0]), a([0, 1, 1, 1], "int32"), weights=a(WEIGHTS)
    ),
    "labels": lambda a: lossapi.sparse_softmax_cross_entropy(
        a(LOGITS), a(LABELS, "int64"), class_weights=a([1.0, 2.0, 0.5])
    ),
    "ignored label": lambda a: lossapi.sparse_softmax_cross_entropy.value_and_grad(
        a(LOGITS), a([2, -100, 1, 1], "int32"), ignore_index=-100, label_smoothing=0.0
    ),
    "soft targets along the first axis": lambda a: lossapi.softmax_cross_entropy(
        a(np.asarray(LOGITS[:2] + LOGITS[3:]).T),
        a(np.asarray(SOFT[:2] + SOFT[3:]).T),
        axis=0,
        reduction="none",
    ),
    "absent classes": lambda a: lossapi.softmax_cross_entropy.value_and_grad(
        a(LOGITS[:2] + LOGITS[3:]),
        a(SOFT[:2] + SOFT[3:]),
        class_where=a([True, False, True], "bool"),
        label_smoothing=0.25,
    ),
    "softmax": lambda a: lossapi.softmax(a(LOGITS), temperature=0.5),
    "outside the domain": lambda a: lossapi.binary_cross_entropy(
        a([0.5, 1.5, 0.25]), a([1.0, 0.0, 1.0]), reduction="none"
    ),
    "nothing at all": lambda a: lossapi.squared_error(a([]), a([])),
    "all masked": lambda a: lossapi.kl_divergence(a(SOFT), a(SOFT), where=a([False] * 4, "bool")),
    "numbers beside arrays": lambda a: lossapi.hinge_loss(a(RESIDUALS), 1, margin=2),
}


def flat(result: Any, to_numpy: Callable[[Any], Any]) -> list[Any]:
    if isinstance(result, tuple):
        return [array for part in result for array in flat(part, to_numpy)]
    return [to_numpy(result)]


@pytest.mark.filterwarnings("ignore::RuntimeWarning:dask")
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_call_gives_the_same_numbers(name: str, library: Any) -> None:
    expected = flat(PROGRAMS[name](lambda v, d="float32": np.asarray(v, dtype=d)), np.asarray)
    got = flat(PROGRAMS[name](library.asarray), library.to_numpy)
    assert len(got) == len(expected)
    for mine, numpys in zip(got, expected, strict=True):
        assert mine.dtype == numpys.dtype
        np.testing.assert_allclose(mine, numpys, rtol=2e-6, atol=1e-30)


FAULTS: dict[str, tuple[type[Exception], type[Exception], Callable[[Any], Any]]] = {
    "a shape that would broadcast": (
        lossapi.ShapeError,
        ValueError,
        lambda a: lossapi.squared_error(a([1.0, 2.0]), a([[1.0], [2.0]])),
    ),
    "a list along an axis of its own for a parameter that takes none": (
        lossapi.ShapeError,
        ValueError,
        lambda a: lossapi.huber_loss(a([[1.0, 2.0], [3.0, 4.0]]), a([1.0, 2.0]), delta=[1.0, 2.0]),
    ),
    "a parameter outside its domain": (
        lossapi.ParameterError,
        ValueError,
        lambda a: lossapi.huber_loss(a([1.0]), a([1.0]), delta=0.0),
    ),
    "a parameter that is no number": (
        lossapi.ParameterError,
        ValueError,
        lambda a: lossapi.huber_loss(a([1.0]), a([1.0]), delta="1"),
    ),
    "an unknown argument": (
        lossapi.ParameterError,
        ValueError,
        lambda a: lossapi.huber_loss(a([1.0]), a([1.0]), beta=1.0),
    ),
    "an unknown reduction": (
        lossapi.ParameterError,
        ValueError,
        lambda a: lossapi.squared_error(a([1.0]), a([1.0]), reduction="avg"),
    ),
    "a missing input": (
        lossapi.ArgumentError,
        TypeError,
        lambda a: lossapi.squared_error(a([1.0])),
    ),
    "an integer prediction": (
        lossapi.DTypeError,
        TypeError,
        lambda a: lossapi.squared_error(a([1, 2], "int64"), a([1.0, 2.0])),
    ),
    "a complex prediction": (
        lossapi.DTypeError,
        TypeError,
        lambda a: lossapi.squared_error(a([1, 2], "complex64"), a([1.0, 2.0])),
    ),
    "floating labels": (
        lossapi.DTypeError,
        TypeError,
        lambda a: lossapi.sparse_softmax_cross_entropy(a(LOGITS), a([0.0, 1.0, 2.0, 0.0])),
    ),
    "a mask that is no mask": (
        lossapi.DTypeError,
        TypeError,
        lambda a: lossapi.squared_error(a([1.0]), a([1.0]), where=a([1.0])),
    ),
    "an axis that is not there": (
        lossapi.ShapeError,
        ValueError,
        lambda a: lossapi.softmax(a(LOGITS), axis=2),
    ),
    "another library's array": (
        lossapi.BackendError,
        TypeError,
        lambda a: lossapi.squared_error(a([1.0]), _Foreign()),
    ),
}


class _Foreign:
    """An object that is no array."""


@pytest.mark.parametrize("name", FAULTS)
def test_the_same_fault_is_the_same_error(name: str, library: Any) -> None:
    error, builtin, program = FAULTS[name]
    with pytest.raises(error) as raised:
        program(library.asarray)
    assert isinstance(raised.value, lossapi.LossError)
    assert isinstance(raised.value, builtin)
    message = str(raised.value)
    assert ": " in message
    assert "accepted" in message or "missing" in message


@pytest.mark.parametrize("labels", [[0, 3], [0, -1]])
def test_a_wrong_label_is_an_error_where_it_can_be_seen_and_nan_where_not(
    labels: list[int], library: Any
) -> None:
    logits, labels = library.asarray(LOGITS[:2]), library.asarray(labels, "int64")
    if library.name == "dask":
        losses = lossapi.sparse_softmax_cross_entropy(logits, labels, reduction="none")
        assert np.isnan(library.to_numpy(losses)).tolist() == [False, True]
    else:
        with pytest.raises(lossapi.LabelError, match=r"labels\[1\] is -?\d.*from 0 to 2"):
            lossapi.sparse_softmax_cross_entropy(logits, labels)


def test_a_negative_weight_is_an_error_where_it_can_be_seen(library: Any) -> None:
    prediction, target = library.asarray([1.0, 2.0]), library.asarray([0.0, 0.0])
    weights = library.asarray([1, -1])
    if library.name == "dask":  # nobody looks: what comes of it is outside the rules
        assert hasattr(lossapi.squared_error(prediction, target, weights=weights), "compute")
    else:
        with pytest.raises(lossapi.ParameterError, match=r"weights\[1\] is -1"):
            lossapi.squared_error(prediction, target, weights=weights)


def test_an_array_parameter_is_checked_where_it_can_be_seen(library: Any) -> None:
    ones = library.asarray([1.0, 1.0])
    delta = library.asarray([1.0, -1.0])
    if library.name == "dask":
        losses = lossapi.huber_loss(ones, 0.0, delta=delta, reduction="none")
        assert np.isnan(library.to_numpy(losses)).tolist() == [False, True]
    else:
        with pytest.raises(lossapi.ParameterError, match=r"delta\[1\] is -1"):
            lossapi.huber_loss(ones, 0.0, delta=delta)


def test_a_value_outside_the_domain_can_be_made_an_error(library: Any) -> None:
    probabilities, target = library.asarray([0.5, 1.5]), library.asarray([1.0, 1.0])
    with lossapi.errors_on_invalid():
        if library.name == "dask":  # lazy: what cannot be seen is NaN, as without it
            assert np.isnan(library.to_numpy(lossapi.binary_cross_entropy(probabilities, target)))
        else:
            with pytest.raises(lossapi.DomainError, match=r"probabilities\[1\] is 1.5.*\[0, 1\]"):
                lossapi.binary_cross_entropy(probabilities, target)
        mask = library.asarray([True, False], "bool")
        lossapi.binary_cross_entropy(probabilities, target, where=mask)
    assert np.isnan(library.to_numpy(lossapi.binary_cross_entropy(probabilities, target)))


def test_inputs_are_never_modified(library: Any) -> None:
    given = [library.asarray(RESIDUALS), library.asarray([0.5] * 4), library.asarray(WEIGHTS)]
    before = [library.to_numpy(array).copy() for array in given]
    lossapi.huber_loss.value_and_grad(*given[:2], weights=given[2], wrt=("prediction", "target"))
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(library.to_numpy(array), copy)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_a_value_is_computed_without_what_serves_other_derivatives(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed")
    backend = get(name)

    def stop(array: Any) -> Any:
        raise AssertionError("nothing is differentiated here")

    monkeypatch.setattr(backend.xp, "stop_gradient", stop)
    box = backend.asarray([[0.0, 0.0, 1.0, 1.0]], "float32")
    other = backend.asarray([[0.0, 0.0, 2.0, 3.0]], "float32")
    assert float(lossapi.box_iou_loss(box, other)) == pytest.approx(5 / 6)


def test_arrays_of_two_libraries_are_refused_with_both_names() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    with pytest.raises(lossapi.BackendError, match="torch and target one of numpy"):
        lossapi.squared_error(torch.ones(2), np.ones(2))


def test_dask_stays_lazy_until_it_is_asked() -> None:
    dask_array = pytest.importorskip("dask.array", reason="dask is not installed")
    computed = []

    def spy(block: Any) -> Any:
        computed.append(block)
        return block

    lazy = dask_array.ones(6, chunks=3).map_blocks(spy, meta=np.ones(0))
    loss = lossapi.huber_loss(lazy, dask_array.zeros(6, chunks=3))
    assert not computed
    assert float(loss.compute()) == 0.5
    assert computed


def test_dask_has_a_mean_over_nothing_where_a_largest_entry_is_asked_for() -> None:
    dask_array = pytest.importorskip("dask.array", reason="dask is not installed")
    nothing = dask_array.zeros((0, 3))
    assert float(lossapi.cosine_distance(nothing, nothing).compute()) == 0.0
