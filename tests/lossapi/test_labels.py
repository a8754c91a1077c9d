"""One-hot vectors of labels, on every library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossapi

LABELS = [[2, 0, 1], [1, 1, 2]]


@pytest.mark.filterwarnings("ignore::RuntimeWarning:dask")
@pytest.mark.parametrize("axis", [-1, 0, 1, 2, -3])
@pytest.mark.parametrize("dtype", ["int64", "uint8"])
def test_a_one_hot_vector_is_a_row_of_the_identity(library: Any, axis: int, dtype: str) -> None:
    found = lossapi.one_hot(
        library.asarray(LABELS, dtype), num_classes=4, axis=axis, dtype="float32"
    )
    assert type(found) is type(library.asarray(LABELS))
    array = library.to_numpy(found)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, np.moveaxis(np.eye(4)[np.asarray(LABELS)], -1, axis))


def test_the_dtype_is_the_one_in_which_the_library_makes_numbers(library: Any) -> None:
    labels = library.asarray([0], "int64")
    due = {"torch": "float32", "jax": "float32"}.get(library.name, "float64")
    assert str(lossapi.one_hot(labels, num_classes=2).dtype).endswith(due)
    for own in (np.float16, np.dtype("float16"), "float16"):
        assert lossapi.one_hot([0], num_classes=2, dtype=own).dtype == np.float16


def test_a_number_a_list_and_bools_are_labels() -> None:
    assert lossapi.one_hot(1, num_classes=3).tolist() == [0.0, 1.0, 0.0]
    assert lossapi.one_hot([True, False], num_classes=2).tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert lossapi.one_hot([0], num_classes=1).tolist() == [[1.0]]
    assert lossapi.one_hot(np.zeros((0, 2), dtype=int), num_classes=3, axis=0).shape == (3, 0, 2)


def test_as_a_target_it_gives_what_the_labels_give() -> None:
    logits = np.asarray([[0.5, -1.0, 2.0], [3.0, 0.25, 1.0]])
    labels, given = np.asarray([2, 1]), {"class_weights": [1.0, 3.0, 0.5]}
    target = lossapi.one_hot(labels, num_classes=3)
    sparse = lossapi.sparse_softmax_cross_entropy(logits, labels, **given)
    assert lossapi.softmax_cross_entropy(logits, target, **given) == pytest.approx(sparse)


@pytest.mark.parametrize("ignored", [-1, 1])
def test_an_ignored_label_is_no_class(library: Any, ignored: int) -> None:
    labels = library.asarray([ignored, 2], "int64")
    found = lossapi.one_hot(labels, num_classes=3, dtype="float32", ignore_index=ignored)
    assert library.to_numpy(found).tolist() == [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


@pytest.mark.parametrize("wrong", [3, -1, 2**31 - 1])
def test_a_wrong_label_is_an_error_where_it_can_be_seen_and_nan_where_not(
    library: Any, wrong: int
) -> None:
    labels = library.asarray([0, wrong], "int64")
    if library.name == "dask":
        found = library.to_numpy(lossapi.one_hot(labels, num_classes=3))
        assert found[0].tolist() == [1.0, 0.0, 0.0]
        assert np.isnan(found[1]).all()
        return
    with pytest.raises(lossapi.LabelError, match=r"one_hot: labels\[1\] is -?\d+; .* from 0 to 2"):
        lossapi.one_hot(labels, num_classes=3)


def test_traced_by_jax_a_wrong_label_is_nan() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    labels = jax.numpy.asarray([2, -1])
    for transform in (jax.jit, jax.vmap):
        found = transform(lambda y: lossapi.one_hot(y, num_classes=3))(labels)
        assert found[0].tolist() == [0.0, 0.0, 1.0]
        assert jax.numpy.isnan(found[1]).all()


def test_traced_by_torch_a_wrong_label_is_nan() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    labels = torch.tensor([2, -1])
    compiled = torch.compile(
        lambda y: lossapi.one_hot(y, num_classes=3), fullgraph=True, backend="eager"
    )
    mapped = torch.func.vmap(lambda y: lossapi.one_hot(y, num_classes=3))
    for found in (compiled(labels), mapped(labels)):
        assert found[0].tolist() == [0.0, 0.0, 1.0]
        assert torch.isnan(found[1]).all()


@pytest.mark.parametrize(
    ("error", "more", "message"),
    [
        (lossapi.DTypeError, {"labels": [0.0]}, "labels has dtype float64; accepted are integer"),
        (lossapi.ParameterError, {"num_classes": 0}, "num_classes is 0; accepted is an integer"),
        (lossapi.ParameterError, {"num_classes": True}, "num_classes is True; accepted is"),
        (lossapi.ArgumentError, {"num_classes": ...}, "num_classes is missing; it is an integer"),
        (lossapi.ParameterError, {"num_classes": 3.0}, "num_classes is 3.0, a float; accepted"),
        (lossapi.ParameterError, {"axis": 0.5}, "axis is 0.5, a float; accepted is an integer"),
        (
            lossapi.ParameterError,
            {"axis": (0, 1)},
            "axis is (0, 1), a tuple; accepted is",
        ),
        (lossapi.ParameterError, {"classes": 3}, "no argument 'classes'; accepted are the inputs"),
        (lossapi.ShapeError, {"axis": 2}, "accepted is an axis from -2 to 1"),
        (lossapi.DTypeError, {"dtype": "int64"}, "dtype is 'int64'; accepted are float16"),
        (lossapi.DTypeError, {"dtype": int}, "dtype is <class 'int'>; accepted are float16"),
        (lossapi.ParameterError, {"ignore_index": "x"}, "ignore_index is 'x', a str; accepted"),
        (lossapi.ShapeError, {"labels": [[0], [0, 1]]}, "which is no array of numbers"),
        (lossapi.BackendError, {"labels": object()}, "labels is a builtins.object; accepted are"),
    ],
)
def test_a_bad_argument_is_refused_with_what_is_accepted(
    error: type[Exception], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(error) as caught:
        lossapi.one_hot(**{"labels": [0], "num_classes": 3, **more})
    assert str(caught.value).startswith("one_hot: ")
    assert message in str(caught.value)


def test_it_has_no_gradient() -> None:
    for ask in (lossapi.one_hot.grad, lossapi.one_hot.value_and_grad):
        with pytest.raises(lossapi.ParameterError, match=r"one_hot: .* not defined"):
            ask([0], num_classes=3)
