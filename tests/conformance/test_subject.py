"""Subjects answer what they are asked, and say what they cannot."""

import warnings

import numpy as np
import pytest

import lossapi
from lossapi.conformance import BackendSubject, FunctionSubject, Request, Unsupported
from lossapi.loss import Loss

PREDICTION, TARGET = np.array([0.5, 3.0, -4.0]), np.array([0.25, 0.5, 0.0])
INPUTS = {"prediction": PREDICTION, "target": TARGET}


def ask(**more):
    options = more.pop("options", {"reduction": "none"})
    return Request("huber_loss", INPUTS, more.pop("dtype", "float64"), options=options, **more)


def numpy_huber(prediction, target, *, delta=1.0):
    size = np.abs(prediction - target)
    return np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta))


@pytest.fixture
def subject():
    return BackendSubject("numpy")


def test_a_backend_subject_gives_what_the_public_call_gives(subject):
    response = subject.run(ask(parameters={"delta": 2.0}))
    due = lossapi.huber_loss(PREDICTION, TARGET, delta=2.0, reduction="none")
    assert response.arrays[0].tolist() == due.tolist()
    assert response.dtypes == ("float64",)


def test_results_come_in_the_order_of_wrt(subject):
    response = subject.run(ask(want="value_and_grad", wrt=("target", "prediction")))
    value, target, prediction = response.arrays
    assert value[1] == 2.0
    assert target.tolist() == (-prediction).tolist() == [-0.25, -1.0, 1.0]


def test_sum_and_weight_are_two_results(subject):
    request = ask(want="sum_and_weight", options={"weights": np.array([1.0, 2.0, 0.0])})
    total, weight = subject.run(request).arrays
    assert (total, weight) == (0.03125 + 2 * 2.0, 3.0)


def test_arrays_come_in_the_dtype_asked_for_and_results_as_float64(subject):
    response = subject.run(ask(dtype="float16"))
    assert response.dtypes == ("float16",)
    assert response.arrays[0].dtype == np.float64


def test_integer_and_complex_inputs_can_be_asked_for(subject):
    request = Request("squared_error", INPUTS, "float32", input_dtypes={"target": "int8"})
    assert subject.run(request).dtypes == ("float32",)
    request = Request("squared_error", INPUTS, "float32", input_dtypes={"prediction": "complex64"})
    with pytest.raises(lossapi.DTypeError):
        subject.run(request)


def test_errors_are_the_implementation_s_own(subject):
    with pytest.raises(lossapi.ParameterError):
        subject.run(ask(parameters={"delta": -1.0}))


def test_a_strict_request_raises_outside_the_domain(subject):
    inputs = {"probabilities": np.array([1.5]), "target": np.array([1.0])}
    request = Request("brier_score", inputs, "float64", strict=True)
    with pytest.raises(lossapi.DomainError):
        subject.run(request)


@pytest.mark.parametrize(
    "request_", [ask(dtype="bfloat16"), ask(transform="jit"), Request("no_loss", INPUTS, "float64")]
)
def test_what_a_subject_lacks_is_unsupported(subject, request_):
    with pytest.raises(Unsupported):
        subject.run(request_)


def test_a_loss_that_writes_into_its_input_is_noticed():
    def greedy(xp, prediction, target):
        """Overwrites."""
        prediction[...] = 0.0
        return prediction - target

    mutated = Loss(greedy, "(),()->()", {})
    with pytest.raises(ValueError, match="read-only"):
        BackendSubject("numpy", losses={"huber_loss": mutated}).run(ask())


def test_a_replaced_loss_is_the_one_that_is_judged():
    def twice(xp, prediction, target, *, delta=1.0):
        """Wrong."""
        return 2.0 * (prediction - target)

    mutated = Loss(twice, "(),()->()", {"delta": "(0, inf)"})
    response = BackendSubject("numpy", losses={"huber_loss": mutated}).run(ask())
    assert response.arrays[0].tolist() == [0.5, 5.0, -8.0]


def test_plain_functions_become_a_subject():
    subject = FunctionSubject("mine", {"huber_loss": numpy_huber})
    assert subject.supports("huber_loss")
    assert not subject.supports("log_cosh")
    assert subject.run(ask(parameters={"delta": 2.0})).arrays[0][0] == 0.03125
    assert subject.run(ask(dtype="float32")).dtypes == ("float32",)


@pytest.mark.parametrize(
    "request_",
    [ask(want="gradient"), ask(options={"reduction": "sum"}), ask(options={"axis": 0})],
)
def test_a_plain_function_has_no_more_than_it_is(request_):
    with pytest.raises(Unsupported):
        FunctionSubject("mine", {"huber_loss": numpy_huber}).run(request_)


@pytest.mark.parametrize(
    ("kind", "wrt", "due"),
    [
        ("jit", (), [0.03125, 2.0, 3.5]),
        ("vmap", (), [0.03125, 2.0, 3.5]),
        ("grad", ("prediction",), [0.25, 1.0, -1.0]),
        ("grad", ("target",), [-0.25, -1.0, 1.0]),
        ("hessian", ("prediction",), [[1, 0, 0], [0, 0, 0], [0, 0, 0]]),
    ],
)
def test_transforms_are_of_the_first_of_wrt(kind, wrt, due):
    pytest.importorskip("jax")
    options = {} if kind in ("grad", "hessian") else {"reduction": "none"}
    request = ask(transform=kind, wrt=wrt, options=options, dtype="float32")
    assert BackendSubject("jax").run(request).arrays[0].tolist() == due


def test_a_directional_derivative_takes_a_tangent():
    pytest.importorskip("jax")
    request = ask(transform="jvp", tangent=np.array([1.0, 0.0, 2.0]), dtype="float32")
    assert BackendSubject("jax").run(request).arrays[0].tolist() == [0.25, 0.0, -2.0]


@pytest.mark.parametrize("library", ["numpy", "torch", "jax", "array_api_strict"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"want": "gradient", "wrt": ("target",), "parameters": {"delta": 2.0}},
        {"options": {"weights": np.array([1.0, 0.5, 0.0]), "where": np.array([True, False, True])}},
    ],
)
def test_the_line_that_reproduces_a_request_runs(library, more):
    pytest.importorskip(library)
    subject = BackendSubject(library)
    request = ask(dtype="float32", **more)
    *statements, call = subject.reproduce(request).split("; ")
    names: dict[str, object] = {}
    exec("; ".join(statements), names)
    assert np.asarray(eval(call, names)).tolist() == subject.run(request).arrays[0].tolist()


def test_the_line_that_reproduces_a_transform_runs():
    pytest.importorskip("jax")
    inputs = {"logits": np.array([[0.5, np.inf, -np.inf]])}
    options = {"cotangent": np.array([[1.0, 2.0, 3.0]])}
    request = Request("softmax", inputs, "float32", options=options, transform="grad")
    line = BackendSubject("jax").reproduce(request)
    *statements, call = line.split("; ")
    names: dict[str, object] = {}
    exec("; ".join(statements), names)
    assert np.asarray(eval(call, names)).tolist() == [[0.0, 0.0, 0.0]]


def test_requests_make_no_warnings_without_x64():
    pytest.importorskip("jax")
    inputs = {"logits": np.array([[0.5, 1.0]]), "labels": np.array([1])}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BackendSubject("jax").run(Request("sparse_softmax_cross_entropy", inputs, "float32"))


def test_what_a_function_has_not_implemented_is_unsupported_and_says_so():
    def unfinished(prediction, target):
        raise NotImplementedError("no halves")

    with pytest.raises(Unsupported, match="huber_loss: not implemented: no halves"):
        FunctionSubject("mine", {"huber_loss": unfinished}).run(ask())


def test_what_is_not_implemented_without_a_word_still_has_a_reason():
    def unfinished(prediction, target):
        raise NotImplementedError

    with pytest.raises(Unsupported, match="not implemented: the function does not say why"):
        FunctionSubject("mine", {"huber_loss": unfinished}).run(ask())
