"""Messages carry requests and answers exactly, and what is wrong with one is told by its field."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lossapi.conformance import Request, Response, Traits, Unsupported
from lossapi.conformance.protocol import answers, reading, wire
from lossapi.conformance.protocol.reading import MessageError
from lossapi.conformance.subject import Refusal

INPUTS = {
    "prediction": np.array([[0.1, -0.0, math.nan], [math.inf, -math.inf, 5e-324]]),
    "labels": np.array([[1, -(2**31)], [0, 7]]),
}
FULL = Request(
    "softmax_cross_entropy",
    INPUTS,
    "float32",
    parameters={"delta": 0.25, "size": 3, "none": None, "far": -math.inf, "list": [1.0, math.nan]},
    options={
        "reduction": "mean",
        "axis": -2,
        "where": np.array([True, False]),
        "weights": np.ones((2, 1)),
    },
    want="value_and_grad",
    wrt=("prediction", "target"),
    input_dtypes={"labels": "int8", "weights": "float64"},
    transform="jvp",
    tangent=np.zeros((2, 3)),
    strict=True,
)
PLAIN = Request("huber_loss", {"prediction": np.array([1.0])}, "float64")


def travelled(message: dict[str, Any]) -> dict[str, Any]:
    return reading.parse(wire.line(message))


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray):
        signs = a.dtype.kind != "f" or np.array_equal(np.signbit(a), np.signbit(b))
        return bool(a.dtype == b.dtype and signs and np.array_equal(a, b, equal_nan=False)) or (
            a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(alike(a[key], b[key]) for key in a)
    return repr(a) == repr(b)


def test_a_request_arrives_as_it_was_sent() -> None:
    number, came = wire.read_request(travelled(wire.request_written(FULL, 17))["run"])
    assert number == 17
    for field in fields(Request):
        assert alike(getattr(came, field.name), getattr(FULL, field.name)), field.name


def test_what_is_not_asked_for_is_not_sent() -> None:
    assert set(wire.request_written(PLAIN, 1)["run"]) == {
        "id",
        "loss",
        "dtype",
        "want",
        "wrt",
        "inputs",
        "parameters",
        "options",
    }


@given(st.lists(st.floats(), max_size=5))
def test_every_number_comes_back_to_the_last_bit(numbers: list[float]) -> None:
    given_ = np.asarray(numbers, dtype=np.float64)
    message = travelled(answers.results_written(3, Response((given_,), ("float64",))))
    came = answers.read_results(message, 3, PLAIN, "").arrays[0]
    assert np.array_equal(came, given_, equal_nan=True)
    kept = ~np.isnan(given_)
    assert np.array_equal(np.signbit(came[kept]), np.signbit(given_[kept]))


@pytest.mark.parametrize(
    ("dtype", "came", "read"),
    [
        ("float32", 0.1, float(np.float32(0.1))),
        ("float16", 0.1, float(np.float16(0.1))),
        ("bfloat16", 0.1, 0.10009765625),
        ("float64", 100000000000000000000, 1e20),
        ("float64", 0, 0.0),
    ],
)
def test_a_number_is_the_nearest_of_its_dtype(dtype: str, came: float, read: float) -> None:
    message = {"id": 1, "results": [{"dtype": dtype, "shape": [1], "data": [came]}]}
    assert answers.read_results(message, 1, PLAIN, "").arrays[0].tolist() == [read]


def test_refused_examples_arrive_with_what_was_said() -> None:
    asked = replace(PLAIN, options={"reduction": "none"})
    response = Response((np.array([np.nan]),), ("float64",), {0: Refusal("ValueError: no")})
    message = travelled(answers.results_written(1, response))
    assert answers.read_results(message, 1, asked, "").refused == response.refused


RESULT = {"dtype": "float64", "shape": [2], "data": [1.0, 2.0]}


def answered(**changes: Any) -> dict[str, Any]:
    return {"id": 1, "results": [{**RESULT, **changes}]}


WRONG_ANSWERS = [
    ({"id": 1}, 'the answer: got {"id": 1}; accepted is an object with'),
    ({"results": [RESULT]}, "id: got null; accepted is a whole number"),
    ({"id": 2, "results": [RESULT]}, "id: got 2; accepted is 1"),
    ({"id": True, "results": [RESULT]}, "id: got true"),
    ({"id": None, "error": {"type": "ValueError", "message": "x"}}, "could not read the request"),
    ({"id": 1, "results": RESULT}, "results: got {"),
    ({"id": 1, "results": []}, 'results: got "0 arrays"; accepted is 1, for value'),
    ({"id": 1, "results": [RESULT, RESULT]}, 'results: got "2 arrays"'),
    ({"id": 1, "results": [[1.0]]}, "results[0]: got [1.0]"),
    ({"id": 1, "results": [RESULT], "resluts": 1}, 'the key: got "resluts"'),
    ({"id": 1, "results": [{"dtype": "float64", "shape": [1]}]}, "results[0]: the key data is"),
    (answered(dtype="double"), 'results[0].dtype: got "double"; accepted is one of float64'),
    (answered(shape=[3]), "results[0]: the shape makes 3 numbers and data has 2"),
    (answered(shape=[]), "results[0]: the shape makes 1, as for every scalar, numbers"),
    (answered(shape=[2, -1]), "results[0].shape[1]: got -1"),
    (answered(shape=[2.0]), "results[0].shape[0]: got 2.0"),
    (answered(shape=[10**30, 0], data=[]), "results[0].shape[0]: got 1000"),
    (answered(shape=[1] * 100 + [2]), "results[0].shape: got [1, 1"),
    (answered(data=[1.0, True]), "results[0].data[1]: got true; accepted is a number, or one of"),
    (answered(data=[1.0, None]), "JavaScript writes null"),
    (answered(data=[1.0, "inf"]), 'results[0].data[1]: got "inf"'),
    (answered(data=[1.0, [2.0]]), "results[0].data[1]: got [2.0]"),
    (answered(data="12"), 'results[0].data: got "12"; accepted is a list'),
    (answered(data=[1.0, 10**400]), "results[0].data[1]: a number beyond float64"),
    (answered(dtype="float32", data=[1.0, 1e39]), "results[0].data[1]: got 1e+39"),
    (answered(dtype="bfloat16", data=[1.0, 3.4e38]), "results[0].data[1]: got 3.4e+38"),
    ({"id": 1, "error": "no"}, 'error: got "no"; accepted is an object'),
    ({"id": 1, "error": {"type": 1, "message": ""}}, "error.type: got 1; accepted is a string"),
    ({"id": 1, "error": {"type": "ValueError"}}, "error: the key message is missing"),
    ({"id": 1, "results": [RESULT], "refused": {"9": "no"}}, 'refused: got {"9": "no"}'),
]


@pytest.mark.parametrize(("message", "told"), WRONG_ANSWERS)
def test_a_malformed_answer_is_told_by_its_field(message: dict[str, Any], told: str) -> None:
    with pytest.raises(MessageError) as raised:
        answers.read_results(message, 1, PLAIN, "")
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"", "got an empty line"),
        (b"hello", "the line is not JSON"),
        (b'{"id": 1', "the line is not JSON"),
        (b"[1]", "the line: got [1]; accepted is one JSON object"),
        (b'{"id": NaN}', 'the bare word NaN is not JSON; write the string "NaN"'),
        (b'{"id": -Infinity}', 'write the string "-Infinity"'),
        (b'{"id": "\xff"}', "not UTF-8"),
        (b'{"id": ' + b"9" * 9999 + b"}", "thousands of digits"),
        (b"[" * 200_000, "nested too deeply"),
        (b'\x1b[2J{"id"', "the line is not JSON (Expecting value at character 1): got  [2J"),
    ],
)
def test_a_line_that_is_no_message_is_told_so(line: bytes, told: str) -> None:
    with pytest.raises(MessageError) as raised:
        reading.parse(line)
    assert told in str(raised.value)


def test_a_number_too_large_to_be_one_is_no_infinity() -> None:
    message = reading.parse(
        b'{"id": 1, "results": [{"dtype": "float64", "shape": [1], "data": [1e999]}]}'
    )
    with pytest.raises(MessageError, match=r"results\[0\]\.data\[0\]: a number beyond float64"):
        answers.read_results(message, 1, PLAIN, "")


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("ValueError", ValueError),
        ("IndexError", IndexError),
        ("TypeError", TypeError),
        ("Unsupported", Unsupported),
        ("RangeError", RuntimeError),
    ],
)
def test_an_error_is_raised_as_the_builtin_one(kind: str, raised: type[Exception]) -> None:
    message = {"id": 1, "error": {"type": kind, "message": "delta: too small"}}
    with pytest.raises(raised, match="delta: too small"):
        answers.read_results(message, 1, PLAIN, "")


def test_an_error_of_one_s_own_goes_by_its_builtin_base() -> None:
    class NarrowError(IndexError):
        pass

    assert answers.error_written(1, NarrowError("no"))["error"] == {
        "type": "IndexError",
        "message": "no",
    }
    assert answers.error_written(1, KeyError("no"))["error"]["type"] == "KeyError"


@pytest.mark.parametrize(
    ("want", "wrt", "kind", "due"),
    [
        ("value", (), "", 1),
        ("gradient", (), "", 1),
        ("gradient", ("a", "b"), "", 2),
        ("value_and_grad", ("a", "b"), "", 3),
        ("value_and_grad", ("a",), "map", 2),
        ("sum_and_weight", (), "", 2),
        ("value", ("a",), "gradient", 1),
    ],
)
def test_so_many_results_are_due(want: str, wrt: tuple[str, ...], kind: str, due: int) -> None:
    assert answers.count(replace(PLAIN, want=want, wrt=wrt), kind) == due


# --- hello

HELLO: dict[str, Any] = {
    "protocol": 1,
    "name": "mine",
    "version": "2",
    "losses": ["huber_loss"],
    "traits": {"dtypes": ["float64"]},
}


def test_hello_arrives_with_all_traits() -> None:
    traits = Traits(
        dtypes=("float16", "bfloat16"),
        transforms={"jit": "call", "grad": "gradient"},
        accuracy_factor=2.5,
        flushes_subnormals=True,
        compiled=(None, "jit"),
        one_size=True,
        visible=False,
        loop_axes=False,
        options=True,
        strict=False,
    )
    hello = wire.Hello("mine", "1", ("huber_loss",), traits, reproduces=True)
    assert wire.read_hello(travelled(wire.hello_written(hello))) == hello
    assert set(wire.TRAITS) == {field.name for field in fields(Traits)}


def test_what_a_hello_leaves_out_is_not_claimed() -> None:
    short = {key: HELLO[key] for key in ("protocol", "name", "version", "losses")}
    traits = wire.read_hello({"hello": short}).traits
    assert traits.dtypes == ("float64",)
    claims = (traits.visible, traits.loop_axes, traits.options, traits.strict)
    assert claims == (False, False, False, False)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"protocol": 2}, "hello.protocol: got 2; accepted is 1"),
        ({"protocol": "1"}, 'hello.protocol: got "1"'),
        ({"name": "../numpy"}, 'hello.name: got "../numpy"; accepted is up to 64 letters'),
        ({"name": ""}, "hello.name"),
        ({"version": 2}, "hello.version: got 2; accepted is a string"),
        ({"losses": "huber_loss"}, "hello.losses: got"),
        ({"losses": ["huber_los"]}, "did you mean huber_loss?"),
        ({"traits": {"dtype": []}}, 'hello.traits: the key: got "dtype"'),
        ({"traits": {"dtypes": []}}, "hello.traits.dtypes: got []"),
        ({"traits": {"dtypes": ["double"]}}, 'hello.traits.dtypes[0]: got "double"'),
        ({"traits": {"accuracy_factor": 0.5}}, "hello.traits.accuracy_factor: got 0.5"),
        ({"traits": {"accuracy_factor": "Infinity"}}, "hello.traits.accuracy_factor"),
        ({"traits": {"options": 1}}, "hello.traits.options: got 1; accepted is true or false"),
        ({"traits": {"transforms": {"jit": "jit"}}}, "hello.traits.transforms.jit: got"),
        ({"traits": {"compiled": ["jit"]}}, 'hello.traits.compiled[0]: got "jit"'),
        ({"extra": 1}, 'the key: got "extra"'),
    ],
)
def test_a_wrong_hello_is_told_by_its_field(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(MessageError) as raised:
        wire.read_hello({"hello": {**HELLO, **changes}})
    assert told in str(raised.value)


def test_what_is_due_is_never_sent() -> None:
    sent = json.dumps(wire.request_written(FULL, 1))
    assert not {"expected", "due", "exact", "golden", "tolerance"} & set(sent.split('"'))
