"""Functions as ONNX models: what they take and give, and what a runtime makes of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import lossapi

ndx, onnx, ort = (
    pytest.importorskip(
        name, reason=f"{name} is not installed; install it with: pip install 'lossapi[onnx]'"
    )
    for name in ("ndonnx", "onnx", "onnxruntime")
)

HUBER = {"prediction": np.float32([0.5, 3, -4]), "target": np.float32([0.25, 0.5, 0])}


def onnx_model(loss: Any, **settings: Any) -> Any:
    from lossapi.backends import ndonnx_export

    return ndonnx_export.onnx_model(loss, **settings)


def run(model: Any, **arrays: Any) -> list[np.ndarray[Any, Any]]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options)
    return [np.asarray(array) for array in session.run(None, arrays)]


def ends(model: Any) -> list[tuple[str, list[str | int]]]:
    return [
        (end.name, [axis.dim_param or axis.dim_value for axis in end.type.tensor_type.shape.dim])
        for end in (*model.graph.input, *model.graph.output)
    ]


def test_a_model_takes_any_number_of_examples_and_says_what_it_is() -> None:
    model = onnx_model(lossapi.huber_loss, gradients=("prediction",), reduction="none", delta=2.0)
    assert ends(model) == [
        (name, ["batch"]) for name in ("prediction", "target", "loss", "gradient_prediction")
    ]
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert told["lossapi.loss"] == "huber_loss"
    assert told["lossapi.version"] == lossapi.__version__
    assert json.loads(told["lossapi.parameters"]) == {"delta": 2.0, "reduction": "none"}
    assert model.opset_import[0].version == 21
    due = lossapi.huber_loss.value_and_grad(*HUBER.values(), delta=2.0, reduction="none")
    for count in (0, 1, 3):
        found = run(model, **{name: array[:count] for name, array in HUBER.items()})
        for mine, numpys in zip(found, due, strict=True):
            np.testing.assert_array_equal(mine, numpys[:count])


def test_the_mean_over_an_open_number_of_examples_is_that_over_those_that_come() -> None:
    model = onnx_model(lossapi.huber_loss, gradients=("target",), inputs=("weights", "where"))
    weights, where = np.float32([1, 0.5, 7]), np.array([True, True, False])
    due = lossapi.huber_loss.value_and_grad(
        *HUBER.values(), weights=weights, where=where, wrt="target"
    )
    found = run(model, **HUBER, weights=weights, where=where)
    for mine, numpys in zip(found, due, strict=True):
        np.testing.assert_allclose(mine, numpys, rtol=2e-7)
    nothing = {name: array[:0] for name, array in HUBER.items()}
    assert run(model, **nothing, weights=weights[:0], where=where[:0])[0] == 0.0


def test_labels_parameters_and_layers_are_inputs_as_they_are_in_a_call() -> None:
    rng = np.random.default_rng(0)
    features, labels = rng.normal(size=(6, 3)), np.array([0, 3, -100, 1, 2, 0])
    weight, bias = rng.normal(size=(4, 3)), rng.normal(size=4)
    model = onnx_model(
        lossapi.linear_cross_entropy,
        dtype="float64",
        sizes={"d": 3, "k": 4},
        inputs=("bias",),
        gradients=("weight",),
        ignore_index=-100,
    )
    assert dict(ends(model))["weight"] == [4, 3]
    given = {"features": features, "weight": weight, "labels": labels, "bias": bias}
    due = lossapi.linear_cross_entropy.value_and_grad(**given, ignore_index=-100, wrt="weight")
    for mine, numpys in zip(run(model, **given), due, strict=True):
        np.testing.assert_allclose(mine, numpys, rtol=1e-13)
    open_delta = onnx_model(lossapi.huber_loss, inputs=("delta",), reduction="sum")
    (total,) = run(open_delta, **HUBER, delta=np.asarray(2, dtype="float32"))
    assert total == lossapi.huber_loss(*HUBER.values(), delta=2.0, reduction="sum")


def test_vectors_are_parameters_and_what_is_differentiated_is_taken() -> None:
    alpha, logits = np.array([0.25, 1.0, 2.0]), np.float32([[1, 2, 3]])
    model = onnx_model(
        lossapi.softmax_focal_loss, sizes={"k": 3}, alpha=alpha, reduction="none", gamma=1.0
    )
    told = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(told["lossapi.parameters"])["alpha"] == [0.25, 1.0, 2.0]
    given = {"logits": logits, "labels": np.array([1])}
    due = lossapi.softmax_focal_loss(**given, alpha=alpha, reduction="none", gamma=1.0)
    np.testing.assert_allclose(run(model, **given)[0], due, rtol=4e-7)
    prior = onnx_model(
        lossapi.gaussian_kl_divergence, sizes={"d": 2}, gradients=("mean", "prior_mean")
    )
    assert [name for name, _ in ends(prior)][:3] == ["mean", "log_variance", "prior_mean"]


def test_a_wrong_label_is_nan_for_its_example_alone() -> None:
    model = onnx_model(lossapi.sparse_softmax_cross_entropy, sizes={"k": 3}, reduction="none")
    (losses,) = run(model, logits=np.zeros((3, 3), "float32"), labels=np.array([0, -1, 3]))
    assert np.isnan(losses).tolist() == [False, True, True]


@pytest.mark.parametrize("opset", [18, 20, 23])
def test_other_versions_of_the_operators_give_the_same(opset: int) -> None:
    sizes = {"k": 3}
    model = onnx_model(
        lossapi.softmax_cross_entropy, sizes=sizes, opset=opset, gradients=("logits",)
    )
    assert model.opset_import[0].version == opset
    logits, target = np.float32([[1, 2, 3]]), np.float32([[0, 0, 1]])
    due = lossapi.softmax_cross_entropy.value_and_grad(logits, target)
    for mine, numpys in zip(run(model, logits=logits, target=target), due, strict=True):
        np.testing.assert_allclose(mine, numpys, rtol=4e-7)


@pytest.mark.parametrize(
    ("loss", "settings", "said"),
    [
        ("wasserstein_distance", {}, "looks at the values"),
        ("softmax", {}, r"length of axis k of logits is not given.*--size k=N"),
        ("softmax", {"sizes": {"k": 0}}, "size of k is 0"),
        ("huber_loss", {"opset": 7}, "opset is 7; accepted are .* from 18 to"),
        ("huber_loss", {"dtype": "bfloat16"}, "accepted for ONNX are float16, float32, float64"),
        ("huber_loss", {"inputs": ("wieghts",)}, "no array 'wieghts'.*weights, where"),
        (
            "softmax",
            {"inputs": ("temperature",), "sizes": {"k": 3}},
            "temperature cannot be an input",
        ),
        ("huber_loss", {"delta": -1.0}, "delta is -1.0"),
        ("one_hot", {"num_classes": 3, "gradients": ("labels",)}, "grad is not defined"),
    ],
)
def test_what_cannot_be_exported_is_told(loss: str, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(lossapi.LossError, match=said) as raised:
        onnx_model(getattr(lossapi, loss), **settings)
    assert loss in str(raised.value)


def computed(function: Any, *arrays: Any) -> np.ndarray[Any, Any]:
    from lossapi.backends.ndonnx_export import graph

    given = {f"x{i}": np.asarray(array) for i, array in enumerate(arrays)}
    kinds = {name: (array.shape, str(array.dtype)) for name, array in given.items()}
    return run(graph(lambda lazy: {"y": function(*lazy.values())}, kinds), **given)[0]


def test_functions_that_onnx_lacks_keep_their_digits() -> None:
    xp = lossapi.backend.get("ndonnx").xp
    x = np.concatenate([np.linspace(-3, 3, 41), [1e-300, -1e-9, 700.0, np.inf, -0.0]])
    np.testing.assert_allclose(computed(xp.sinh, x), np.sinh(x), rtol=1e-15)
    y = x[::-1].copy()
    np.testing.assert_allclose(computed(xp.atan2, y, x), np.arctan2(y, x), rtol=1e-15)


def test_the_place_of_a_nan_is_that_of_the_largest_entry() -> None:
    xp = lossapi.backend.get("ndonnx").xp
    rows = np.array([[np.nan, np.inf, 1.0], [np.inf, np.nan, 1.0], [1.0, 3.0, 3.0]])
    assert computed(lambda x: xp.argmax(x, axis=-1), rows).tolist() == [0, 1, 1]


def test_sums_of_many_terms_do_not_lose_digits_with_their_number() -> None:
    terms = np.full(300_000, 0.1, dtype="float32")
    backend = lossapi.backend.get("ndonnx")
    due = np.float32(0.1).astype("float64") * terms.size
    assert abs(computed(backend.sum, terms) - due) / due < 1e-6
    assert abs(computed(lambda x: backend.xp.sum(x, axis=-1), terms) - due) / due < 1e-6


def test_arrays_that_are_known_are_computed_at_once() -> None:
    loss = lossapi.huber_loss(ndx.asarray([2.0, 0.5]), ndx.asarray([0.0, 0.0]))
    assert float(loss.unwrap_numpy()) == pytest.approx((1.5 + 0.125) / 2)
    lazy = ndx.argument(shape=("n",), dtype=ndx.float64)
    assert lossapi.huber_loss(lazy, 0.0, reduction="none").shape == (None,)


def test_the_checker_of_onnx_accepts_models_of_every_dtype() -> None:
    for dtype in ("float16", "float32", "float64"):
        model = onnx_model(lossapi.log_cosh, dtype=dtype, gradients=("prediction", "target"))
        onnx.checker.check_model(model, full_check=True)
        arrays = {n: np.asarray([1.5, -2], dtype=dtype) for n in ("prediction", "target")}
        assert [str(array.dtype) for array in run(model, **arrays)] == [dtype] * 3
